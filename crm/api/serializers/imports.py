"""Imports as clients start and watch them (docs/imports.md)."""

from typing import Any

import orjson
from django.core.exceptions import ValidationError
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from crm.api.base import Answer, Body, IdField
from crm.choices import ImportKind, ImportState, RowOutcome
from crm.importing.columns import FIELDS
from crm.models import ImportRun

MERGE, REPORT = "merge", "report"
DUPLICATES = [(MERGE, "Completar lo que falta"), (REPORT, "Solo informar")]


class PreviewBody(Body):
    file = serializers.FileField(
        help_text="CSV, XLSX, ODS o XLS.",
        error_messages={
            "required": "Adjunte el archivo en el campo «file».",
            "null": "Adjunte el archivo en el campo «file».",
            "invalid": "Adjunte el archivo en el campo «file».",
            "empty": "El archivo está vacío.",
            "no_name": "El archivo no tiene nombre.",
        },
    )
    kind = serializers.ChoiceField(choices=ImportKind.choices)
    mapping = serializers.CharField(
        required=False, allow_null=True, help_text='JSON: nombre de columna → campo, p. ej. `{"Fono": "celular"}`.'
    )

    def validate_mapping(self, value: str | None) -> dict[str, Any] | None:
        if value is None:
            return None
        try:
            mapping = orjson.loads(value)
        except orjson.JSONDecodeError:
            mapping = None
        if not isinstance(mapping, dict):
            raise ValidationError("Las columnas deben ser un objeto JSON: nombre de columna → campo.")
        return mapping


class StartBody(Body):
    import_id = IdField()
    mapping = serializers.DictField(
        child=serializers.CharField(allow_null=True, allow_blank=True),
        required=False,
        allow_null=True,
        help_text="Nombre de columna → campo; sin él, lo que propuso la vista previa. Vacío: no se importa.",
    )
    duplicates = serializers.ChoiceField(choices=DUPLICATES, required=False, allow_null=True, default=REPORT)
    responsible_user_id = IdField(
        required=False, allow_null=True, help_text="De lo que se cree sin responsable en el archivo."
    )


class ColumnAnswer(Answer):
    name = serializers.CharField()
    field = serializers.CharField(allow_null=True, help_text="Campo al que va; null: no se importa.")
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]


class ImportAnswer(Answer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ImportKind.choices)
    state = serializers.ChoiceField(choices=ImportState.choices)
    file_name = serializers.CharField()
    duplicates = serializers.SerializerMethodField(help_text="`merge` completa lo que falta, `report` solo informa.")
    responsible_user_id = serializers.UUIDField(allow_null=True)
    total_rows = serializers.IntegerField()
    processed_rows = serializers.IntegerField()
    created_rows = serializers.IntegerField()
    merged_rows = serializers.IntegerField()
    duplicate_rows = serializers.IntegerField()
    failed_rows = serializers.IntegerField()
    progress = serializers.IntegerField(help_text="Porcentaje entero; 100 cuando está hecha la última fila.")
    eta_seconds = serializers.IntegerField(allow_null=True, help_text="Segundos que faltan, al ritmo que lleva.")
    error = serializers.CharField(help_text="Por qué se detuvo, en una frase; vacío si no se detuvo.")
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    def get_duplicates(self, run: ImportRun) -> str:
        return MERGE if run.merge_duplicates else REPORT


class ShownRowAnswer(Answer):
    number = serializers.IntegerField(help_text="Como numera las filas una hoja de cálculo.")
    outcome = serializers.ChoiceField(choices=RowOutcome.choices)
    message = serializers.CharField()
    problems = serializers.ListField(child=serializers.CharField())
    values = serializers.DictField(child=serializers.CharField(), help_text="Lo que se entendió, por campo.")
    cells = serializers.ListField(child=serializers.CharField())


class CountsAnswer(Answer):
    rows = serializers.IntegerField(help_text="Filas de las que se hizo el recuento.")
    created = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    failed = serializers.IntegerField()
    complete = serializers.BooleanField(help_text="Si el recuento es de todo el archivo.")


class PreviewAnswer(Answer):
    """What is stored in `ImportRun.preview`, described."""

    sheet = serializers.CharField(help_text="Hoja que se leyó; vacío en un CSV.")
    columns = ColumnAnswer(many=True)
    missing = serializers.ListField(child=serializers.CharField(), help_text="Lo que falta: ninguna columna lo trae.")
    rows = ShownRowAnswer(many=True, required=False, help_text="Las primeras filas; se olvidan a los 30 días.")
    counts = CountsAnswer()
    warnings = serializers.ListField(child=serializers.CharField())


@extend_schema_field(PreviewAnswer)
class StoredPreview(serializers.JSONField):
    pass


class FieldAnswer(Answer):
    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class ImportDetailAnswer(ImportAnswer):
    preview = StoredPreview()
    mapping = serializers.DictField(child=serializers.CharField(allow_null=True))
    available_fields = serializers.SerializerMethodField(help_text="A qué puede ir una columna.")

    @extend_schema_field(FieldAnswer(many=True))
    def get_available_fields(self, run: ImportRun) -> list[dict[str, str]]:
        return [{"name": field.name, "label": field.label} for field in FIELDS[run.kind]]


class ImportRowAnswer(Answer):
    number = serializers.IntegerField(help_text="Como numera las filas una hoja de cálculo.")
    outcome = serializers.ChoiceField(choices=RowOutcome.choices)
    entity_id = serializers.UUIDField(allow_null=True, help_text="El contacto o lead creado, o el que ya existía.")
    message = serializers.CharField()
