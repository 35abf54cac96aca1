"""How invented rows come out the same each time, and how they are stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from functools import cached_property
from random import Random
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from crm.models import Contact, Lead, User

# The widest row has fifty columns, and SQLite takes 32 766 values in one statement.
ROWS_AT_ONCE = 200
# Kinds of values that a column has again and again. Not moments: two that are an hour apart may be equal (PEP 495).
REPEATED = (str, int, UUID, type(None))

Row = TypeVar("Row", bound=models.Model)


class Story:
    """Choices, an id and moments that come out the same each time, whatever is told before or after."""

    def __init__(self, name: str, now: datetime, zone: tzinfo | None = None) -> None:
        self.name = name
        self.zone = zone or timezone.get_current_timezone()
        self.now = now.astimezone(self.zone)
        self.today = self.now.date()

    @cached_property
    def id(self) -> UUID:
        return uuid5(NAMESPACE_URL, f"puente-crm/{self.name}")

    @cached_property
    def draw(self) -> Random:
        return Random(self.name)

    def about(self, kind: str, number: int | str) -> "Story":
        """The story of one row."""
        return Story(f"{self.name}/{kind}/{number}", self.now, self.zone)

    def at(self, days: int, hour: int, minute: int = 0) -> datetime:
        """A time of day so many days from today, where the installation is at home."""
        day = self.today + timedelta(days=days)
        return datetime.combine(day, time(hour, minute), self.zone)

    def working_hour(self, days: int) -> datetime:
        return self.at(days, self.draw.randrange(9, 18), self.draw.choice((0, 10, 15, 20, 30, 40, 45, 50)))

    def some_time_since(self, start: datetime) -> datetime:
        """Between `start` and now, in working hours where that is possible."""
        moment = start + (self.now - start) * self.draw.random()
        better = self.working_hour((moment.astimezone(self.zone).date() - self.today).days)
        return better if start <= better <= self.now else moment

    def chance(self, share: float) -> bool:
        return self.draw.random() < share

    def weighted(self, choices: dict[Any, int]) -> Any:
        return self.draw.choices(list(choices), list(choices.values()))[0]


@dataclass(frozen=True)
class Cast:
    """Who takes part; the demonstrations of the other floors hang their rows on these."""

    admin: User
    lawyer: User
    agents: Sequence[User]
    contacts: Sequence[Contact]
    leads: Sequence[Lead]

    @property
    def team(self) -> list[User]:
        return [*self.agents, self.lawyer]


def keep(rows: Iterable[Row]) -> list[Row]:
    """Store rows of one model as a fixture would: with the dates they carry, and unknown to any receiver.

    `bulk_create` would date them all today, and takes twice the time for ten thousand of them.
    """
    stored = list(rows)
    if not stored:
        return stored
    model: type[models.Model] = type(stored[0])
    counted_by_the_database = stored[0].pk is None
    fields = [field for field in model._meta.concrete_fields if not (field.primary_key and counted_by_the_database)]
    # The connection itself: its proxy would be asked for the thread's own at every value.
    connection = connections[DEFAULT_DB_ALIAS]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    into = f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({columns}) VALUES "  # noqa: S608 - our own names
    places = f"({', '.join(['%s'] * len(fields))})"
    prepared = [_column(field, stored, connection) for field in fields]
    rows_of_values = list(zip(*prepared, strict=True))
    with connection.cursor() as cursor:
        for start in range(0, len(stored), ROWS_AT_ONCE):
            chunk = rows_of_values[start : start + ROWS_AT_ONCE]
            cursor.execute(into + ", ".join([places] * len(chunk)), [value for row in chunk for value in row])
    for row in stored:
        row._state.adding = False
    return stored


def _column(field: Any, rows: Sequence[models.Model], connection: BaseDatabaseWrapper) -> list[Any]:
    """What goes to the database. Most columns repeat a few values, and preparing them is what takes the time."""
    known: dict[Any, Any] = {}
    column = []
    for row in rows:
        value = getattr(row, field.attname)
        if not isinstance(value, REPEATED):
            column.append(field.get_db_prep_save(value, connection))
            continue
        if value not in known:
            known[value] = field.get_db_prep_save(value, connection)
        column.append(known[value])
    return column
