"""A provider that fails over one job, and places others, is not asked for it for ever; an outage fails nobody."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.choices import Outcome
from jobs.dialling import circuit
from jobs.dialling.dispatching import dial_due
from jobs.dialling.following import follow_due
from jobs.dialling.why import why
from jobs.models import CallAttempt, Job, ProviderCircuit
from jobs.providers.base import CallReport, CallRequest, Refused, Uncertain
from tests.jobs.dialling import Told, make_due, placed_ago
from tests.jobs.dialling import told as told
from tests.jobs.rows import a_batch, a_job

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
SO_OFTEN = 3  # ten in truth, which takes longer and shows nothing more
ITS_PHONES = ["+51987654321", "+51987654322"]


@pytest.fixture
def job(told: Told, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Over its first phone the provider answers 503 each time; over others nobody picks up."""
    monkeypatch.setattr(circuit, "MOST_WITHOUT_CALL", SO_OFTEN)
    told.on_place = over(ITS_PHONES[:1])
    told.on_fetch = lambda ref: CallReport(ref=ref, outcome=Outcome.NO_ANSWER, is_final=True)
    return a_job(a_batch(call_settings={"max_attempts": 9}), phones=ITS_PHONES)


def over(numbers: list[str], trouble: Exception | None = None) -> Any:
    def place(request: CallRequest) -> None:
        if request.number in numbers:
            raise trouble or Uncertain("Error 503.")

    return place


def a_try(job: Job, *, with_others: bool = True) -> Job:
    """It is dialled, with somebody else or alone, and three minutes later the provider surely has no call."""
    if with_others:
        a_job(job.batch)
    Job.objects.filter(pk=job.pk, status="pending").update(next_try_at=timezone.now() - timedelta(seconds=1))
    ProviderCircuit.objects.filter(open_until__isnull=False).update(open_until=timezone.now() - timedelta(seconds=1))
    dial_due()
    for attempt in CallAttempt.objects.live():
        placed_ago(attempt, seconds=151)
    for _ in range(2):  # others end, and so does what was not made
        make_due()
        follow_due()
    job.refresh_from_db()
    assert not CallAttempt.objects.live().exists()
    return job


def newest(job: Job) -> CallAttempt:
    return CallAttempt.objects.filter(job=job).newest_first()[0]


def tried(job: Job, times: int, **how: Any) -> Job:
    for _ in range(times):
        a_try(job, **how)
    return job


def test_so_often_it_is_a_failed_attempt_with_a_delay_and_the_next_phone(told: Told, job: Job) -> None:
    tried(job, SO_OFTEN - 1)
    assert (job.status, job.attempts, newest(job).outcome) == ("pending", 0, Outcome.NOT_PLACED)
    assert job.next_try_at <= timezone.now()
    a_try(job)
    assert (job.status, job.attempts, job.next_phone) == ("pending", 1, ITS_PHONES[1])
    assert (newest(job).outcome, newest(job).is_counted) == (Outcome.PROVIDER, True)
    assert timedelta(minutes=9) < job.next_try_at - timezone.now() <= timedelta(minutes=10)
    answer = why(job)
    assert answer.code == "espera_reintento"
    assert answer.reason.startswith(
        "Espera antes del próximo intento (el proveedor hace otras llamadas, pero esta no la hizo en 3 intentos:"
        " error 503): se llamará "
    )


def test_the_other_phone_is_called_if_it_can_be(told: Told, job: Job) -> None:
    tried(job, SO_OFTEN + 1)
    assert (job.attempts, newest(job).number, newest(job).outcome) == (2, ITS_PHONES[1], Outcome.NO_ANSWER)


def test_it_comes_to_an_end_and_says_why(told: Told, job: Job) -> None:
    told.on_place = over(ITS_PHONES)
    tried(job, 3 * SO_OFTEN)
    assert (job.status, job.attempts) == ("failed", 3)
    assert why(job).reason == (
        "Fallido: el proveedor hace otras llamadas, pero esta no la hizo en 3 intentos: error 503."
    )


def test_the_campaigns_own_number_of_attempts_ends_it_too(told: Told, job: Job) -> None:
    job.batch.take_settings({**job.batch.call_settings, "max_attempts": 1}, by=None)
    tried(job, SO_OFTEN)
    assert (job.status, job.attempts) == ("failed", 1)


@pytest.mark.parametrize("trouble", [Uncertain("Error 503."), Refused(Outcome.PROVIDER, "No hay conexión.")])
def test_an_outage_counts_for_nobody_however_long(told: Told, job: Job, trouble: Exception) -> None:
    ProviderCircuit.objects.note_trouble("told", count=5, error="Error 503.")
    told.on_place = trouble
    tried(job, 3 * SO_OFTEN, with_others=False)
    assert len(told.placed) == 3 * SO_OFTEN
    assert (job.status, job.attempts) == ("pending", 0)


def test_what_happened_in_an_outage_does_not_count_after_it(told: Told, job: Job) -> None:
    ProviderCircuit.objects.note_trouble("told", count=5, error="Error 503.")
    tried(job, 2 * SO_OFTEN, with_others=False)
    CallAttempt.objects.update(
        created_at=timezone.now() - timedelta(hours=2), ended_at=timezone.now() - timedelta(hours=1)
    )
    ProviderCircuit.objects.all().delete()
    tried(job, SO_OFTEN - 1)
    assert (job.status, job.attempts) == ("pending", 0)
    assert a_try(job).attempts == 1


def test_while_nobody_else_is_called_nobody_knows_whose_fault_it_is(told: Told, job: Job) -> None:
    for _ in range(2 * SO_OFTEN):
        ProviderCircuit.objects.all().delete()
        a_try(job, with_others=False)
    assert (job.status, job.attempts) == ("pending", 0)


def test_a_dial_that_went_through_begins_anew(told: Told, job: Job) -> None:
    tried(job, SO_OFTEN - 1)
    told.on_place = None
    a_try(job)
    told.on_place = over(ITS_PHONES)
    tried(job, SO_OFTEN - 1)
    assert (job.status, job.attempts) == ("pending", 1)
    assert a_try(job).attempts == 2


def test_however_often_it_was_tried_it_is_one_question(told: Told, job: Job) -> None:
    tried(job, SO_OFTEN - 1)
    with CaptureQueriesContext(connection) as asked:
        assert circuit.outcome_of_no_call(newest(job)) == Outcome.NOT_PLACED
    assert len(asked) == 3  # the newest itself, the circuit, the tries
