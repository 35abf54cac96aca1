"""Lists in the order that is asked for (`sort_by`, `sort_order`); ties by id, so that pages never overlap."""

from typing import Any, ClassVar

from django.db.models import F, QuerySet
from django_filters import rest_framework as filters

from crm.api.filters.base import ListFilter
from crm.search import search_in_order


class SortedFilter(ListFilter):
    """A subclass names its `sorts` and offers them as `sort_by = sort_choice(sorts)`, and `search` as `search_box`."""

    # What clients sort by → the column. Without `sort_by` the first one, descending.
    sorts: ClassVar[dict[str, str]] = {}
    # The column that `search` looks through.
    searched: ClassVar[str] = "search_words"

    sort_order = filters.ChoiceFilter(
        method="unchanged", choices=[("asc", "ascendente"), ("desc", "descendente")], label="Sentido del orden."
    )

    def unchanged(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset

    def in_order(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = self.form.cleaned_data
        sort_by, order = asked.get("sort_by"), asked.get("sort_order")
        descending = (order or ("asc" if sort_by else "desc")) == "desc"
        column = self.sorts[sort_by or next(iter(self.sorts))]
        sign = "-" if descending else ""
        if not queryset.model._meta.get_field(column).null:
            return queryset.order_by(f"{sign}{column}", f"{sign}id")
        # Rows without a value stand last in both directions and in every database.
        first = F(column).desc(nulls_last=True) if descending else F(column).asc(nulls_last=True)
        return queryset.order_by(first, f"{sign}id")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found = self.in_order(super().filter_queryset(queryset))
        typed = self.form.cleaned_data.get("search")
        if not typed:
            return found
        return search_in_order(found, typed, column=self.searched, among=self.in_order(queryset))


def sort_choice(sorts: dict[str, str]) -> filters.ChoiceFilter:
    return filters.ChoiceFilter(method="unchanged", choices=[(name, name) for name in sorts], label="Orden.")


def search_box(label: str) -> filters.CharFilter:
    return filters.CharFilter(method="unchanged", label=label)
