"""Files of campaigns: look, create, add, watch, correct (contract section 5, docs/campaigns-import.md)."""

from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from crm.api.base import Body, user_of
from crm.api.downloads import CONTENT_TYPES, CSV, as_attachment
from crm.exceptions import NotFound, Refusal
from crm.importing.running import too_large
from crm.lengths import announced_length
from crm.waking import wake
from jobs.call_settings import checked_settings
from jobs.importing import answers, running
from jobs.importing.people import ACQUISITION, BASIC
from jobs.models import Account, Batch, BatchImport
from jobs.tasks import resume_imports

# What the parts of a form cost beside the file itself.
FORM_BYTES = 64 * 1024
# With an `Idempotency-Key` the request is one transaction, which others must not wait for as long.
SECONDS_IN_ONE_TRANSACTION = 5.0
_NO_FILE = "Adjunte el archivo en el campo «file»."
_MOST_DAYS = 3650


class FileBody(Body):
    """What each of them may be sent with the file."""

    file = serializers.FileField(
        help_text="CSV, XLSX, ODS o XLS.",
        error_messages={
            **dict.fromkeys(("required", "null", "invalid"), _NO_FILE),
            "empty": "El archivo está vacío.",
            "no_name": "El archivo no tiene nombre.",
        },
    )
    mapping = serializers.CharField(
        required=False, allow_null=True, help_text='JSON: columna → campo, p. ej. `{"Fono": "mobile"}`.'
    )
    allow_duplicates = serializers.BooleanField(required=False, allow_null=True)
    processing_type = serializers.ChoiceField(choices=[BASIC, ACQUISITION], required=False, allow_null=True)
    dias_fecha_limite = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=_MOST_DAYS)
    dias_fecha_maxima = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=_MOST_DAYS)

    def validate_mapping(self, value: str | None) -> dict[str, Any] | None:
        return _json_object(value, "Las columnas deben ser un objeto JSON: nombre de columna → campo.")


class AccountFileBody(FileBody):
    account_id = serializers.CharField(
        required=False, allow_null=True, help_text="También como parámetro de la dirección."
    )


class CreateBody(AccountFileBody):
    batch_name = serializers.CharField(required=False, allow_null=True, max_length=200)
    batch_description = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=5000)
    call_settings_json = serializers.CharField(required=False, allow_null=True)

    def validate_call_settings_json(self, value: str | None) -> dict[str, Any]:
        return checked_settings(_json_object(value, "call_settings_json debe ser un objeto JSON."))


def _json_object(text: str | None, sentence: str) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        found = orjson.loads(text)  # which also refuses what could be stored and never written again: "\\ud800"
    except orjson.JSONDecodeError:
        found = ""
    if found is not None and not isinstance(found, dict):
        raise ValidationError(sentence)
    return found


class _Upload(APIView):
    """A file in a form; refused by what it announces, not after it has filled the disk."""

    parser_classes = (MultiPartParser,)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "POST":
            return
        if not (request.content_type or "").startswith("multipart/form-data"):
            raise Refusal("Envíe el archivo como multipart/form-data.", code="tipo_no_admitido", status=415)
        if announced_length(request) > settings.IMPORT_MAX_BYTES + FORM_BYTES:
            raise too_large()

    def read(self, body_type: type[Body]) -> dict[str, Any]:
        body = body_type(data=self.request.data)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)

    def account(self, given: dict[str, Any]) -> Account:
        named = given.get("account_id") or self.request.query_params.get("account_id")
        if not named:
            raise ValidationError({"account_id": "Indique la cuenta."})
        account = Account.objects.meant_by(named)
        if account is None:
            raise NotFound("Cuenta no encontrada")
        return account

    def seconds(self) -> float:
        is_keyed = bool(self.request.headers.get("Idempotency-Key", "").strip())
        return SECONDS_IN_ONE_TRANSACTION if is_keyed else running.SECONDS_IN_A_REQUEST


