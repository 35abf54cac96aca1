"""The list of calls of campaigns: filtered, searched, and acted upon in bulk with a result for each."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.exceptions import NotFound
from crm.models import User
from jobs.choices import JobStatus
from jobs.models import Job
from jobs.services import JobService
from tests.jobs.companies import Company, in_place_of_the_provider
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs
from tests.jobs.scenes import with_a_promise
from tests.staff_pages import at_desk, list_of, messages_of, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Company:
    return in_place_of_the_provider(monkeypatch)


def names(client: Client, **query: Any) -> set[str]:
    return {job.name for job in client.get(list_of(Job), query).context["cl"].result_list}


def act(client: Client, name: str, *jobs: Job, **more: Any) -> Any:
    sent = {"action": name, "_selected_action": [job.pk for job in jobs], **more}
    return client.post(list_of(Job), sent, follow=True)


def test_a_row_says_who_how_often_and_how_it_ended(alice: User) -> None:
    job = a_job(name="Rosa Peña")
    with_a_promise(job)
    seen = " ".join(text_of(at_desk(alice).get(list_of(Job))).split())
    for told in ("Rosa Peña", job.phones[0], "Pendiente", "Campaña", "1 de 3", "en cuanto se pueda", "Contestó"):
        assert told in seen, told


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("", {"Espera", "Luego", "Falló", "Aparte"}),
        ("pending", {"Espera", "Luego"}),
        ("programadas", {"Luego"}),
        ("failed", {"Falló"}),
        ("suspended", {"Aparte"}),
        ("cancelled", {"Fuera"}),
        ("todas", {"Espera", "Luego", "Falló", "Aparte", "Fuera"}),
    ],
)
def test_cancelled_calls_are_shown_when_they_are_asked_for(alice: User, state: str, found: set[str]) -> None:
    batch = a_batch()
    a_job(batch, name="Espera")
    a_job(batch, name="Luego", next_try_at=timezone.now() + timedelta(hours=2))
    a_job(batch, name="Falló", status=JobStatus.FAILED)
    a_job(batch, name="Aparte", status=JobStatus.SUSPENDED)
    a_job(batch, name="Fuera", status=JobStatus.CANCELLED)
    assert names(at_desk(alice), **({"estado": state} if state else {})) == found


def test_calls_are_found_by_person_phone_document_code_campaign_and_account(alice: User) -> None:
    job = a_job(name="Rosa Peña", document="12345678", phones=["+51987654321"])
    a_job(name="Luis Ramos")
    client = at_desk(alice)
    for query in (
        {"q": "pena"},
        {"q": "987 654 321"},
        {"q": "4321"},
        {"q": "12345678"},
        {"q": job.job_id},
        {"batch__id__exact": job.batch_id},
        {"account__id__exact": job.account_id},
    ):
        assert names(client, **query) == {"Rosa Peña"}, query


def test_200_rows_cost_what_2_cost(alice: User) -> None:
    client = at_desk(alice)
    batch = a_batch()
    an_attempt(some_jobs(2, batch)[0])
    client.get(list_of(Job))
    with CaptureQueriesContext(connection) as few:
        client.get(list_of(Job))
    for job in some_jobs(60, batch)[:20]:
        an_attempt(job)
    some_jobs(138)
    with CaptureQueriesContext(connection) as many:
        client.get(list_of(Job))
    assert len(many) == len(few) <= 10


# --- Acts -------------------------------------------------------------------------------------


def test_each_of_several_is_removed_or_named_with_the_reason(alice: User, company: Company) -> None:
    company.is_away = True
    batch = a_batch()
    quiet, live = a_job(batch, name="Quieta"), a_job(batch, name="En línea")
    an_attempt(live)
    client = at_desk(alice)
    asked = " ".join(text_of(act(client, "delete_many", quiet, live)).split())
    assert "Llamadas en curso que se cuelgan primero: 1." in asked
    assert Job.objects.count() == 2
    told = messages_of(act(client, "delete_many", quiet, live, confirmed="1"))
    assert told[0] == "Eliminadas: 1."
    assert told[1].startswith("En línea: No se pudo colgar la llamada: el proveedor no responde.")
    assert set(Job.objects.values_list("name", flat=True)) == {"En línea"}


def test_cancelling_hangs_up_and_keeps_the_row(alice: User, company: Company) -> None:
    live, over = a_job(name="En línea"), a_job(name="Hecha", status=JobStatus.COMPLETED)
    attempt = an_attempt(live)
    told = messages_of(act(at_desk(alice), "cancel_many", live, over, confirmed="1"))
    assert told[0] == "Canceladas: 1."
    assert told[1].startswith("Hecha: ")
    assert company.stopped == [attempt.provider_ref]
    live.refresh_from_db()
    assert live.status == JobStatus.CANCELLED


def test_what_failed_is_called_again_and_what_waits_is_told(alice: User) -> None:
    failed, waiting = a_job(name="Falló", status=JobStatus.FAILED, attempts=3), a_job(name="Espera")
    told = messages_of(act(at_desk(alice), "retry_many", failed, waiting))
    assert told[0] == "Vuelven a la cola: 1."
    assert told[1].startswith("Espera: ")
    failed.refresh_from_db()
    assert (failed.status, failed.max_attempts) == (JobStatus.PENDING, 6)


def test_a_limited_agent_reaches_only_calls_of_their_campaigns(bob: User, company: Company, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    mine, other = a_job(a_batch(created_by=bob), name="Propia"), a_job(name="Ajena")
    client = at_desk(bob)
    assert names(client) == {"Propia"}
    assert client.get(page_of(other)).status_code == 404
    act(client, "delete_many", mine, other, confirmed="1")
    assert set(Job.objects.values_list("name", flat=True)) == {"Ajena"}


def test_one_that_is_gone_meanwhile_is_said_in_words(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job(name="Rosa Peña")

    def gone(service: JobService, job_id: str) -> Job:
        raise NotFound(f"Job {job_id} no encontrado")

    monkeypatch.setattr(JobService, "mark_cancelled", gone)
    seen = act(at_desk(alice), "cancel_many", job, confirmed="1")
    assert messages_of(seen) == ["Rosa Peña: Ya no está: se eliminó mientras tanto."]
