"""Whoever is being called is asked after until it is known what became of it, and nobody stays in progress for ever."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.dialling import following
from jobs.dialling.following import follow_due
from jobs.dialling.placing import place_all
from jobs.models import CallAttempt, Count, Job, SimulatedCall
from jobs.providers.base import CallReport, Uncertain, Unreachable
from jobs.results.ending import end_unplaced, hear
from tests.jobs.dialling import Told, make_due, placed_ago
from tests.jobs.dialling import told as told
from tests.jobs.retell_server import RetellServer, a_retell_server, dropping_after, failing_after, refusing
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def server(settings: Any) -> Iterator[RetellServer]:
    with a_retell_server(settings) as made:
        yield made


def one(state: AttemptState = AttemptState.CALLING, **values: Any) -> CallAttempt:
    """An attempt that is due to be looked at."""
    attempt = an_attempt(a_job(), state, **{"provider": "told", **values})
    make_due(attempt)
    return attempt


def stands(attempt: CallAttempt) -> tuple[str, str, str]:
    attempt.refresh_from_db()
    attempt.job.refresh_from_db()
    return attempt.state, attempt.outcome, attempt.job.status


def look_in(attempt: CallAttempt) -> float:
    attempt.refresh_from_db()
    assert attempt.look_at is not None
    return (attempt.look_at - timezone.now()).total_seconds()


def ended(outcome: Outcome, **values: Any) -> Any:
    return lambda ref: CallReport(
        **{"ref": ref, "outcome": outcome, "is_final": True, "ended_at": timezone.now(), **values}
    )


# --- Whose worker is gone ---------------------------------------------------------------------


def test_a_claim_whose_worker_died_goes_back_and_uses_up_no_attempt(told: Told) -> None:
    attempt = one(AttemptState.CLAIMED, worker="muerto")
    assert follow_due() == 1
    assert stands(attempt) == (AttemptState.ENDED, Outcome.NOT_PLACED, JobStatus.PENDING)
    assert (attempt.job.attempts, attempt.is_counted) == (0, False)
    assert attempt.job.next_try_at <= timezone.now()
    assert told.placed == told.found == []


def test_a_claim_whose_worker_lives_is_left_to_it(told: Told) -> None:
    attempt = an_attempt(a_job(), AttemptState.CLAIMED, provider="told")
    assert follow_due() == 0
    assert stands(attempt)[0] == AttemptState.CLAIMED


def test_a_worker_that_was_only_slow_does_not_dial_what_was_taken_over(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the lease and its end the old worker comes back: the lease alone is the fence."""
    attempt = one(AttemptState.CLAIMED, worker="lento")
    monkeypatch.setattr(following, "end_unplaced", lambda pk, outcome, error: place_all([attempt]))
    follow_due()
    assert told.placed == []
    assert stands(attempt)[0] == AttemptState.CLAIMED


# --- Whether there is a call ------------------------------------------------------------------


def test_a_call_that_the_provider_has_goes_on(told: Told) -> None:
    attempt = one(AttemptState.PLACING)
    told.on_find, told.on_fetch = "ref_1", lambda ref: CallReport(ref=ref)
    follow_due()
    assert stands(attempt) == (AttemptState.CALLING, "", JobStatus.IN_PROGRESS)
    assert attempt.provider_ref == "ref_1"
    assert told.found == [attempt.pk]
    assert told.fetched == ["ref_1"]


def test_one_that_it_does_not_have_yet_is_waited_for(told: Told) -> None:
    attempt = placed_ago(one(AttemptState.PLACING), seconds=100)
    follow_due()
    assert stands(attempt)[0] == AttemptState.PLACING
    assert 0 < look_in(attempt) <= 21


def test_one_that_it_surely_does_not_have_was_not_made(told: Told) -> None:
    attempt = placed_ago(one(AttemptState.PLACING), seconds=151)  # two minutes and the ringing
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.NOT_PLACED, JobStatus.PENDING)
    assert attempt.job.attempts == 0


def test_while_the_provider_cannot_be_asked_nobody_is_dialled_again(told: Told) -> None:
    attempt = placed_ago(one(AttemptState.PLACING), hours=23)
    told.on_find = Unreachable("No respondió.")
    follow_due()
    assert stands(attempt) == (AttemptState.PLACING, "", JobStatus.IN_PROGRESS)
    assert attempt.error == "No respondió."
    assert look_in(attempt) > 5


def test_what_nobody_says_for_a_day_stays_unknown_and_counts(told: Told) -> None:
    attempt = placed_ago(one(AttemptState.PLACING), hours=25)
    told.on_find = Unreachable("No respondió.")
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.UNKNOWN, JobStatus.PENDING)
    assert attempt.job.attempts == 1
    assert attempt.job.next_try_at > timezone.now() + timedelta(hours=23)


