"""Opening hours: when somebody is there, and how much of that time lies between two moments."""

from datetime import UTC, datetime, time

import pytest
from django.utils import timezone

from whatsapp import hours
from whatsapp.hours import Week
from whatsapp.models import OpeningHours

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

MONDAY, SATURDAY, SUNDAY = 0, 5, 6


@pytest.fixture(autouse=True)
def _no_hours(db: None) -> None:
    OpeningHours.objects.all().delete()


@pytest.fixture
def office() -> None:
    """Monday to Friday 9 to 18, Saturday 9 to 13."""
    days = [OpeningHours(weekday=day, opens=time(9), closes=time(18)) for day in range(5)]
    OpeningHours.objects.bulk_create([*days, OpeningHours(weekday=SATURDAY, opens=time(9), closes=time(13))])


def at(day: int, hour: int, minute: int = 0, *, month: int = 3) -> datetime:
    """Of March 2026, in Lima: the 2nd is a Monday."""
    return timezone.make_aware(datetime(2026, month, day, hour, minute))


def test_without_hours_the_team_is_always_there():
    assert hours.is_open(at(1, 3))
    assert hours.minutes_between(at(1, 3), at(1, 4)) == 60
    assert hours.after_minutes(at(1, 3), 90) == at(1, 4, 30)
    assert hours.described() == ""


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(2, 9), True),
        (at(2, 8, 59), False),
        (at(2, 17, 59), True),
        (at(2, 18), False),
        (at(7, 12), True),
        (at(7, 14), False),
        (at(8, 12), False),
        (datetime(2026, 3, 2, 14, 0, tzinfo=UTC), True),  # 9 in Lima
        (datetime(2026, 3, 2, 9, 0, tzinfo=UTC), False),
    ],
)
def test_a_span_holds_its_first_minute_and_not_its_last(moment, expected):
    assert hours.is_open(moment) is expected


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (at(2, 10), at(2, 11), 60),
        (at(2, 7), at(2, 10), 60),
        (at(2, 17, 30), at(3, 9, 30), 60),
        (at(7, 12), at(9, 10), 120),  # from Saturday noon over Sunday to Monday
        (at(8, 0), at(8, 23), 0),
        (at(2, 11), at(2, 10), 0),
        (at(2, 0), at(9, 0), 5 * 540 + 240),
    ],
)
def test_only_open_minutes_count(start, end, expected):
    assert hours.minutes_between(start, end) == expected


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [
        (at(2, 10), 60, at(2, 11)),
        (at(2, 7), 60, at(2, 10)),
        (at(2, 17, 30), 60, at(3, 9, 30)),
        (at(7, 12, 30), 60, at(9, 9, 30)),
        (at(2, 17), 60, at(2, 18)),
        (at(8, 12), 0, at(8, 12)),
        (at(2, 9), 5 * 540 + 240, at(7, 13)),
        (at(2, 9), 4 * (5 * 540 + 240) + 60, at(30, 10)),
    ],
)
def test_waiting_goes_on_when_the_team_is_back(start, minutes, expected):
    assert hours.after_minutes(start, minutes) == expected


@pytest.mark.usefixtures("office")
def test_the_two_ways_to_reckon_agree():
    start = at(2, 8)
    for minutes in range(1, 8_000, 317):
        assert hours.minutes_between(start, hours.after_minutes(start, minutes)) == minutes


def test_an_absurd_wait_ends_in_the_far_future_and_at_once():
    OpeningHours.objects.create(weekday=MONDAY, opens=time(9), closes=time(9, 1))
    assert hours.after_minutes(at(2, 8), 2_000_000_000) == hours.FAR_FUTURE


def test_spans_that_overlap_count_once():
    OpeningHours.objects.create(weekday=MONDAY, opens=time(9), closes=time(13))
    OpeningHours.objects.create(weekday=MONDAY, opens=time(12), closes=time(15))
    OpeningHours.objects.create(weekday=MONDAY, opens=time(16), closes=time(18))
    assert hours.minutes_between(at(2, 0), at(3, 0)) == 8 * 60
    assert hours.described() == "lunes de 9:00 a 15:00 y de 16:00 a 18:00"


@pytest.mark.usefixtures("office")
def test_the_hours_are_told_in_words():
    assert hours.described() == "lunes a viernes de 9:00 a 18:00 y sábado de 9:00 a 13:00"


def test_a_day_that_loses_an_hour_has_an_hour_less(settings):
    settings.TIME_ZONE = "Europe/Madrid"
    with timezone.override("Europe/Madrid"):
        week = Week.of([(SUNDAY, time(0), time(6))])
        assert week.minutes_between(at(29, 0), at(30, 0)) == 5 * 60


@pytest.mark.usefixtures("office")
def test_reckoning_costs_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        hours.minutes_between(at(1, 0), at(30, 0))
    with django_assert_num_queries(1):
        hours.is_open(at(2, 10))
