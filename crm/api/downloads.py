"""Files as answers: their form is asked for by `?format=`, and refusals stay JSON."""

from typing import Any
from urllib.parse import quote

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request

from crm.exceptions import Refusal

CSV, XLSX = "csv", "xlsx"
CONTENT_TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMAT_PARAMETER = OpenApiParameter("format", str, enum=[CSV, XLSX], description="`csv` si falta.")
FILE_ANSWERS: dict[Any, Any] = {
    (200, "text/csv"): OpenApiTypes.BINARY,
    (200, CONTENT_TYPES[XLSX]): OpenApiTypes.BINARY,
}


class JsonForRefusals(BaseContentNegotiation):
    """DRF would look for a renderer called as `?format=` says and answer 404; here the view reads it."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0] if parsers else None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


def asked_format(request: Request) -> str:
    form = request.query_params.get("format") or CSV
    if form not in CONTENT_TYPES:
        raise Refusal("El formato debe ser «csv» o «xlsx».", code="formato_desconocido")
    return form


def as_attachment(name: str, form: str) -> dict[str, str]:
    """Headers of a file that is saved under `name` and today's date."""
    file_name = f"{name}-{timezone.localdate():%Y-%m-%d}.{form}"
    return {
        "Content-Disposition": f"attachment; filename=\"{file_name}\"; filename*=UTF-8''{quote(file_name)}",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