# --- A call that goes on ----------------------------------------------------------------------


def test_it_is_asked_after_gently(told: Told) -> None:
    attempts = [one() for _ in range(8)]
    told.on_fetch = lambda ref: CallReport(ref=ref, status="ongoing")
    assert follow_due() == 8
    assert follow_due() == 0
    waits = [look_in(attempt) for attempt in attempts]
    assert min(waits) > 9
    assert max(waits) < 16
    assert max(waits) - min(waits) > 0.2


def test_who_knows_better_when_says_so(told: Told) -> None:
    attempt = one()
    told.on_fetch = lambda ref: CallReport(ref=ref, look_again_in=37)
    follow_due()
    assert 36 < look_in(attempt) <= 37


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.ANSWERED, JobStatus.COMPLETED),
        (Outcome.VOICEMAIL, JobStatus.PENDING),
        (Outcome.NO_ANSWER, JobStatus.PENDING),
    ],
)
def test_its_end_is_taken_in(told: Told, outcome: Outcome, status: JobStatus) -> None:
    attempt = one()
    told.on_fetch = ended(outcome, seconds=30, cost_micros=95_000)
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, outcome, status)
    assert (attempt.seconds, attempt.cost_micros, attempt.look_at) == (30, 95_000, None)
    assert follow_due() == 0


def test_one_that_talks_longer_than_the_campaign_allows_is_hung_up(told: Told) -> None:
    """Anchor 7: the time-out of the original only stopped asking, and the call went on."""
    batch = a_batch(call_settings={"max_call_duration": 60, "ring_timeout": 30})
    attempt = an_attempt(a_job(batch), provider="told", provider_ref="r1")
    placed_ago(attempt, seconds=151)  # ringing, talk and a minute
    make_due(attempt)
    told.on_fetch = lambda ref: CallReport(ref=ref, status="ongoing")
    follow_due()
    assert told.stopped == ["r1"]
    assert 0 < look_in(attempt) <= 3
    make_due()
    told.on_fetch = ended(Outcome.ANSWERED, seconds=118)
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.ANSWERED, JobStatus.COMPLETED)


def test_one_that_still_may_talk_is_left_to_it(told: Told) -> None:
    batch = a_batch(call_settings={"max_call_duration": 60, "ring_timeout": 30})
    attempt = placed_ago(an_attempt(a_job(batch), provider="told"), seconds=148)
    make_due(attempt)
    told.on_fetch = lambda ref: CallReport(ref=ref)
    follow_due()
    assert told.stopped == []


def test_who_wants_it_stopped_gets_it_hung_up_and_the_job_is_cancelled(told: Told) -> None:
    attempt = one(provider_ref="r1", stop_wanted_at=timezone.now())
    told.on_fetch = ended(Outcome.ANSWERED, seconds=20)
    follow_due()
    assert told.stopped == ["r1"]
    assert stands(attempt) == (AttemptState.ENDED, Outcome.ANSWERED, JobStatus.CANCELLED)


def test_hanging_up_is_tried_until_it_is_done(told: Told) -> None:
    attempt = one(provider_ref="r1", stop_wanted_at=timezone.now())
    told.on_stop = Unreachable("No respondió.")
    follow_due()
    assert stands(attempt) == (AttemptState.CALLING, "", JobStatus.IN_PROGRESS)
    assert told.fetched == []
    make_due()
    told.on_stop, told.on_fetch = None, ended(Outcome.STOPPED)
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.STOPPED, JobStatus.CANCELLED)


def test_a_call_that_nobody_knows_any_more_is_waited_for_until_its_time_is_over(told: Told) -> None:
    attempt = one()
    follow_due()
    assert stands(attempt)[0] == AttemptState.CALLING
    placed_ago(attempt, seconds=300 + 30 + 61)
    make_due()
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.UNKNOWN, JobStatus.PENDING)
    assert attempt.job.next_try_at > timezone.now() + timedelta(hours=23)


def test_a_lost_call_that_was_to_be_stopped_is_over(told: Told) -> None:
    attempt = one(stop_wanted_at=timezone.now())
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.STOPPED, JobStatus.CANCELLED)


@pytest.mark.parametrize("says", [Unreachable("No."), lambda ref: CallReport(ref=ref, status="ongoing")])
def test_nobody_stays_in_progress_for_ever(told: Told, says: Any) -> None:
    attempt = placed_ago(one(), hours=25)
    told.on_fetch = says
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.UNKNOWN, JobStatus.PENDING)
    assert not CallAttempt.objects.live().exists()


