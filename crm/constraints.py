"""Database rules in one line each, so that every closed list is closed in the database too."""

import re
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.db import IntegrityError, models
from django.db.models import Q


def is_one_of(field: str, choices: type[models.Choices], name: str, *, message: str = "") -> models.CheckConstraint:
    """`field` holds a value of `choices` (or null, where the column allows it)."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__in": choices.values}),
        name=name,
        violation_error_message=message or "El valor no está entre los permitidos.",
    )


def exactly_one_of(*fields: str, name: str, message: str) -> models.CheckConstraint:
    """Exactly one of the nullable `fields` is set."""
    condition = Q()
    for chosen in fields:
        others: dict[str, Any] = {f"{other}__isnull": other != chosen for other in fields}
        condition |= Q(**others)
    return models.CheckConstraint(condition=condition, name=name, violation_error_message=message)


def message_of_violation(error: IntegrityError) -> str:
    """The Spanish sentence of the constraint that refused, or a general one.

    PostgreSQL tells the constraint's name in the error's diagnostics. SQLite tells the names of checks
    and of indexes on expressions; of other unique ones it tells the columns.
    """
    name, table, columns = _what_refused(error)
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            is_it = name == constraint.name or (
                table == model._meta.db_table
                and isinstance(constraint, models.UniqueConstraint)
                and columns == _columns_of(model, constraint.fields)
            )
            if is_it:
                return str(constraint.get_violation_error_message())
        if table == model._meta.db_table and len(columns) == 1:
            for field in model._meta.concrete_fields:
                if field.unique and columns == {field.column}:
                    return str(model().unique_error_message(model, (field.name,)).messages[0])
    return "El dato choca con otro que ya existe o del que depende."


_COLUMNS_IN_POSTGRESQL = re.compile(r"^Key \(([^)]*)\)=")
_COLUMNS_IN_SQLITE = re.compile(r"^UNIQUE constraint failed: (\w+)\.")
_NAME_IN_SQLITE = re.compile(r"constraint failed: (?:index ')?(\w+)'?$")


def _what_refused(error: IntegrityError) -> tuple[str, str, set[str]]:
    """Name, table and columns, as far as the database tells them."""
    diagnostics = getattr(error.__cause__, "diag", None)
    if diagnostics is not None:
        detail = _COLUMNS_IN_POSTGRESQL.match(diagnostics.message_detail or "")
        columns = {column.strip() for column in detail[1].split(",")} if detail else set()
        return diagnostics.constraint_name or "", diagnostics.table_name or "", columns
    text = str(error)
    if found := _COLUMNS_IN_SQLITE.match(text):
        return "", found[1], set(re.findall(r"\.(\w+)", text))
    named = _NAME_IN_SQLITE.search(text)
    return named[1] if named else "", "", set()


def _columns_of(model: type[models.Model], names: Sequence[str]) -> set[str]:
    return {str(getattr(model._meta.get_field(name), "column", "")) for name in names} if names else {""}
