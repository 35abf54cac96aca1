"""Jobs and calls as the client reads them (contracts/campaign-client.md 1.3): numbers, flat, never null where it
looks inside."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.base import Answer
from jobs.choices import JobStatus, Outcome
from jobs.models import CallAttempt, Job
from jobs.money import amount_of, minutes_of
from jobs.outcomes import CONSEQUENCES

# What the client calls the end of a call; whatever is not here was an error.
_ENDED = frozenset({Outcome.VOICEMAIL, Outcome.STOPPED, *(o for o, row in CONSEQUENCES.items() if row.is_reached)})
_NOT_CONNECTED = frozenset({Outcome.NO_ANSWER, Outcome.BUSY, Outcome.BAD_NUMBER, Outcome.NOT_PLACED})

# --- Fields -----------------------------------------------------------------------------------


@extend_schema_field({"type": "number", "format": "double"})
class AmountField(serializers.Field[Any, Any, Any, Any]):
    """Millionths of the account's unit as a JSON number."""

    def to_representation(self, value: int) -> float:
        return amount_of(value)


@extend_schema_field({"type": "number", "format": "double"})
class MinutesField(serializers.Field[Any, Any, Any, Any]):
    """Seconds as minutes."""

    def to_representation(self, value: int) -> float:
        return minutes_of(value)


@extend_schema_field({"type": "string"})
class TextOrNullField(serializers.Field[Any, Any, Any, Any]):
    """Null where there is nothing: an empty address would be loaded by the client's player."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True, **kwargs})

    def to_representation(self, value: str) -> str | None:
        return value or None


# --- What became of the last call -------------------------------------------------------------


class CallCostAnswer(Answer):
    total_duration_seconds = serializers.IntegerField(source="seconds")
    combined_cost = AmountField(source="cost_micros", help_text="En la unidad de la cuenta, no en centavos.")


class CallAnalysisAnswer(Answer):
    call_summary = serializers.CharField(source="summary", allow_blank=True)
    user_sentiment = serializers.CharField(source="sentiment", allow_blank=True)
    call_successful = serializers.BooleanField(source="successful", allow_null=True)


class CallSummaryAnswer(Answer):
    call_status = serializers.SerializerMethodField()
    disconnection_reason = serializers.SerializerMethodField()
    duration_ms = serializers.SerializerMethodField()
    call_cost = CallCostAnswer(source="*")
    call_analysis = CallAnalysisAnswer(source="*")
    recording_url = TextOrNullField()
    public_log_url = TextOrNullField(source="log_url")
    collected_dynamic_variables = serializers.DictField(source="collected", child=serializers.CharField())

    @extend_schema_field(serializers.ChoiceField(choices=["ended", "not_connected", "error"]))
    def get_call_status(self, attempt: CallAttempt) -> str:
        return call_status(attempt)

    def get_disconnection_reason(self, attempt: CallAttempt) -> str:
        return attempt.reason or attempt.outcome

    def get_duration_ms(self, attempt: CallAttempt) -> int:
        return attempt.seconds * 1000


class CallResultAnswer(Answer):
    success = serializers.SerializerMethodField(help_text="Hubo una persona al teléfono; un buzón de voz no lo es.")
    status = serializers.SerializerMethodField()
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    outcome_title = serializers.CharField(source="get_outcome_display")
    summary = CallSummaryAnswer(source="*")

    def get_success(self, attempt: CallAttempt) -> bool:
        return was_reached(attempt)

    @extend_schema_field(serializers.ChoiceField(choices=["ended", "not_connected", "error"]))
    def get_status(self, attempt: CallAttempt) -> str:
        return call_status(attempt)


class WholeCallSummaryAnswer(CallSummaryAnswer):
    transcript = serializers.CharField(allow_blank=True)


class WholeCallResultAnswer(CallResultAnswer):
    summary = WholeCallSummaryAnswer(source="*")


def was_reached(attempt: CallAttempt) -> bool:
    return bool(attempt.outcome) and CONSEQUENCES[Outcome(attempt.outcome)].is_reached


def call_status(attempt: CallAttempt) -> str:
    if attempt.outcome in _ENDED:
        return "ended"
    return "not_connected" if attempt.outcome in _NOT_CONNECTED else "error"


# --- Jobs -------------------------------------------------------------------------------------


class JobContactAnswer(Answer):
    """Never null: the client's page has no way to show a job without one."""

    name = serializers.CharField(allow_blank=True)
    dni = serializers.CharField(source="document", allow_blank=True)
    phones = serializers.SerializerMethodField()
    next_phone_index = serializers.IntegerField()

    def get_phones(self, job: Job) -> list[str]:
        return job.phones or []


