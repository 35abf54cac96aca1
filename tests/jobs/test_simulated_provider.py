"""The simulated provider: one call for each key, the same story on every run, over in seconds."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from jobs.choices import Outcome
from jobs.models import SimulatedCall
from jobs.providers import provider_named
from jobs.providers.base import BadSignature, CallReport, CallRequest
from jobs.providers.simulated import SimulatedProvider

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
NUMBER = "+51911111111"


@pytest.fixture
def provider() -> SimulatedProvider:
    made = provider_named("simulated")
    assert isinstance(made, SimulatedProvider)
    return made


def a_request(number: str = NUMBER, **values: Any) -> CallRequest:
    return CallRequest(**{"key": uuid4(), "number": number, "max_seconds": 300, "ring_seconds": 30, **values})


def at_its_end(provider: SimulatedProvider, ref: str) -> CallReport:
    SimulatedCall.objects.filter(pk=ref).update(
        placed_at=timezone.now() - timedelta(minutes=1), ends_at=timezone.now() - timedelta(seconds=1)
    )
    report = provider.fetch(ref)
    assert report is not None
    return report


def test_the_same_key_is_the_same_call(provider: SimulatedProvider) -> None:
    request = a_request()
    assert provider.place(request) == provider.place(request)
    assert SimulatedCall.objects.count() == 1


def test_a_call_is_found_by_its_key(provider: SimulatedProvider) -> None:
    request = a_request()
    since = timezone.now()
    assert provider.find(request.key, since=since) is None
    ref = provider.place(request)
    assert provider.find(request.key, since=since) == ref
    assert provider.find(UUID(int=7), since=since) is None


def test_a_call_goes_on_and_says_when_it_will_be_over(provider: SimulatedProvider, settings: Any) -> None:
    settings.SIMULATED_CALL_SECONDS = (4, 40)
    report = provider.fetch(provider.place(a_request()))
    assert report is not None
    assert (report.outcome, report.is_final, report.status) == (None, False, "ongoing")
    assert report.look_again_in is not None
    assert 3 < report.look_again_in <= 40


def test_nobody_knows_a_call_that_was_never_made(provider: SimulatedProvider) -> None:
    assert provider.fetch("sim_otra") is None


def test_two_runs_with_the_same_seed_tell_the_same(provider: SimulatedProvider, settings: Any) -> None:
    def told(seed: int) -> list[tuple[Any, ...]]:
        settings.SIMULATED_SEED = seed
        SimulatedCall.objects.all().delete()
        numbers = [f"+5192{number:07d}" for number in range(40)]
        reports = [at_its_end(provider, provider.place(a_request(number))) for number in numbers]
        return [(one.outcome, one.seconds, one.cost_micros, one.transcript) for one in reports]

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_many_numbers_end_in_many_ways_and_most_people_do_not_complain(provider: SimulatedProvider) -> None:
    refs = [provider.place(a_request(f"+5193{number:07d}")) for number in range(400)]
    found = Counter(SimulatedCall.objects.filter(pk__in=refs).values_list("outcome", flat=True))
    assert found[Outcome.ANSWERED] > 100
    assert set(found) >= {"answered", "no_answer", "voicemail", "busy", "brief", "bad_number"}


def test_outcomes_of_single_numbers_can_be_scripted(provider: SimulatedProvider, settings: Any) -> None:
    settings.SIMULATED_OUTCOMES = {NUMBER: ["no_answer", "busy", "answered"]}
    found = [at_its_end(provider, provider.place(a_request())).outcome for _ in range(4)]
    assert found == [Outcome.NO_ANSWER, Outcome.BUSY, Outcome.ANSWERED, Outcome.ANSWERED]


def test_who_answered_said_something_in_spanish_and_it_cost_something(
    provider: SimulatedProvider, settings: Any
) -> None:
    settings.SIMULATED_OUTCOMES = dict.fromkeys((f"+5194{number:07d}" for number in range(12)), ["answered"])
    reports = [at_its_end(provider, provider.place(a_request(number))) for number in settings.SIMULATED_OUTCOMES]
    for report in reports:
        assert report.is_final
        assert report.seconds >= 25
        assert report.cost_micros is not None
        assert report.cost_micros > 20_000
        assert report.summary.endswith(".")
        assert "Agent:" in report.transcript
        assert report.answered_at is not None
        assert report.ended_at is not None
        assert report.answered_at < report.ended_at
    promises = [report.collected for report in reports if report.collected]
    assert promises
    for promise in promises:
        assert timezone.datetime.fromisoformat(promise["fecha_pago_cliente"])
        assert int(promise["monto_pago_cliente"]) > 0


def test_who_did_not_pick_up_said_nothing_and_cost_nothing(provider: SimulatedProvider, settings: Any) -> None:
    settings.SIMULATED_OUTCOMES = {NUMBER: ["no_answer"]}
    report = at_its_end(provider, provider.place(a_request()))
    assert (report.seconds, report.cost_micros, report.summary, report.answered_at) == (0, 0, "", None)


def test_who_asks_for_another_time_names_one(provider: SimulatedProvider, settings: Any) -> None:
    settings.SIMULATED_OUTCOMES = {NUMBER: ["call_back"]}
    report = at_its_end(provider, provider.place(a_request()))
    asked = timezone.datetime.fromisoformat(report.collected["fecha_rellamada"])
    assert asked > timezone.now()


def test_hanging_up_ends_the_call_now_and_again_changes_nothing(provider: SimulatedProvider) -> None:
    ref = provider.place(a_request())
    provider.stop(ref)
    first = provider.fetch(ref)
    provider.stop(ref)
    assert first is not None
    assert (first.outcome, first.is_final) == (Outcome.STOPPED, True)
    assert provider.fetch(ref) == first


def test_what_is_over_cannot_be_hung_up_any_more(provider: SimulatedProvider, settings: Any) -> None:
    settings.SIMULATED_OUTCOMES = {NUMBER: ["answered"]}
    ref = provider.place(a_request())
    at_its_end(provider, ref)
    provider.stop(ref)
    report = provider.fetch(ref)
    assert report is not None
    assert report.outcome == Outcome.ANSWERED


def test_nobody_talks_longer_than_the_campaign_allows(provider: SimulatedProvider, settings: Any) -> None:
    settings.SIMULATED_OUTCOMES = {NUMBER: ["answered"]}
    assert at_its_end(provider, provider.place(a_request(max_seconds=10))).seconds == 10


def test_it_sends_no_webhooks(provider: SimulatedProvider) -> None:
    with pytest.raises(BadSignature):
        provider.read_webhook({}, b"{}")
