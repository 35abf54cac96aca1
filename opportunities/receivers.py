"""What follows for an opportunity from what happens elsewhere."""

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DatabaseError

from crm.signals import call_recorded
from opportunities.models import Opportunity

logger = logging.getLogger("puente.opportunities")


def connect() -> None:
    call_recorded.connect(an_outgoing_call_is_a_first_call_attempt, dispatch_uid="opportunities.first_call_attempt")


def an_outgoing_call_is_a_first_call_attempt(
    sender: Any,
    *,
    contact_id: UUID | None,
    call_id: UUID,
    direction: str,
    call_status: str,
    at: datetime,
    notes: str | None,
    **kwargs: Any,
) -> None:
    """A call to a contact counts as one of the five attempts at the first call of their open opportunity.

    It never costs the call: what goes wrong here is logged. Only an error of the database passes, because
    the transaction that the call is stored in has ended with it, and a savepoint for it would cost every
    call two more round trips.
    """
    if direction != "outbound" or contact_id is None:
        return
    try:
        Opportunity.count_call(contact_id, call_id=call_id, call_status=call_status, at=at, notes=notes or "")
    except DatabaseError:
        raise
    except Exception:
        logger.exception("call %s was not counted as an attempt", call_id)
