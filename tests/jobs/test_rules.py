"""What a rule does to a job that is about to be dialled: put aside, failed, later, or left as it is."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.choices import AttemptState, Outcome, RefusalSource
from jobs.dialling.claiming import FAILS, POSTPONES, SUSPENDS, claim
from jobs.dialling.why import why
from jobs.models import Batch, CallAttempt, Count, DoNotCall, Job
from tests.factories import ContactFactory
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NUMBER, KEY = "+51987654321", "51987654321"


def tick(times: int = 1) -> None:
    for _ in range(times):
        claim("simulated", worker="w1", limit=20)


def after_a_tick(job: Job) -> Job:
    tick()
    job.refresh_from_db()
    return job


# --- Never ------------------------------------------------------------------------------------


def test_who_must_not_be_called_is_put_aside_with_the_reason() -> None:
    DoNotCall.objects.create(number=NUMBER, key=KEY, source=RefusalSource.CALL)
    job = after_a_tick(a_job(phones=[NUMBER]))
    assert (job.status, job.reason, job.attempts) == ("suspended", "no_llamar", 0)
    assert job.last_error == "El teléfono está en la lista de números que no se llaman."
    assert (job.started_at, job.finished_at) == (None, None)
    assert why(job).code == "no_llamar"
    assert not CallAttempt.objects.exists()
    assert Count.objects.of(job.batch_id).suspended == 1


def test_who_opted_out_in_the_crm_is_put_aside() -> None:
    ContactFactory(mobile=NUMBER, opted_out_of_calls=True)
    job = after_a_tick(a_job(phones=[NUMBER]))
    assert (job.status, job.reason) == ("suspended", "pidio_no_llamar")


def test_an_opt_out_outlives_the_contact_and_consent_does_not() -> None:
    ContactFactory(mobile=NUMBER, opted_out_of_calls=True, is_deleted=True)
    assert after_a_tick(a_job(phones=[NUMBER])).reason == "pidio_no_llamar"
    ContactFactory(mobile="+51911111111", consented_to_calls=True, is_deleted=True)
    batch = a_batch(call_settings={"requires_consent": True})
    assert after_a_tick(a_job(batch, phones=["+51911111111"])).reason == "sin_consentimiento"


def test_what_has_no_attempt_or_phone_left_has_failed() -> None:
    used_up, without = a_job(attempts=3), a_job(phones=[])
    for job, reason in ((used_up, "intentos_agotados"), (without, "sin_telefono")):
        after_a_tick(job)
        assert (job.status, job.reason) == ("failed", reason)
        assert job.finished_at is not None
    assert not CallAttempt.objects.exists()


def test_put_aside_failed_and_called_in_one_claim_are_each_counted() -> None:
    batch = a_batch()
    some_jobs(3, batch)
    some_jobs(2, batch, attempts=9)
    DoNotCall.objects.create(number=NUMBER, key=KEY, source=RefusalSource.STAFF)
    a_job(batch, phones=[NUMBER])
    tick()
    for owner in (batch.pk, batch.account_id):
        totals = Count.objects.of(owner)
        assert (totals.in_progress, totals.failed, totals.suspended, totals.pending) == (3, 2, 1, 0)


def test_who_was_put_aside_goes_on_when_the_cause_is_gone_and_somebody_retries() -> None:
    refusal = DoNotCall.objects.create(number=NUMBER, key=KEY, source=RefusalSource.STAFF)
    job = after_a_tick(a_job(phones=[NUMBER]))
    job.retry()
    assert after_a_tick(job).status == "suspended"
    refusal.delete()
    job.retry()
    assert after_a_tick(job).status == "in_progress"


# --- Not yet ----------------------------------------------------------------------------------


def test_who_was_called_too_often_comes_back_when_the_week_is_over(settings: Any) -> None:
    settings.CALLS_A_WEEK = 2
    for days in (6, 1):
        attempt = an_attempt(a_job(phones=[NUMBER]), AttemptState.ENDED, outcome=Outcome.NO_ANSWER)
        CallAttempt.objects.filter(pk=attempt.pk).update(created_at=timezone.now() - timedelta(days=days))
    Job.objects.all().delete()
    job = after_a_tick(a_job(phones=[NUMBER]))
    assert (job.status, job.attempts) == ("pending", 0)
    assert abs(job.next_try_at - timezone.now() - timedelta(days=1)) < timedelta(minutes=1)
    assert why(job).code == "limite_semanal"


def test_who_is_on_the_phone_is_looked_at_again_in_minutes() -> None:
    an_attempt(a_job(phones=[NUMBER]))
    job = after_a_tick(a_job(phones=[NUMBER]))
    assert (job.status, job.attempts) == ("pending", 0)
    assert timedelta(minutes=1) < job.next_try_at - timezone.now() < timedelta(minutes=3)


# --- As it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "campaign"),
    [
        ({"credit_micros": 0}, {}),
        ({"status": "suspended"}, {}),
        ({"plan_type": "minutes_based"}, {}),
        ({"daily_call_limit": 0}, {}),
        ({}, {"is_active": False}),
        ({}, {"cancelled_at": timezone.now()}),
        ({}, {"removed_at": timezone.now()}),
        ({}, {"call_settings": {"budget": 0}}),
    ],
)
def test_what_concerns_a_whole_campaign_changes_none_of_its_jobs(
    account: dict[str, Any], campaign: dict[str, Any]
) -> None:
    job = a_job(a_batch(an_account(**account), **campaign))
    before = Job.objects.values().get(pk=job.pk)
    tick(3)
    assert Job.objects.values().get(pk=job.pk) == before
    assert Batch.objects.get().started_at is None


def test_each_rule_about_a_person_has_one_consequence() -> None:
    assert not SUSPENDS & FAILS
    assert not (SUSPENDS | FAILS) & POSTPONES
