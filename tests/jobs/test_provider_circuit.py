"""A provider in trouble is left alone, probed with one call, and trusted again when that one was taken."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jobs.choices import AttemptState, Outcome
from jobs.dialling.dispatching import dial_due
from jobs.dialling.following import follow_due
from jobs.models import CallAttempt, Job, ProviderCircuit
from jobs.providers.base import CallReport, Refused, Uncertain, Unreachable
from tests.jobs.dialling import Told, make_due
from tests.jobs.dialling import told as told
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def _many_lines(settings: Any) -> None:
    settings.CALLS_AT_ONCE = 1000


def people(how_many: int) -> list[Job]:
    return some_jobs(how_many, a_batch(an_account(max_concurrent_calls=1000)))


def circuit() -> ProviderCircuit:
    return ProviderCircuit.objects.get(pk="told")


def its_pause_is_over() -> None:
    ProviderCircuit.objects.filter(open_until__isnull=False).update(open_until=timezone.now() - timedelta(seconds=1))


@pytest.mark.parametrize("trouble", [Refused(Outcome.PROVIDER, "No."), Uncertain("No respondió."), RuntimeError("x")])
def test_trouble_in_a_row_stops_the_dialling(told: Told, trouble: Exception) -> None:
    people(60)
    told.on_place = trouble
    dial_due()
    asked = len(told.placed)
    assert 5 <= asked < 20
    assert circuit().is_open
    assert dial_due() == 0
    assert len(told.placed) == asked
    assert not CallAttempt.objects.filter(state=AttemptState.CLAIMED).exists()


def test_after_the_pause_one_call_probes_and_a_failure_leaves_it_alone_again(told: Told) -> None:
    people(60)
    told.on_place = Refused(Outcome.PROVIDER, "No.")
    dial_due()
    asked = len(told.placed)
    its_pause_is_over()
    assert dial_due() == 1
    assert len(told.placed) == asked + 1
    assert dial_due() == 0


def test_a_weekend_of_probes_uses_nobody_up(told: Told) -> None:
    people(12)
    told.on_place = Refused(Outcome.PROVIDER, "El agente no existe.")
    for _ in range(40):
        Job.objects.filter(status="pending").update(next_try_at=timezone.now())
        dial_due()
        its_pause_is_over()
    assert len(told.placed) > 36
    assert set(Job.objects.values_list("status", flat=True)) == {"pending"}
    assert Job.objects.filter(attempts__gt=1).count() == 0


def test_a_probe_that_is_taken_closes_it_and_all_are_called(told: Told) -> None:
    people(30)
    told.on_place = Refused(Outcome.PROVIDER, "No.")
    dial_due()
    its_pause_is_over()
    told.on_place = None
    Job.objects.filter(status="pending").update(next_try_at=timezone.now())
    dial_due()
    assert not circuit().is_open
    assert CallAttempt.objects.filter(state=AttemptState.CALLING).count() == 30


def test_no_free_lines_is_a_wait_as_long_as_the_provider_says(told: Told) -> None:
    people(30)
    told.on_place = Refused(Outcome.CAPACITY, "Sin líneas.", wait=40)
    dial_due()
    pause = circuit().open_until - timezone.now()
    assert timedelta(seconds=35) < pause <= timedelta(seconds=40)
    assert dial_due() == 0
    assert not Job.objects.exclude(attempts=0).exists()


def test_numbers_that_do_not_exist_are_no_trouble(told: Told) -> None:
    people(20)
    told.on_place = Refused(Outcome.BAD_NUMBER, "No existe.")
    assert dial_due() == 20
    assert not ProviderCircuit.objects.open().exists()


def one_is_due() -> None:
    """A call that goes on is to be looked at."""
    make_due(an_attempt(a_job(), provider="told"))


def test_calls_that_fail_at_the_provider_open_it_too(told: Told) -> None:
    told.on_fetch = lambda ref: CallReport(ref=ref, outcome=Outcome.PROVIDER, is_final=True, reason="sin red")
    for _ in range(5):
        one_is_due()
        follow_due()
    assert circuit().is_open
    assert circuit().last_error == "sin red"


def test_one_that_goes_through_in_between_is_no_row(told: Told) -> None:
    for outcome in [Outcome.PROVIDER] * 4 + [Outcome.NO_ANSWER] + [Outcome.PROVIDER] * 4:
        told.on_fetch = lambda ref, outcome=outcome: CallReport(ref=ref, outcome=outcome, is_final=True)
        one_is_due()
        follow_due()
    assert (circuit().is_open, circuit().troubles) == (False, 4)


def test_a_call_of_before_the_trouble_does_not_close_what_is_open(told: Told) -> None:
    ProviderCircuit.objects.note_trouble("told", count=5, error="No.")
    told.on_fetch = lambda ref: CallReport(ref=ref, outcome=Outcome.ANSWERED, is_final=True)
    one_is_due()
    follow_due()
    assert circuit().is_open


def test_who_cannot_be_asked_is_not_given_more_calls(told: Told) -> None:
    for _ in range(5):
        make_due(an_attempt(a_job(), provider="told"))
    told.on_fetch = Unreachable("No respondió.")
    follow_due()
    people(3)
    assert dial_due() == 0


def test_lines_that_cannot_be_asked_for_are_trouble_and_nobody_is_claimed(told: Told) -> None:
    people(3)
    told.on_capacity = Unreachable("No respondió.")
    for _ in range(5):
        assert dial_due() == 0
    assert circuit().is_open
    assert not CallAttempt.objects.exists()
