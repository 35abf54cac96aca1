"""Threads with people who wrote a minute ago, and a worker that sends what waits for them."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from integrations.choices import DeliveryState
from integrations.models import Circuit, WebhookDelivery
from integrations.sending.rounds import empty_outbox
from whatsapp.models import BusinessNumber, Message, Thread
from whatsapp.receiving.identity import Person, thread_of
from whatsapp.sending.composing import send_text


def somebody(number: BusinessNumber, wa_id: str, *, wrote_ago: timedelta = timedelta(minutes=1)) -> Thread:
    at = timezone.now() - wrote_ago
    with transaction.atomic():
        thread = thread_of(number, Person.known_by(wa_ids=(wa_id,)), at=at)
        thread.change(last_inbound_at=at)
    return thread


def crowd(number: BusinessNumber, size: int) -> list[Thread]:
    return [somebody(number, f"519{position:08d}") for position in range(size)]


def written(thread: Thread, text: str = "Hola") -> Message:
    """A message that waits for a worker."""
    return send_text(thread, text)


def deliver() -> int:
    """A worker's turn, as the tick begins it."""
    WebhookDelivery.objects.take_back()
    return empty_outbox("whatsapp")


def make_due() -> None:
    """Time goes by: what waits for its next try is due, and no pause is left."""
    WebhookDelivery.objects.filter(state=DeliveryState.PENDING).update(next_try_at=timezone.now())
    Circuit.objects.filter(open_until__isnull=False).update(open_until=timezone.now())


def fresh(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def delivery_of(message: Message) -> WebhookDelivery:
    return WebhookDelivery.objects.get(payload__body__biz_opaque_callback_data=str(message.key))
