"""Whether the counts say what the rows say: read in one statement, so in one moment, and never repaired."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, CharField, Count, F, Func, Q, Sum, Value
from django.db.models.functions import Cast

from jobs.models import CallAttempt, DialCount, Job
from jobs.models import Count as Kept
from jobs.models.counts import COUNTED, QUARTER

DIALS = "dials"
_OWNERS = ("batch_id", "account_id")
_SPENT = ("seconds", "cost_micros")
_NAMES = (*COUNTED, DIALS)
_ALWAYS = Value(0, output_field=BigIntegerField())


class _Quarter(Func):
    """The quarter of an hour of a moment, as the triggers tell it."""

    template = f"FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / {QUARTER})::bigint"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        template = f"CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER) / {QUARTER}"
        return self.as_sql(compiler, connection, template=template, **more)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of one batch or account: as it is kept, and as the rows have it."""

    owner: str
    name: str
    kept: int
    counted: int

    @property
    def is_right(self) -> bool:
        return self.kept == self.counted


def compare(owners: Collection[str] | None = None) -> list[Line]:
    """Every figure of these batches or accounts, of all for None; what is nothing on both sides is left out.

    Dials are kept by quarter of an hour: those that are right are one line together, each wrong one is a line.
    """
    figures: dict[tuple[str, str, int], Counter[str]] = defaultdict(Counter)
    for owner, name, quarter, side, number in _figures(owners):
        figures[owner, name, quarter][side] += int(number or 0)
    found: dict[tuple[str, str, int], Counter[str]] = defaultdict(Counter)
    for (owner, name, quarter), sides in figures.items():
        found[owner, name, quarter if sides["kept"] != sides["counted"] else 0].update(sides)
    lines = [
        Line(owner, name, sides["kept"], sides["counted"])
        for (owner, name, _), sides in found.items()
        if any(sides.values())
    ]
    return sorted(lines, key=lambda line: (line.owner, _NAMES.index(line.name)))


def _figures(owners: Collection[str] | None) -> Any:
    """(owner, name, quarter, side, number) of everything, as one statement: a second one would see a later moment."""
    queries = [*_counted(owners), *_kept(owners)]
    return queries[0].union(*queries[1:], all=True)


def _counted(owners: Collection[str] | None) -> Iterator[Any]:
    for column in _OWNERS:
        of_owner = Q(**{f"{column}__in": list(owners)}) if owners is not None else Q()
        yield _rows(Job.objects.filter(of_owner), F(column), F("status"), "counted", Count("pk"))
        attempts = CallAttempt.objects.filter(of_owner)
        for name in _SPENT:
            yield _rows(attempts, F(column), _text(name), "counted", Sum(name))
    dials = attempts.filter(is_counted=True)  # of accounts, which come last
    yield _rows(dials, F("account_id"), _text(DIALS), "counted", Count("pk"), quarter=_Quarter("created_at"))


def _kept(owners: Collection[str] | None) -> Iterator[Any]:
    kept = Kept.objects.filter(owner__in=list(owners)) if owners is not None else Kept.objects.all()
    for name in COUNTED:
        yield _rows(kept, F("owner"), _text(name), "kept", Sum(name))
    dials = DialCount.objects.filter(account__in=list(owners)) if owners is not None else DialCount.objects.all()
    quarter = Cast("quarter", BigIntegerField())
    yield _rows(dials, F("account"), _text(DIALS), "kept", Sum("dials"), quarter=quarter)


def _rows(rows: Any, owner: F, name: Any, side: str, number: Any, *, quarter: Any = _ALWAYS) -> Any:
    grouped = rows.order_by().annotate(the_owner=owner, the_name=name, the_quarter=quarter, the_side=_text(side))
    columns = ("the_owner", "the_name", "the_quarter", "the_side")
    return grouped.values(*columns).annotate(the_number=number).values_list(*columns, "the_number")


def _text(text: str) -> Value:
    return Value(text, output_field=CharField())