def _wishes(given: dict[str, Any]) -> running.Wishes:
    return running.Wishes(
        mapping=given.get("mapping"),
        allow_duplicates=bool(given.get("allow_duplicates")),
        processing_type=given.get("processing_type") or BASIC,
        days_to_limit=given.get("dias_fecha_limite"),
        days_to_maximum=given.get("dias_fecha_maxima"),
    )


def _told(run: BatchImport) -> Response:
    """The counts so far; a worker is woken for the rest."""
    if not run.is_finished:
        wake(resume_imports)
    return Response(answers.created(run))


class Preview(_Upload):
    @extend_schema(
        operation_id="batches_excel_preview",
        request={"multipart/form-data": AccountFileBody},
        responses=OpenApiTypes.OBJECT,
    )
    def post(self, request: Request) -> Response:
        """Lee el archivo y dice qué pasaría: columnas, primeras filas, errores y recuento. No guarda nada."""
        given = self.read(AccountFileBody)
        file = given["file"]
        told = running.preview(file, name=file.name, account=self.account(given), wishes=_wishes(given))
        return Response(told)


class Create(_Upload):
    @extend_schema(
        operation_id="batches_excel_create",
        request={"multipart/form-data": CreateBody},
        responses=OpenApiTypes.OBJECT,
    )
    def post(self, request: Request) -> Response:
        """Crea una campaña con una llamada por persona. El mismo archivo con el mismo nombre, otra vez en diez
        minutos, es la misma campaña."""
        given = self.read(CreateBody)
        batch = running.NewBatch(
            name=given.get("batch_name") or "",
            description=given.get("batch_description") or "",
            call_settings=given.get("call_settings_json") or {},
        )
        file = given["file"]
        run = running.create_batch(
            file,
            name=file.name,
            account=self.account(given),
            by=user_of(request),
            batch=batch,
            wishes=_wishes(given),
            seconds=self.seconds(),
        )
        return _told(run)


class Add(_Upload):
    @extend_schema(
        operation_id="batches_upload", request={"multipart/form-data": FileBody}, responses=OpenApiTypes.OBJECT
    )
    def post(self, request: Request, batch_id: str) -> Response:
        """Añade las personas de un archivo a una campaña; quien ya está en ella no se repite."""
        batch = _batch(request, batch_id)
        given = self.read(FileBody)
        file = given["file"]
        run = running.add_to_batch(
            batch, file, name=file.name, by=user_of(request), wishes=_wishes(given), seconds=self.seconds()
        )
        response = _told(run)
        response.data["jobs_added"] = run.created_jobs
        return response


class Progress(APIView):
    @extend_schema(operation_id="batches_import", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, batch_id: str) -> Response:
        """Cómo va el último archivo de la campaña: porcentaje, cuentas y problemas."""
        return Response(answers.progress(_newest_import(request, batch_id)))


class Rejected(APIView):
    @extend_schema(operation_id="batches_import_errors", responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request, batch_id: str) -> HttpResponseBase:
        """Las filas que no dieron una llamada, tal como venían y con el motivo."""
        run = _newest_import(request, batch_id)
        return StreamingHttpResponse(
            answers.rejected_csv(run), content_type=CONTENT_TYPES[CSV], headers=as_attachment("filas-rechazadas", CSV)
        )


def _batch(request: Request, batch_id: str) -> Batch:
    found: Batch | None = (
        Batch.objects.present().visible_to(user_of(request)).named(batch_id).select_related("account").first()
    )
    if found is None:
        raise NotFound("Campaña no encontrada")
    return found


def _newest_import(request: Request, batch_id: str) -> BatchImport:
    batch = _batch(request, batch_id)
    found = batch.imports.order_by("-created_at").first()
    if found is None:
        raise NotFound("La campaña no viene de un archivo.")
    found.batch = batch
    return found


routes: list[Any] = [
    path("batches/excel/preview", Preview.as_view()),
    path("batches/excel/create", Create.as_view()),
    path("batches/<str:batch_id>/upload", Add.as_view()),
    path("batches/<str:batch_id>/import", Progress.as_view()),
    path("batches/<str:batch_id>/import/errors", Rejected.as_view()),
]
