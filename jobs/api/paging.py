"""Bare arrays, the total in a header: what the client of campaigns reads (contract section 1)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from crm.counting import bounded_count
from crm.deep_pages import DEEP, deep_page

if TYPE_CHECKING:
    from rest_framework.views import APIView

# The client never says how many it wants, and reckons with what it gets (campaign-client 0.8).
MOST_ROWS = 1_000
# Beyond this a number is a mistake or an attack; PostgreSQL's OFFSET is a 64-bit number.
LARGEST_SKIP = 10**12

TOTAL_HEADER = OpenApiParameter(
    "X-Total-Count",
    int,
    OpenApiParameter.HEADER,
    response=[200],
    description="Cuántos hay en total; exacto, salvo con búsquedas de más de 10 000.",
)


class ArrayPagination(BasePagination):
    """`limit` and `skip`; odd values are clamped, never refused.

    A view that knows its total without counting has it as `known_total`.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: "APIView | None" = None) -> list[Any]:
        self.limit = _whole(request, "limit", MOST_ROWS, smallest=1, largest=MOST_ROWS)
        self.skip = _whole(request, "skip", 0, smallest=0, largest=LARGEST_SKIP)
        if self.skip >= DEEP and isinstance(queryset, QuerySet):
            rows = deep_page(queryset, self.skip, self.limit)
        else:
            rows = list(queryset[self.skip : self.skip + self.limit])
        self.total = self._total(queryset, len(rows), getattr(view, "known_total", None))
        return rows

    def _total(self, queryset: Any, found: int, known_total: Callable[[], int | None] | None) -> int:
        """A page that is not full tells the total by itself; else who knows it, else a bounded count."""
        if found < self.limit and (found or not self.skip):
            return self.skip + found
        known = known_total() if known_total else None
        return bounded_count(queryset) if known is None else known

    def get_paginated_response(self, data: Any) -> Response:
        return Response(data, headers={"X-Total-Count": str(self.total)})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        def parameter(name: str, text: str) -> dict[str, Any]:
            schema = {"type": "integer"}
            return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}

        usual = f"Cuántas filas; {MOST_ROWS} si falta, y como máximo."
        return [parameter("limit", usual), parameter("skip", "Filas que se saltan.")]


class CallsPagination(ArrayPagination):
    """The history of calls has a frame: `{"calls", "total", "limit", "skip", "has_more"}`."""

    def get_paginated_response(self, data: Any) -> Response:
        has_more = self.skip + len(data) < self.total
        frame = {"calls": data, "total": self.total, "limit": self.limit, "skip": self.skip, "has_more": has_more}
        return Response(frame, headers={"X-Total-Count": str(self.total)})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        number = {"type": "integer", "minimum": 0}
        frame = {"calls": schema, **dict.fromkeys(("total", "limit", "skip"), number), "has_more": {"type": "boolean"}}
        return {"type": "object", "required": list(frame), "properties": frame}


def _whole(request: Request, name: str, default: int, *, smallest: int, largest: int) -> int:
    try:
        value = int(request.query_params.get(name) or default)
    except ValueError:
        value = default
    return min(max(value, smallest), largest)
