"""What the client sends. `null` and what is left out are the same here: not given (campaign-client 2)."""

from typing import Any
from zoneinfo import available_timezones

from django.core.validators import EmailValidator
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.base import INVALID_EMAIL, Body
from jobs.choices import AccountStatus, Country, PlanType, Priority
from jobs.money import micros_of

MOST_CREDITS = 10**9
MOST_CALLS_AT_ONCE = 1_000
MOST_REMOVED = 1_000
MOST_FEATURES = 50
LONGEST_FEATURE = 100


class GivenBody(Body):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if not self._is_left_out(name, value)}
        return super().to_internal_value(data)

    def _is_left_out(self, name: str, value: Any) -> bool:
        return value is None or (value == "" and self._means_null(name))


class AmountField(serializers.FloatField):
    """A number that is bought or charged: `true` is none, nor is what only Python reads as one ("1_000")."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or (isinstance(data, str) and "_" in data):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field({"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_REMOVED})
class JobIdsField(serializers.Field[Any, Any, Any, Any]):
    """A list of whatever: what is wrong with one item is told of that item."""

    default_error_messages = {"not_a_list": "Debe ser una lista."}

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        return list(data)


class BulkDeleteBody(Body):
    job_ids = JobIdsField(help_text="Hasta 1000; `_id` o `job_id`.")


@extend_schema_field({"type": "object", "additionalProperties": {}, "nullable": True})
class CallSettingsBodyField(serializers.JSONField):
    """Any JSON: `jobs/call_settings.py` says what is wrong with it."""


class BatchBody(GivenBody):
    """What is left out stays; `call_settings` is replaced whole."""

    is_active = serializers.BooleanField(required=False, help_text="false pone en pausa, true reanuda.")
    name = serializers.CharField(max_length=200, required=False)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    call_settings = CallSettingsBodyField(required=False)


class NewBatchBody(GivenBody):
    account_id = serializers.CharField(
        max_length=100, help_text="Cualquiera de sus dos ids; `default-account-id`: la cuenta activa más antigua."
    )
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, required=False, allow_blank=True)
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)
    call_settings = CallSettingsBodyField(required=False)
    allow_duplicates = serializers.BooleanField(required=False, help_text="Solo cuenta al cargar un archivo.")


class CancelBody(GivenBody):
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class ZoneField(serializers.CharField):
    def to_internal_value(self, data: Any) -> str:
        zone = super().to_internal_value(data)
        if zone and zone not in available_timezones():
            raise serializers.ValidationError("No es una zona horaria conocida.")
        return zone


class AccountSettingsBody(GivenBody):
    timezone = ZoneField(required=False, allow_blank=True)


@extend_schema_field(
    {
        "type": "object",
        "properties": {"max_concurrent_calls": {"type": "integer", "minimum": 1, "maximum": MOST_CALLS_AT_ONCE}},
        "additionalProperties": {},
    }
)
class FeaturesField(serializers.JSONField):
    """An object of switches; one of its keys is a limit that the account has a column for."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Debe ser un objeto JSON.")
        if len(data) > MOST_FEATURES or not all(_is_short(name) and _is_short(value) for name, value in data.items()):
            raise serializers.ValidationError(f"Admite hasta {MOST_FEATURES} valores simples, con nombre corto.")
        return dict(data)


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_FEATURE and "\0" not in value
    return value is None or isinstance(value, bool | int | float)


class AccountBody(GivenBody):
    """What is left out stays. A limit on calls is understood at the top and, as the client sends it, in `features`."""

    account_name = serializers.CharField(max_length=200, required=False)
    is_active = serializers.BooleanField(required=False, help_text="Lo mismo que `status`.")
    status = serializers.ChoiceField(choices=AccountStatus.choices, required=False)
    suspension_reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
    contact_name = serializers.CharField(max_length=200, required=False, allow_blank=True)
    contact_email = serializers.CharField(
        max_length=254, required=False, allow_blank=True, validators=[EmailValidator(INVALID_EMAIL)]
    )
    contact_phone = serializers.CharField(max_length=40, required=False, allow_blank=True)
    country = serializers.ChoiceField(choices=Country.choices, required=False)
    timezone = ZoneField(required=False, allow_blank=True)
    max_concurrent_calls = serializers.IntegerField(min_value=1, max_value=MOST_CALLS_AT_ONCE, required=False)
    daily_call_limit = serializers.IntegerField(min_value=0, max_value=10_000_000, required=False)
    cost_per_minute = AmountField(min_value=0, max_value=1_000, required=False)
    features = FeaturesField(required=False)
    settings = AccountSettingsBody(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        nested = attrs.get("features", {}).pop("max_concurrent_calls", None)
        if nested is not None and "max_concurrent_calls" not in attrs:
            attrs["max_concurrent_calls"] = _calls_at_once(nested)
        zone = attrs.pop("settings", {}).get("timezone")
        if zone and "timezone" not in attrs:
            attrs["timezone"] = zone
        return attrs


class NewAccountBody(AccountBody):
    account_name = serializers.CharField(max_length=200)
    plan_type = serializers.ChoiceField(choices=PlanType.choices, required=False)
    initial_credits = AmountField(min_value=0, max_value=MOST_CREDITS, required=False)
    initial_minutes = AmountField(min_value=0, max_value=MOST_CREDITS, required=False)


def _calls_at_once(nested: Any) -> int:
    is_whole = isinstance(nested, int) and not isinstance(nested, bool)
    if not is_whole or not 1 <= nested <= MOST_CALLS_AT_ONCE:
        sentence = f"max_concurrent_calls debe ser un entero de 1 a {MOST_CALLS_AT_ONCE}."
        raise serializers.ValidationError({"features": sentence})
    return int(nested)


class TopUpBody(GivenBody):
    credits = AmountField(min_value=0, max_value=MOST_CREDITS, required=False)
    minutes = AmountField(min_value=0, max_value=MOST_CREDITS, required=False)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        # As they are kept: of less than a millionth or half a second nothing would be bought.
        micros, seconds = micros_of(attrs.get("credits", 0)), round(attrs.get("minutes", 0) * 60)
        if bool(micros) == bool(seconds):
            raise serializers.ValidationError("Diga cuántos créditos o cuántos minutos, uno de los dos, más que cero.")
        return attrs


class SuspendBody(GivenBody):
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
    suspension_reason = serializers.CharField(max_length=300, required=False, allow_blank=True)
