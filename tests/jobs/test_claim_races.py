"""Several dispatchers at once: nobody is dialled twice, no cap is exceeded by those who count at the same moment."""

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from jobs.dialling.claiming import claim
from jobs.models import Batch, CallAttempt, Count, Job
from tests.crm.racing import at_once
from tests.jobs.rows import a_batch, a_job, an_account, some_jobs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _many_lines(settings: Any) -> None:
    settings.CALLS_AT_ONCE = 1000


def claimer(name: int, *, rounds: int, limit: int) -> Any:
    return lambda: [
        attempt.job_id for _ in range(rounds) for attempt in claim("simulated", worker=f"w{name}", limit=limit)
    ]


def unharmed(results: list[Any]) -> list[list[str]]:
    assert not [one for one in results if isinstance(one, Exception)], results
    return results


def test_two_claimers_share_two_hundred_jobs_and_none_is_claimed_twice() -> None:
    account = an_account(max_concurrent_calls=500)
    batch = a_batch(account)
    jobs = some_jobs(200, batch)
    shares = unharmed(at_once([claimer(name, rounds=15, limit=10) for name in range(2)]))
    taken = Counter(pk for share in shares for pk in share)
    assert taken == {job.pk: 1 for job in jobs}
    assert all(shares)
    assert CallAttempt.objects.count() == 200
    assert Count.objects.of(batch.pk).in_progress == 200


@pytest.mark.parametrize("cap", ["campaign", "account", "all", "credit"])
def test_parallel_claimers_never_exceed_a_cap(cap: str, settings: Any) -> None:
    settings.CALLS_AT_ONCE = 7 if cap == "all" else 1000
    account = an_account(
        max_concurrent_calls=7 if cap == "account" else 500,
        credit_micros=7 * 470_000 if cap == "credit" else 10**10,
    )
    for _ in range(3):
        some_jobs(10, a_batch(account, call_settings={"max_concurrent_calls": 7} if cap == "campaign" else {}))
    unharmed(at_once([claimer(name, rounds=4, limit=5) for name in range(4)]))
    live = CallAttempt.objects.live()
    if cap == "campaign":
        assert set(Counter(live.values_list("batch_id", flat=True)).values()) == {7}
    else:
        assert live.count() == 7


def test_a_person_in_many_campaigns_is_dialled_once_at_a_time() -> None:
    for _ in range(8):
        a_job(person_key="doc:12345678")
    shares = unharmed(at_once([claimer(name, rounds=3, limit=2) for name in range(4)]))
    assert sum(len(share) for share in shares) == 1
    assert Job.objects.filter(status="pending", attempts=0).count() == 7


def test_jobs_that_are_removed_meanwhile_are_either_removed_or_called() -> None:
    batch = a_batch(an_account(max_concurrent_calls=500))
    jobs = some_jobs(60, batch)

    def removing() -> int:
        return sum(Job.objects.filter(pk=job.pk, status="pending").delete()[0] for job in jobs[::2])

    results = unharmed(at_once([removing, claimer(1, rounds=10, limit=10), claimer(2, rounds=10, limit=10)]))
    removed, *shares = results
    claimed = {pk for share in shares for pk in share}
    assert len(claimed) + removed == 60
    assert set(Job.objects.values_list("pk", flat=True)) == claimed
    totals = Count.objects.of(batch.pk)
    assert (totals.jobs, totals.in_progress) == (len(claimed), len(claimed))


def test_what_is_claimed_while_a_campaign_is_cancelled_is_seen_by_the_cancelling() -> None:
    """Either the claim comes first, and its calls are among those to stop; or nothing is claimed."""
    for _ in range(4):
        batch = a_batch(an_account(max_concurrent_calls=500))
        some_jobs(20, batch)

        def cancelling(pk: str = batch.pk) -> set[str]:
            with transaction.atomic():
                Batch.objects.filter(pk=pk).update(cancelled_at=timezone.now())
            return set(CallAttempt.objects.live().filter(batch=pk).values_list("job_id", flat=True))

        seen, *shares = unharmed(at_once([cancelling, *(claimer(name, rounds=4, limit=5) for name in range(2))]))
        assert {pk for share in shares for pk in share} == seen
