"""The list envelope: `{"items", "total", "skip", "limit", "page", "total_pages"}` (contract section 1)."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.deep_pages import DEEP, KEPT_SECONDS, deep_page, signature_of

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


def bounded_count(queryset: QuerySet[Any]) -> int:
    """Exact up to LIST_COUNT_CAP; beyond it the planner's estimate, never less than what was counted.

    Counting a million rows exactly costs more than the page itself; nobody reads the last digit. An
    estimate is remembered for a minute: it would not be truer if it were made again.
    """
    cap = settings.LIST_COUNT_CAP
    plain = queryset.order_by().values("pk")  # the columns of the rows would only have to be spelled out
    if connection.vendor != "postgresql":
        return plain.count()
    name = f"{signature_of(plain)}:total"
    remembered: int | None = cache.get(name)
    if remembered is not None:
        return remembered
    counted = plain[: cap + 1].count()
    if counted <= cap:
        return counted
    estimated = max(counted, _estimate(plain))
    cache.set(name, estimated, KEPT_SECONDS)
    return estimated


def _estimate(queryset: QuerySet[Any]) -> int:
    sql, parameters = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        row = cursor.fetchone()
    return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0


def _whole(request: Request, name: str, default: int, *, smallest: int, largest: int) -> int:
    try:
        value = int(request.query_params.get(name) or default)
    except ValueError:
        value = default
    return min(max(value, smallest), largest)
