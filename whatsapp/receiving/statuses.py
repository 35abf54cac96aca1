"""What Meta says of our messages: every word kept, the message moved on by rank, in whatever order they come.

A status can come before the answer that tells us the wamid, or after a timeout as the only sign that a message left:
then `biz_opaque_callback_data` says which message it is (whatsapp-anchors a.5, point 8 of part d).
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Min

from crm.locks import hold
from whatsapp.choices import STATUSES_OF_META, MessageStatus
from whatsapp.models import Message, StatusEvent
from whatsapp.receiving.items import Item, as_list, as_object, id_of, lock_of, storable, tidy
from whatsapp.receiving.moments import moment_of

_TIMES = {
    MessageStatus.SENT: "sent_at",
    MessageStatus.DELIVERED: "delivered_at",
    MessageStatus.READ: "read_at",
    MessageStatus.FAILED: "failed_at",
}


def apply_status(item: Item, *, received_at: datetime) -> None:
    """Keep one status and move its message on, if it is there yet."""
    data = as_object(item.data)
    wamid, status = id_of(data.get("id")), tidy(data.get("status"))[:40]
    if not wamid or not status:
        raise ValueError("El estado no dice de qué mensaje es.")
    callback = tidy(data.get("biz_opaque_callback_data"))
    with transaction.atomic():
        hold(lock_of(wamid))
        StatusEvent.objects.note(
            message_id=wamid,
            status=status,
            at=moment_of(data.get("timestamp"), otherwise=received_at),
            recipient=id_of(data.get("recipient_participant_user_id") or data.get("recipient_participant_id")),
            callback_data=callback,
            error_code=_code_of(data),
            payload=storable(data),
        )
        message = _message_of(wamid, callback)
        if message is not None:
            catch_up(message)


def catch_up(message: Message) -> None:
    """Move a message on by everything that Meta has said of it; the same however often and in whatever order."""
    from whatsapp.sending import outcomes

    if not message.message_id or not message.is_outbound:
        return
    events = StatusEvent.objects.filter(message_id=message.message_id, status__in=STATUSES_OF_META)
    told: dict[str, datetime] = dict(
        events.values("status").annotate(first=Min("at")).values_list("status", "first").order_by()
    )
    if not told:
        return
    if MessageStatus.FAILED in (*told, message.status):
        # What failed changes its thread too, and whoever holds both holds the thread first.
        message = outcomes.locked(str(message.key)) or message
    rows = Message.objects.filter(pk=message.pk)
    rows.update(**{column: told[status] for status, column in _TIMES.items() if status in told})
    went_on = [status for status in STATUSES_OF_META if status in told and status != MessageStatus.FAILED]
    moved = sum(rows.advance(status) for status in went_on)
    if moved and message.status == MessageStatus.FAILED:
        outcomes.arrived_after_all(message)
    if MessageStatus.FAILED in told:
        _fail(message)


def _fail(message: Message) -> None:
    from whatsapp.sending import outcomes

    event = StatusEvent.objects.filter(message_id=message.message_id, status=MessageStatus.FAILED).first()
    if event is not None:
        errors = [as_object(row) for row in as_list(event.payload.get("errors"))]
        details = as_object(errors[0].get("error_data")).get("details") if errors else ""
        outcomes.refused(str(message.key), event.error_code or 0, str(details or ""))


def _message_of(wamid: str, callback: str) -> Message | None:
    """By Meta's id, else by ours: then Meta's is learned, and the message has left for certain."""
    from whatsapp.sending import outcomes

    found = Message.objects.filter(message_id=wamid).first()
    if found is None and callback:
        found = Message.named(callback).filter(message_id__isnull=True).first()
        if found is not None:
            outcomes.accepted(callback, wamid, [])
            found.refresh_from_db()
    return found


def _code_of(data: dict[str, Any]) -> int | None:
    for error in as_list(data.get("errors")):
        code = as_object(error).get("code")
        if isinstance(code, int | float) and not isinstance(code, bool) and 0 <= code < 2**31:
            return int(code)
    return None
