"""A part of a list, and how many rows the whole has; each envelope says it in its own words."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request

from crm.counting import bounded_count
from crm.deep_pages import DEEP, deep_page

if TYPE_CHECKING:
    from rest_framework.views import APIView

# Beyond this a number is a mistake or an attack; PostgreSQL's OFFSET is a 64-bit number.
LARGEST_SKIP = 10**12


class SlicePagination(BasePagination):
    """`limit` rows after the first `skip`; odd values are clamped, never refused.

    A view that knows its total without counting has it as `known_total`.
    """

    limit_name = "limit"
    usual_limit = 50
    largest_limit = 1_000

    def paginate_queryset(self, queryset: Any, request: Request, view: "APIView | None" = None) -> list[Any]:
        self.limit = whole_number(request, self.limit_name, self.usual_limit, smallest=1, largest=self.largest_limit)
        self.skip = self.skip_of(request)
        if self.skip >= DEEP and isinstance(queryset, QuerySet):
            rows = deep_page(queryset, self.skip, self.limit)
        else:
            rows = list(queryset[self.skip : self.skip + self.limit])
        self.total = self._total(queryset, len(rows), getattr(view, "known_total", None))
        return rows

    def skip_of(self, request: Request) -> int:
        return whole_number(request, "skip", 0, smallest=0, largest=LARGEST_SKIP)

    def skip_of_page(self, request: Request) -> int:
        """For those who ask for a `page`, from 1 on; one beyond the last is empty."""
        last = LARGEST_SKIP // self.limit
        return (whole_number(request, "page", 1, smallest=1, largest=last) - 1) * self.limit

    @property
    def page(self) -> int:
        return self.skip // self.limit + 1

    @property
    def pages(self) -> int:
        return -(-self.total // self.limit)

    def _total(self, queryset: Any, found: int, known_total: Callable[[], int | None] | None) -> int:
        """A page that is not full tells the total by itself; else who knows it, else a bounded count."""
        if found < self.limit and (found or not self.skip):
            return self.skip + found
        known = known_total() if known_total else None
        return bounded_count(queryset) if known is None else known


def whole_number(request: Request, name: str, default: int, *, smallest: int, largest: int) -> int:
    """A number of the query string; the nearest that may be, or `default` for what is none."""
    try:
        # Cut: Python refuses to read a number of more than 4,300 digits.
        value = int(request.query_params.get(name, "")[:100] or default)
    except ValueError:
        value = default
    return min(max(value, smallest), largest)


def query_number(name: str, text: str) -> dict[str, Any]:
    """A parameter as the OpenAPI schema describes it."""
    schema = {"type": "integer"}
    return {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
