"""Imports: look at a file, start, watch, correct what failed (docs/imports.md). For administrators and lawyers."""

from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from crm.api.base import as_id_or_404
from crm.api.downloads import (
    CONTENT_TYPES,
    CSV,
    FILE_ANSWERS,
    FORMAT_PARAMETER,
    JsonForRefusals,
    as_attachment,
    asked_format,
)
from crm.api.filters.imports import ImportFilter, ImportRowFilter
from crm.api.serializers.imports import (
    MERGE,
    ImportAnswer,
    ImportDetailAnswer,
    ImportRowAnswer,
    PreviewBody,
    StartBody,
)
from crm.choices import ImportKind
from crm.exceptions import NotFound, Refusal
from crm.importing import reports, running
from crm.lengths import announced_length
from crm.models import ImportRow, ImportRun, User
from crm.permissions import IsLawyerOrAdministrator
from crm.responsibles import NOT_RESPONSIBLE
from crm.tasks import run_import
from crm.waking import wake

NO_SUCH_IMPORT = "Importación no encontrada"
# What the parts of a form cost beside the file itself.
FORM_BYTES = 64 * 1024

_import = ImportAnswer().to_representation
_detail = ImportDetailAnswer().to_representation
_row = ImportRowAnswer().to_representation


class ImportPreview(APIView):
    permission_classes = (IsLawyerOrAdministrator,)
    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="imports_preview",
        request={"multipart/form-data": PreviewBody},
        responses={201: ImportDetailAnswer},
    )
    def post(self, request: Request) -> Response:
        """Lee el archivo y dice qué pasaría: columnas, primeras filas, errores y recuento. No guarda contactos."""
        _refuse_before_reading(request)
        body = PreviewBody(data=request.data)
        body.is_valid(raise_exception=True)
        given = body.validated_data
        file = given["file"]
        author = cast(User, request.user)
        run = running.preview_file(file, name=file.name, kind=given["kind"], by=author, mapping=given.get("mapping"))
        return Response(_detail(run), status=201)


def _refuse_before_reading(request: Request) -> None:
    """An upload that is too large is refused by its announcement, not after it has filled the disk."""
    if not (request.content_type or "").startswith("multipart/form-data"):
        raise Refusal("Envíe el archivo como multipart/form-data.", code="tipo_no_admitido", status=415)
    if announced_length(request) > settings.IMPORT_MAX_BYTES + FORM_BYTES:
        raise running.too_large()


class ImportViewSet(GenericViewSet[ImportRun]):
    """Importaciones de contactos y leads."""

    permission_classes = (IsLawyerOrAdministrator,)
    serializer_class = ImportAnswer
    filterset_class = ImportFilter
    queryset = ImportRun.objects.newest_first()

    @extend_schema(operation_id="imports_list")
    def list(self, request: Request) -> Response:
        """Las más recientes primero."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset().defer("preview", "mapping")))
        return self.get_paginated_response([_import(run) for run in page or []])

    @extend_schema(request=StartBody, responses={202: ImportDetailAnswer})
    def create(self, request: Request) -> Response:
        """Pone en cola lo que se vio en la vista previa. Se sigue con `GET /imports/{id}`."""
        given = StartBody.read(request.data)
        run = _run_or_404(given["import_id"])
        with transaction.atomic():
            running.start(
                run,
                merge_duplicates=given["duplicates"] == MERGE,
                responsible_user=_responsible(given.get("responsible_user_id")),
                mapping=given.get("mapping"),
            )
            wake(run_import, run_id=str(run.pk))
        return Response(_detail(run), status=202)

    @extend_schema(operation_id="imports_retrieve", responses=ImportDetailAnswer)
    def retrieve(self, request: Request, import_id: str) -> Response:
        """Cómo va: estado, cuentas, porcentaje y segundos que faltan."""
        return Response(_detail(_run_or_404(import_id)))

    @extend_schema(request=None, responses=ImportDetailAnswer)
    def cancel(self, request: Request, import_id: str) -> Response:
        """Se detiene tras el bloque que se está guardando; lo ya importado queda."""
        run = _run_or_404(import_id)
        run.cancel()
        return Response(_detail(run))


def _responsible(user_id: UUID | None) -> User | None:
    """Who gets what is created and names nobody; nobody is fine, so that leads can be shared out later."""
    if user_id is None:
        return None
    found: User | None = User.objects.responsible().filter(pk=user_id).first()
    if found is None:
        raise ValidationError({"responsible_user_id": NOT_RESPONSIBLE})
    return found


def _run_or_404(import_id: Any) -> ImportRun:
    run = ImportRun.objects.filter(pk=as_id_or_404(import_id, NO_SUCH_IMPORT)).first()
    if run is None:
        raise NotFound(NO_SUCH_IMPORT)
    return run


class ImportRows(GenericViewSet[ImportRow]):
    permission_classes = (IsLawyerOrAdministrator,)
    serializer_class = ImportRowAnswer
    filterset_class = ImportRowFilter

    def get_queryset(self) -> QuerySet[ImportRow]:
        return ImportRow.objects.in_order().defer("cells")

    @extend_schema(operation_id="imports_rows_list")
    def list(self, request: Request, import_id: str) -> Response:
        """Qué fue de cada fila, en el orden del archivo."""
        run = _run_or_404(import_id)
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset().filter(run=run)))
        return self.get_paginated_response([_row(row) for row in page or []])


class ImportErrors(APIView):
    permission_classes = (IsLawyerOrAdministrator,)

    @extend_schema(operation_id="imports_errors", responses={(200, "text/csv"): OpenApiTypes.BINARY})
    def get(self, request: Request, import_id: str) -> HttpResponseBase:
        """Las filas con error, tal como venían y con el motivo: se corrigen y se vuelven a importar."""
        run = _run_or_404(import_id)
        return StreamingHttpResponse(
            reports.errors_csv(run), content_type=CONTENT_TYPES[CSV], headers=as_attachment("errores", CSV)
        )


class ImportTemplate(APIView):
    permission_classes = (IsLawyerOrAdministrator,)
    content_negotiation_class = JsonForRefusals

    @extend_schema(
        operation_id="imports_template",
        parameters=[OpenApiParameter("kind", str, required=True, enum=ImportKind.values), FORMAT_PARAMETER],
        responses=FILE_ANSWERS,
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Un archivo con los encabezados y una fila de ejemplo; en XLSX, también los valores admitidos."""
        kind, form = request.query_params.get("kind"), asked_format(request)
        if kind not in ImportKind.values:
            raise Refusal("Indique en «kind» si son «contacts» o «leads».", code="datos_invalidos")
        headers = as_attachment(f"plantilla-{ImportKind(kind).label.lower()}", form)
        if form == CSV:
            return StreamingHttpResponse(reports.template_csv(kind), content_type=CONTENT_TYPES[form], headers=headers)
        return FileResponse(reports.template_xlsx(kind), content_type=CONTENT_TYPES[form], headers=headers)
