"""Campaigns and accounts as the client reads them: flat, amounts and counters as JSON numbers."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.base import Answer
from jobs.api.serializers import ActedAnswer, AmountField, MinutesField, TextOrNullField
from jobs.api.standing import STANDINGS, completed_at, standing_of, success_rate
from jobs.choices import AccountStatus, Country, PlanType, TransactionType
from jobs.models import Account, Batch, Transaction
from jobs.money import amount_of, minutes_of

# --- How a campaign calls ---------------------------------------------------------------------


class AllowedHoursAnswer(Answer):
    start = serializers.CharField(help_text="HH:MM")
    end = serializers.CharField(help_text="HH:MM")


class CallSettingsAnswer(Answer):
    """The client's seven keys; what else was set stands beside them."""

    max_call_duration = serializers.IntegerField(help_text="Segundos.")
    ring_timeout = serializers.IntegerField(help_text="Segundos.")
    max_attempts = serializers.IntegerField()
    retry_delay_hours = serializers.FloatField(allow_null=True, help_text="Null: según cómo acabó cada llamada.")
    allowed_hours = AllowedHoursAnswer()
    days_of_week = serializers.ListField(child=serializers.IntegerField(), help_text="1 = lunes; domingo es 0 o 7.")
    timezone = serializers.CharField(allow_blank=True)


def settings_in_force(batch: Batch) -> dict[str, Any]:
    """What was stored, with the usual value of each key that the client knows and nobody set."""
    usual = batch.settings
    delay = usual.retry_delay
    return {
        "max_call_duration": usual.max_call_duration,
        "ring_timeout": usual.ring_timeout,
        "max_attempts": usual.max_attempts,
        "retry_delay_hours": None if delay is None else delay.total_seconds() / 3600,
        "allowed_hours": {"start": f"{usual.opens:%H:%M}", "end": f"{usual.closes:%H:%M}"},
        "days_of_week": sorted(usual.weekdays),
        "timezone": usual.timezone or batch.account.timezone,
        **(batch.call_settings or {}),
    }


# --- Campaigns --------------------------------------------------------------------------------


class CountsAnswer(Answer):
    """Exact at every moment; of everything that was called, also of what was removed since, the cost and minutes."""

    total_jobs = serializers.IntegerField(source="totals.jobs")
    pending_jobs = serializers.IntegerField(source="totals.pending")
    in_progress_jobs = serializers.IntegerField(source="totals.in_progress")
    completed_jobs = serializers.IntegerField(source="totals.completed")
    failed_jobs = serializers.IntegerField(source="totals.failed")
    suspended_jobs = serializers.IntegerField(source="totals.suspended")
    cancelled_jobs = serializers.IntegerField(source="totals.cancelled")
    total_cost = AmountField(source="totals.cost_micros")
    total_minutes = MinutesField(source="totals.seconds")


@extend_schema_field(CallSettingsAnswer)
class CallSettingsField(serializers.Field[Any, Any, Any, Any]):
    def to_representation(self, value: Batch) -> dict[str, Any]:
        return settings_in_force(value)


class BatchStatusAnswer(CountsAnswer):
    """The essentials, for pages that ask again and again."""

    _id = serializers.CharField(source="pk")
    batch_id = serializers.CharField()
    is_active = serializers.BooleanField()
    status = serializers.SerializerMethodField()
    progress_percentage = serializers.SerializerMethodField(help_text="Con nadie más a quien llamar, 100.")
    paused_because = TextOrNullField(help_text="Por qué se puso en pausa sola.")

    @extend_schema_field(serializers.ChoiceField(choices=STANDINGS))
    def get_status(self, batch: Any) -> str:
        return standing_of(batch, batch.totals)

    def get_progress_percentage(self, batch: Any) -> float:
        jobs = batch.totals.jobs
        return round(100 * (jobs - batch.totals.open) / jobs, 1) if jobs else 0.0


class BatchAnswer(BatchStatusAnswer):
    account_id = serializers.CharField(source="account.account_id")
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    priority = serializers.IntegerField(help_text="1 baja, 2 normal, 3 alta, 4 urgente.")
    estimated_cost = serializers.SerializerMethodField()
    call_settings = CallSettingsField(source="*")
    cancellation_reason = TextOrNullField(source="cancel_reason")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.SerializerMethodField()
    updated_at = serializers.DateTimeField()

    def get_estimated_cost(self, batch: Any) -> float:
        return amount_of(batch.totals.jobs * batch.account.expected_micros)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_completed_at(self, batch: Any) -> Any:
        return completed_at(batch, batch.totals)


