"""The list envelope of this client: `{"conversaciones": [], "paginacion": {"page", "per_page", "total", "pages"}}`."""

from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.paging import SlicePagination, query_number

if TYPE_CHECKING:
    from rest_framework.views import APIView


class PagePagination(SlicePagination):
    """`page` and `per_page`. A page beyond the last is empty."""

    rows_name = "conversaciones"
    limit_name = "per_page"
    usual_limit = 20
    largest_limit = 100

    def skip_of(self, request: Request) -> int:
        return self.skip_of_page(request)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({self.rows_name: data, "paginacion": self.frame()})

    def frame(self) -> dict[str, int]:
        return {"page": self.page, "per_page": self.limit, "total": self.total, "pages": self.pages}

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
        usual = f"Filas por página; {self.usual_limit} si falta, {self.largest_limit} como máximo."
        return [query_number("page", "Página, desde 1."), query_number("per_page", usual)]


class LongPagination(PagePagination):
    """Of one person more is read at once."""

    usual_limit = 50
