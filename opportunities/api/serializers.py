"""What the API of opportunities answers and reads."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.base import Answer, Body, HomeDateTimeField
from crm.choices import Grading
from opportunities.choices import (
    MOST_ATTEMPTS,
    AssignmentKind,
    AttemptStatus,
    OpportunityStatus,
    PipelineStage,
    Priority,
)
from opportunities.models import Opportunity

PRIORITY_WORDS = {priority.value: priority.name.lower() for priority in Priority}
PRIORITIES = {word: Priority(value) for value, word in PRIORITY_WORDS.items()}
LONGEST_NOTES = 10_000

# --- Answers ----------------------------------------------------------------------------------


class PersonAnswer(Answer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.EmailField()


class OpportunityContactAnswer(Answer):
    """The contact as far as lists and cards of opportunities show it; its own endpoint has the rest."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    first_name = serializers.CharField(allow_null=True)
    last_name = serializers.CharField(allow_null=True)
    email = serializers.EmailField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    mobile = serializers.CharField(allow_null=True)
    city = serializers.CharField(allow_null=True)
    state = serializers.CharField(allow_null=True)
    country = serializers.CharField(allow_null=True)
    nacionalidad = serializers.CharField(allow_null=True)
    company = serializers.CharField(allow_null=True)
    grading_llamada = serializers.ChoiceField(choices=Grading.choices, allow_null=True)
    grading_situacion = serializers.ChoiceField(choices=Grading.choices, allow_null=True)
    responsible_user_id = serializers.UUIDField(allow_null=True)
    initial_contact_completed = serializers.BooleanField()
    ultima_llamada_fecha = serializers.DateTimeField(allow_null=True)
    proxima_llamada_fecha = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PipelineStageAnswer(Answer):
    """Derived: an opportunity has exactly one stage, in the pipeline that the clients call `leads`."""

    id = serializers.UUIDField(source="pipeline_stage_id")
    entity_id = serializers.UUIDField(source="pk")
    entity_type = serializers.SerializerMethodField()
    current_stage = serializers.ChoiceField(choices=PipelineStage.choices)
    is_active = serializers.SerializerMethodField()

    def get_entity_type(self, opportunity: Opportunity) -> str:
        return "leads"

    def get_is_active(self, opportunity: Opportunity) -> bool:
        return True


class AttemptAnswer(Answer):
    status = serializers.ChoiceField(choices=AttemptStatus.choices)
    call_id = serializers.UUIDField(allow_null=True)
    attempted_at = serializers.DateTimeField()
    notes = serializers.CharField(allow_blank=True)


@extend_schema_field(serializers.DictField(child=AttemptAnswer(), help_text="Por número de intento, de 1 a 5."))
class AttemptsField(serializers.JSONField):
    """Stored as they are answered."""


@extend_schema_field({"oneOf": [{"type": "object", "additionalProperties": {}}, {"type": "string"}]})
class TextOrObjectField(serializers.JSONField):
    """Why an opportunity was detected: a sentence or an object, never null, which the clients cannot read."""

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        return (True, {}) if data is None else super().validate_empty_values(data)

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | dict):
            raise serializers.ValidationError("Debe ser un texto o un objeto JSON.")
        return data


class OpportunityAnswer(Answer):
    id = serializers.UUIDField()
    contact_id = serializers.UUIDField()
    contact = OpportunityContactAnswer()
    detected_at = serializers.DateTimeField()
    opportunity_score = serializers.IntegerField(min_value=0, max_value=100)
    priority = serializers.SerializerMethodField()
    status = serializers.ChoiceField(choices=OpportunityStatus.choices)
    detection_reason = serializers.SerializerMethodField()
    assigned_to_id = serializers.UUIDField(allow_null=True)
    assigned_to = PersonAnswer(allow_null=True)
    pipeline_stage_id = serializers.UUIDField()
    pipeline_stage = PipelineStageAnswer(source="*")
    first_call_attempts = AttemptsField()
    first_call_completed = serializers.BooleanField()
    first_call_successful_attempt = serializers.IntegerField(allow_null=True, min_value=1, max_value=MOST_ATTEMPTS)
    last_contact_attempt_at = serializers.DateTimeField(allow_null=True)
    notes = serializers.CharField(allow_null=True)
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(choices=list(PRIORITIES)))
    def get_priority(self, opportunity: Opportunity) -> str:
        return PRIORITY_WORDS[opportunity.priority]

    @extend_schema_field(TextOrObjectField())
    def get_detection_reason(self, opportunity: Opportunity) -> str | dict[str, Any]:
        return {} if opportunity.detection_reason is None else opportunity.detection_reason


# What the database is asked for: half of the columns of the three tables.
ANSWERED_COLUMNS = [
    *(field.attname for field in Opportunity._meta.concrete_fields),
    *(f"contact__{name}" for name in OpportunityContactAnswer._declared_fields),
    *(f"assigned_to__{name}" for name in ("first_name", "last_name", "email")),
]


