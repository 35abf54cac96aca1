"""The rehearsal of a campaign: the rules of the dispatcher on a clock of its own, and nothing written."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import rehearsing
from jobs.choices import Outcome, RefusalSource
from jobs.dialling.windows import Calendar
from jobs.models import Batch, CallAttempt, ClosedDay, DoNotCall, Job
from jobs.models.accounts import EXPECTED_MINUTES
from jobs.providers.script import outcome_of, seconds_of
from jobs.rehearsing import Rehearsal, rehearse
from tests.factories import ContactFactory
from tests.jobs.rows import a_batch, a_job, an_account, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

SUNDAY_NIGHT = datetime(2026, 3, 2, 4, tzinfo=UTC)  # 23:00 of the 1st of March in Lima
MONDAY_NINE = datetime(2026, 3, 2, 14, tzinfo=UTC)
OFFICE = {"allowed_hours": {"start": "09:00", "end": "18:00"}, "days_of_week": [1, 2, 3, 4, 5], "on_holidays": False}


@pytest.fixture(autouse=True)
def _on_a_sunday(settings: Any) -> Any:
    settings.CALLS_AT_ONCE = 100
    with time_machine.travel(SUNDAY_NIGHT, tick=False):
        yield


def rehearsed(batch: Batch, seed: int = 1) -> Rehearsal:
    loaded = Batch.objects.select_related("account").get(pk=batch.pk)
    return rehearse(loaded, begins_at=SUNDAY_NIGHT, seed=seed)


def told(*words: str) -> str:
    out = StringIO()
    call_command("rehearse", *words, stdout=out)
    return out.getvalue()


# --- The same rules ---------------------------------------------------------------------------


def test_everybody_ends_somewhere_and_nothing_is_written() -> None:
    batch = a_batch(call_settings=OFFICE)
    some_jobs(50, batch)
    before = list(Job.objects.values())
    with CaptureQueriesContext(connection) as asked:
        result = rehearsed(batch)
    assert not [query["sql"] for query in asked if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert list(Job.objects.values()) == before
    assert not CallAttempt.objects.exists()
    assert result.jobs == sum(result.ended.values()) == 50
    assert result.dials == sum(result.outcomes.values()) == sum(result.by_hour.values()) >= 50


def test_each_dial_ends_as_the_simulated_provider_would_end_it() -> None:
    batch = a_batch(call_settings={**OFFICE, "max_attempts": 1})
    jobs = some_jobs(30, batch)
    result = rehearsed(batch, seed=9)
    expected = [outcome_of(9, job.phones[0], 1) for job in jobs]
    assert result.outcomes == {outcome: expected.count(outcome) for outcome in set(expected)}
    assert result.seconds == sum(seconds_of(9, job.phones[0], 1) for job in jobs)


def test_the_same_seed_gives_the_same_and_another_one_something_else() -> None:
    batch = a_batch(call_settings=OFFICE)
    some_jobs(40, batch)
    first, again, other = rehearsed(batch), rehearsed(batch), rehearsed(batch, seed=2)
    assert (first.outcomes, first.by_hour, first.ends_at) == (again.outcomes, again.by_hour, again.ends_at)
    assert first.outcomes != other.outcomes


def test_calls_fall_into_the_hours_and_not_on_days_without_calls() -> None:
    ClosedDay.objects.create(day=date(2026, 3, 2), name="Aniversario", country="PE")
    batch = a_batch(call_settings=OFFICE)
    some_jobs(60, batch)
    result = rehearsed(batch)
    hours = {(hour - timedelta(hours=5)) for hour in result.by_hour}
    assert min(hours) == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert {hour.hour for hour in hours} <= set(range(9, 19))
    assert {hour.isoweekday() for hour in hours} <= {1, 2, 3, 4, 5}


def test_no_more_at_once_than_the_campaign_allows() -> None:
    batch = a_batch(call_settings={**OFFICE, "max_concurrent_calls": 1, "max_attempts": 1})
    jobs = some_jobs(60, batch)
    one_by_one = rehearsed(batch)
    assert one_by_one.ends_at is not None
    talk = sum(seconds_of(1, job.phones[0], 1) for job in jobs)
    assert one_by_one.ends_at - MONDAY_NINE > timedelta(seconds=talk)
    Batch.objects.update(call_settings={**OFFICE, "max_concurrent_calls": 20, "max_attempts": 1})
    many = rehearsed(batch)
    assert many.ends_at is not None
    assert many.ends_at - MONDAY_NINE < (one_by_one.ends_at - MONDAY_NINE) / 5


def test_a_limit_of_calls_a_day_spreads_them_over_days() -> None:
    batch = a_batch(an_account(daily_call_limit=10), call_settings={**OFFICE, "max_attempts": 1})
    some_jobs(35, batch)
    result = rehearsed(batch)
    days: dict[date, int] = {}
    for hour, calls in result.by_hour.items():
        day = (hour - timedelta(hours=5)).date()
        days[day] = days.get(day, 0) + calls
    assert list(days.values()) == [10, 10, 10, 5]


def test_attempts_and_delays_are_those_of_the_campaign() -> None:
    number = next(f"+5198{n:07d}" for n in range(10**6) if _never_answers(f"+5198{n:07d}"))
    batch = a_batch(call_settings={**OFFICE, "max_attempts": 2, "retry_delay_hours": 48})
    a_job(batch, phones=[number])
    result = rehearsed(batch)
    assert result.dials == 2
    first, second = sorted(result.by_hour)
    assert second - first == timedelta(hours=48)
    assert result.ended == {"failed": 1}


def _never_answers(number: str) -> bool:
    return {outcome_of(1, number, position) for position in (1, 2)} == {Outcome.NO_ANSWER}


def test_when_the_money_is_gone_it_stops_and_says_so() -> None:
    account = an_account(credit_micros=2_000_000, max_concurrent_calls=1)
    batch = a_batch(account, call_settings=OFFICE)
    some_jobs(60, batch)
    result = rehearsed(batch)
    # A call begins when what it is expected to cost is there; the last one may last longer than those minutes.
    longest_minutes = batch.settings.max_call_duration / 60
    assert result.cost_micros <= 2_000_000 + (longest_minutes - EXPECTED_MINUTES) * account.micros_per_minute
    assert result.dials > 0
    assert result.skipped["sin_credito"] == 60 - sum(result.ended.values())
    assert result.reasons["sin_credito"] == "La cuenta no tiene crédito para otra llamada."


def test_who_is_skipped_is_counted_by_reason() -> None:
    batch = a_batch(call_settings=OFFICE)
    DoNotCall.objects.create(number="+51987654321", key="51987654321", source=RefusalSource.STAFF)
    ContactFactory(mobile="+51987654322", opted_out_of_calls=True)
    for number in ("+51987654321", "+51987654322"):
        a_job(batch, phones=[number])
    some_jobs(3, batch, attempts=5)
    result = rehearsed(batch)
    assert result.skipped == {"no_llamar": 1, "pidio_no_llamar": 1, "intentos_agotados": 3}
    assert (result.dials, result.ended) == (0, {"suspended": 2, "failed": 3})


def test_a_window_that_never_opens_ends_the_rehearsal() -> None:
    batch = a_batch(lanes=["XX:Nada"])
    some_jobs(3, batch, lane="XX:Nada")
    result = rehearsed(batch)
    assert (result.dials, result.skipped) == (0, {"fuera_de_horario": 3})


def test_the_cost_lies_between_its_ends() -> None:
    batch = a_batch(call_settings=OFFICE)
    some_jobs(200, batch)
    result = rehearsed(batch)
    least, most = result.cost_range
    assert 0 < least < result.cost_micros < most < 2 * result.cost_micros
    assert least < rehearsed(batch, seed=77).cost_micros < most


def test_a_person_more_asks_nothing_more() -> None:
    """Neither the database, nor the calendar for another opening: the days have as many for a thousand."""

    def asked_for(how_many: int) -> tuple[int, int]:
        batch = a_batch(an_account(max_concurrent_calls=100, plan_type="unlimited"), call_settings=OFFICE)
        some_jobs(how_many, batch)
        with (
            CaptureQueriesContext(connection) as queries,
            patch.object(Calendar, "next_opening", autospec=True, side_effect=Calendar.next_opening) as openings,
        ):
            result = rehearsed(batch)
        assert sum(result.ended.values()) == how_many <= result.dials
        return len(queries), openings.call_count

    assert asked_for(1_000) == asked_for(100)


def test_many_people_are_read_in_parts_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = a_batch(call_settings=OFFICE)
    some_jobs(50, batch)
    at_once = rehearsed(batch)
    monkeypatch.setattr(rehearsing, "_CHUNK", 20)
    in_parts = rehearsed(batch)
    assert in_parts.jobs == 50
    assert (in_parts.ended, in_parts.by_hour, in_parts.cost_micros) == (
        at_once.ended,
        at_once.by_hour,
        at_once.cost_micros,
    )


# --- The command ------------------------------------------------------------------------------


def test_it_tells_hours_outcomes_cost_and_end() -> None:
    batch = a_batch(call_settings=OFFICE, is_active=False)
    some_jobs(40, batch)
    some_jobs(2, batch, attempts=9)
    text = told(batch.batch_id)
    for part in (
        "42 pendientes",
        "Empieza domingo 01/03/2026 23:00",
        "lunes 02/03/2026 09:00",
        "Contestó",
        "Coste: ",
        "Última llamada: ",
        "las que permite la campaña. [intentos_agotados]",
    ):
        assert part in text, text
    batch.refresh_from_db()
    assert not batch.is_active


def test_it_tells_a_program() -> None:
    batch = a_batch(call_settings=OFFICE)
    some_jobs(5, batch)
    answer = json.loads(told(batch.pk, "--from", "2026-03-03T10:30", "--seed", "7", "--json"))
    assert answer["begins_at"] == "2026-03-03T15:30:00Z"
    assert answer["jobs"] == 5
    assert answer["calls"] == sum(row["calls"] for row in answer["calls_by_hour"])
    assert answer["cost_least"] <= answer["cost"] <= answer["cost_most"]


def test_a_campaign_without_anybody_left_is_no_mistake() -> None:
    assert "No queda nadie a quien llamar." in told(a_batch().batch_id)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nada"], "No existe ninguna campaña «nada»."),
        (["{id}", "--from", "mañana"], "«mañana» no es una fecha"),
        (["{id}", "--from", "2026-02-31"], "no es una fecha"),
        (["{id}", "--from", "2026-01-01"], "ya pasó"),
    ],
)
def test_a_mistake_is_a_sentence_and_exit_code_2(words: list[str], sentence: str) -> None:
    batch = a_batch()
    with pytest.raises(CommandError, match=sentence) as raised:
        told(*(word.format(id=batch.pk) for word in words))
    assert raised.value.returncode == 2


def test_a_cancelled_campaign_is_not_rehearsed() -> None:
    with pytest.raises(CommandError, match="está cancelada"):
        told(a_batch(cancelled_at=SUNDAY_NIGHT).batch_id)
