"""How a campaign calls: when, how often, how long. Stored as the client sends it, read as checked values.

The client knows seven keys and overwrites them all with constants (campaign-client, trap 1), so keys it does not know
are kept when it sends its seven, and every change is on record (`SettingsChange`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

from jobs.choices import Outcome

CLIENT_KEYS = (
    "max_call_duration",
    "ring_timeout",
    "max_attempts",
    "retry_delay_hours",
    "allowed_hours",
    "days_of_week",
    "timezone",
)
OWN_KEYS = ("max_concurrent_calls", "retry_minutes", "requires_consent", "on_holidays", "budget", "weekly_calls")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)\Z")
_LIMITS = {"max_call_duration": (10, 7200), "ring_timeout": (5, 300), "max_attempts": (1, 50)}


@dataclass(frozen=True, slots=True)
class CallSettings:
    """`weekdays`: 1 = Monday … 7 = Sunday. `timezone`: where a number tells none. `retry_after`: by outcome."""

    max_call_duration: int = 300  # seconds
    ring_timeout: int = 30  # seconds
    max_attempts: int = 3
    retry_delay: timedelta | None = None  # None: by outcome (jobs/outcomes.py)
    opens: time = time(9)
    closes: time = time(18)  # before `opens`: the window goes over midnight
    names_hours: bool = False  # else a country's own usual hours may take their place
    weekdays: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    timezone: str = ""
    max_concurrent_calls: int | None = None
    retry_after: Mapping[str, timedelta] = field(default_factory=dict)
    requires_consent: bool = False
    on_holidays: bool = False
    budget_micros: int | None = None
    weekly_calls: int | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "CallSettings":
        """The values of a stored mapping. What is missing or makes no sense (an old row) is as if not given."""
        checked, _ = _checked(stored if isinstance(stored, Mapping) else {})
        return cls(**checked)


def checked_settings(given: Any, *, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What is to be stored for what a client sends; keys of ours that it does not name stay as they were.

    `null` or `{}` → {}: everything by default. `ValidationError` on `call_settings` names each mistake in Spanish.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ValidationError({"call_settings": "Debe ser un objeto JSON."})
    kept = {name: value for name, value in (before or {}).items() if name in OWN_KEYS}
    wanted = {**kept, **{name: given[name] for name in (*CLIENT_KEYS, *OWN_KEYS) if given.get(name) not in (None, "")}}
    for name in OWN_KEYS:
        if name in given and given[name] in (None, ""):
            wanted.pop(name, None)
    checked, mistakes = _checked(wanted)
    if mistakes:
        raise ValidationError({"call_settings": mistakes})
    return {name: _tidy(name, value, checked) for name, value in wanted.items()}


def _tidy(name: str, value: Any, checked: Mapping[str, Any]) -> Any:
    """As it is stored and answered: numbers as numbers, hours without what else a client wrote beside them."""
    if name == "allowed_hours":
        return {"start": f"{checked['opens']:%H:%M}", "end": f"{checked['closes']:%H:%M}"}
    if name == "days_of_week":
        return [int(day) for day in value]
    if name == "retry_minutes":
        return {outcome: _plain_number(minutes) for outcome, minutes in value.items()}
    return _plain_number(value) if isinstance(value, str) and name != "timezone" else value


def _plain_number(value: Any) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number


def _checked(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Arguments of `CallSettings`, and a sentence for each value that cannot be one."""
    found: dict[str, Any] = {}
    mistakes: list[str] = []
    for name, (least, most) in _LIMITS.items():
        if name in given:
            _put(found, mistakes, name, _whole(given[name], least, most), f"debe ser un entero de {least} a {most}")
    if "retry_delay_hours" in given:
        hours = _number(given["retry_delay_hours"], 0, 24 * 90)
        _put(found, mistakes, "retry_delay", None if hours is None else timedelta(hours=hours),
             "debe ser un número de horas de 0 a 2160", shown="retry_delay_hours")  # fmt: skip
    if "allowed_hours" in given:
        _read_hours(given["allowed_hours"], found, mistakes)
    if "days_of_week" in given:
        days = given["days_of_week"]
        is_list = isinstance(days, list | tuple) and all(_whole(day, 0, 7) is not None for day in days) and days
        _put(found, mistakes, "weekdays", frozenset(int(day) or 7 for day in days) if is_list else None,
             "debe ser una lista de días de 0 o 7 (domingo) a 6 (sábado)", shown="days_of_week")  # fmt: skip
    if "timezone" in given:
        zone = given["timezone"]
        is_known = isinstance(zone, str) and zone in _known_zones()
        _put(found, mistakes, "timezone", zone if is_known else None, "no es una zona horaria conocida")
    if "max_concurrent_calls" in given:
        _put(found, mistakes, "max_concurrent_calls", _whole(given["max_concurrent_calls"], 1, 1000),
             "debe ser un entero de 1 a 1000")  # fmt: skip
    if "weekly_calls" in given:
        _put(found, mistakes, "weekly_calls", _whole(given["weekly_calls"], 1, 100), "debe ser un entero de 1 a 100")
    if "budget" in given:
        budget = _number(given["budget"], 0, 10**9)
        _put(found, mistakes, "budget_micros", None if budget is None else round(budget * 1_000_000),
             "debe ser un importe", shown="budget")  # fmt: skip
    for name in ("requires_consent", "on_holidays"):
        if name in given:
            _put(found, mistakes, name, given[name] if isinstance(given[name], bool) else None,
                 "debe ser verdadero o falso")  # fmt: skip
    if "retry_minutes" in given:
        _read_retries(given["retry_minutes"], found, mistakes)
    return found, mistakes


def _read_hours(hours: Any, found: dict[str, Any], mistakes: list[str]) -> None:
    clocks = [_clock(hours.get(name)) for name in ("start", "end")] if isinstance(hours, Mapping) else [None, None]
    if None in clocks or clocks[0] == clocks[1]:
        mistakes.append("allowed_hours debe tener start y end como HH:MM, distintas.")
        return
    found["opens"], found["closes"] = clocks
    found["names_hours"] = True


def _read_retries(retries: Any, found: dict[str, Any], mistakes: list[str]) -> None:
    minutes = (
        {name: _number(value, 0, 60 * 24 * 90) for name, value in retries.items()}
        if isinstance(retries, Mapping)
        else {"": None}
    )
    if None in minutes.values() or not set(minutes) <= set(Outcome.values):
        mistakes.append("retry_minutes debe decir minutos para resultados conocidos (busy, no_answer, voicemail…).")
        return
    found["retry_after"] = {name: timedelta(minutes=value) for name, value in minutes.items() if value is not None}


def _put(found: dict[str, Any], mistakes: list[str], name: str, value: Any, sentence: str, *, shown: str = "") -> None:
    if value is None:
        mistakes.append(f"{shown or name} {sentence}.")
    else:
        found[name] = value


def _whole(value: Any, least: int, most: int) -> int | None:
    number = _number(value, least, most)
    return int(number) if number is not None and number == int(number) else None


def _number(value: Any, least: float, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if least <= number <= most else None


@cache
def _known_zones() -> frozenset[str]:
    """Read once: it walks through a thousand files."""
    return frozenset(available_timezones())


def _clock(text: Any) -> time | None:
    match = _CLOCK.match(text.strip()) if isinstance(text, str) else None
    return time(int(match[1]), int(match[2])) if match else None
