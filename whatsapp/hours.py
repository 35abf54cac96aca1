"""When people are there to answer: arithmetic with `OpeningHours`, in the installation's time zone.

Without any row the team is always there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from whatsapp.models import OpeningHours

DAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo")
# What "never" is where a moment has to be answered: nobody waits for it.
FAR_FUTURE = datetime(9000, 1, 1, tzinfo=UTC)

Span = tuple[time, time]


@dataclass(frozen=True)
class Week:
    """The open spans of each weekday, Monday first: sorted, none touching another. No span at all: always open."""

    days: tuple[tuple[Span, ...], ...]

    @classmethod
    def current(cls) -> "Week":
        """As the rows say now: one query."""
        rows = OpeningHours.objects.values_list("weekday", "opens", "closes")
        return cls.of(rows)

    @classmethod
    def of(cls, rows: Iterable[tuple[int, time, time]]) -> "Week":
        days: list[list[Span]] = [[] for _ in DAYS]
        for weekday, opens, closes in rows:
            days[weekday].append((opens, closes))
        return cls(tuple(_joined(spans) for spans in days))

    @property
    def never_closes(self) -> bool:
        return not any(self.days)

    def is_open(self, at: datetime) -> bool:
        """A span holds its first moment and not its last."""
        if self.never_closes:
            return True
        local = timezone.localtime(at)
        return any(opens <= local.time() < closes for opens, closes in self.days[local.weekday()])

    def minutes_between(self, start: datetime, end: datetime) -> int:
        """Whole open minutes from `start` to `end`; 0 when `end` is not later."""
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        if end <= start:
            return 0
        if self.never_closes:
            return int((end - start) / timedelta(minutes=1))
        spent = timedelta()
        for opens, closes in self._spans_from(start):
            if opens >= end:
                break
            spent += max(min(closes, end) - max(opens, start), timedelta())
        return int(spent / timedelta(minutes=1))

    def after_minutes(self, start: datetime, minutes: int) -> datetime:
        """The moment at which `minutes` open minutes have passed since `start`.

        With 0 it is `start`, open or not: nobody had to wait.
        """
        start, wait = start.astimezone(UTC), timedelta(minutes=max(minutes, 0))
        try:
            if self.never_closes:
                return start + wait
            start, wait = self._skip_weeks(start, wait)
            for opens, closes in self._spans_from(start):
                if not wait:
                    break
                begin = max(opens, start)
                if begin + wait <= closes:
                    return begin + wait
                wait -= max(closes - begin, timedelta())
        except OverflowError:
            return FAR_FUTURE
        return start

    def described(self) -> str:
        """For people: "lunes a viernes de 9:00 a 18:00 y sábado de 9:00 a 13:00"; "" when it never closes."""
        parts = [f"{_days_text(days)} {_spans_text(spans)}" for days, spans in self._runs()]
        return _listed(parts)

    def _skip_weeks(self, start: datetime, wait: timedelta) -> tuple[datetime, timedelta]:
        """Whole weeks at once, so that a long wait costs no more than a short one."""
        week = sum((_length(span) for spans in self.days for span in spans), timedelta())
        weeks = max(wait // week - 1, 0)
        local = timezone.localtime(start).replace(tzinfo=None) + timedelta(weeks=weeks)
        return (timezone.make_aware(local).astimezone(UTC) if weeks else start), wait - weeks * week

    def _spans_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The open spans of the day of `start` and of all days after it, as moments."""
        day = timezone.localtime(start).date()
        while True:
            for opens, closes in self.days[day.weekday()]:
                yield _moment(day, opens), _moment(day, closes)
            day += timedelta(days=1)

    def _runs(self) -> Iterator[tuple[list[int], tuple[Span, ...]]]:
        """Neighbouring days with the same hours together."""
        run: list[int] = []
        for weekday, spans in enumerate(self.days):
            if run and spans != self.days[run[0]]:
                yield run, self.days[run[0]]
                run = []
            if spans:
                run.append(weekday)
        if run:
            yield run, self.days[run[0]]


def is_open(at: datetime) -> bool:
    """Whether somebody is there at this moment."""
    return Week.current().is_open(at)


def minutes_between(start: datetime, end: datetime) -> int:
    """How many open minutes lie between the two moments."""
    return Week.current().minutes_between(start, end)


def after_minutes(start: datetime, minutes: int) -> datetime:
    """When `minutes` open minutes have passed since `start`."""
    return Week.current().after_minutes(start, minutes)


def described() -> str:
    """The opening hours in words; "" when there are none."""
    return Week.current().described()


def clock(at: time | datetime) -> str:
    """ "9:00", "18:30"."""
    return f"{at.hour}:{at.minute:02d}"


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    """Spans that overlap or touch count once."""
    joined: list[Span] = []
    for opens, closes in sorted(spans):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return tuple(joined)


def _moment(day: date, at: time) -> datetime:
    """In UTC: two moments of one zone are subtracted by their clocks, also where an hour is lost between them."""
    return timezone.make_aware(datetime.combine(day, at)).astimezone(UTC)


def _length(span: Span) -> timedelta:
    day = date(2000, 1, 1)
    return datetime.combine(day, span[1]) - datetime.combine(day, span[0])


def _days_text(days: list[int]) -> str:
    if len(days) > 2:
        return f"{DAYS[days[0]]} a {DAYS[days[-1]]}"
    return _listed([DAYS[day] for day in days])


def _spans_text(spans: tuple[Span, ...]) -> str:
    return _listed([f"de {clock(opens)} a {clock(closes)}" for opens, closes in spans])


def _listed(parts: list[str]) -> str:
    """ "a, b y c"."""
    return " y ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
