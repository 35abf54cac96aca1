"""Who may be made responsible: active users with role agent, lawyer or admin (contract section 1)."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError

if TYPE_CHECKING:
    from crm.models import User

# Today's client recognises this refusal by the English word.
NOT_RESPONSIBLE = "El responsable (responsible user) debe ser un usuario activo con rol agent, lawyer o admin."
NOT_COVERING = "Quien cubre debe ser un usuario activo con rol agent, lawyer o admin."


def with_people_checked(instance: Any, values: dict[str, Any], *, by: "User") -> dict[str, Any]:
    """`values` for a call or task, whose `responsible_user_id` and `coverage_user_id` have been looked at.

    Nobody named means who is responsible already, else `by`. Who is stored already needs no new check:
    people leave, and what they were responsible for is still corrected.
    """
    values = dict(values)
    if "responsible_user_id" in values:
        now = instance.responsible_user_id
        values["responsible_user_id"] = wanted = values["responsible_user_id"] or now or by.pk
        if wanted not in (now, by.pk):
            _check("responsible_user_id", wanted, NOT_RESPONSIBLE)
    covering = values.get("coverage_user_id")
    if covering and covering != instance.coverage_user_id:
        _check("coverage_user_id", covering, NOT_COVERING)
    return values


def _check(field: str, user_id: UUID, refusal: str) -> None:
    from crm.models import User

    if not User.objects.responsible().filter(pk=user_id).exists():
        raise ValidationError({field: refusal})
