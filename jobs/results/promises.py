"""What a person promised or asked for during a call, as the agent wrote it down: texts, however it pleased."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crm.importing.cells import Surroundings, Unclear, read_date
from jobs.importing.cells import read_amount
from jobs.money import micros_of

DATES = ("fecha_pago_cliente", "fecha_pago", "promise_date")
AMOUNTS = ("monto_pago_cliente", "monto_pago", "promise_amount")
CALL_BACKS = ("call_back_at", "fecha_rellamada", "proxima_llamada_fecha", "proxima_llamada")
HOURS = ("hora_rellamada", "hora_proxima_llamada", "call_back_time")
# When a day is all that is known: late enough for everybody's calling window, early enough to be that day's work.
SENSIBLE_HOUR = time(10)
_CLOCK = re.compile(r"\b([01]?\d|2[0-3])(?::([0-5]\d)|\s*(?:h|hs|hrs|horas)\b)")
_FURTHEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Promise:
    on: date | None = None
    micros: int | None = None
    call_back_at: datetime | None = None


def promise_in(collected: Mapping[str, object], zone: ZoneInfo, *, heard_at: datetime) -> Promise:
    """What can be understood of `collected`; what cannot, or lies in the past, is as if not said."""
    return Promise(
        on=_day(_first(collected, DATES), earliest=heard_at.astimezone(zone).date()),
        micros=_amount(_first(collected, AMOUNTS)),
        call_back_at=_moment(_first(collected, CALL_BACKS), _first(collected, HOURS), zone, after=heard_at),
    )


def at_a_sensible_hour(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, SENSIBLE_HOUR, zone)


def _first(collected: Mapping[str, object], names: Iterable[str]) -> str:
    return next((text for name in names if (text := str(collected.get(name) or "").strip())), "")


def _day(text: str, *, earliest: date) -> date | None:
    if not text:
        return None
    try:
        day = read_date(text, Surroundings())
    except (Unclear, OverflowError):
        return None
    return day if earliest <= day <= earliest + _FURTHEST else None


def _amount(text: str) -> int | None:
    try:
        return micros_of(read_amount(text, is_text=True)) or None
    except Unclear:
        return None


def _moment(text: str, hour: str, zone: ZoneInfo, *, after: datetime) -> datetime | None:
    """An ISO moment, else a day with an hour beside it or in it; where the person lives unless it names a zone."""
    found = _iso(text) if text else None
    if found is None:
        day = _day(text, earliest=after.astimezone(zone).date())
        if day is None:
            return None
        found = datetime.combine(day, time.min)
    if found.time() == time.min:
        found = datetime.combine(found.date(), _clock(hour) or _clock(text) or SENSIBLE_HOUR, found.tzinfo)
    moment = found if found.tzinfo else found.replace(tzinfo=zone)
    return moment if after < moment <= after + _FURTHEST else None


def _iso(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _clock(text: str) -> time | None:
    match = _CLOCK.search(text)
    return time(int(match[1]), int(match[2] or 0)) if match else None
