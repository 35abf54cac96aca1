"""Bare arrays, the total in a header: what the client of campaigns reads (contract section 1)."""

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.response import Response

from crm.api.paging import SlicePagination, query_number

if TYPE_CHECKING:
    from rest_framework.views import APIView

TOTAL_HEADER = OpenApiParameter(
    "X-Total-Count",
    int,
    OpenApiParameter.HEADER,
    response=[200],
    description="Cuántos hay en total; exacto, salvo con búsquedas de más de 10 000.",
)


class ArrayPagination(SlicePagination):
    """The client never says how many it wants, and reckons with what it gets (campaign-client 0.8)."""

    usual_limit = 1_000

    def get_paginated_response(self, data: Any) -> Response:
        return Response(data, headers={"X-Total-Count": str(self.total)})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return schema

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        usual = f"Cuántas filas; {self.usual_limit} si falta, y como máximo."
        return [query_number("limit", usual), query_number("skip", "Filas que se saltan.")]


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
