"""The list envelope: `{"items", "total", "skip", "limit", "page", "total_pages"}` (contract section 1)."""

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from crm.counting import bounded_count
from crm.deep_pages import DEEP, deep_page

if TYPE_CHECKING:
    from rest_framework.views import APIView

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 1000
# Beyond this a page number is a mistake or an attack; PostgreSQL's OFFSET is a 64-bit number.
LARGEST_SKIP = 10**12


class EnvelopePagination(BasePagination):
    """`skip`+`limit` or `page`+`limit`; `skip` wins; odd values are clamped, never refused."""

    def paginate_queryset(self, queryset: Any, request: Request, view: "APIView | None" = None) -> list[Any]:
        self.limit = _whole(request, "limit", DEFAULT_LIMIT, smallest=1, largest=LARGEST_LIMIT)
        if "skip" in request.query_params:
            self.skip = _whole(request, "skip", 0, smallest=0, largest=LARGEST_SKIP)
        else:
            self.skip = (_whole(request, "page", 1, smallest=1, largest=LARGEST_SKIP // self.limit) - 1) * self.limit
        if self.skip >= DEEP and isinstance(queryset, QuerySet):
            items = deep_page(queryset, self.skip, self.limit)
        else:
            items = list(queryset[self.skip : self.skip + self.limit])
        self.total = self._total(queryset, len(items))
        return items

    def _total(self, queryset: Any, found: int) -> int:
        """A page that is not full tells the total by itself; else count, boundedly."""
        if found < self.limit and (found or not self.skip):
            return self.skip + found
        return bounded_count(queryset)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "items": data,
                "total": self.total,
                "skip": self.skip,
                "limit": self.limit,
                "page": self.skip // self.limit + 1,
                "total_pages": -(-self.total // self.limit),
            }
        )

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        number = {"type": "integer", "minimum": 0}
        return {
            "type": "object",
            "required": ["items", "total", "skip", "limit", "page", "total_pages"],
            "properties": {
                "items": schema,
                "total": {**number, "description": "Exacto hasta 10 000; por encima, estimado."},
                "skip": number,
                "limit": number,
                "page": number,
                "total_pages": number,
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        def parameter(name: str, text: str) -> dict[str, Any]:
            return {
                "name": name,
                "in": "query",
                "required": False,
                "description": text,
                "schema": {"type": "integer"},
            }

        return [
            parameter("skip", "Filas que se saltan; gana a `page`."),
            parameter("page", "Página, desde 1."),
            parameter("limit", f"Filas por página; {DEFAULT_LIMIT} si falta, {LARGEST_LIMIT} como máximo."),
        ]


def _whole(request: Request, name: str, default: int, *, smallest: int, largest: int) -> int:
    try:
        value = int(request.query_params.get(name) or default)
    except ValueError:
        value = default
    return min(max(value, smallest), largest)
