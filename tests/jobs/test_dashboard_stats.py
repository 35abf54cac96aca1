"""GET /api/v1/dashboard/stats and /overview: flat numbers from the kept counts."""

import pytest

from crm.models import User
from jobs.choices import AttemptState, Outcome
from tests.jobs.asking import AsUser, error_of
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

STATS, OVERVIEW = "/api/v1/dashboard/stats", "/api/v1/dashboard/overview"


def two_accounts() -> tuple[str, str]:
    """One with a running campaign, three reached of four and a call of a minute; one suspended with one waiting."""
    first, second = an_account(), an_account(status="suspended")
    batch = a_batch(first)
    a_batch(first, is_active=False)
    some_jobs(3, batch, status="completed")
    some_jobs(1, batch, status="failed")
    an_attempt(a_job(batch), AttemptState.ENDED, outcome=Outcome.ANSWERED, seconds=60, cost_micros=150_000)
    an_attempt(a_job(a_batch(second)))
    return first.account_id, second.pk


def test_everything_in_flat_numbers(as_user: AsUser, bob: User) -> None:
    two_accounts()
    found = as_user(bob).get(STATS).json()
    flat = {name: value for name, value in found.items() if name != "system"}
    assert flat == {
        "total_accounts": 2, "active_accounts": 1, "total_batches": 3, "active_batches": 2, "total_jobs": 6,
        "pending_jobs": 1, "in_progress_jobs": 1, "completed_jobs": 3, "failed_jobs": 1, "suspended_jobs": 0,
        "cancelled_jobs": 0, "success_rate": 75.0, "total_cost": 0.15, "total_revenue": 0.15, "total_minutes": 1.0,
    }  # fmt: skip
    assert found["system"] == flat


def test_of_one_account_by_either_id(as_user: AsUser, bob: User) -> None:
    first, second = two_accounts()
    client = as_user(bob)
    found = client.get(STATS, {"account_id": first}).json()
    assert (found["total_accounts"], found["total_batches"], found["total_jobs"]) == (1, 2, 5)
    found = client.get(STATS, {"account_id": second}).json()
    assert (found["active_accounts"], found["in_progress_jobs"], found["total_revenue"]) == (0, 1, 0)
    assert error_of(client.get(STATS, {"account_id": "nada"})) == (404, "Cuenta no encontrada")
    assert client.get(STATS, {"account_id": ""}).json()["total_accounts"] == 2


def test_of_nothing_at_all_there_are_zeros(as_user: AsUser, bob: User) -> None:
    found = as_user(bob).get(STATS).json()
    assert set(found.pop("system").values()) == {0}
    assert set(found.values()) == {0}


def test_the_overview_adds_today_and_what_is_recent(as_user: AsUser, bob: User) -> None:
    first, _ = two_accounts()
    found = as_user(bob).get(OVERVIEW).json()
    assert found["stats"]["total_jobs"] == 6
    assert found["today"] == {"calls": 2, "reached": 1, "live": 1, "minutes": 1.0, "cost": 0.15}
    assert len(found["recent_batches"]) == 3
    found = as_user(bob).get(OVERVIEW, {"account_id": first}).json()
    assert (found["today"]["calls"], len(found["recent_batches"])) == (1, 2)
