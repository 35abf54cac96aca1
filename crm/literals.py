"""Constants that stand in the statement itself, for indexes that cover only some rows.

A plan that PostgreSQL keeps for a prepared statement knows no parameters, and so cannot tell that a partial index has
the rows: the warning of every page read the whole table (90 ms of 400,000 rows, against less than one).
"""

from typing import Any

from django.db import models
from django.db.models import Value

# What may stand there unquoted by a driver: a value of a closed list of ours, or nothing at all.
Constant = models.TextChoices | str


class Literal(Value):
    """`filter(state=Literal(State.WAITING))`; `exclude(about=Literal(""))`."""

    def __init__(self, value: Constant) -> None:
        if not isinstance(value, models.TextChoices) and value != "":
            raise TypeError("Only members of a closed list, and the empty text, are written into a statement.")
        super().__init__(str(value))

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[str | int, ...]]:
        return "'" + self.value.replace("'", "''") + "'", ()
