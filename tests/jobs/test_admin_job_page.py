"""The page of one call of a campaign: why it stands as it does, every dial, acts."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import AuditEntry, User
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import DoNotCall, Job
from tests.factories import CallFactory, ContactFactory
from tests.jobs.companies import Company, in_place_of_the_provider
from tests.jobs.rows import a_batch, a_job, an_attempt
from tests.jobs.scenes import with_a_promise
from tests.staff_pages import at_desk, messages_of, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Company:
    return in_place_of_the_provider(monkeypatch)


def seen_on(job: Job, user: User) -> str:
    return " ".join(text_of(at_desk(user).get(page_of(job))).split())


def doing(job: Job, name: str) -> str:
    return reverse("admin:jobs_job_act", args=[job.pk, name])


def test_it_tells_whom_about_what_and_every_dial(alice: User) -> None:
    payload = {
        "debt_amount": 1250.5,
        "company_name": "Estudio Andino",
        "due_date": "2026-10-28",
        "additional_info": {"sucursal": "Lima"},
    }
    job = a_job(name="Rosa Peña", document="12345678", payload=payload, contact=ContactFactory(name="Rosa P."))
    with_a_promise(job)
    seen = seen_on(job, alice)
    of_person = ("Rosa Peña", "12345678", "contacto Rosa P.")
    of_subject = ("Deuda 1 250,50", "Vence 28/10/2026", "Empresa Estudio Andino", "Sucursal Lima")
    of_call = ("Contestó", "1:35", "0,24", "Promete pagar: 600,00 el 01/12/2026", "Reconoce la deuda", "Transcripción")
    for told in (*of_person, *of_subject, *of_call, "Escuchar la grabación"):
        assert told in seen, told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "En la cola"),
        ({"status": JobStatus.COMPLETED}, "Terminado"),
        ({"status": JobStatus.FAILED, "last_error": "Nadie contestó."}, "nadie contestó"),
        ({"status": JobStatus.CANCELLED}, "Cancelado"),
    ],
)
def test_why_comes_first(alice: User, values: Any, told: str) -> None:
    job = a_job(**values)
    page = at_desk(alice).get(page_of(job))
    assert told.lower() in page.context["why"].lower()
    assert page.context["why"] in text_of(page)


def test_the_next_try_is_when_the_rules_allow_one(alice: User) -> None:
    weekday = timezone.localtime().isoweekday()
    job = a_job(a_batch(call_settings={"days_of_week": [weekday % 7 + 1]}))
    tomorrow = dict(at_desk(alice).get(page_of(job)).context["facts"])["Próximo intento"]
    assert tomorrow.startswith("mañana")


@pytest.mark.parametrize(("lane", "said"), [("ES:Europe/Madrid", True), ("PE:America/Lima", False)])
def test_the_next_try_says_whose_hour_it_is_where_clocks_differ(alice: User, lane: str, said: bool) -> None:
    """The reason speaks of the hour where the person is, the page of the team's: two numbers for one moment."""
    weekday = timezone.localtime().isoweekday()
    job = a_job(a_batch(call_settings={"days_of_week": [(weekday + 1) % 7 + 1]}), lane=lane)
    facts = dict(at_desk(alice).get(page_of(job)).context["facts"])
    assert facts["Próximo intento"].endswith("(hora de Lima)") is said


def test_a_paused_campaign_is_the_reason(alice: User) -> None:
    job = a_job(a_batch(is_active=False))
    assert "paus" in at_desk(alice).get(page_of(job)).context["why"]


def test_an_attempt_leads_to_the_call_of_the_contact(alice: User) -> None:
    job = a_job()
    call = CallFactory()
    an_attempt(job, AttemptState.ENDED, outcome=Outcome.ANSWERED, call=call)
    assert page_of(call) in at_desk(alice).get(page_of(job)).content.decode()


def test_either_id_opens_it_and_no_other(alice: User) -> None:
    job = a_job()
    client = at_desk(alice)
    assert client.get(f"/admin/jobs/job/{job.job_id}/change/").status_code == 200
    for name in ("nadie", "f" * 24, "x" * 300):
        assert client.get(f"/admin/jobs/job/{name}/change/").status_code == 404


def test_many_dials_cost_no_more_than_one(alice: User) -> None:
    """Some rules are not asked any more where an earlier one holds, so it may be less."""
    client = at_desk(alice)

    def cost(how_many: int) -> int:
        job = a_job(a_batch(call_settings={"max_attempts": 50}))
        for _ in range(how_many):
            an_attempt(job, AttemptState.ENDED, outcome=Outcome.BUSY, call=CallFactory())
        client.get(page_of(job))
        with CaptureQueriesContext(connection) as asked:
            client.get(page_of(job))
        return len(asked)

    assert cost(12) <= cost(1) <= 20


# --- Acts -------------------------------------------------------------------------------------


def test_what_failed_is_called_again(alice: User) -> None:
    job = a_job(status=JobStatus.FAILED)
    told = messages_of(at_desk(alice).post(doing(job, "reintentar"), follow=True))
    assert told == ["Vuelve a la cola, con todos sus intentos por delante."]
    job.refresh_from_db()
    assert job.status == JobStatus.PENDING


def test_buttons_are_those_that_make_sense(alice: User) -> None:
    waiting, over = seen_on(a_job(), alice), seen_on(a_job(status=JobStatus.COMPLETED), alice)
    assert "Llamar otra vez" not in waiting
    assert "Cancelar" in waiting
    assert "Cancelar" not in over
    assert "Llamar otra vez" in seen_on(a_job(status=JobStatus.FAILED), alice)


def test_a_live_call_is_hung_up_before_it_is_removed(alice: User, company: Company) -> None:
    job = a_job(name="Rosa")
    attempt = an_attempt(job)
    client = at_desk(alice)
    assert "Está en llamada: se cuelga primero." in text_of(client.get(doing(job, "eliminar")))
    assert messages_of(client.post(doing(job, "eliminar"), follow=True)) == ["Eliminada: Rosa."]
    assert company.stopped == [attempt.provider_ref]
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["eliminar", "cancelar"])
def test_when_the_provider_is_away_it_is_told_and_nothing_changes(alice: User, company: Company, name: str) -> None:
    company.is_away = True
    job = a_job()
    an_attempt(job)
    [told] = messages_of(at_desk(alice).post(doing(job, name), follow=True))
    assert "el proveedor no responde" in told
    job.refresh_from_db()
    assert job.status == JobStatus.IN_PROGRESS


def test_a_number_is_left_alone_from_here_on(alice: User) -> None:
    job = a_job(phones=["+51987654321", "+51912345678"])
    client = at_desk(alice)
    assert "+51987654321" in text_of(client.get(doing(job, "no-llamar"), {"telefono": "+51987654321"}))
    assert not DoNotCall.objects.exists()
    client.post(doing(job, "no-llamar"), {"telefono": "+51987654321", "motivo": "Lo pidió"})
    row = DoNotCall.objects.get()
    assert (row.number, row.account, row.reason, row.created_by) == ("+51987654321", None, "Lo pidió", alice)
    assert AuditEntry.objects.filter(action="do_not_call_added").exists()
    phones = client.get(page_of(job)).context["phones"]
    assert [phone["is_refused"] for phone in phones] == [True, False]


def test_only_their_own_numbers_are_left_alone_from_here(alice: User) -> None:
    answer = at_desk(alice).post(doing(a_job(), "no-llamar"), {"telefono": "+51900000000"})
    assert answer.status_code == 404
    assert not DoNotCall.objects.exists()
