"""When a campaign may call: hours and days in the time zone of the person, without public holidays.

Everything is by lane, "PE:America/Lima": the country whose holidays count, and the time zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final, Self
from zoneinfo import ZoneInfo

import holidays
import phonenumbers
from django.conf import settings as django_settings
from django.utils import timezone
from phonenumbers import NumberParseException
from phonenumbers.timezone import UNKNOWN_TIMEZONE, time_zones_for_number

from jobs.call_settings import CallSettings
from jobs.models import ClosedDay

# Where the table of time zones does not begin with the one in which most people live.
_MAIN_ZONES: Final = {"BR": "America/Sao_Paulo", "CA": "America/Toronto", "AU": "Australia/Sydney"}
# Commercial calls in Spain: Monday to Friday, 9 to 21 (consumer law, art. 96.2); for campaigns that name no hours.
_CLOSES_IN_SPAIN: Final = time(21)
_FURTHEST: Final = 370  # days ahead; nothing that opens at all opens later
_DAY: Final = timedelta(days=1)


# --- Lanes ------------------------------------------------------------------------------------


def lane_of(number: str, default_zone: str) -> str:
    """Country and time zone of a number. Of several zones the one in which most people of the country live.

    `default_zone`: the campaign's, for a number that tells none.
    """
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        zone = zone_named(default_zone) or django_settings.TIME_ZONE
        return f"{_countries_of_zones().get(zone, '')}:{zone}"
    country = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(
        parsed.country_code or 0
    )
    return f"{country}:{_zone_of(country, time_zones_for_number(parsed), zone_named(default_zone))}"


def _zone_of(country: str, told: tuple[str, ...], default: str) -> str:
    known = [zone for zone in told if zone != UNKNOWN_TIMEZONE]
    if len(known) == 1:
        return known[0]
    main = main_zone(country)
    # Where the campaign is at home says nothing of the hour in another country.
    is_home = _countries_of_zones().get(default) == country
    return (default if is_home and not known else main) or default or django_settings.TIME_ZONE


@cache
def main_zone(country: str) -> str:
    """The time zone of a country's capital, or "" for none that is known."""
    return _MAIN_ZONES.get(country) or next(
        (zone for zone, its_country in _countries_of_zones().items() if its_country == country), ""
    )


def zone_named(name: str) -> str:
    """The name of a time zone as it is, or "" where there is none of that name."""
    return name if _zone(name) else ""


@cache
def _countries_of_zones() -> dict[str, str]:
    """From the table that comes with the time zones; each country's most populous first."""
    lines = (files("tzdata") / "zoneinfo" / "zone.tab").read_text().splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {zone: country for country, _, zone, *_ in rows}


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


# --- Windows ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Window:
    """Hours and days of one campaign in one lane. `closes` before `opens`: it goes over midnight."""

    country: str
    zone: ZoneInfo
    opens: time
    closes: time
    weekdays: frozenset[int]
    on_holidays: bool

    @classmethod
    def of(cls, settings: CallSettings, lane: str) -> Self | None:
        """None for a lane that makes no sense: nobody knows what time it is there."""
        country, _, zone_name = lane.partition(":")
        zone = _zone(zone_name)
        if zone is None:
            return None
        in_spain = country == "ES" and not settings.names_hours
        closes = _CLOSES_IN_SPAIN if in_spain else settings.closes
        return cls(country, zone, settings.opens, closes, settings.weekdays, settings.on_holidays)

    def began_on(self, local: datetime) -> date | None:
        """The day on which the hours began that hold this moment; None outside of them.

        The closing minute is the last one: 18:00 is open until 18:00:59.
        """
        clock, day = local.time().replace(second=0, microsecond=0), local.date()
        if self.opens <= self.closes:
            began = day if self.opens <= clock <= self.closes else None
        elif clock >= self.opens:
            began = day
        else:
            began = day - _DAY if clock <= self.closes else None
        return began if began is not None and began.isoweekday() in self.weekdays else None


@dataclass(frozen=True, slots=True)
class Closure:
    """`holiday`: its name, where that is the reason."""

    holiday: str = ""


class Calendar:
    """Windows as of one reading of the days without calls; a claim has one, and asks it about many jobs."""

    def __init__(self, closed_days: Mapping[tuple[date, str], str]) -> None:
        self._closed_days = closed_days
        self._windows: dict[tuple[object, ...], Window | None] = {}
        self._closures: dict[tuple[object, ...], Closure | None] = {}

    @classmethod
    def read(cls) -> Self:
        recent = ClosedDay.objects.filter(day__gte=timezone.now().date() - 2 * _DAY).order_by()
        days = recent.values_list("day", "country", "name")
        return cls({(day, country): name for day, country, name in days})

    def is_open(self, settings: CallSettings, lane: str, at: datetime) -> bool:
        return self.closure(settings, lane, at) is None

    def closure(self, settings: CallSettings, lane: str, at: datetime) -> Closure | None:
        """What keeps the lane closed at this moment; None when it is open."""
        window = self.window(settings, lane)
        if window is None:
            return Closure()
        minute = (window, int(at.timestamp()) // 60)
        if minute not in self._closures:
            self._closures[minute] = self._looked_up(window, at)
        return self._closures[minute]

    def next_opening(self, settings: CallSettings, lane: str, at: datetime) -> datetime | None:
        """The first moment from `at` on that is open; None when there is none within a year."""
        window = self.window(settings, lane)
        if window is None or self._looked_up(window, at) is None:
            return at if window else None
        today = at.astimezone(window.zone).date()
        for days in range(_FURTHEST):
            opening = datetime.combine(today + days * _DAY, window.opens, window.zone).astimezone(at.tzinfo)
            if opening > at and self._looked_up(window, opening) is None:
                return opening
        return None

    def window(self, settings: CallSettings, lane: str) -> Window | None:
        key = (lane, settings.opens, settings.closes, settings.weekdays, settings.on_holidays, settings.names_hours)
        if key not in self._windows:
            self._windows[key] = Window.of(settings, lane)
        return self._windows[key]

    def _looked_up(self, window: Window, at: datetime) -> Closure | None:
        local = at.astimezone(window.zone)
        began = window.began_on(local)
        if began is None:
            return Closure()
        if window.on_holidays:
            return None
        # Past midnight of a holiday is the holiday too, whenever the window began.
        names = (self._holiday(window.country, day) for day in dict.fromkeys((began, local.date())))
        name = next(filter(None, names), "")
        return Closure(name) if name else None

    def _holiday(self, country: str, day: date) -> str:
        own = self._closed_days.get((day, country)) or self._closed_days.get((day, ""))
        return own or public_holidays(country, day.year).get(day, "")


@lru_cache(maxsize=128)
def public_holidays(country: str, year: int) -> Mapping[date, str]:
    """The whole country's, in Spanish where the library has it; none for a country that it does not know.

    A year at a time and as a whole: the library's own table fills itself while another thread reads it.
    """
    try:
        language = "es" if "es" in holidays.country_holidays(country).supported_languages else None
        return dict(holidays.country_holidays(country, years=year, language=language))
    except NotImplementedError:  # how the library says that it does not know the country
        return {}


def is_open(settings: CallSettings, lane: str, at: datetime) -> bool:
    """Whether a campaign may call in a lane at this moment."""
    return Calendar.read().is_open(settings, lane, at)


def next_opening(settings: CallSettings, lane: str, at: datetime) -> datetime | None:
    """The first moment from `at` on at which it may; None when it never may."""
    return Calendar.read().next_opening(settings, lane, at)
