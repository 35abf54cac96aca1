"""`JobService.mark_cancelled`, which is PUT /api/v1/jobs/{id}/cancel: the row stays, nobody is called any more."""

import pytest

from crm.exceptions import Conflict, NotFound
from crm.models import User
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import CallAttempt, Count, Job
from jobs.results.ending import hear
from jobs.services import JobService
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.companies import Company, in_place_of_the_provider
from tests.jobs.reports import a_report
from tests.jobs.rows import a_job, an_attempt

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Company:
    return in_place_of_the_provider(monkeypatch)


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.FAILED, JobStatus.SUSPENDED])
def test_what_is_not_being_called_is_cancelled_at_once(alice: User, status: JobStatus) -> None:
    job = a_job(status=status)
    told = JobService(alice).mark_cancelled(job.job_id)
    job.refresh_from_db()
    assert (told.status, job.status) == (JobStatus.CANCELLED, JobStatus.CANCELLED)
    assert job.finished_at is not None
    assert Count.objects.of(job.batch_id).cancelled == 1
    assert_counts_are_exact()


@pytest.mark.parametrize("status", [JobStatus.COMPLETED, JobStatus.CANCELLED])
def test_what_is_over_is_a_conflict(alice: User, status: JobStatus) -> None:
    job = a_job(status=status)
    with pytest.raises(Conflict) as refused:
        JobService(alice).mark_cancelled(job.pk)
    assert "ya está" in refused.value.message
    assert Job.objects.get().status == status


def test_an_unknown_one_is_not_found(alice: User) -> None:
    with pytest.raises(NotFound) as refused:
        JobService(alice).mark_cancelled("job_x")
    assert refused.value.message == "Job job_x no encontrado"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_cancelled_while_the_call_runs_stays_cancelled(alice: User, company: Company, outcome: Outcome) -> None:
    """W6: whatever the provider says, before or after the hang-up."""
    job = a_job()
    attempt = an_attempt(job)
    company.meanwhile = lambda: hear(attempt.pk, a_report(attempt, outcome))
    told = JobService(alice).mark_cancelled(job.pk)
    assert told.status == JobStatus.CANCELLED
    hear(attempt.pk, a_report(attempt, outcome))
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    assert company.stopped == [attempt.provider_ref]
    assert_counts_are_exact()


def test_the_result_that_comes_after_the_hang_up_only_completes_the_dial(alice: User, company: Company) -> None:
    job = a_job()
    attempt = an_attempt(job)
    JobService(alice).mark_cancelled(job.pk)
    hear(attempt.pk, a_report(attempt, Outcome.ANSWERED, summary="Acuerda pagar."))
    job.refresh_from_db()
    attempt.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    assert (attempt.outcome, attempt.cost_micros, attempt.summary) == (Outcome.ANSWERED, 145_000, "Acuerda pagar.")
    assert attempt.report_at is not None, "somebody was on the line: the CRM has to hear of it"


def test_a_claimed_dial_gives_its_attempt_back(alice: User, company: Company) -> None:
    job = a_job()
    an_attempt(job, AttemptState.CLAIMED)
    told = JobService(alice).mark_cancelled(job.pk)
    assert (told.status, told.attempts) == (JobStatus.CANCELLED, 0)


def test_a_call_that_is_over_before_anybody_wanted_it_to_be_has_its_result(alice: User, company: Company) -> None:
    """Between the look at the job and the wish the call has ended: that was a completed call."""
    job = a_job()
    attempt = an_attempt(job)
    seen = CallAttempt.objects.get()
    hear(attempt.pk, a_report(attempt))
    from jobs.hanging_up import hang_up

    hang_up(seen)
    with pytest.raises(Conflict):
        JobService(alice).mark_cancelled(job.pk)
    assert Job.objects.get().status == JobStatus.COMPLETED


def test_a_silent_provider_is_a_conflict_and_nothing_changes(alice: User, company: Company) -> None:
    job = a_job()
    an_attempt(job)
    before = CallAttempt.objects.values().get()
    company.is_away = True
    with pytest.raises(Conflict):
        JobService(alice).mark_cancelled(job.pk)
    assert CallAttempt.objects.values().get() == before
    assert Job.objects.get().status == JobStatus.IN_PROGRESS


def test_a_job_that_is_in_progress_without_a_dial_can_be_cancelled(alice: User) -> None:
    job = a_job(status=JobStatus.IN_PROGRESS)
    assert JobService(alice).mark_cancelled(job.pk).status == JobStatus.CANCELLED
