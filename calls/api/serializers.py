"""Calls and call types as clients read and write them (crm-client 3.2)."""

from rest_framework import serializers

from calls.choices import CallStatus, Direction
from crm.api.base import Answer, Body, HomeDateTimeField, IdField
from crm.api.subjects import SubjectAnswer, SubjectBody


class CallBody(SubjectBody):
    direction = serializers.ChoiceField(choices=Direction.choices)
    call_status = serializers.ChoiceField(choices=CallStatus.choices)
    started_at = HomeDateTimeField()
    ended_at = HomeDateTimeField(required=False, allow_null=True)
    duration = serializers.IntegerField(required=False, allow_null=True, min_value=0, help_text="Segundos.")
    phone = serializers.CharField(required=False, allow_null=True, max_length=40)
    call_type = serializers.CharField(
        source="call_type_id", required=False, allow_null=True, max_length=50, help_text="Código de un tipo activo."
    )
    call_result = serializers.CharField(required=False, allow_null=True, max_length=255)
    record_url = serializers.URLField(required=False, allow_null=True, max_length=1000)
    responsible_user_id = IdField(required=False, allow_null=True, help_text="Sin él, quien hace la petición.")
    coverage_user_id = IdField(required=False, allow_null=True)
    resumen_llamada = serializers.CharField(required=False, allow_null=True)
    notes = serializers.CharField(source="comments", required=False, allow_null=True)
    proxima_llamada_fecha = HomeDateTimeField(
        required=False, allow_null=True, help_text="Crea la tarea de seguimiento para esa fecha."
    )
    proxima_accion_fecha = HomeDateTimeField(required=False, allow_null=True)

    def validate_duration(self, value: int | None) -> int:
        return value or 0


class CallAnswer(SubjectAnswer):
    direction = serializers.ChoiceField(choices=Direction.choices)
    call_status = serializers.ChoiceField(choices=CallStatus.choices)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    duration = serializers.IntegerField()
    phone = serializers.CharField(allow_null=True)
    call_type = serializers.CharField(source="call_type_id", allow_null=True)
    call_result = serializers.CharField(allow_null=True)
    record_url = serializers.CharField(allow_null=True)
    responsible_user_id = serializers.UUIDField(allow_null=True)
    coverage_user_id = serializers.UUIDField(allow_null=True)
    resumen_llamada = serializers.CharField(allow_null=True)
    notes = serializers.CharField(source="comments", allow_null=True)
    proxima_llamada_fecha = serializers.DateTimeField(allow_null=True)
    proxima_accion_fecha = serializers.DateTimeField(allow_null=True)
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CallTypeBody(Body):
    name = serializers.CharField(max_length=100)
    code = serializers.RegexField(
        r"^[a-z0-9_]+\Z", max_length=50, error_messages={"invalid": "Use solo minúsculas, números y guion bajo."}
    )
    description = serializers.CharField(required=False, allow_null=True)
    is_active = serializers.BooleanField(required=False)
    sort_order = serializers.IntegerField(required=False, min_value=0, max_value=32767)


class CallTypeAnswer(Answer):
    """What forms offer."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    code = serializers.CharField()
    description = serializers.CharField(allow_null=True)


class ManagedCallTypeAnswer(CallTypeAnswer):
    """What administrators manage."""

    is_active = serializers.BooleanField()
    sort_order = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
