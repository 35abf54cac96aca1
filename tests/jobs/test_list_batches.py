"""GET /api/v1/batches: a bare array, newest first, with exact counts as numbers."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import Batch
from tests.jobs.asking import ACCOUNTS, BATCHES, AsUser, error_of, ids, pks
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NUMBERS = (
    *("total_jobs", "pending_jobs", "completed_jobs", "failed_jobs", "suspended_jobs", "in_progress_jobs"),
    *("cancelled_jobs", "total_cost", "total_minutes", "estimated_cost", "priority", "progress_percentage"),
)


def test_an_empty_list_is_an_empty_array(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).get(BATCHES)
    assert (answer.status_code, answer.json(), answer["X-Total-Count"]) == (200, [], "0")


def test_the_newest_come_first_and_removed_ones_not_at_all(as_user: AsUser, bob: User) -> None:
    account = an_account()
    batches = [a_batch(account) for _ in range(4)]
    Batch.objects.filter(pk=batches[1].pk).update(removed_at=timezone.now())
    answer = as_user(bob).get(BATCHES)
    assert ids(answer) == [batches[3].pk, batches[2].pk, batches[0].pk]
    answer = as_user(bob).get(BATCHES, {"limit": 1, "skip": 1})
    assert (ids(answer), answer["X-Total-Count"]) == ([batches[2].pk], "3")


def test_counts_and_amounts_are_numbers(as_user: AsUser, bob: User) -> None:
    batch = a_batch()
    for status, how_many in (("completed", 3), ("failed", 2), ("pending", 4), ("suspended", 1), ("cancelled", 5)):
        some_jobs(how_many, batch, status=status)
    an_attempt(a_job(batch), AttemptState.ENDED, outcome=Outcome.ANSWERED, seconds=90, cost_micros=145_000)
    [row] = as_user(bob).get(BATCHES).json()
    for name in NUMBERS:
        assert isinstance(row[name], int | float), name
        assert not isinstance(row[name], bool), name
    assert (row["total_jobs"], row["pending_jobs"], row["completed_jobs"]) == (16, 5, 3)
    assert (row["failed_jobs"], row["suspended_jobs"], row["cancelled_jobs"]) == (2, 1, 5)
    assert (row["total_cost"], row["total_minutes"], row["estimated_cost"]) == (0.145, 1.5, 7.52)
    assert row["progress_percentage"] == 68.8


def test_a_row_has_what_the_client_s_pages_read(as_user: AsUser, bob: User) -> None:
    batch = a_batch(an_account(timezone="America/Lima"), name="Cobranza", priority=3)
    [row] = as_user(bob).get(BATCHES).json()
    assert (row["_id"], row["batch_id"], row["account_id"]) == (batch.pk, batch.batch_id, batch.account.account_id)
    assert (row["name"], row["description"], row["priority"], row["is_active"]) == ("Cobranza", "", 3, True)
    assert row["created_at"].endswith("Z")
    assert (row["started_at"], row["completed_at"], row["paused_because"]) == (None, None, None)
    assert row["call_settings"] == {
        "max_call_duration": 300,
        "ring_timeout": 30,
        "max_attempts": 3,
        "retry_delay_hours": None,
        "allowed_hours": {"start": "00:00", "end": "23:59"},
        "days_of_week": [0, 1, 2, 3, 4, 5, 6],
        "timezone": "America/Lima",
        "on_holidays": True,
    }


# --- How it stands ----------------------------------------------------------------------------


@pytest.fixture
def standing(db: None) -> dict[str, Batch]:
    account, now = an_account(), timezone.now()

    def a_batch_with(*states: str, **values: Any) -> Batch:
        batch = a_batch(account, **values)
        for state in states:
            a_job(batch, status=state)
        return batch

    return {
        "new": a_batch_with("pending"),
        "empty": a_batch_with(),
        "running": a_batch_with("pending", "completed", started_at=now),
        "paused": a_batch_with("pending", is_active=False, started_at=now),
        "broken": a_batch_with("pending", is_active=False, paused_because="Sin saldo."),
        "finished": a_batch_with("completed", "failed", started_at=now),
        "finished and paused": a_batch_with("completed", is_active=False),
        "cancelled": a_batch_with("pending", is_active=False, cancelled_at=now),
    }


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("RUNNING", {"new", "empty", "running"}),
        ("PENDING", {"new", "empty"}),
        ("PAUSED", {"paused", "broken"}),
        ("ERROR", {"broken"}),
        ("COMPLETED", {"finished", "finished and paused"}),
        ("CANCELLED", {"cancelled"}),
        ("running", {"new", "empty", "running"}),
    ],
)
def test_each_filter_of_the_client_finds_its_campaigns(
    as_user: AsUser, bob: User, standing: dict[str, Batch], asked: str, expected: set[str]
) -> None:
    answer = as_user(bob).get(BATCHES, {"status": asked})
    assert set(ids(answer)) == {standing[name].pk for name in expected}
    assert as_user(bob).get(BATCHES, {"status": asked, "limit": 1})["X-Total-Count"] == str(len(expected))


def test_a_row_says_in_one_word_how_it_stands(as_user: AsUser, bob: User, standing: dict[str, Batch]) -> None:
    words = {row["_id"]: row["status"] for row in as_user(bob).get(BATCHES).json()}
    assert {name: words[batch.pk] for name, batch in standing.items()} == {
        "new": "PENDING", "empty": "PENDING", "running": "RUNNING", "paused": "PAUSED", "broken": "ERROR",
        "finished": "COMPLETED", "finished and paused": "COMPLETED", "cancelled": "CANCELLED",
    }  # fmt: skip


def test_an_unknown_word_is_a_400(as_user: AsUser, bob: User) -> None:
    status, sentence = error_of(as_user(bob).get(BATCHES, {"status": "SLEEPING"}))
    assert status == 400
    assert "PENDING, RUNNING, PAUSED, COMPLETED, CANCELLED, ERROR" in sentence
    assert as_user(bob).get(BATCHES, {"is_active": "quizás"}).status_code == 400


@pytest.mark.parametrize(("asked", "found"), [("true", 6), ("false", 2)])
def test_active_or_not(as_user: AsUser, bob: User, asked: str, found: int) -> None:
    account = an_account()
    batches = [a_batch(account, is_active=number < 6) for number in range(8)]
    assert len(ids(as_user(bob).get(BATCHES, {"is_active": asked}))) == found
    assert len(batches) == 8


def test_it_was_completed_when_its_last_call_ended(as_user: AsUser, bob: User) -> None:
    batch = a_batch()
    ended_at = timezone.now() - timedelta(hours=2)
    an_attempt(a_job(batch, status=JobStatus.COMPLETED), AttemptState.ENDED, outcome="answered", ended_at=ended_at)
    [row] = as_user(bob).get(BATCHES).json()
    assert row["completed_at"] == ended_at.isoformat().replace("+00:00", "Z")
    a_job(batch)
    assert as_user(bob).get(BATCHES).json()[0]["completed_at"] is None


# --- Of an account ----------------------------------------------------------------------------


@pytest.mark.parametrize("named_by", ["pk", "account_id"])
def test_the_campaigns_of_an_account_by_either_id(as_user: AsUser, bob: User, named_by: str) -> None:
    account = an_account()
    mine = [a_batch(account), a_batch(account)]
    a_batch()
    name = getattr(account, named_by)
    assert ids(as_user(bob).get(BATCHES, {"account_id": name})) == pks(reversed(mine))
    answer = as_user(bob).get(f"{ACCOUNTS}/{name}/batches")
    assert (ids(answer), answer["X-Total-Count"]) == (pks(reversed(mine)), "2")


def test_an_account_that_nobody_has_finds_nothing(as_user: AsUser, bob: User) -> None:
    a_batch()
    assert ids(as_user(bob).get(BATCHES, {"account_id": "nada"})) == []
    assert error_of(as_user(bob).get(f"{ACCOUNTS}/nada/batches")) == (404, "Cuenta no encontrada")
