"""`JobService.retry_job`, which is PUT /api/v1/jobs/{id}/retry: again, with as many attempts as the campaign gives."""

import pytest
from django.utils import timezone

from crm.exceptions import Conflict
from crm.models import User
from jobs.choices import JobStatus, Outcome
from jobs.models import Count, Job
from jobs.results.ending import hear
from jobs.services import JobService
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_attempt

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.SUSPENDED, JobStatus.CANCELLED])
def test_it_is_due_at_once(alice: User, status: JobStatus) -> None:
    job = a_job(status=status, last_error="Ocupado", finished_at=timezone.now())
    told = JobService(alice).retry_job(job.job_id)
    job.refresh_from_db()
    assert (told.status, job.status, job.last_error, job.finished_at) == ("pending", "pending", "", None)
    assert job.next_try_at <= timezone.now()
    assert Count.objects.of(job.batch_id).pending == 1
    assert_counts_are_exact()


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.COMPLETED, JobStatus.IN_PROGRESS])
def test_other_states_are_a_conflict(alice: User, status: JobStatus) -> None:
    job = a_job(status=status)
    with pytest.raises(Conflict):
        JobService(alice).retry_job(job.pk)
    assert Job.objects.get().status == status


def test_a_failed_job_has_all_its_attempts_before_it_again(alice: User) -> None:
    """Anchor 4: not as with the original, where it was retried and never called."""
    job = a_job(a_batch(call_settings={"max_attempts": 2}))
    for _ in range(2):
        attempt = an_attempt(job)
        hear(attempt.pk, a_report(attempt, Outcome.NO_ANSWER))
        job = Job.objects.get()
    assert job.status == JobStatus.FAILED
    job = JobService(alice).retry_job(job.pk)
    assert (job.attempts, job.max_attempts) == (2, 4)
    attempt = an_attempt(job)
    hear(attempt.pk, a_report(attempt, Outcome.NO_ANSWER))
    assert Job.objects.get().status == JobStatus.PENDING


def test_it_starts_with_the_first_phone_in_its_own_time_zone(alice: User) -> None:
    job = a_job(
        phones=["+51987654321", "+56987654321"], next_phone_index=1, lane="CL:America/Santiago", status="failed"
    )
    JobService(alice).retry_job(job.pk)
    job.refresh_from_db()
    assert (job.next_phone, job.lane) == ("+51987654321", "PE:America/Lima")
    job.batch.refresh_from_db()
    assert "PE:America/Lima" in job.batch.lanes


@pytest.mark.parametrize("gone", ["cancelled_at", "removed_at"])
def test_a_campaign_that_was_called_off_gets_nothing_pending(alice: User, gone: str) -> None:
    job = a_job(a_batch(**{gone: timezone.now(), "is_active": False}), status=JobStatus.CANCELLED)
    with pytest.raises(Conflict) as refused:
        JobService(alice).retry_job(job.pk)
    assert refused.value.code == "campana_cancelada"
    assert Job.objects.get().status == JobStatus.CANCELLED
