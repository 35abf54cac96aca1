"""Background work of campaigns. Each task is one call; what is to be done stands in the database."""

from celery import shared_task

from jobs import acts
from jobs.dialling import dispatching, following
from jobs.importing import running
from jobs.results import reporting


@shared_task
def dial_due() -> None:
    """The tick of the dispatcher; several at it share the rows."""
    dispatching.dial_due()


@shared_task
def follow_calls() -> None:
    """Ask after calls in progress, and take over from workers that are gone."""
    following.follow_due()


@shared_task
def report_calls() -> None:
    """Put calls that reached somebody on record in the CRM."""
    reporting.report_due()


@shared_task
def carry_out_acts() -> None:
    """Go on with cancelling or removing whole campaigns."""
    acts.carry_out_due()


@shared_task
def resume_imports() -> None:
    """Go on with files that nobody is at."""
    running.resume_due()
