"""The first thing that happens to a request of Meta's: its bytes become a row, and a worker is woken."""

from crm.waking import wake_for_many
from whatsapp.models import WebhookEvent


def store(body: bytes) -> None:
    """Keep the bytes as they came. Nothing is read before: what cannot be understood must not be lost either."""
    from whatsapp.tasks import apply_events

    WebhookEvent.objects.keep(body)
    wake_for_many(apply_events)
