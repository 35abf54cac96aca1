"""How many jobs of each state a batch and an account have, and what they cost: never counted, never repaired.

The database itself adds to these rows, in the statement that moves a job or settles an attempt (triggers, migration
0002), whoever makes it: the dispatcher, an import, the admin, a shell. Sixteen rows stand side by side for each owner,
so that connections seldom wait for one another; the sum is read.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q, Sum

from jobs.choices import JobStatus

SHARDS = 16
# Every time zone of today is off by whole quarters of an hour, so each day of an account is so many whole ones.
QUARTER = 900


@dataclass(frozen=True, slots=True)
class Totals:
    """The jobs of one owner by state; seconds called and money spent, also by jobs that are gone."""

    pending: int = 0
    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    suspended: int = 0
    cancelled: int = 0
    seconds: int = 0
    cost_micros: int = 0

    @property
    def jobs(self) -> int:
        return sum(getattr(self, status) for status in JobStatus.values)

    @property
    def open(self) -> int:
        return self.pending + self.in_progress

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(**{name: getattr(self, name) + getattr(other, name) for name in COUNTED})


COUNTED = tuple(field.name for field in fields(Totals))
NOTHING = Totals()


class CountManager(models.Manager["Count"]):
    def of(self, owner: str) -> Totals:
        """The totals of one batch or account, by its 24-digit id."""
        return self.of_each([owner])[owner]

    def of_each(self, owners: Iterable[str]) -> dict[str, Totals]:
        """One query for as many owners as a page has; each has an answer."""
        asked = list(owners)
        rows: Any = self.filter(owner__in=asked).values("owner").annotate(**_SUMS).order_by()
        found = {row["owner"]: Totals(**{name: row[f"sum_{name}"] for name in COUNTED}) for row in rows}
        return {owner: found.get(owner, NOTHING) for owner in asked}

    def over(self, owners: models.QuerySet[Any]) -> Totals:
        """The sum of all these batches, or accounts."""
        sums: Any = self.filter(owner__in=owners.order_by().values("pk")).aggregate(**_SUMS)
        return Totals(**{name: sums[f"sum_{name}"] or 0 for name in COUNTED})


_SUMS: dict[str, Any] = {f"sum_{name}": Sum(name) for name in COUNTED}


class Count(models.Model):
    owner = models.CharField(max_length=24)
    shard = models.PositiveSmallIntegerField()
    # A shard may be below nothing: a job is counted in by one connection and out by another.
    pending = models.BigIntegerField(default=0)
    in_progress = models.BigIntegerField(default=0)
    completed = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    suspended = models.BigIntegerField(default=0)
    cancelled = models.BigIntegerField(default=0)
    seconds = models.BigIntegerField(default=0)
    cost_micros = models.BigIntegerField(default=0)

    objects = CountManager()

    class Meta:
        verbose_name = "recuento"
        verbose_name_plural = "recuentos"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "shard"],
                name="jobs_count_is_one_row",
                violation_error_message="Este recuento ya existe.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.owner}/{self.shard}"


class DialCountManager(models.Manager["DialCount"]):
    def since(self, begins: Mapping[str, datetime]) -> dict[str, int]:
        """Counted dials of each of these accounts from its own moment on, a whole quarter of an hour; in one query."""
        together: dict[datetime, list[str]] = defaultdict(list)
        for account, begin in begins.items():
            together[begin].append(account)
        if not together:
            return {}
        asked = Q()
        for begin, accounts in together.items():
            asked |= Q(account__in=accounts, quarter__gte=int(begin.timestamp()) // QUARTER)
        rows = self.filter(asked).order_by().values_list("account")
        return dict.fromkeys(begins, 0) | dict(rows.annotate(Sum("dials")))


class DialCount(models.Model):
    """Counted dials of an account that were claimed in a quarter of an hour (`quarter`: since 1970, UTC).

    Kept by triggers on attempts (migration 0007). Claims take turns and add to shard 0; a dial that turns out not to
    count is taken from the shard of its connection, so an end and a claim never wait for one another.
    """

    account = models.CharField(max_length=24)
    quarter = models.PositiveIntegerField()
    shard = models.PositiveSmallIntegerField()
    dials = models.BigIntegerField(default=0)

    objects = DialCountManager()

    class Meta:
        verbose_name = "recuento de llamadas por hora"
        verbose_name_plural = "recuentos de llamadas por hora"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "quarter", "shard"],
                name="jobs_dials_are_one_row",
                violation_error_message="Este recuento ya existe.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account}/{self.quarter}/{self.shard}"
