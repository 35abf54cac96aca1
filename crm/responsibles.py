"""Who may be made responsible: active users with role agent, lawyer or admin (contract section 1)."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Exists

if TYPE_CHECKING:
    from crm.models import User

# Today's client recognises this refusal by the English word.
NOT_RESPONSIBLE = "El responsable (responsible user) debe ser un usuario activo con rol agent, lawyer o admin."
NOT_COVERING = "Quien cubre debe ser un usuario activo con rol agent, lawyer o admin."

# What must be there, and what is said when it is not, by the field that refers to it.
Conditions = dict[str, tuple[Exists, str]]


def with_people_checked(
    instance: Any, values: dict[str, Any], *, by: "User", others: Conditions | None = None
) -> dict[str, Any]:
    """`values` for a call or task, once `responsible_user_id`, `coverage_user_id` and `others` have been looked at.

    Nobody named means who is responsible already, else `by`. Who is stored already needs no new check:
    people leave, and what they were responsible for is still corrected. One query for all there is to
    check; none when there is nothing.
    """
    values, conditions = dict(values), dict(others or {})
    if "responsible_user_id" in values:
        now = instance.responsible_user_id
        values["responsible_user_id"] = wanted = values["responsible_user_id"] or now or by.pk
        if wanted not in (now, by.pk):
            conditions["responsible_user_id"] = (_may_be_responsible(wanted), NOT_RESPONSIBLE)
    covering = values.get("coverage_user_id")
    if covering and covering != instance.coverage_user_id:
        conditions["coverage_user_id"] = (_may_be_responsible(covering), NOT_COVERING)
    if conditions:
        _check(conditions, by)
    return values


def _may_be_responsible(user_id: UUID) -> Exists:
    from crm.models import User

    return Exists(User.objects.responsible().filter(pk=user_id))


def _check(conditions: Conditions, by: "User") -> None:
    from crm.models import User

    # Any row serves to put the answers beside; that of `by` is sure to be there.
    questions = {f"has_{field}": condition for field, (condition, _) in conditions.items()}
    answers = User.objects.filter(pk=by.pk).values(**questions).get()
    refused = {field: sentence for field, (_, sentence) in conditions.items() if not answers[f"has_{field}"]}
    if refused:
        raise ValidationError(refused)
