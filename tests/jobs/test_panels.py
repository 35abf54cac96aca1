"""What campaigns add to a contact's page, to the first page, and to the top of every page."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import User
from crm.models.circuits import OPENS_AFTER
from jobs.choices import AttemptState, Outcome, PlanType
from jobs.models import Job, ProviderCircuit
from jobs.notices import notices
from jobs.panels import campaigns_today, jobs_of_contact
from tests.factories import ContactFactory
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs
from tests.jobs.scenes import with_a_promise
from tests.staff_pages import at_desk, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_a_contacts_page_shows_their_campaigns(alice: User) -> None:
    contact = ContactFactory(mobile="987654321")
    with_a_promise(a_job(a_batch(name="Cobranza"), contact=contact))
    seen = text_of(at_desk(alice).get(page_of(contact)))
    for told in ("Campañas", "Cobranza", "1 de 3", "Contestó. Reconoce la deuda"):
        assert told in seen, told


def test_who_was_called_on_one_of_their_phones_is_there_too(alice: User) -> None:
    contact = ContactFactory(mobile="987654321")
    job = a_job(phones=["+51987654321"])
    assert jobs_of_contact(contact, alice) == []
    an_attempt(job, AttemptState.ENDED, outcome=Outcome.BUSY)
    [row] = jobs_of_contact(contact, alice)
    assert row[3] == "Ocupado"


def test_the_panel_costs_the_same_for_many(alice: User) -> None:
    contact = ContactFactory()
    for job in some_jobs(30, contact=contact):
        an_attempt(job)
    with CaptureQueriesContext(connection) as asked:
        rows = jobs_of_contact(contact, alice)
    assert (len(rows), len(asked)) == (21, 3)


def test_a_limited_agent_sees_only_their_campaigns_there(bob: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    contact = ContactFactory(responsible_user=bob)
    a_job(contact=contact)
    assert jobs_of_contact(contact, bob) == []
    a_job(a_batch(created_by=bob), contact=contact)
    assert len(jobs_of_contact(contact, bob)) == 1


def test_the_first_page_counts_running_campaigns_and_todays_calls(alice: User) -> None:
    assert campaigns_today(alice) == []
    an_attempt(a_job())
    a_batch(is_active=False)
    figures = {figure.title: figure.value for figure in campaigns_today(alice)}  # type: ignore[union-attr]
    assert figures == {"Campañas en marcha": "1", "Llamadas de campaña hoy": "1"}


# --- Notices ----------------------------------------------------------------------------------


def told(user: User) -> list[str]:
    return [notice.text for notice in notices(user)]


def test_a_campaign_that_paused_itself_is_told_until_it_goes_on(laura: User) -> None:
    batch = a_batch(name="Cobranza", is_active=False, paused_because="El proveedor de llamadas no tiene saldo.")
    a_batch(name="A mano", is_active=False)
    assert told(laura) == ["La campaña «Cobranza» está en pausa. El proveedor de llamadas no tiene saldo."]
    batch.paused_because, batch.is_active = "", True
    batch.save()
    assert told(laura) == []


def test_an_account_without_credit_is_told_while_it_has_a_campaign_that_would_call(laura: User) -> None:
    account = an_account(account_name="Vacía", credit_micros=400_000)
    assert told(laura) == []
    batch = a_batch(account)
    some_jobs(1, batch)
    assert told(laura) == ["La cuenta «Vacía» no tiene saldo: sus campañas no llaman."]
    account.top_up(micros=1_000_000, by=None)
    assert told(laura) == []
    an_attempt(Job.objects.get(), AttemptState.ENDED, outcome=Outcome.BUSY, cost_micros=1_000_000)
    assert told(laura) == ["La cuenta «Vacía» no tiene saldo: sus campañas no llaman."]


def test_minutes_run_out_and_unlimited_accounts_do_not(laura: User) -> None:
    some_jobs(1, a_batch(an_account(plan_type=PlanType.UNLIMITED, credit_micros=0)))
    assert told(laura) == []
    some_jobs(1, a_batch(an_account(account_name="Minutos", plan_type=PlanType.MINUTES, seconds_purchased=0)))
    assert told(laura) == ["La cuenta «Minutos» no tiene saldo: sus campañas no llaman."]


def test_a_provider_that_is_left_alone_is_told(laura: User) -> None:
    a_batch()
    ProviderCircuit.objects.note_trouble("retell", count=OPENS_AFTER, error="No acepta conexiones.")
    assert told(laura) == ["El proveedor de llamadas no responde y se le deja descansar. No acepta conexiones."]


def test_all_of_them_are_one_query_and_none_for_agents(alice: User, bob: User) -> None:
    a_batch(an_account(credit_micros=0), cancelled_at=timezone.now())
    some_jobs(1, a_batch(an_account(credit_micros=0)))
    with CaptureQueriesContext(connection) as asked:
        assert len(told(alice)) == 1
    assert len(asked) == 1
    with CaptureQueriesContext(connection) as asked:
        assert told(bob) == []
    assert len(asked) == 0
