"""GET /api/v1/batches/{id}/summary and /status: figures from the kept counts, and the last day hour by hour."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.models import User
from jobs.choices import AttemptState, Outcome
from jobs.models import Batch, CallAttempt
from tests.jobs.asking import BATCHES, AsUser
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def batch(db: None) -> Batch:
    """Three completed, one failed, four waiting; two calls this hour, one of them answered, and one two days ago."""
    batch = a_batch()
    for status, how_many in (("completed", 3), ("failed", 1), ("pending", 1)):
        some_jobs(how_many, batch, status=status)
    for outcome, seconds in ((Outcome.ANSWERED, 60), (Outcome.BUSY, 0), (Outcome.ANSWERED, 120)):
        last = an_attempt(
            a_job(batch), AttemptState.ENDED, outcome=outcome, seconds=seconds, cost_micros=seconds * 2_500
        )
    CallAttempt.objects.filter(pk=last.pk).update(created_at=timezone.now() - timedelta(days=2))
    return batch


def test_the_summary_has_the_campaign_its_rates_and_its_hours(as_user: AsUser, bob: User, batch: Batch) -> None:
    found = as_user(bob).get(f"{BATCHES}/{batch.batch_id}/summary").json()
    assert (found["_id"], found["name"], found["status"]) == (batch.pk, batch.name, "PENDING")
    assert (found["total_jobs"], found["completed_jobs"], found["success_rate"]) == (8, 3, 75.0)
    assert (found["total_minutes"], found["total_cost"], found["average_call_seconds"]) == (3.0, 0.45, 60.0)
    [hour] = found["hourly_stats"]
    assert (hour["calls"], hour["reached"], hour["minutes"], hour["cost"]) == (2, 1, 1.0, 0.15)
    assert hour["hour"].endswith(":00:00Z")


def test_the_status_is_the_essentials(as_user: AsUser, bob: User, batch: Batch) -> None:
    found = as_user(bob).get(f"{BATCHES}/{batch.pk}/status").json()
    assert (found["batch_id"], found["is_active"], found["status"]) == (batch.batch_id, True, "PENDING")
    assert (found["progress_percentage"], found["pending_jobs"]) == (50.0, 4)
    assert "call_settings" not in found


def test_an_empty_campaign_divides_by_nothing(as_user: AsUser, bob: User) -> None:
    found = as_user(bob).get(f"{BATCHES}/{a_batch().pk}/summary").json()
    assert (found["success_rate"], found["average_call_seconds"], found["progress_percentage"]) == (0, 0, 0)
    assert found["hourly_stats"] == []
