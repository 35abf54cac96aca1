"""A campaign in full swing, for tests of the staff pages."""

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from crm.models import User
from jobs.choices import AttemptState, ImportState, JobStatus, Outcome
from jobs.models import Batch, BatchImport, ImportProblem, Job
from tests.jobs.rows import a_batch, an_account, an_attempt, some_jobs

LONG = "María Fernanda Guadalupe de la Concepción Altamirano Valdivieso"


def a_busy_batch(by: User | None = None, **values: Any) -> Batch:
    """Jobs of every state, calls in progress, results of several kinds, a file with problems, a change of settings."""
    account = an_account(account_name="Estudio Andino")
    settings = {"max_attempts": 3, "budget": 500, "requires_consent": False}
    usual = {"name": "Cobranza de noviembre", "description": "Cuotas vencidas", "created_by": by}
    batch = a_batch(account, call_settings=settings, **{**usual, **values})
    pending = some_jobs(9, batch, payload={"debt_amount": 1250.5, "origen_empresa": "Estudio Andino"})
    Job.objects.filter(pk=pending[0].pk).update(name=LONG)
    for job in some_jobs(3, batch):
        an_attempt(job)
    ended(
        batch, 6, JobStatus.COMPLETED, Outcome.ANSWERED, seconds=125, cost_micros=310_000, summary="Pagará el viernes."
    )
    ended(batch, 2, JobStatus.FAILED, Outcome.NO_ANSWER, cost_micros=20_000)
    ended(batch, 1, JobStatus.FAILED, Outcome.BAD_NUMBER)
    some_jobs(2, batch, status=JobStatus.SUSPENDED, last_error="Está en la lista de no llamar.", reason="no_llamar")
    some_jobs(1, batch, status=JobStatus.CANCELLED)
    before = dict(batch.call_settings)
    batch.take_settings({**before, "max_attempts": 1, "allowed_hours": {"start": "09:00", "end": "18:00"}}, by=None)
    batch.take_settings(before, by=by)
    a_file(batch)
    return batch


def ended(batch: Batch, how_many: int, status: JobStatus, outcome: Outcome, **values: Any) -> list[Job]:
    """Jobs that are over, each with one dial."""
    jobs = some_jobs(how_many, batch)
    for job in jobs:
        an_attempt(job, AttemptState.ENDED, outcome=outcome, is_settled=True, look_at=None, **values)
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(status=status, finished_at=timezone.now())
    return jobs


def a_file(batch: Batch, **values: Any) -> BatchImport:
    usual = {
        "state": ImportState.DONE,
        "file_name": "deudores.xlsx",
        "total_rows": 26,
        "total_people": 25,
        "done_people": 25,
        "created_jobs": 24,
        "failed_rows": 1,
        "options": {"columns": ["Nombre", "Teléfono"]},
    }
    run = BatchImport.objects.create(batch=batch, **{**usual, **values})
    if run.failed_rows:
        cells = ["Luis Ramos", "=1+1"]
        ImportProblem.objects.create(batch_import=run, row=7, message="El teléfono «=1+1» no es válido.", cells=cells)
    return run


def with_a_promise(job: Job) -> None:
    """Their last call, with all that a call can tell."""
    an_attempt(
        job,
        AttemptState.ENDED,
        outcome=Outcome.ANSWERED,
        is_settled=True,
        look_at=None,
        seconds=95,
        cost_micros=240_000,
        summary="Reconoce la deuda y pide pagar en dos partes.",
        transcript="Agente: Buenos días.\nPersona: Buenos días.",
        recording_url="https://grabaciones.test/1.wav",
        collected={"fecha_pago_cliente": "2026-12-01"},
        promised_on=date(2026, 12, 1),
        promised_micros=600_000_000,
        call_back_at=timezone.now() + timedelta(days=1),
        sentiment="Positivo",
    )
