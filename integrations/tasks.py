"""Background work of what leaves. Each task is one call; what is to be done stands in the database."""

from celery import shared_task

from crm.waking import wake
from integrations.destinations import DESTINATIONS
from integrations.models import Recepcion, WebhookDelivery
from integrations.sending.rounds import empty_outbox


@shared_task
def deliver_to(*, destination: str) -> None:
    """Send what is due to this destination; several workers at it share the rows."""
    empty_outbox(destination)


@shared_task
def deliver_due() -> None:
    """The tick: take back what a dead worker held, and wake a worker for each destination where something is due."""
    WebhookDelivery.objects.take_back()
    for name in WebhookDelivery.objects.destinations_with_due():
        if name in DESTINATIONS:
            wake(deliver_to, destination=name)


@shared_task
def forget_old_deliveries() -> None:
    """Remove deliveries that arrived three months ago."""
    WebhookDelivery.objects.forget_old()


@shared_task
def forget_old_receptions() -> None:
    """Remove the names of messages that were received half a year ago."""
    Recepcion.objects.forget_old()