@pytest.mark.parametrize("state", [AttemptState.PLACING, AttemptState.CALLING])
def test_one_that_breaks_for_a_day_is_given_up(told: Told, state: AttemptState) -> None:
    attempt = placed_ago(one(state), hours=25)
    told.on_fetch = told.on_find = RuntimeError("roto")
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.UNKNOWN, JobStatus.PENDING)
    assert "roto" in attempt.error


def test_one_that_breaks_costs_no_other_and_is_looked_at_again(told: Told) -> None:
    broken, fine = one(provider_ref="r1"), one(provider_ref="r2")

    def on_fetch(ref: str) -> CallReport:
        if ref == "r1":
            raise RuntimeError
        return CallReport(ref=ref, outcome=Outcome.ANSWERED, is_final=True)

    told.on_fetch = on_fetch
    assert follow_due() == 2
    assert stands(fine)[1] == Outcome.ANSWERED
    assert stands(broken)[0] == AttemptState.CALLING
    assert 50 < look_in(broken) <= 60


# --- What comes after the end -----------------------------------------------------------------


def test_a_price_that_comes_after_the_end_is_fetched(told: Told) -> None:
    attempt = one()
    told.on_fetch = ended(Outcome.ANSWERED, seconds=30, is_final=False)
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.ANSWERED, JobStatus.COMPLETED)
    assert (attempt.is_settled, attempt.cost_micros) == (False, 0)
    make_due()
    told.on_fetch = ended(Outcome.ANSWERED, seconds=30, cost_micros=95_000, summary="Acuerda pagar.")
    follow_due()
    attempt.refresh_from_db()
    assert (attempt.is_settled, attempt.cost_micros, attempt.summary) == (True, 95_000, "Acuerda pagar.")
    assert attempt.look_at is None
    assert Count.objects.of(attempt.batch_id).cost_micros == 95_000


@pytest.mark.parametrize("says", [None, Unreachable("No."), lambda ref: CallReport(ref=ref, status="ongoing")])
def test_a_price_that_does_not_come_is_waited_for_for_a_day(told: Told, says: Any) -> None:
    attempt = one(AttemptState.ENDED, outcome=Outcome.ANSWERED, provider_ref="r1", ended_at=timezone.now())
    told.on_fetch = says
    follow_due()
    assert look_in(attempt) > 15
    CallAttempt.objects.update(ended_at=timezone.now() - timedelta(hours=25))
    make_due()
    follow_due()
    attempt.refresh_from_db()
    assert (attempt.is_settled, attempt.look_at) == (True, None)


# --- Several at it ----------------------------------------------------------------------------


@pytest.mark.parametrize("given_up", [Outcome.NOT_PLACED, Outcome.PROVIDER])
def test_a_call_that_begins_after_it_was_given_up_is_hung_up(told: Told, given_up: Outcome) -> None:
    """The provider did not know it in time; nobody waits for it, and its job may be dialled anew."""
    attempt = one(AttemptState.PLACING)
    end_unplaced(attempt.pk, given_up)
    told.on_fetch = lambda ref: CallReport(ref=ref)
    hear(attempt.pk, CallReport(ref="ref_late"))
    assert follow_due() == 1
    assert told.stopped == ["ref_late"]
    assert stands(attempt) == ("ended", given_up, "pending")
    assert look_in(attempt) > 0


def test_what_one_is_at_another_leaves_alone(told: Told) -> None:
    one()
    asked: list[int] = []

    def on_fetch(ref: str) -> CallReport:
        asked.append(follow_due())
        return CallReport(ref=ref)

    told.on_fetch = on_fetch
    follow_due()
    assert asked == [0]


def test_it_stops_when_its_time_is_over(told: Told) -> None:
    for _ in range(3):
        one()
    assert follow_due(seconds=0) == 0


@pytest.mark.parametrize("how_many", [1, 12])
def test_taking_them_costs_the_same_for_few_and_for_many(
    how_many: int, told: Told, django_assert_num_queries: Any
) -> None:
    for _ in range(how_many):
        one()
    with django_assert_num_queries(5):  # a savepoint and its end, which and whose they are, and the rows
        assert len(following._lease(16)) == how_many


def test_the_provider_that_placed_it_follows_it_whatever_is_configured_now(told: Told, settings: Any) -> None:
    attempt = one()
    settings.CALL_PROVIDER = "simulated"
    told.on_fetch = ended(Outcome.NO_ANSWER)
    follow_due()
    assert stands(attempt)[1] == Outcome.NO_ANSWER


# --- What bit the others (dialer-anchors 0.4, campaign-client W3 and W7) ------------------------