class CampaignHourAnswer(Answer):
    hour = serializers.DateTimeField()
    calls = serializers.IntegerField()
    reached = serializers.IntegerField()
    minutes = MinutesField(source="seconds")
    cost = AmountField(source="cost_micros")


class BatchSummaryAnswer(BatchAnswer):
    success_rate = serializers.SerializerMethodField(help_text="Por ciento de los terminados.")
    average_call_seconds = serializers.SerializerMethodField(help_text="Por job terminado.")
    hourly_stats = CampaignHourAnswer(many=True, help_text="Las últimas 24 horas con llamadas.")

    def get_success_rate(self, batch: Any) -> float:
        return success_rate(batch.totals)

    def get_average_call_seconds(self, batch: Any) -> float:
        done = batch.totals.completed
        return round(batch.totals.seconds / done, 1) if done else 0.0


class BatchChangedAnswer(ActedAnswer):
    batch_id = serializers.CharField(help_text="Como se envió.")
    updated_fields = serializers.ListField(child=serializers.CharField())


class BatchCancelledAnswer(ActedAnswer):
    batch_id = serializers.CharField(help_text="Como se envió.")
    reason = serializers.CharField(allow_blank=True)


# --- Accounts ---------------------------------------------------------------------------------


class BalanceAnswer(Answer):
    _id = serializers.CharField(source="pk")
    account_id = serializers.CharField()
    plan_type = serializers.ChoiceField(choices=PlanType.choices)
    credit_balance = AmountField(source="credit_micros", help_text="Todo lo comprado; lo usado va aparte.")
    credit_used = AmountField(source="totals.cost_micros")
    credit_available = serializers.SerializerMethodField()
    minutes_purchased = MinutesField(source="seconds_purchased")
    minutes_used = MinutesField(source="totals.seconds")
    minutes_available = serializers.SerializerMethodField()
    cost_per_minute = AmountField(source="micros_per_minute")

    def get_credit_available(self, account: Any) -> float:
        return amount_of(account.credit_micros - account.totals.cost_micros)

    def get_minutes_available(self, account: Any) -> float:
        return minutes_of(account.seconds_purchased - account.totals.seconds)


class AccountSettingsAnswer(Answer):
    timezone = serializers.CharField(allow_blank=True)


class AccountAnswer(BalanceAnswer):
    account_name = serializers.CharField()
    status = serializers.ChoiceField(choices=AccountStatus.choices)
    is_active = serializers.BooleanField()
    suspension_reason = TextOrNullField()
    max_concurrent_calls = serializers.IntegerField()
    daily_call_limit = serializers.IntegerField()
    country = serializers.ChoiceField(choices=Country.choices)
    timezone = serializers.CharField(allow_blank=True)
    contact_name = serializers.CharField(allow_blank=True)
    contact_email = serializers.CharField(allow_blank=True)
    contact_phone = TextOrNullField()
    features = serializers.SerializerMethodField()
    settings = AccountSettingsAnswer(source="*")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(serializers.DictField(child=serializers.JSONField()))
    def get_features(self, account: Account) -> dict[str, Any]:
        return {**account.features, "max_concurrent_calls": account.max_concurrent_calls}


class TransactionAnswer(Answer):
    """What was bought. What calls use stands in `credit_used` and in each campaign."""

    _id = serializers.UUIDField(source="pk")
    transaction_id = serializers.UUIDField(source="pk")
    account_id = serializers.CharField(source="account.account_id")
    type = serializers.ChoiceField(choices=TransactionType.choices)
    amount = serializers.SerializerMethodField(help_text="Créditos, o minutos.")
    cost = AmountField(source="micros", help_text="Lo pagado en créditos; 0 en compras de minutos.")
    description = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()

    def get_amount(self, bought: Transaction) -> float:
        if bought.type == TransactionType.CREDITS:
            return amount_of(bought.micros)
        return minutes_of(bought.seconds)


class ToppedUpAnswer(ActedAnswer):
    transaction_id = serializers.UUIDField()
    amount_added = serializers.FloatField()
    new_balance = serializers.FloatField(help_text="Créditos, o minutos, que quedan.")


class LastCallSettingsAnswer(Answer):
    call_settings = CallSettingsAnswer(allow_null=True)
    from_batch = serializers.CharField(allow_null=True, help_text="Null: todavía no hay ninguna campaña.")
    batch_name = serializers.CharField(allow_null=True)
