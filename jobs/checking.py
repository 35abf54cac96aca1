"""Whether the counts say what the rows say: read in one statement, so in one moment, and never repaired."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Count, F, Q, Sum, Value

from jobs.models import CallAttempt, Job
from jobs.models import Count as Kept
from jobs.models.counts import COUNTED

_OWNERS = ("batch_id", "account_id")
_SPENT = ("seconds", "cost_micros")


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
    """Every figure of these batches or accounts, of all for None; what is nothing on both sides is left out."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for owner, name, side, number in _figures(owners):
        sides = found.setdefault((owner, name), {"kept": 0, "counted": 0})
        sides[side] += int(number or 0)
    lines = [Line(owner, name, **sides) for (owner, name), sides in found.items() if any(sides.values())]
    return sorted(lines, key=lambda line: (line.owner, COUNTED.index(line.name)))


def _figures(owners: Collection[str] | None) -> Any:
    """(owner, name, side, number) of everything, as one statement: a second one would see a later moment."""
    queries: list[Any] = []
    for column in _OWNERS:
        of_owner = Q(**{f"{column}__in": list(owners)}) if owners is not None else Q()
        queries.append(_rows(Job.objects.filter(of_owner), F(column), F("status"), "counted", Count("pk")))
        queries += [
            _rows(CallAttempt.objects.filter(of_owner), F(column), _text(name), "counted", Sum(name)) for name in _SPENT
        ]
    kept = Kept.objects.filter(owner__in=list(owners)) if owners is not None else Kept.objects.all()
    queries += [_rows(kept, F("owner"), _text(name), "kept", Sum(name)) for name in COUNTED]
    return queries[0].union(*queries[1:], all=True)


def _rows(rows: Any, owner: F, name: Any, side: str, number: Any) -> Any:
    grouped = rows.order_by().annotate(the_owner=owner, the_name=name, the_side=_text(side))
    return (
        grouped.values("the_owner", "the_name", "the_side")
        .annotate(the_number=number)
        .values_list("the_owner", "the_name", "the_side", "the_number")
    )


def _text(text: str) -> Value:
    return Value(text, output_field=CharField())
