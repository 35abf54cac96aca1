"""Body fields that several themes share."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from rest_framework import serializers

from crm.models import User
from crm.responsibles import NOT_RESPONSIBLE
from crm.text import meant


class MeantField(serializers.ChoiceField):
    """A value of a closed list in any spelling: "Ya asistió" is YA ASISTIO."""

    def to_internal_value(self, data: Any) -> Any:
        return super().to_internal_value(meant(data, self.choices) or data if isinstance(data, str) else data)


def short(longest: int = 255, **options: Any) -> serializers.CharField:
    """An optional line of text."""
    return serializers.CharField(max_length=longest, required=False, allow_null=True, **options)


def long(**options: Any) -> serializers.CharField:
    """An optional text of any length."""
    return serializers.CharField(required=False, allow_null=True, **options)


def switch(**options: Any) -> serializers.BooleanField:
    """Yes, no or unknown."""
    return serializers.BooleanField(required=False, allow_null=True, **options)


def check_responsible(fields: dict[str, Any], *, now: UUID | None) -> None:
    """Whom a body names as responsible may be it; nobody may, and so may who is (`now`): people leave, and what
    they were responsible for is still corrected."""
    wanted = fields.get("responsible_user_id")
    if wanted and wanted != now and not User.objects.responsible().filter(pk=wanted).exists():
        raise ValidationError({"responsible_user_id": NOT_RESPONSIBLE})
