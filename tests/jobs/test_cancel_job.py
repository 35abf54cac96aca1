"""`JobService.cancel_job`, which is DELETE /api/v1/jobs/{id}: the job is removed, a live call hung up first."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.exceptions import Conflict
from crm.models import User
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import CallAttempt, Count, Job, Tombstone
from jobs.results.ending import hear
from jobs.services import JobService
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.companies import Company, in_place_of_the_provider
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Company:
    return in_place_of_the_provider(monkeypatch)


@pytest.mark.parametrize("status", [status for status in JobStatus if status != JobStatus.IN_PROGRESS])
def test_a_job_without_a_call_disappears_and_leaves_a_tombstone(alice: User, status: JobStatus) -> None:
    job = a_job(status=status)
    assert JobService(alice).cancel_job(job.pk) is True
    assert not Job.objects.exists()
    stone = Tombstone.objects.get(pk=job.pk)
    assert (stone.job_id, stone.status, stone.removed_by) == (job.job_id, status, alice)
    assert Count.objects.of(job.batch_id).jobs == 0
    assert_counts_are_exact()


def test_either_id_names_it_and_the_second_time_there_is_none(alice: User) -> None:
    first, second = some_jobs(2)
    service = JobService(alice)
    assert service.cancel_job(first.job_id) is True
    assert service.cancel_job(second.pk.upper()) is True
    assert service.cancel_job(first.job_id) is False
    assert service.cancel_job(second.pk) is False


@pytest.mark.parametrize("nonsense", ["", "nada", "0" * 24, "x" * 5000, "a\x00b", "../..", "💥"])
def test_what_names_no_job_removes_none(alice: User, nonsense: str) -> None:
    a_job()
    assert JobService(alice).cancel_job(nonsense) is False
    assert Job.objects.count() == 1


@pytest.mark.parametrize("others", [0, 300])
def test_the_size_of_the_campaign_costs_nothing(alice: User, others: int) -> None:
    job = a_job()
    some_jobs(others, job.batch)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        JobService(alice).cancel_job(job.pk)
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(statements) == 3, statements  # look up and lock, tombstone, delete


def test_a_claimed_dial_is_never_made(alice: User, company: Company) -> None:
    job = a_job()
    attempt = an_attempt(job, AttemptState.CLAIMED)
    assert JobService(alice).cancel_job(job.pk) is True
    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome, attempt.is_counted) == (AttemptState.ENDED, Outcome.STOPPED, False)
    # The worker that holds it finds its own update refused, and does not dial.
    assert attempt.advance(AttemptState.CLAIMED, AttemptState.PLACING) is False
    assert company.stopped == []
    assert not Job.objects.exists()
    assert_counts_are_exact()


def test_a_live_call_is_hung_up_first(alice: User, company: Company) -> None:
    job = a_job()
    attempt = an_attempt(job)
    assert JobService(alice).cancel_job(job.pk) is True
    assert company.stopped == [attempt.provider_ref]
    attempt.refresh_from_db()
    assert (attempt.state, attempt.outcome, attempt.is_settled) == (AttemptState.ENDED, Outcome.STOPPED, False)
    assert attempt.look_at is not None, "nobody would ask what it has cost"
    assert Tombstone.objects.filter(pk=job.pk).exists()
    assert_counts_are_exact()


def test_what_a_removed_job_has_cost_arrives_late_and_stays(alice: User, company: Company) -> None:
    job = a_job()
    attempt = an_attempt(job)
    JobService(alice).cancel_job(job.pk)
    hear(attempt.pk, a_report(attempt, Outcome.STOPPED, seconds=30, cost_micros=80_000))
    totals = Count.objects.of(job.batch_id)
    assert (totals.jobs, totals.seconds, totals.cost_micros) == (0, 30, 80_000)
    attempt.refresh_from_db()
    assert (attempt.is_settled, attempt.look_at) == (True, None)
    assert_counts_are_exact()


def test_a_silent_provider_is_a_conflict_and_nothing_changes(alice: User, company: Company) -> None:
    job = a_job()
    attempt = an_attempt(job)
    before = [Job.objects.values().get(), CallAttempt.objects.values().get()]
    company.is_away = True
    with pytest.raises(Conflict) as refused:
        JobService(alice).cancel_job(job.pk)
    assert refused.value.code == "proveedor_no_responde"
    assert refused.value.message == ("No se pudo colgar la llamada: el proveedor no responde. No se ha cambiado nada.")
    assert [Job.objects.values().get(), CallAttempt.objects.values().get()] == before
    company.is_away = False
    assert JobService(alice).cancel_job(job.pk) is True
    assert company.stopped == [attempt.provider_ref]


def test_while_it_is_being_placed_the_answer_is_later_and_nothing_changes(alice: User, company: Company) -> None:
    job = a_job()
    an_attempt(job, AttemptState.PLACING)
    before = CallAttempt.objects.values().get()
    with pytest.raises(Conflict) as refused:
        JobService(alice).cancel_job(job.pk)
    assert refused.value.code == "marcando"
    assert CallAttempt.objects.values().get() == before
    assert Job.objects.get().status == JobStatus.IN_PROGRESS


def test_a_call_that_the_provider_knows_by_its_key_is_hung_up(alice: User, company: Company) -> None:
    job = a_job()
    attempt = an_attempt(job, AttemptState.PLACING)
    company.calls[attempt.pk] = "call_found"
    assert JobService(alice).cancel_job(job.pk) is True
    assert company.stopped == ["call_found"]
    attempt.refresh_from_db()
    assert (attempt.state, attempt.provider_ref) == (AttemptState.ENDED, "call_found")


def test_a_wish_of_somebody_else_is_not_taken_back(alice: User, company: Company) -> None:
    job = a_job()
    wanted_at = timezone.now() - timedelta(seconds=5)
    attempt = an_attempt(job, stop_wanted_at=wanted_at)
    company.is_away = True
    with pytest.raises(Conflict):
        JobService(alice).cancel_job(job.pk)
    attempt.refresh_from_db()
    assert attempt.stop_wanted_at == wanted_at


def test_a_call_that_ends_by_itself_meanwhile_is_removed_all_the_same(alice: User, company: Company) -> None:
    job = a_job()
    attempt = an_attempt(job)
    company.meanwhile = lambda: hear(attempt.pk, a_report(attempt))
    assert JobService(alice).cancel_job(job.pk) is True
    attempt.refresh_from_db()
    assert attempt.outcome == Outcome.ANSWERED
    assert Count.objects.of(job.batch_id).cost_micros == 145_000
    assert not Job.objects.exists()


def test_a_job_that_is_claimed_again_and_again_is_a_conflict_in_the_end(alice: User, company: Company) -> None:
    job = a_job()
    an_attempt(job)

    def claim_anew() -> None:
        live = CallAttempt.objects.live().get()
        hear(live.pk, a_report(live, Outcome.BUSY))
        Job.objects.filter(pk=job.pk).update(status=JobStatus.PENDING)
        an_attempt(Job.objects.get())

    company.meanwhile = claim_anew
    with pytest.raises(Conflict):
        JobService(alice).cancel_job(job.pk)
    assert Job.objects.get().status == JobStatus.IN_PROGRESS


def test_an_agent_who_sees_only_their_own_finds_no_other(bob: User, charlie: User, settings) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    job = a_job(a_batch(created_by=charlie))
    assert JobService(bob).cancel_job(job.pk) is False
    assert JobService(charlie).cancel_job(job.pk) is True
