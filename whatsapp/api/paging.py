"""The list envelope of this client: `{"conversaciones": [], "paginacion": {"page", "per_page", "total", "pages"}}`."""

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from crm.counting import bounded_count
from crm.deep_pages import DEEP, deep_page

if TYPE_CHECKING:
    from rest_framework.views import APIView

LARGEST_PAGE = 100
# Beyond this a page number is a mistake or an attack; PostgreSQL's OFFSET is a 64-bit number.
LARGEST_SKIP = 10**12


class PagePagination(BasePagination):
    """`page` and `per_page`; odd values are clamped, never refused. A page beyond the last is empty.

    A view that knows its total without counting says so by `known_total()`.
    """

    rows_name = "conversaciones"
    per_page_usually = 20

    def paginate_queryset(self, queryset: Any, request: Request, view: "APIView | None" = None) -> list[Any]:
        self.per_page = _whole(request, "per_page", self.per_page_usually, largest=LARGEST_PAGE)
        self.page = _whole(request, "page", 1, largest=LARGEST_SKIP // self.per_page)
        skip = (self.page - 1) * self.per_page
        if skip >= DEEP and isinstance(queryset, QuerySet):
            rows = deep_page(queryset, skip, self.per_page)
        else:
            rows = list(queryset[skip : skip + self.per_page])
        self.total = self._total(queryset, skip, len(rows), view)
        return rows

    def _total(self, queryset: Any, skip: int, found: int, view: "APIView | None") -> int:
        """A page that is not full tells the total by itself; else who knows it, else a bounded count."""
        if found < self.per_page and (found or not skip):
            return skip + found
        known_total = getattr(view, "known_total", None)
        known: int | None = known_total() if known_total else None
        return bounded_count(queryset) if known is None else known

    def get_paginated_response(self, data: Any) -> Response:
        return Response({self.rows_name: data, "paginacion": self.frame()})

    def frame(self) -> dict[str, int]:
        pages = -(-self.total // self.per_page)
        return {"page": self.page, "per_page": self.per_page, "total": self.total, "pages": pages}

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        number = {"type": "integer", "minimum": 0}
        frame = dict.fromkeys(("page", "per_page", "total", "pages"), number)
        frame["total"] = {**number, "description": "Exacto hasta 10 000; con filtros, por encima, estimado."}
        return {
            "type": "object",
            "required": [self.rows_name, "paginacion"],
            "properties": {
                self.rows_name: schema,
                "paginacion": {"type": "object", "required": list(frame), "properties": frame},
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        def parameter(name: str, text: str) -> dict[str, Any]:
            schema = {"type": "integer"}
            return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}

        usual = f"Filas por página; {self.per_page_usually} si falta, {LARGEST_PAGE} como máximo."
        return [parameter("page", "Página, desde 1."), parameter("per_page", usual)]


class LongPagination(PagePagination):
    """Of one person more is read at once."""

    per_page_usually = 50


def _whole(request: Request, name: str, default: int, *, largest: int) -> int:
    try:
        value = int(request.query_params.get(name) or default)
    except ValueError:
        value = default
    return min(max(value, 1), largest)
