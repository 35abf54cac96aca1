"""Tasks as clients read and write them (crm-client 3.3)."""

from typing import Any

from rest_framework import serializers

from crm.api.base import Body, HomeDateTimeField, IdField
from crm.api.subjects import SubjectAnswer, SubjectBody
from crm.choices import TaskType


class TaskBody(SubjectBody):
    text = serializers.CharField()
    task_type = serializers.ChoiceField(choices=TaskType.choices, required=False, allow_null=True)
    responsible_user_id = IdField(required=False, allow_null=True, help_text="Sin él, quien hace la petición.")
    coverage_user_id = IdField(required=False, allow_null=True)
    complete_till = HomeDateTimeField(required=False, allow_null=True)
    due_date = HomeDateTimeField(required=False, allow_null=True, help_text="Nombre antiguo de `complete_till`.")
    is_completed = serializers.BooleanField(required=False)
    result_text = serializers.CharField(required=False, allow_null=True)
    task_template_id = IdField(required=False, allow_null=True)

    def validate_task_type(self, value: str | None) -> str:
        return value or TaskType.CALL

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "due_date" in attrs:
            attrs.setdefault("complete_till", attrs.pop("due_date"))
        attrs.pop("due_date", None)
        return attrs


class CompletionBody(Body):
    result_text = serializers.CharField(required=False, allow_null=True)


class TaskAnswer(SubjectAnswer):
    text = serializers.CharField()
    task_type = serializers.ChoiceField(choices=TaskType.choices)
    responsible_user_id = serializers.UUIDField(allow_null=True)
    coverage_user_id = serializers.UUIDField(allow_null=True)
    complete_till = serializers.DateTimeField(allow_null=True)
    is_completed = serializers.BooleanField()
    completed_at = serializers.DateTimeField(allow_null=True)
    result_text = serializers.CharField(allow_null=True)
    task_template_id = serializers.UUIDField(allow_null=True)
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
