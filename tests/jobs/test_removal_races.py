"""Removals that meet something else at the very same moment, on a real PostgreSQL."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.exceptions import Conflict
from crm.models import User
from jobs import acts
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.dialling.claiming import claim
from jobs.dialling.placing import place_all
from jobs.models import Batch, CallAttempt, Count, Job, SimulatedCall, Tombstone
from jobs.results.ending import hear
from jobs.services import BatchService, JobService
from tests.crm.racing import at_once
from tests.jobs.agreeing import assert_counts_are_exact, assert_live_dials_have_their_jobs
from tests.jobs.companies import Company, in_place_of_the_provider
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs

pytestmark = pytest.mark.django_db(transaction=True)

AsUser = Callable[[User | None], APIClient]
ROUNDS = 5


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Company:
    return in_place_of_the_provider(monkeypatch)


def test_of_many_requests_for_one_job_one_removes_it(as_user: AsUser, alice: User) -> None:
    for _ in range(ROUNDS):
        job = a_job()
        clients = [as_user(alice) for _ in range(6)]
        answers = at_once([lambda c=client, j=job: c.delete(f"/api/v1/jobs/{j.pk}") for client in clients])
        assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5
        assert Tombstone.objects.filter(pk=job.pk).count() == 1
    assert_counts_are_exact()


def test_of_many_removals_of_a_live_call_one_answers_yes(alice: User, company: Company) -> None:
    for _ in range(ROUNDS):
        job = a_job()
        attempt = an_attempt(job)
        answers = at_once([lambda j=job: JobService(alice).cancel_job(j.pk)] * 5)
        assert sorted(answers) == [False] * 4 + [True]
        assert attempt.provider_ref in company.stopped
    assert_counts_are_exact()
    assert_live_dials_have_their_jobs()


def test_a_removal_and_the_end_of_the_call(alice: User, company: Company) -> None:
    for outcome in (Outcome.ANSWERED, Outcome.NO_ANSWER, Outcome.OPT_OUT, Outcome.CREDIT) * 2:
        job = a_job()
        attempt = an_attempt(job)
        removed, heard, again = at_once(
            [
                lambda j=job: JobService(alice).cancel_job(j.pk),
                lambda a=attempt, o=outcome: hear(a.pk, a_report(a, o)),
                lambda a=attempt, o=outcome: hear(a.pk, a_report(a, o)),
            ]
        )
        assert (removed, isinstance(heard, CallAttempt), isinstance(again, CallAttempt)) == (True, True, True)
        attempt.refresh_from_db()
        assert (attempt.outcome, attempt.is_settled) == (outcome, True), "what the provider told last is what counts"
        assert Count.objects.of(job.batch_id).cost_micros == attempt.cost_micros
    assert not Job.objects.exists()
    assert_counts_are_exact()


def test_a_cancellation_and_the_end_of_the_call(alice: User, company: Company) -> None:
    """W6 once more, side by side: cancelled, or it was completed before anybody wanted it cancelled."""
    for _ in range(ROUNDS * 2):
        job = a_job()
        attempt = an_attempt(job)
        told, _ = at_once(
            [
                lambda j=job: JobService(alice).mark_cancelled(j.pk),
                lambda a=attempt: hear(a.pk, a_report(a)),
            ]
        )
        job.refresh_from_db()
        expected = JobStatus.COMPLETED if isinstance(told, Conflict) else JobStatus.CANCELLED
        assert job.status == expected, told
    assert_counts_are_exact()


def test_a_removal_a_retry_and_a_cancellation(alice: User) -> None:
    service = JobService(alice)
    for _ in range(ROUNDS * 2):
        job = a_job(status=JobStatus.FAILED)
        answers = at_once(
            [
                lambda j=job: service.cancel_job(j.pk),
                lambda j=job: service.retry_job(j.pk),
                lambda j=job: service.mark_cancelled(j.pk),
            ]
        )
        assert answers[0] is True, answers
        assert not Job.objects.filter(pk=job.pk).exists()
    assert_counts_are_exact()


def test_the_whole_list_twice_and_single_ones_beside_it(alice: User) -> None:
    service = JobService(alice)
    for _ in range(3):
        jobs = some_jobs(60)
        pks = [job.pk for job in jobs]
        first, second, *single = at_once(
            [
                lambda p=pks: service.delete_jobs(p),
                lambda p=pks: service.delete_jobs(p[::-1]),
                *(lambda p=pk: service.cancel_job(p) for pk in pks[:6]),
            ]
        )
        gone = [one.job_id for one in [*first, *second] if not one.error] + [
            pk for pk, was in zip(pks, single, strict=False) if was
        ]
        assert sorted(gone) == sorted(pks), "each is removed by one of those who asked"
    assert_counts_are_exact()


def test_a_campaign_is_cancelled_while_it_is_claimed(alice: User) -> None:
    """Whatever a claim has taken before is stopped; after it nothing is taken and nothing is dialled."""
    for _ in range(ROUNDS):
        batch = a_batch()
        some_jobs(40, batch)

        def dial() -> None:
            place_all(claim("simulated", worker="one", limit=10))

        results = at_once([dial, dial, lambda b=batch: BatchService(alice).cancel(b)])
        assert not any(isinstance(one, Exception) for one in results), results
        assert claim("simulated", worker="one", limit=10) == []
        assert not Job.objects.filter(batch=batch, status=JobStatus.PENDING).exists()
        live = CallAttempt.objects.live().filter(batch=batch)
        assert not live.filter(stop_wanted_at__isnull=True).exists(), "nobody would hang these up"
        called = set(SimulatedCall.objects.values_list("key", flat=True))
        assert set(CallAttempt.objects.filter(pk__in=called).values_list("state", flat=True)) <= {"calling"}
    assert_counts_are_exact()
    assert_live_dials_have_their_jobs()


def test_two_workers_and_a_person_remove_one_campaign(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acts, "CHUNK", 10)
    batch = a_batch()
    pks = [job.pk for job in some_jobs(120, batch)]
    BatchService(alice).remove(batch, delete_jobs=True)
    moved = at_once([acts.carry_out_due, acts.carry_out_due, lambda: JobService(alice).delete_jobs(pks[60:90])])
    assert not any(isinstance(one, Exception) for one in moved), moved
    acts.carry_out_due()
    assert not Job.objects.exists()
    assert Tombstone.objects.count() == 120
    assert Batch.objects.get().pending_act == ""
    assert_counts_are_exact()


def test_pauses_by_the_provider_and_changes_by_people_never_wait_in_a_circle(alice: User) -> None:
    batch = a_batch()
    acts_at_once: list[Any] = []
    for _ in range(6):
        attempt = an_attempt(a_job(batch))
        acts_at_once.append(lambda a=attempt: hear(a.pk, a_report(a, Outcome.CREDIT)))
    acts_at_once += [lambda: BatchService(alice).change(Batch.objects.get(), is_active=True)] * 3
    acts_at_once += [lambda: claim("simulated", worker="w", limit=5), lambda: some_jobs(20, batch)]
    for result in at_once(acts_at_once):
        assert not isinstance(result, Exception), result
    assert_counts_are_exact()


def test_live_calls_are_hung_up_and_one_that_cannot_be_keeps_no_other(alice: User, company: Company) -> None:
    jobs = some_jobs(5)
    attempts = [an_attempt(job) for job in jobs[:3]]
    an_attempt(jobs[3], AttemptState.PLACING)
    told = JobService(alice).delete_jobs([job.pk for job in jobs])
    assert [one.code for one in told] == ["", "", "", "marcando", ""]
    assert sorted(company.stopped) == sorted(attempt.provider_ref for attempt in attempts)
    assert list(Job.objects.values_list("pk", flat=True)) == [jobs[3].pk]
    ended = CallAttempt.objects.filter(pk__in=[attempt.pk for attempt in attempts])
    assert set(ended.values_list("outcome", flat=True)) == {Outcome.STOPPED}
    assert_counts_are_exact()
    assert_live_dials_have_their_jobs()
