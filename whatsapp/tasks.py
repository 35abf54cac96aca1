"""Background work of WhatsApp. Each task is one call; what is to be done stands in the database."""

from celery import shared_task

from crm.waking import wake
from whatsapp import following, media, templating
from whatsapp.bot import answering
from whatsapp.models import MessageCount, WebhookEvent
from whatsapp.receiving import applying


@shared_task
def apply_events() -> None:
    """Apply what Meta sent; several workers at it share the rows."""
    applying.apply_waiting()


@shared_task
def apply_due() -> None:
    """The tick: wake a worker where something waits that nobody was woken for."""
    if WebhookEvent.objects.waiting().exists():
        wake(apply_events)


@shared_task
def answer_due() -> None:
    """Let the bot answer where a burst has ended."""
    answering.answer_due()


@shared_task
def fetch_due_media() -> None:
    """Fetch pictures, sound and documents that are due."""
    media.fetch_due()


@shared_task
def nudge_unanswered() -> None:
    """Raise a task for each thread that nobody has answered in time."""
    following.nudge_unanswered()


@shared_task
def tidy() -> None:
    """Make one row a day of the hours that are over, and forget requests that were applied long ago."""
    MessageCount.objects.fold()
    WebhookEvent.objects.forget_old()


@shared_task
def follow_templates() -> None:
    """Once a day make the templates those of Meta; its webhook tells of changes in between."""
    templating.follow()