def test_w3_a_start_that_fails_is_not_in_progress_for_ever(server: RetellServer) -> None:
    server.always = refusing(500)
    attempt = an_attempt(a_job(), AttemptState.CLAIMED, provider="retell", worker="w")
    place_all([attempt])
    assert stands(attempt)[0] == AttemptState.PLACING
    placed_ago(attempt, minutes=3)
    make_due()
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.NOT_PLACED, JobStatus.PENDING)
    assert not server.dials


def test_w7_what_a_dead_worker_had_is_taken_over(server: RetellServer) -> None:
    """Dead before, during and after the provider was asked."""
    claimed, placing, calling = some_jobs(3)
    first = an_attempt(claimed, AttemptState.CLAIMED, provider="retell", worker="muerto")
    second = an_attempt(placing, AttemptState.CLAIMED, provider="retell", worker="muerto")
    third = an_attempt(calling, AttemptState.CLAIMED, provider="retell", worker="muerto")
    place_all([second, third])
    CallAttempt.objects.filter(pk=second.pk).update(state=AttemptState.PLACING, provider_ref="")
    for ref in list(server.calls):
        server.end(ref)
    make_due()
    follow_due()
    assert stands(first) == (AttemptState.ENDED, Outcome.NOT_PLACED, JobStatus.PENDING)
    assert stands(second) == (AttemptState.ENDED, Outcome.ANSWERED, JobStatus.COMPLETED)
    assert stands(third) == (AttemptState.ENDED, Outcome.ANSWERED, JobStatus.COMPLETED)
    assert set(server.dials.values()) == {1}


def test_a_webhook_that_is_lost_leaves_nobody_in_progress(server: RetellServer) -> None:
    attempt = an_attempt(a_job(), AttemptState.CLAIMED, provider="retell", worker="w")
    place_all([attempt])
    attempt.refresh_from_db()
    server.end(attempt.provider_ref, "dial_no_answer", status="not_connected")
    make_due()
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.NO_ANSWER, JobStatus.PENDING)


def test_no_place_is_lost_under_the_cap(server: RetellServer) -> None:
    """Whatever ends a call, it is not live any more."""
    attempts = [an_attempt(job, AttemptState.CLAIMED, provider="retell", worker="w") for job in some_jobs(4)]
    server.behaviours = [refusing(429), refusing(401), dropping_after]
    place_all(attempts)
    for ref in list(server.calls):
        server.end(ref, "dial_busy", status="not_connected")
    make_due()
    follow_due()
    assert not CallAttempt.objects.live().exists()
    assert not Job.objects.filter(status=JobStatus.IN_PROGRESS).exists()


@pytest.mark.parametrize("behaviour", [dropping_after, failing_after])
def test_a_time_out_is_no_second_call(server: RetellServer, behaviour: Any) -> None:
    server.always = behaviour
    attempt = an_attempt(a_job(), AttemptState.CLAIMED, provider="retell", worker="w")
    place_all([attempt])
    make_due()
    follow_due()
    assert stands(attempt)[0] == AttemptState.CALLING
    assert attempt.provider_ref in server.calls
    assert server.dials[attempt.number] == 1


def test_a_voicemail_is_no_success(server: RetellServer) -> None:
    attempt = an_attempt(a_job(), AttemptState.CLAIMED, provider="retell", worker="w")
    place_all([attempt])
    attempt.refresh_from_db()
    server.end(attempt.provider_ref, "agent_hangup", call_analysis={"in_voicemail": True})
    make_due()
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.VOICEMAIL, JobStatus.PENDING)


# --- Simulated --------------------------------------------------------------------------------


def test_a_simulated_call_is_looked_at_again_at_its_end(settings: Any) -> None:
    settings.SIMULATED_CALL_SECONDS = (30, 30)
    attempt = an_attempt(a_job(), AttemptState.CLAIMED, worker="w")
    settings.SIMULATED_OUTCOMES = {attempt.number: ["answered"]}
    place_all([attempt])
    make_due()
    follow_due()
    assert 25 < look_in(attempt) <= 30
    SimulatedCall.objects.update(ends_at=timezone.now())
    make_due()
    follow_due()
    assert stands(attempt) == (AttemptState.ENDED, Outcome.ANSWERED, JobStatus.COMPLETED)
    assert attempt.cost_micros > 20_000


def test_an_uncertain_start_is_found_at_the_simulated_provider(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from jobs.providers.simulated import SimulatedProvider

    usual = SimulatedProvider.place

    def place(self: SimulatedProvider, request: Any) -> str:
        usual(self, request)
        raise Uncertain("La conexión se cortó.")

    monkeypatch.setattr(SimulatedProvider, "place", place)
    attempt = an_attempt(a_job(), AttemptState.CLAIMED, worker="w", pk=uuid4())
    place_all([attempt])
    make_due()
    follow_due()
    assert stands(attempt)[0] == AttemptState.CALLING
    assert SimulatedCall.objects.count() == 1
