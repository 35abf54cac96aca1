"""The tick of the dispatcher: it claims as much as it dials at once, until nothing is due or its time is over."""

from collections import Counter
from typing import Any

import pytest

from jobs import tasks
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.dialling import dispatching
from jobs.dialling.dispatching import dial_due
from jobs.models import CallAttempt, Count, Job, SimulatedCall
from jobs.providers.base import Refused
from tests.jobs.dialling import Told
from tests.jobs.dialling import told as told
from tests.jobs.rows import a_batch, an_account, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def _many_lines(settings: Any) -> None:
    settings.CALLS_AT_ONCE = 1000


def people(how_many: int) -> list[Job]:
    return some_jobs(how_many, a_batch(an_account(max_concurrent_calls=1000)))


def test_everybody_who_is_due_is_dialled_once(told: Told) -> None:
    jobs = people(25)
    assert dial_due() == 25
    assert dial_due() == 0
    dials = Counter(request.number for request in told.placed)
    assert dials == Counter(job.phones[0] for job in jobs)
    assert Count.objects.of(jobs[0].batch_id).in_progress == 25


def test_it_claims_no_more_than_it_dials_at_once(told: Told) -> None:
    people(40)
    claimed: list[int] = []
    told.on_place = lambda request: claimed.append(
        CallAttempt.objects.filter(state__in=[AttemptState.CLAIMED, AttemptState.PLACING]).count()
    )
    dial_due()
    assert max(claimed) <= 8


def test_not_more_than_the_provider_takes_at_once(told: Told) -> None:
    people(10)
    told.on_capacity = 3
    assert dial_due() == 3
    assert dial_due() == 0
    assert CallAttempt.objects.live().count() == 3
    CallAttempt.objects.live().update(state=AttemptState.ENDED, outcome="answered")
    assert dial_due() == 3


def test_a_provider_that_is_not_configured_leaves_everybody_in_the_queue(told: Told) -> None:
    people(3)
    told.is_configured = False
    assert dial_due() == 0
    assert not CallAttempt.objects.exists()
    assert Job.objects.filter(status=JobStatus.PENDING, attempts=0).count() == 3


def test_a_provider_that_does_not_exist_breaks_nothing(settings: Any) -> None:
    people(1)
    settings.CALL_PROVIDER = "otro"
    assert dial_due() == 0


def test_it_stops_when_its_time_is_over_and_wakes_the_next(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[Any] = []
    monkeypatch.setattr(dispatching, "wake", woken.append)
    people(3)
    assert dial_due(seconds=0) == 0
    assert woken == [tasks.dial_due]


def test_when_nothing_is_left_nobody_is_woken(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[Any] = []
    monkeypatch.setattr(dispatching, "wake", woken.append)
    people(3)
    dial_due()
    assert woken == []


def test_refusals_end_the_turn_and_are_no_busy_loop(told: Told) -> None:
    people(5)
    told.on_place = Refused(Outcome.CAPACITY, "Sin líneas.")
    dial_due()
    assert len(told.placed) <= 8
    assert Job.objects.filter(status=JobStatus.PENDING, attempts=0).count() == 5


def test_the_task_dials_at_the_simulated_provider(settings: Any) -> None:
    settings.CALL_PROVIDER = "simulated"
    people(5)
    tasks.dial_due()
    assert SimulatedCall.objects.count() == 5
    assert CallAttempt.objects.filter(state=AttemptState.CALLING, provider="simulated").count() == 5
