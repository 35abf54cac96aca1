"""Filters of the lists: days in the team's time zone, people, who is in charge."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import get_format
from unfold.contrib.filters import admin as unfold
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateFilter

from crm.admin.base import only_visible
from crm.models import User
from crm.working_day import start_of

__all__ = ["AutocompleteSelectFilter", "ChoicesDropdownFilter", "DayRangeFilter", "HolderFilter", "PersonFilter"]


class DayRangeFilter(RangeDateFilter):
    """From one day to another, both whole: a moment belongs to the day it has in TIME_ZONE."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first = parse_day(self.used_parameters.get(f"{self.parameter_name}_from"))
        last = parse_day(self.used_parameters.get(f"{self.parameter_name}_to"))
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": start_of(first)})
        if last and last < date.max:
            queryset = queryset.filter(**{f"{self.field_path}__lt": start_of(last + timedelta(days=1))})
        return queryset


class AutocompleteSelectFilter(unfold.AutocompleteSelectFilter):
    """One row of another list. Only one that this person may see is named, whatever id an address has."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            field = choice["form"].fields[self.lookup_kwarg]
            field.queryset = only_visible(field.queryset, self.request.user)
            yield choice


class PersonFilter(AutocompleteSelectFilter):
    """Rows of a contact and of every lead of that contact."""

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.about_person(chosen) if chosen else queryset


class HolderFilter(DropdownFilter):
    """Mine, or nobody's: the two questions of every morning."""

    title = "a cargo de"
    parameter_name = "a_cargo"
    field = "responsible_user"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yo", "Mí"), ("nadie", "Nadie")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yo" if isinstance(request.user, User):
                return queryset.filter(**{self.field: request.user})
            case "nadie":
                return queryset.filter(**{f"{self.field}__isnull": True})
        return queryset


def parse_day(typed: str | None) -> date | None:
    """A day as the calendar of the page writes it (31/12/2026) or as a link does (2026-12-31)."""
    for spelling in (*get_format("DATE_INPUT_FORMATS"), "%Y-%m-%d"):
        try:
            return datetime.strptime(typed or "", spelling).date()
        except ValueError:
            continue
    return None
