"""Defects that other dialers were found to have (W1, W2, W4, W5, W8, W9 of the client's list): none of them here."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db.models import JSONField, Value
from django.utils import timezone

from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.dialling.claiming import claim
from jobs.dialling.why import why
from jobs.models import Batch, CallAttempt, Job
from jobs.outcomes import CONSEQUENCES, delay_after
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NIGHT = datetime(2026, 3, 3, 4, tzinfo=UTC)  # Monday 23:00 in Lima
OFFICE = {"allowed_hours": {"start": "09:00", "end": "18:00"}, "days_of_week": [1, 2, 3, 4, 5], "on_holidays": False}


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(NIGHT, tick=False) as travelling:
        yield travelling


def tick() -> list[CallAttempt]:
    return claim("simulated", worker="w1", limit=20)


def not_reached(attempt: CallAttempt, outcome: Outcome = Outcome.NO_ANSWER) -> None:
    """The call ends without anybody, and its job goes back to the queue with the delay of its campaign."""
    now = timezone.now()
    attempt.advance(AttemptState.CLAIMED, AttemptState.ENDED, outcome=outcome, ended_at=now, look_at=None)
    delay = delay_after(outcome, attempt.batch.settings)
    assert CONSEQUENCES[outcome].becomes is None
    Job.objects.get(pk=attempt.job_id).move(JobStatus.PENDING, next_try_at=now + delay)


def test_w1_outside_of_the_hours_nothing_is_claimed_and_no_attempt_is_burned(clock: Any) -> None:
    job = a_job(a_batch(call_settings=OFFICE))
    for _ in range(5):
        assert tick() == []
    job.refresh_from_db()
    assert (job.status, job.attempts) == ("pending", 0)
    clock.move_to(NIGHT + timedelta(hours=10))
    assert [attempt.job_id for attempt in tick()] == [job.pk]


def test_w2_when_all_campaigns_are_paused_nobody_is_called() -> None:
    for _ in range(3):
        some_jobs(2, a_batch(is_active=False))
    assert tick() == []
    assert set(Job.objects.values_list("status", "attempts")) == {("pending", 0)}
    Batch.objects.update(is_active=True)
    assert len(tick()) == 6


def test_w4_who_was_not_reached_is_not_called_again_at_once(clock: Any) -> None:
    a_job(a_batch(call_settings={"retry_delay_hours": 24}))
    for day in range(3):
        clock.move_to(NIGHT + timedelta(days=day))
        dialled = [attempt for _ in range(5) for attempt in tick()]
        assert len(dialled) == 1
        not_reached(dialled[0])
        clock.shift(timedelta(hours=23, minutes=59))
        assert tick() == []


@pytest.mark.parametrize("most", [1, 2, 4])
def test_w5_no_more_attempts_than_the_campaign_allows(clock: Any, most: int) -> None:
    job = a_job(a_batch(call_settings={"max_attempts": most, "retry_delay_hours": 24}))
    dialled = 0
    for _ in range(most + 5):
        for attempt in tick():
            dialled += 1
            not_reached(attempt)
        clock.shift(timedelta(hours=25))
    assert dialled == most
    job.refresh_from_db()
    assert (job.status, job.attempts, job.reason) == ("failed", most, "intentos_agotados")


def test_w8_a_job_that_has_used_its_attempts_is_not_dialled() -> None:
    job = a_job(attempts=3)
    assert tick() == []
    assert not CallAttempt.objects.exists()
    job.refresh_from_db()
    assert job.status == "failed"


@pytest.mark.parametrize("stored", [None, [], "nada", 7, {"allowed_hours": 3, "max_attempts": "tres"}])
def test_w9_settings_that_are_missing_or_make_no_sense_are_the_usual_ones(clock: Any, stored: Any) -> None:
    job = a_job(a_batch())
    Batch.objects.update(call_settings=Value(stored, JSONField()))
    assert tick() == []
    assert why(Job.objects.get(pk=job.pk)).code == "fuera_de_horario"
    clock.move_to(NIGHT + timedelta(hours=10))
    assert [attempt.job_id for attempt in tick()] == [job.pk]


def test_the_attempts_that_are_counted_are_those_that_are_limited() -> None:
    """The claim counts in the column that the limit reads."""
    job = a_job(a_batch(call_settings={"max_attempts": 1}))
    [attempt] = tick()
    job.refresh_from_db()
    assert job.attempts == 1
    not_reached(attempt)
    Job.objects.update(next_try_at=timezone.now())
    assert tick() == []


def test_what_the_account_allows_at_once_is_looked_at() -> None:
    batch = a_batch(an_account(max_concurrent_calls=2))
    some_jobs(5, batch)
    an_attempt(a_job(batch))
    assert len(tick()) == 1
    assert tick() == []
