"""Notes as clients read and write them (crm-client 3.4). The session's user is the author, whatever a body says."""

from typing import Any

import orjson
from rest_framework import serializers

from crm.api.base import Answer
from crm.api.subjects import SubjectBody
from crm.choices import EntityType, NoteType


class NoteBody(SubjectBody):
    content = serializers.CharField()
    note_type = serializers.ChoiceField(choices=NoteType.choices, required=False, allow_null=True)
    params = serializers.DictField(required=False, allow_null=True)

    def validate_note_type(self, value: str | None) -> str:
        return value or NoteType.COMMENT

    def validate_params(self, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if b"\\u0000" in orjson.dumps(value):
            raise serializers.ValidationError("No se admiten caracteres nulos.")
        return value


class NoteAnswer(Answer):
    id = serializers.UUIDField()
    note_type = serializers.ChoiceField(choices=NoteType.choices)
    content = serializers.CharField()
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    entity_type = serializers.ChoiceField(choices=EntityType.choices)
    entity_id = serializers.UUIDField()
    params = serializers.JSONField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
