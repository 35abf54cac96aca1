"""The results of a campaign as a spreadsheet: a row for each person, with outcome, cost and promise."""

import csv
import io

import pytest
from django.urls import reverse

from crm import exporting
from crm.models import AuditEntry, User
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import Batch, Job
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs
from tests.jobs.scenes import with_a_promise
from tests.staff_pages import at_desk, messages_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def results(user: User, batch: Batch) -> list[dict[str, str]]:
    answer = at_desk(user).get(reverse("admin:jobs_batch_results", args=[batch.batch_id]))
    assert answer["Content-Disposition"].startswith("attachment; filename")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def test_each_person_with_what_came_of_them(bob: User) -> None:
    batch = a_batch()
    job = a_job(batch, name="=Ana", document="44556677")
    an_attempt(job, AttemptState.ENDED, outcome=Outcome.NO_ANSWER, cost_micros=20_000)
    with_a_promise(job)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED)
    a_job(batch, status=JobStatus.CANCELLED)
    a_job()
    called, untouched = results(bob, batch)
    assert called["Persona"] == "'=Ana"
    told = ("Documento", "Estado", "Intentos", "Último resultado", "Segundos de la última", "Coste de todas")
    assert [called[name] for name in told] == ["44556677", "Completado", "2", "Contestó", "95", "0.26"]
    assert (called["Promete pagar el"], called["Promete pagar"]) == ("2026-12-01", "600.0")
    assert called["Resumen"].startswith("Reconoce la deuda")
    assert (untouched["Estado"], untouched["Último resultado"], untouched["Coste de todas"]) == ("Cancelado", "", "")


def test_who_takes_them_out_is_on_record(bob: User) -> None:
    batch = a_batch()
    some_jobs(2, batch)
    results(bob, batch)
    entry = AuditEntry.objects.get(action="export")
    assert (entry.actor, entry.details["rows"], entry.details["filters"]) == (bob, 2, {"batch_id": batch.batch_id})


def test_more_than_a_file_holds_is_refused_in_words(bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(exporting.MOST_ROWS, "csv", 1)
    batch = a_batch()
    some_jobs(2, batch)
    answer = at_desk(bob).get(reverse("admin:jobs_batch_results", args=[batch.pk]), follow=True)
    assert "se exportan hasta 1 filas a la vez" in messages_of(answer)[0]
