"""The list envelope: `{"items", "total", "skip", "limit", "page", "total_pages"}` (contract section 1)."""

from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.paging import SlicePagination, query_number

if TYPE_CHECKING:
    from rest_framework.views import APIView


class EnvelopePagination(SlicePagination):
    """`skip`+`limit` or `page`+`limit`; `skip` wins."""

    def skip_of(self, request: Request) -> int:
        return super().skip_of(request) if "skip" in request.query_params else self.skip_of_page(request)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                "items": data,
                "total": self.total,
                "skip": self.skip,
                "limit": self.limit,
                "page": self.page,
                "total_pages": self.pages,
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
        usual = f"Filas por página; {self.usual_limit} si falta, {self.largest_limit} como máximo."
        return [
            query_number("skip", "Filas que se saltan; gana a `page`."),
            query_number("page", "Página, desde 1."),
            query_number("limit", usual),
        ]
