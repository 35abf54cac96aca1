"""What the database holds, without what may differ: ids, and when a row was written."""

from collections.abc import Iterable, Mapping
from typing import Any

from tests.whatsapp.payloads import raw
from whatsapp.models import Alias, Message, MessageCount, StatusEvent, Thread, WebhookEvent
from whatsapp.receiving.applying import apply_waiting


def apply_all(bodies: Iterable[Mapping[str, Any] | bytes]) -> None:
    """Each one a request of its own, stored and applied."""
    for body in bodies:
        WebhookEvent.objects.create(body=body if isinstance(body, bytes) else raw(body))
    apply_waiting()


def names_by_thread() -> dict[int, frozenset[tuple[str, str, str]]]:
    """What each thread is known by, at which number."""
    found: dict[int, set[tuple[str, str, str]]] = {}
    rows = Alias.objects.values_list("thread_id", "number__phone_number_id", "kind", "value")
    for thread_id, number, kind, value in rows:
        found.setdefault(thread_id, set()).add((number, kind, value))
    return {thread_id: frozenset(names) for thread_id, names in found.items()}


def people() -> set[frozenset[tuple[str, str, str]]]:
    return set(names_by_thread().values())


def snapshot() -> dict[str, Any]:
    """Threads by what they are known by, messages by Meta's id, statuses, and the sums of the hours."""
    names = names_by_thread()
    return {
        "threads": {
            (
                names.get(thread.pk),
                thread.last_message_at,
                thread.first_message_at,
                thread.last_inbound_at,
                thread.unread,
                thread.unanswered_since,
                thread.last_answered_at,
                thread.contact_id,
                thread.link_state,
            )
            for thread in Thread.objects.present()
        },
        "messages": {
            message.message_id: (
                names.get(message.thread_id),
                message.message_type,
                message.body,
                message.direccion,
                message.author,
                message.timestamp,
                message.status,
                message.about,
                message.edited_at,
                message.deleted_at,
                message.cliente_id,
            )
            for message in Message.objects.all()
        },
        "statuses": set(StatusEvent.objects.values_list("message_id", "status", "recipient", "at")),
        "counts": MessageCount.objects.totals(),
    }
