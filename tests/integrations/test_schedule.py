"""When a message is tried again: never sooner than promised, about three days, and at once the last time for 410."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from config.env import Environment
from integrations.choices import AttemptOutcome, DeliveryState
from integrations.sending.answers import LONGEST_WAIT, Answer
from integrations.sending.schedule import JITTER, what_next

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PROMISED = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]

any_number = hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
delays = st.lists(st.integers(min_value=0, max_value=200_000), max_size=20)
statuses = st.sampled_from([None, 301, 400, 401, 404, 422, 429, 500, 502, 503, 504])
waits = st.none() | st.floats(min_value=0, max_value=LONGEST_WAIT)


def answer(status: int | None = 500, *, retry_after: float | None = None) -> Answer:
    outcome = AttemptOutcome.UNANSWERED if status is None else AttemptOutcome.REFUSED
    if status is not None and 200 <= status < 300:
        outcome = AttemptOutcome.DELIVERED
    return Answer(outcome=outcome, duration_ms=1, status=status, retry_after=retry_after)


def wait_after(failures: int, given_answer: Answer) -> float:
    state, at = what_next(given_answer, failures=failures, now=NOW)
    assert state == DeliveryState.PENDING
    assert at is not None
    return (at - NOW).total_seconds()


@any_number
@given(delays=delays, failures=st.integers(min_value=0, max_value=25), status=statuses, wait=waits)
def test_a_failure_waits_as_the_setting_says_or_is_the_last(
    settings: Any, delays: list[int], failures: int, status: int | None, wait: float | None
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = delays
    state, at = what_next(answer(status, retry_after=wait), failures=failures, now=NOW)
    if failures >= len(delays):
        assert (state, at) == (DeliveryState.DEAD, None)
        return
    assert state == DeliveryState.PENDING
    assert at is not None
    waited = (at - NOW).total_seconds()
    least, most = delays[failures], delays[failures] * (1 + JITTER)
    assert max(least, wait or 0) - 1e-5 <= waited <= max(most, wait or 0) + 1e-5


@any_number
@given(delays=delays, failures=st.integers(min_value=0, max_value=25), status=st.integers(200, 299), wait=waits)
def test_success_ends_it_whatever_else_was_said(
    settings: Any, delays: list[int], failures: int, status: int, wait: float | None
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = delays
    assert what_next(answer(status, retry_after=wait), failures=failures, now=NOW) == (DeliveryState.DELIVERED, None)


@any_number
@given(failures=st.integers(min_value=0, max_value=8), wait=waits)
def test_410_ends_it_at_once(settings: Any, failures: int, wait: float | None) -> None:
    settings.WEBHOOK_RETRY_SECONDS = PROMISED
    assert what_next(answer(410, retry_after=wait), failures=failures, now=NOW) == (DeliveryState.DEAD, None)


def test_by_itself_it_tries_ten_times_in_about_three_days(settings: Any) -> None:
    settings.WEBHOOK_RETRY_SECONDS = Environment().webhook_retry_seconds
    failures, at, tries = 0, NOW, 1
    while True:
        state, next_at = what_next(answer(), failures=failures, now=at)
        if state == DeliveryState.DEAD:
            break
        assert next_at is not None
        failures, at, tries = failures + 1, next_at, tries + 1
    assert tries == 10
    span = sum(PROMISED)
    assert timedelta(seconds=span) <= at - NOW <= timedelta(seconds=span * (1 + JITTER))
    assert timedelta(days=3) <= at - NOW <= timedelta(days=4)


def test_many_failures_at_once_are_spread_out(settings: Any) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [1000]
    waited = [wait_after(0, answer()) for _ in range(200)]
    assert len(set(waited)) > 190
    assert min(waited) >= 1000
    assert max(waited) - min(waited) > 100


def test_a_receiver_that_asks_for_more_time_gets_it(settings: Any) -> None:
    settings.WEBHOOK_RETRY_SECONDS = PROMISED
    assert wait_after(0, answer(429, retry_after=600)) == 600
    assert wait_after(0, answer(503, retry_after=LONGEST_WAIT)) == LONGEST_WAIT


def test_a_receiver_that_asks_for_less_time_is_not_hammered(settings: Any) -> None:
    settings.WEBHOOK_RETRY_SECONDS = PROMISED
    assert wait_after(3, answer(503, retry_after=1)) >= 7200


@pytest.mark.parametrize("tries", [[], [60]])
def test_a_shorter_setting_gives_up_sooner(settings: Any, tries: list[int]) -> None:
    settings.WEBHOOK_RETRY_SECONDS = tries
    states = [what_next(answer(), failures=n, now=NOW)[0] for n in range(3)]
    assert states == [DeliveryState.PENDING] * len(tries) + [DeliveryState.DEAD] * (3 - len(tries))
