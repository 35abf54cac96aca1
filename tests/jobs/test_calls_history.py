"""GET /api/v1/calls/history: every dial, also of jobs that are gone."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from jobs.choices import AttemptState, Outcome
from jobs.models import Batch, CallAttempt, Job, Tombstone
from tests.jobs.asking import AsUser, error_of
from tests.jobs.rows import a_batch, a_job, an_attempt

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

HISTORY = "/api/v1/calls/history"


def ended(batch: Batch | None = None, outcome: Outcome = Outcome.ANSWERED, *, days: int = 0, **values: Any) -> Any:
    attempt = an_attempt(a_job(batch), AttemptState.ENDED, outcome=outcome, ended_at=timezone.now(), **values)
    CallAttempt.objects.filter(pk=attempt.pk).update(created_at=timezone.now() - timedelta(days=days))
    return attempt


def calls(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["_id"] for row in answer.json()["calls"]]


def test_a_call_says_who_when_and_what_became_of_it(as_user: AsUser, bob: User) -> None:
    attempt = ended(seconds=61, cost_micros=152_500, reason="user_hangup", summary="Paga el lunes.")
    found = as_user(bob).get(HISTORY).json()
    assert (found["total"], found["limit"], found["skip"], found["has_more"]) == (1, 1000, 0, False)
    [row] = found["calls"]
    assert (row["_id"], row["job_id"], row["job_name"]) == (str(attempt.pk), attempt.job.job_id, attempt.job.name)
    assert (row["batch_id"], row["account_id"]) == (attempt.batch.batch_id, attempt.account.account_id)
    assert (row["to_number"], row["attempt"], row["status"], row["outcome"]) == (
        attempt.number, 1, "completed", "answered",
    )  # fmt: skip
    assert (row["duration_seconds"], row["cost"], row["summary"]) == (61, 0.1525, "Paga el lunes.")
    assert row["recording_url"] is None
    assert row["ended_at"].endswith("Z")


def test_the_newest_come_first_a_page_at_a_time(as_user: AsUser, bob: User) -> None:
    made = [str(ended(days=days).pk) for days in (3, 1, 2)]
    answer = as_user(bob).get(HISTORY, {"limit": 2})
    assert calls(answer) == [made[1], made[2]]
    assert (answer.json()["has_more"], answer["X-Total-Count"]) == (True, "3")
    assert calls(as_user(bob).get(HISTORY, {"limit": 2, "skip": 2})) == [made[0]]


def test_a_removed_job_leaves_its_calls_without_its_name(as_user: AsUser, bob: User) -> None:
    attempt = ended()
    job = attempt.job
    Tombstone.of(job, by=bob).save()
    Job.objects.filter(pk=job.pk).delete()
    [row] = as_user(bob).get(HISTORY).json()["calls"]
    assert (row["_id"], row["job_id"], row["job_name"]) == (str(attempt.pk), job.job_id, None)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("completed", {"answered", "call_back"}), ("done", {"answered", "call_back"}), ("failed", {"busy"}),
        ("in_progress", {""}), ("busy", {"busy"}), ("", {"answered", "call_back", "busy", ""}),
    ],
)  # fmt: skip
def test_by_state_or_outcome(as_user: AsUser, bob: User, asked: str, expected: set[str]) -> None:
    found = {outcome: str(ended(outcome=outcome).pk) for outcome in (Outcome.ANSWERED, Outcome.BUSY, Outcome.CALL_BACK)}
    found[""] = str(an_attempt(a_job()).pk)  # type: ignore[index]
    assert set(calls(as_user(bob).get(HISTORY, {"status": asked}))) == {found[name] for name in expected}  # type: ignore[index]


def test_an_unknown_state_or_date_is_a_400(as_user: AsUser, bob: User) -> None:
    for wrong in ({"status": "lost"}, {"start_date": "ayer"}, {"end_date": "2026-13-01"}):
        assert error_of(as_user(bob).get(HISTORY, wrong))[0] == 400


def test_by_campaign_and_account_by_either_id(as_user: AsUser, bob: User) -> None:
    batch = a_batch()
    mine = str(ended(batch).pk)
    ended()
    for name in ({"batch_id": batch.pk}, {"batch_id": batch.batch_id}, {"account_id": batch.account.account_id}):
        assert calls(as_user(bob).get(HISTORY, name)) == [mine]
    assert calls(as_user(bob).get(HISTORY, {"batch_id": "nada"})) == []
    assert calls(as_user(bob).get(HISTORY, {"account_id": "nada"})) == []


def test_between_two_dates_both_included(as_user: AsUser, bob: User) -> None:
    by_age = {days: str(ended(days=days).pk) for days in (0, 2, 5)}
    day = timezone.localdate() - timedelta(days=2)
    client = as_user(bob)
    assert calls(client.get(HISTORY, {"start_date": day.isoformat()})) == [by_age[0], by_age[2]]
    assert calls(client.get(HISTORY, {"end_date": day.isoformat()})) == [by_age[2], by_age[5]]
    assert calls(client.get(HISTORY, {"start_date": day, "end_date": day})) == [by_age[2]]
