"""The results of a campaign as a spreadsheet: a row for each person, with what their last call told."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.db.models import OuterRef, Subquery, Sum

from crm import exporting
from crm.exporting import Column, as_it_is, local
from jobs.choices import JobStatus, Outcome
from jobs.models import Batch, CallAttempt, Job
from jobs.money import amount_of


def _amount(micros: int | None) -> float | None:
    return None if micros is None else amount_of(micros)


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _status(value: str) -> str:
    return str(JobStatus(value).label)


def _outcome(value: str | None) -> str | None:
    return str(Outcome(value).label) if value else None


def _numbers(phones: Sequence[str] | None) -> str:
    return ", ".join(phones or [])


COLUMNS = (
    Column("Persona", "name"),
    Column("Documento", "document"),
    Column("Teléfonos", "phones", _numbers),
    Column("Estado", "status", _status),
    Column("Intentos", "attempts"),
    Column("Último resultado", "last_attempt__outcome", _outcome),
    Column("Última llamada", "last_attempt__created_at", local),
    Column("Teléfono marcado", "last_attempt__number", as_it_is, is_phone=True),
    Column("Segundos de la última", "last_attempt__seconds"),
    Column("Coste de todas", "spent_micros", _amount),
    Column("Promete pagar el", "last_attempt__promised_on", _day),
    Column("Promete pagar", "last_attempt__promised_micros", _amount),
    Column("Resumen", "last_attempt__summary"),
    Column("Último problema", "last_error"),
    Column("Código", "job_id"),
)


def results_csv(batch: Batch) -> Iterator[bytes]:
    """In the order of the file. `Refusal` for more rows than are exported at once; who takes them is on record."""
    spent = CallAttempt.objects.filter(job=OuterRef("pk")).order_by().values("job").annotate(sum=Sum("cost_micros"))
    rows: Any = Job.objects.filter(batch=batch).order_by("pk").annotate(spent_micros=Subquery(spent.values("sum")))
    exporting.begin(rows, what="jobs", form="csv", asked={"batch_id": batch.batch_id})
    return exporting.csv_of(rows, COLUMNS)
