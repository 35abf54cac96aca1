"""Background work of the ground floor. Each task is one call; what is to be done stands in the database."""

from celery import shared_task
from django.core.management import call_command

from crm.importing import running
from crm.models import IdempotencyKey, ImportRun
from crm.waking import wake


@shared_task
def run_import(*, run_id: str) -> None:
    """Carry out an import, or as much of it as fits into one go; another worker may have it already."""
    running.carry_out(ImportRun.objects.get(pk=run_id))


@shared_task
def resume_imports() -> None:
    """The tick: wake a worker for every import that nobody is at."""
    for run in ImportRun.objects.stranded():
        wake(run_import, run_id=str(run.pk))


@shared_task
def forget_old_imports() -> None:
    """Remove uploaded files after a month, and previews that nobody started."""
    running.forget_old()


@shared_task
def forget_old_keys() -> None:
    """Remove idempotency keys after their day, and refresh tokens that have run out."""
    IdempotencyKey.forget_old()
    call_command("flushexpiredtokens")
