"""When a campaign may call: by the clock, the week and the holidays of the person's own country."""

from datetime import UTC, date, datetime, time
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest
import time_machine

from jobs.call_settings import CallSettings
from jobs.dialling.windows import Calendar, is_open, lane_of, next_opening
from jobs.models import ClosedDay

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

LIMA, MADRID, CANARY = "PE:America/Lima", "ES:Europe/Madrid", "ES:Atlantic/Canary"
SANTIAGO = "CL:America/Santiago"
EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]


@pytest.fixture(autouse=True)
def _in_march() -> Any:
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC), tick=False):
        yield


def settings(start: str = "", end: str = "", **others: Any) -> CallSettings:
    hours = {"allowed_hours": {"start": start, "end": end}} if start else {}
    return CallSettings.of({**hours, **others})


def at(lane: str, day: int, hour: int, minute: int = 0, second: int = 0, *, month: int = 3) -> datetime:
    """Of 2026, in the lane's own time; the 2nd of March is a Monday."""
    zone = ZoneInfo(lane.partition(":")[2])
    return datetime(2026, month, day, hour, minute, second, tzinfo=zone).astimezone(UTC)


# --- Lanes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "default", "lane"),
    [
        ("+51987654321", "", "PE:America/Lima"),
        ("+51987654321", "Europe/Madrid", "PE:America/Lima"),
        ("+34612345678", "", "ES:Europe/Madrid"),
        ("+34612345678", "Atlantic/Canary", "ES:Europe/Madrid"),
        ("+34928123456", "", "ES:Atlantic/Canary"),
        ("+526641234567", "", "MX:America/Tijuana"),
        ("+5215512345678", "", "MX:America/Mexico_City"),
        ("+5215512345678", "America/Tijuana", "MX:America/Tijuana"),
        ("+5215512345678", "America/Lima", "MX:America/Mexico_City"),
        ("+18005550100", "America/Lima", "US:America/New_York"),
        ("+573001234567", "", "CO:America/Bogota"),
        ("no es un número", "Europe/Madrid", "ES:Europe/Madrid"),
        ("no es un número", "Marte/Olimpo", "PE:America/Lima"),
    ],
)
def test_a_number_tells_its_country_and_the_hour_there(number: str, default: str, lane: str) -> None:
    assert lane_of(number, default) == lane


# --- Hours ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(LIMA, 2, 8, 59, 59), False),
        (at(LIMA, 2, 9), True),
        (at(LIMA, 2, 18, 0, 30), True),
        (at(LIMA, 2, 18, 1), False),
        (at(LIMA, 7, 12), False),  # Saturday
        (at(LIMA, 8, 12), False),
    ],
)
def test_without_hours_of_its_own_it_calls_on_weekdays_from_9_to_18(moment: datetime, expected: bool) -> None:
    assert is_open(settings(), LIMA, moment) is expected
    assert is_open(settings("09:00", "18:00"), LIMA, moment) is expected


def test_the_clock_is_the_persons_not_the_servers() -> None:
    nine_in_madrid = at(MADRID, 2, 9)
    assert is_open(settings("09:00", "18:00"), MADRID, nine_in_madrid)
    assert not is_open(settings("09:00", "18:00"), CANARY, nine_in_madrid)
    assert not is_open(settings("09:00", "18:00"), LIMA, nine_in_madrid)


def test_in_spain_the_usual_hours_are_those_of_the_law() -> None:
    assert is_open(settings(), MADRID, at(MADRID, 2, 20, 59))
    assert not is_open(settings(), MADRID, at(MADRID, 2, 21, 1))
    assert not is_open(settings(), MADRID, at(MADRID, 7, 12))
    assert not is_open(settings("09:00", "18:00"), MADRID, at(MADRID, 2, 20))


def test_the_whole_day_has_no_gap() -> None:
    whole = settings("00:00", "23:59", days_of_week=EVERY_DAY)
    for hour, minute, second in ((0, 0, 0), (12, 0, 0), (23, 59, 0), (23, 59, 59)):
        assert is_open(whole, LIMA, at(LIMA, 8, hour, minute, second))


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    night = settings("22:00", "06:00", days_of_week=[5])  # Friday
    assert is_open(night, LIMA, at(LIMA, 6, 22))
    assert is_open(night, LIMA, at(LIMA, 7, 6, 0, 59))
    assert not is_open(night, LIMA, at(LIMA, 7, 6, 1))
    assert not is_open(night, LIMA, at(LIMA, 7, 22))
    assert not is_open(night, LIMA, at(LIMA, 6, 5))
    assert next_opening(night, LIMA, at(LIMA, 7, 7)) == at(LIMA, 13, 22)


@pytest.mark.parametrize("days", [[0], [7], [0, 7]])
def test_sunday_is_0_as_well_as_7(days: list[int]) -> None:
    sundays = settings(days_of_week=days)
    assert is_open(sundays, LIMA, at(LIMA, 8, 12))
    assert not is_open(sundays, LIMA, at(LIMA, 7, 12))


def test_hours_follow_the_clock_when_it_is_put_forward_and_back() -> None:
    # In Madrid on the 29th of March and the 25th of October.
    hours = settings("09:00", "18:00", days_of_week=EVERY_DAY)
    assert at(MADRID, 29, 9).hour == 7
    assert is_open(hours, MADRID, at(MADRID, 29, 9))
    assert next_opening(hours, MADRID, at(MADRID, 28, 20)) == at(MADRID, 29, 9)
    assert next_opening(hours, MADRID, at(MADRID, 24, 20, month=10)) == at(MADRID, 25, 9, month=10)


