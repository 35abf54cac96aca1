"""Database rules in one line each, so that every closed list is closed in the database too."""

from typing import Any

from django.apps import apps
from django.db import IntegrityError, models
from django.db.models import Q


def is_one_of(
    field: str, choices: type[models.Choices], name: str, *, message: str = ""
) -> models.CheckConstraint:
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

    PostgreSQL tells the constraint's name in the error's diagnostics, SQLite in its text.
    """
    diagnostics = getattr(error.__cause__, "diag", None)
    told = getattr(diagnostics, "constraint_name", None) or str(error)
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if constraint.name and constraint.name in told:
                return str(constraint.get_violation_error_message())
    return "El dato choca con otro que ya existe o del que depende."
