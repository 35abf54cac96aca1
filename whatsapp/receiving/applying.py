"""A worker goes through what Meta sent, item by item: one that cannot be applied costs its neighbours nothing.

Every item has a transaction of its own, and applying it again changes nothing. So a worker that dies anywhere is
followed by one that begins the request anew.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, transaction

from whatsapp.choices import ItemState
from whatsapp.models import WebhookEvent, WebhookItem
from whatsapp.receiving.changes import apply_change
from whatsapp.receiving.items import Item, Kind, NotMeta, as_object, items_of, storable
from whatsapp.receiving.messages import apply_message
from whatsapp.receiving.statuses import apply_status

logger = logging.getLogger("puente.whatsapp")

EVENTS_A_CLAIM = 20
EVENTS_A_TURN = 2_000
UNFORESEEN = "Error inesperado al procesarlo: {}."


def apply_waiting(*, limit: int = EVENTS_A_TURN) -> int:
    """Apply stored requests, oldest first, until none is due or `limit` are done; how many."""
    done = 0
    while done < limit:
        token, events = WebhookEvent.objects.claim(limit=min(EVENTS_A_CLAIM, limit - done))
        for event in events:
            _apply(event, token)
        done += len(events)
        if not events:
            break
    return done


def _apply(event: WebhookEvent, token: Any) -> None:
    try:
        items = items_of(event.raw)
    except NotMeta as error:
        WebhookItem.note(event, "", field="", kind="", state=ItemState.FAILED, payload={}, error=str(error))
        event.settle(token, items=0, failures=1)
        return
    try:
        failures = sum(not _apply_item(event, item) for item in items)
    except (OperationalError, InterfaceError) as error:
        # The database went away: nothing is wrong with the request.
        event.postpone(token, error=str(error))
        raise
    event.settle(token, items=len(items), failures=failures)


def _apply_item(event: WebhookEvent, item: Item) -> bool:
    """Whether the item was applied. What failed is kept with its reason, and shown until it is mended."""
    try:
        _BY_KIND[item.kind](item, received_at=event.received_at)
    except (OperationalError, InterfaceError):
        raise
    except ValueError as error:
        _keep(event, item, ItemState.FAILED, str(error))
    except Exception as error:  # one poisoned item must not cost its neighbours; it is shown with its reason
        logger.exception("item %s of event %s could not be applied", item.path, event.pk)
        _keep(event, item, ItemState.FAILED, UNFORESEEN.format(type(error).__name__))
    else:
        _note_applied(event, item)
        return True
    return False


def _note_applied(event: WebhookEvent, item: Item) -> None:
    """Messages and statuses have rows of their own; anything else is kept as it came. A failure is mended."""
    if item.kind in (Kind.ERROR, Kind.CHANGE):
        _keep(event, item, ItemState.KEPT, "")
    elif event.attempts > 1 or event.failures:
        event.parts.filter(path=item.path, state=ItemState.FAILED).update(state=ItemState.MENDED)


def _keep(event: WebhookEvent, item: Item, state: ItemState, error: str) -> None:
    data = item.data if isinstance(item.data, dict) else {"value": item.data}
    with transaction.atomic():
        WebhookItem.note(
            event,
            item.path,
            field=item.field,
            kind=item.type or str(as_object(item.data).get("event") or item.kind)[:80],
            state=state,
            payload=storable(data),
            error=error[:500],
        )


def _apply_error(item: Item, *, received_at: datetime) -> None:
    """A fault of the whole account or number, about no message: kept, and shown to whoever looks after it."""


_BY_KIND: dict[Kind, Callable[..., None]] = {
    Kind.MESSAGE: apply_message,
    Kind.ECHO: apply_message,
    Kind.STATUS: apply_status,
    Kind.ERROR: _apply_error,
    Kind.CHANGE: apply_change,
}
