"""A worker goes through what Meta sent, item by item: one that cannot be applied costs its neighbours nothing.

Every item has a transaction of its own, and applying it again changes nothing. So a worker that dies anywhere is
followed by one that begins the request anew.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
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
# A merge of contacts locks the contact and then its threads; we hold the thread first. One of both begins again.
MOST_DEADLOCKS = 3
_DEADLOCKS = frozenset({"40P01", "40001"})


def apply_waiting(*, limit: int = EVENTS_A_TURN) -> int:
    """Apply stored requests, oldest first, until none is due or `limit` are done; how many."""
    done = 0
    while done < limit:
        token, events = WebhookEvent.objects.claim(limit=min(EVENTS_A_CLAIM, limit - done))
        for event in events:
            try:
                _apply(event, token)
            except (OperationalError, InterfaceError):
                with suppress(OperationalError, InterfaceError):  # else the lease ends by itself
                    WebhookEvent.objects.give_back(token)
                raise
        done += len(events)
        if not events:
            break
    return done


def _apply(event: WebhookEvent, token: Any) -> None:
    try:
        items = items_of(event.raw)
        failures = sum(not _apply_item(event, item) for item in items)
    except NotMeta as error:
        WebhookItem.note(event, "", field="", kind="", state=ItemState.FAILED, payload={}, error=str(error))
        event.settle(token, items=0, failures=1)
    except (OperationalError, InterfaceError) as error:
        # The database went away: nothing is wrong with the request.
        event.postpone(token, error=str(error))
        raise
    except Exception as error:  # one request must not cost the others theirs
        logger.exception("event %s could not be gone through", event.pk)
        event.settle(token, items=0, failures=1, error=UNFORESEEN.format(type(error).__name__))
    else:
        event.settle(token, items=len(items), failures=failures)


def _apply_item(event: WebhookEvent, item: Item) -> bool:
    """Whether the item was applied. What failed is kept with its reason, and shown until it is mended."""
    try:
        _act(item, received_at=event.received_at)
    except InterfaceError:
        raise
    except OperationalError as error:
        if not _is_of_the_item(error):
            raise
        _keep(event, item, ItemState.FAILED, UNFORESEEN.format(type(error).__name__))
    except ValueError as error:
        _keep(event, item, ItemState.FAILED, str(error))
    except Exception as error:  # one poisoned item must not cost its neighbours; it is shown with its reason
        logger.exception("item %s of event %s could not be applied", item.path, event.pk)
        _keep(event, item, ItemState.FAILED, UNFORESEEN.format(type(error).__name__))
    else:
        _note_applied(event, item)
        return True
    return False


def _act(item: Item, *, received_at: datetime) -> None:
    for turns_left in reversed(range(MOST_DEADLOCKS)):
        try:
            _BY_KIND[item.kind](item, received_at=received_at)
            return
        except OperationalError as error:
            if not turns_left or _sqlstate(error) not in _DEADLOCKS:
                raise


def _is_of_the_item(error: OperationalError) -> bool:
    """Whether a limit of the database was passed (a row too large): no later try would change that."""
    return _sqlstate(error).startswith("54")


def _sqlstate(error: OperationalError) -> str:
    return str(getattr(error.__cause__, "sqlstate", None) or "")


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