class JobAnswer(Answer):
    """A job with what its row in a list shows; `jobs/api/reading.py` says what it needs beside it."""

    _id = serializers.CharField(source="pk")
    job_id = serializers.CharField()
    account_id = serializers.CharField(source="batch.account.account_id")
    batch_id = serializers.CharField(source="batch.batch_id")
    status = serializers.ChoiceField(choices=JobStatus.choices)
    mode = serializers.SerializerMethodField()
    attempts = serializers.IntegerField()
    max_attempts = serializers.IntegerField()
    estimated_cost = AmountField(source="batch.account.expected_micros")
    contact = JobContactAnswer(source="*")
    contact_id = serializers.UUIDField(allow_null=True, help_text="El contacto del CRM, cuando se sabe quién es.")
    to_number = serializers.SerializerMethodField(help_text="El último teléfono marcado; sin llamadas, el siguiente.")
    monto_total = serializers.SerializerMethodField()
    payload = serializers.DictField(child=serializers.JSONField())
    is_calling = serializers.BooleanField(source="is_live")
    next_try_at = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    call_id = TextOrNullField(source="last_attempt.provider_ref")
    call_started_at = serializers.SerializerMethodField()
    call_ended_at = serializers.DateTimeField(source="last_attempt.ended_at", allow_null=True)
    call_duration_seconds = serializers.IntegerField(source="ended_call.seconds", allow_null=True)
    fecha_pago_cliente = serializers.DateField(source="ended_call.promised_on", allow_null=True)
    monto_pago_cliente = AmountField(source="ended_call.promised_micros", allow_null=True)
    cancellation_reason = serializers.SerializerMethodField()
    last_error = TextOrNullField()
    call_result = CallResultAnswer(source="ended_call", allow_null=True)

    def get_mode(self, job: Job) -> str:
        return "single"

    def get_to_number(self, job: Job) -> str | None:
        return job.last_attempt.number if job.last_attempt else job.next_phone

    @extend_schema_field({"type": "number", "nullable": True})
    def get_monto_total(self, job: Job) -> float | None:
        return debt_in(job.payload)

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_try_at(self, job: Job) -> Any:
        return job.next_try_at if job.status == JobStatus.PENDING else None

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_call_started_at(self, job: Job) -> Any:
        call = job.last_attempt
        return (call.answered_at or call.placed_at) if call else None

    def get_cancellation_reason(self, job: Job) -> str | None:
        return (job.last_error or job.batch.cancel_reason or None) if job.status == JobStatus.CANCELLED else None


class OneJobAnswer(JobAnswer):
    call_result = WholeCallResultAnswer(source="ended_call", allow_null=True)


def debt_in(payload: dict[str, Any]) -> float | None:
    """What somebody owes, as a number, under any of the names that the client looks for."""
    for name in ("debt_amount", "deuda", "monto_total"):
        value = payload.get(name)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                continue
        if isinstance(value, int | float) and value:
            return value
    return None


# --- What happened to jobs --------------------------------------------------------------------


class ActedAnswer(Answer):
    success = serializers.BooleanField()
    message = serializers.CharField()


class RetriedAnswer(ActedAnswer):
    job_id = serializers.CharField()
    status = serializers.ChoiceField(choices=JobStatus.choices)


class WhyAnswer(Answer):
    reason = serializers.CharField(help_text="En una frase.")
    code = serializers.CharField()
    next_try_at = serializers.DateTimeField(allow_null=True, help_text="Null: no se sabe, o no se volverá a llamar.")


class JobErrorAnswer(Answer):
    job_id = serializers.CharField()
    error = serializers.CharField()
    code = serializers.CharField()


class BulkDeletedAnswer(Answer):
    success = serializers.BooleanField(help_text="Se eliminó alguno.")
    deleted_count = serializers.IntegerField()
    failed_count = serializers.IntegerField()
    errors = JobErrorAnswer(many=True)  # type: ignore[assignment]  # an answer has no errors of its own


# --- Calls ------------------------------------------------------------------------------------


class CampaignCallAnswer(Answer):
    """One dial, also of a job that is gone."""

    _id = serializers.UUIDField(source="pk")
    call_id = TextOrNullField(source="provider_ref", help_text="La referencia del proveedor.")
    job_id = serializers.CharField(source="readable_job_id", allow_null=True)
    job_name = serializers.CharField(source="person", allow_null=True, help_text="Null si el job se eliminó.")
    batch_id = serializers.CharField(source="batch.batch_id")
    batch_name = serializers.CharField(source="batch.name")
    account_id = serializers.CharField(source="account.account_id")
    to_number = serializers.CharField(source="number")
    attempt = serializers.IntegerField(source="position")
    status = serializers.SerializerMethodField()
    outcome = TextOrNullField()
    outcome_title = TextOrNullField(source="get_outcome_display")
    success = serializers.SerializerMethodField()
    duration_seconds = serializers.IntegerField(source="seconds")
    cost = AmountField(source="cost_micros")
    started_at = serializers.DateTimeField(source="placed_at", allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    disconnection_reason = TextOrNullField(source="reason")
    summary = serializers.CharField(allow_blank=True)
    user_sentiment = TextOrNullField(source="sentiment")
    recording_url = TextOrNullField()
    crm_call_id = serializers.UUIDField(source="call_id", allow_null=True, help_text="La llamada en el CRM.")

    @extend_schema_field(serializers.ChoiceField(choices=["in_progress", "completed", "failed"]))
    def get_status(self, attempt: CallAttempt) -> str:
        if attempt.is_live:
            return "in_progress"
        return "completed" if was_reached(attempt) else "failed"

    def get_success(self, attempt: CallAttempt) -> bool:
        return was_reached(attempt)