def test_an_hour_that_the_clock_leaps_over_opens_right_after_it() -> None:
    early = settings("02:30", "12:00", days_of_week=EVERY_DAY)
    opening = next_opening(early, MADRID, at(MADRID, 28, 20))
    assert opening is not None
    assert at(MADRID, 29, 3) <= opening <= at(MADRID, 29, 4)
    assert is_open(early, MADRID, opening)
    # Chile's leaps are at midnight itself.
    whole = settings("00:00", "23:59", days_of_week=EVERY_DAY)
    assert next_opening(whole, SANTIAGO, at(SANTIAGO, 5, 23, 30, month=9)) == at(SANTIAGO, 5, 23, 30, month=9)
    assert is_open(whole, SANTIAGO, datetime(2026, 9, 6, 4, 0, tzinfo=UTC))


# --- Days without calls -----------------------------------------------------------------------


def test_nobody_is_called_on_a_public_holiday_of_their_own_country() -> None:
    immaculate = {"month": 12, "day": 8, "hour": 12}  # a Tuesday; a holiday in Peru, Chile and Spain, not in Mexico
    for lane in (LIMA, SANTIAGO, MADRID):
        assert not is_open(settings(), lane, at(lane, **immaculate))
    mexico = "MX:America/Mexico_City"
    assert is_open(settings(), mexico, at(mexico, **immaculate))
    assert is_open(settings(on_holidays=True), LIMA, at(LIMA, **immaculate))
    assert next_opening(settings(), LIMA, at(LIMA, 7, 20, month=12)) == at(LIMA, 10, 9, month=12)  # the 9th is one too


def test_a_closed_day_is_one_countrys_or_everybodys() -> None:
    ClosedDay.objects.create(day=date(2026, 3, 3), name="Aniversario", country="PE")
    ClosedDay.objects.create(day=date(2026, 3, 4), name="Inventario")
    assert not is_open(settings(), LIMA, at(LIMA, 3, 12))
    assert is_open(settings(), SANTIAGO, at(SANTIAGO, 3, 12))
    assert not is_open(settings(), SANTIAGO, at(SANTIAGO, 4, 12))
    assert next_opening(settings(), LIMA, at(LIMA, 2, 19)) == at(LIMA, 5, 9)
    assert is_open(settings(on_holidays=True), LIMA, at(LIMA, 3, 12))


def test_past_midnight_into_a_holiday_is_closed_too() -> None:
    night = settings("22:00", "06:00", days_of_week=EVERY_DAY)
    assert is_open(night, LIMA, at(LIMA, 24, 23, month=12))
    assert not is_open(night, LIMA, at(LIMA, 25, 1, month=12))
    assert not is_open(night, LIMA, at(LIMA, 26, 1, month=12))
    assert next_opening(night, LIMA, at(LIMA, 25, 1, month=12)) == at(LIMA, 26, 22, month=12)


def test_a_holiday_is_told_by_its_name() -> None:
    closure = Calendar.read().closure(settings(), LIMA, at(LIMA, 8, 12, month=12))
    assert closure is not None
    assert closure.holiday == "Inmaculada Concepción"


# --- Next opening -----------------------------------------------------------------------------


def test_what_is_open_opens_now() -> None:
    assert next_opening(settings(), LIMA, at(LIMA, 2, 10, 15)) == at(LIMA, 2, 10, 15)


def test_it_opens_the_same_day_the_next_day_or_after_the_weekend() -> None:
    assert next_opening(settings(), LIMA, at(LIMA, 2, 3)) == at(LIMA, 2, 9)
    assert next_opening(settings(), LIMA, at(LIMA, 2, 19)) == at(LIMA, 3, 9)
    assert next_opening(settings(), LIMA, at(LIMA, 6, 19)) == at(LIMA, 9, 9)


# --- What makes no sense ----------------------------------------------------------------------


@pytest.mark.parametrize("lane", ["", "PE", "PE:", ":", "PE:Marte/Olimpo", "PE:../../etc/passwd", "PE:America"])
def test_a_lane_that_makes_no_sense_is_never_open(lane: str) -> None:
    assert not is_open(settings(), lane, at(LIMA, 2, 12))
    assert next_opening(settings(), lane, at(LIMA, 2, 12)) is None


@pytest.mark.parametrize(
    "stored",
    [
        None,
        {},
        [],
        5,
        "09:00",
        {"allowed_hours": "de 9 a 6"},
        {"allowed_hours": {"start": "25:00", "end": "26:00"}},
        {"allowed_hours": {"start": None}},
        {"days_of_week": "lunes"},
        {"days_of_week": [8, {}]},
        {"timezone": 7, "on_holidays": "quizás"},
        {"max_attempts": 10**400, "retry_minutes": {"busy": []}},
    ],
)
def test_settings_that_make_no_sense_are_the_usual_ones(stored: Any) -> None:
    read = CallSettings.of(stored)
    assert is_open(read, LIMA, at(LIMA, 2, 12))
    assert not is_open(read, LIMA, at(LIMA, 2, 20))
    assert not is_open(read, LIMA, at(LIMA, 8, 12))


def test_a_week_without_a_day_never_opens() -> None:
    never = CallSettings(opens=time(9), closes=time(18), weekdays=frozenset())
    assert next_opening(never, LIMA, at(LIMA, 2, 12)) is None


def test_a_calendar_looks_up_a_minute_of_a_lane_once_however_many_jobs_ask(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    calendar, hours = Calendar.read(), settings()
    looked_up = Mock(wraps=calendar._looked_up)
    monkeypatch.setattr(calendar, "_looked_up", looked_up)
    with django_assert_num_queries(0):
        for second in range(600):
            calendar.is_open(hours, LIMA, at(LIMA, 2, 12, second // 60, second % 60))
            calendar.is_open(hours, MADRID, at(MADRID, 2, 12))
    assert looked_up.call_count == 10 + 1