class AssignmentAnswer(Answer):
    """A line of the ledger. The people are null where they no longer exist; their ids stay."""

    id = serializers.SerializerMethodField()
    opportunity_id = serializers.UUIDField()
    from_user_id = serializers.UUIDField(allow_null=True)
    from_user = PersonAnswer(allow_null=True)
    to_user_id = serializers.UUIDField(allow_null=True)
    to_user = PersonAnswer(allow_null=True)
    by_user_id = serializers.UUIDField(allow_null=True)
    by_user = PersonAnswer(allow_null=True)
    from_status = serializers.ChoiceField(choices=OpportunityStatus.choices)
    to_status = serializers.ChoiceField(choices=OpportunityStatus.choices)
    kind = serializers.ChoiceField(choices=AssignmentKind.choices)
    bulk_id = serializers.UUIDField(allow_null=True)
    notes = serializers.CharField(allow_blank=True)
    reverts_id = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    def get_id(self, line: Any) -> str:
        return str(line.pk)

    def get_reverts_id(self, line: Any) -> str | None:
        return None if line.reverts_id is None else str(line.reverts_id)


class HandedAnswer(Answer):
    id = serializers.UUIDField()
    assigned_to_id = serializers.UUIDField(allow_null=True)
    status = serializers.ChoiceField(choices=OpportunityStatus.choices)
    updated_at = serializers.DateTimeField()


class ItemErrorAnswer(Answer):
    opportunity_id = serializers.CharField()
    error = serializers.CharField()
    code = serializers.CharField()


class BulkAnswer(Answer):
    success = serializers.BooleanField()
    failed_count = serializers.IntegerField()
    opportunities = HandedAnswer(many=True)
    errors = ItemErrorAnswer(many=True)  # type: ignore[assignment]  # an answer has no errors of its own
    bulk_id = serializers.UUIDField(allow_null=True, help_text="Con él se deshace; null si no se hizo nada.")


class BulkAssignAnswer(BulkAnswer):
    assigned_count = serializers.IntegerField()


class BulkUnassignAnswer(BulkAnswer):
    unassigned_count = serializers.IntegerField()


class UndoAnswer(BulkAnswer):
    restored_count = serializers.IntegerField()
    undone_bulk_id = serializers.UUIDField()


class AssignRandomAnswer(Answer):
    success = serializers.BooleanField()
    assigned_count = serializers.IntegerField()
    available_count = serializers.IntegerField(help_text="Sin asignar y abiertas, antes de asignar.")
    requested_count = serializers.IntegerField()
    opportunity_ids = serializers.ListField(child=serializers.UUIDField())
    assigned_to_id = serializers.UUIDField()
    assigned_to_name = serializers.CharField()
    assigned_at = serializers.DateTimeField(allow_null=True)
    bulk_id = serializers.UUIDField(allow_null=True)
    warning = serializers.CharField(required=False, help_text="Solo si se asignaron menos de las pedidas.")


# --- Bodies -----------------------------------------------------------------------------------


class PriorityField(serializers.ChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=list(PRIORITIES), **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return PRIORITIES[super().to_internal_value(data)]


@extend_schema_field({"type": "string", "format": "uuid", "nullable": True})
class SentIdField(serializers.Field[Any, Any, Any, Any]):
    """An id as it was sent: what is no id is as unknown as an id nobody has, and answered the same."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class NotesField(serializers.CharField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"required": False, "allow_null": True, "max_length": LONGEST_NOTES, **kwargs}
        super().__init__(trim_whitespace=False, **kwargs)


class OpportunityBody(Body):
    """What may be changed; whatever is left out stays."""

    status = serializers.ChoiceField(choices=OpportunityStatus.choices, required=False)
    priority = PriorityField(required=False)
    opportunity_score = serializers.IntegerField(min_value=0, max_value=100, required=False)
    detection_reason = TextOrObjectField(required=False, allow_null=True)
    detected_at = HomeDateTimeField(required=False)
    assigned_to_id = SentIdField(required=False, allow_null=True)
    notes = NotesField()


class NewOpportunityBody(OpportunityBody):
    contact_id = serializers.UUIDField()


class AssignBody(Body):
    assigned_to_id = SentIdField(allow_null=True, help_text='Un usuario; null o "" la deja sin asignar.')
    notes = NotesField()


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 1})
class AnyListField(serializers.Field[Any, Any, Any, Any]):
    """A list of whatever: what is wrong with one item is told of that item."""

    default_error_messages = {"not_a_list": "Debe ser una lista."}

    def to_internal_value(self, data: Any) -> list[Any]:
        if not isinstance(data, list):
            self.fail("not_a_list")
        return list(data)


class ManyBody(Body):
    opportunity_ids = AnyListField()
    notes = NotesField()
    atomic = serializers.BooleanField(required=False, allow_null=True)


class BulkAssignBody(ManyBody):
    assigned_to_id = SentIdField(required=False, allow_null=True)
    update_status = serializers.BooleanField(required=False, allow_null=True)
    status = serializers.ChoiceField(choices=OpportunityStatus.choices, required=False, allow_null=True)


class AssignRandomBody(Body):
    assigned_to_id = SentIdField(required=False, allow_null=True)
    count = serializers.IntegerField(min_value=1, max_value=100, required=False, allow_null=True)


class AttemptBody(Body):
    attempt_number = serializers.IntegerField(min_value=1, max_value=MOST_ATTEMPTS)
    status = serializers.ChoiceField(
        choices=[choice for choice in AttemptStatus.choices if choice[0] != AttemptStatus.PENDING]
    )
    call_id = serializers.UUIDField(required=False, allow_null=True)
    notes = NotesField()
