"""What a list of calls may be narrowed by."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from calls.choices import CallStatus, Direction
from crm.api.moments import DateTimeFilter
from crm.api.subjects import CalendarFilter, ResponsibleFilter


class CallFilter(ResponsibleFilter):
    direction = django_filters.ChoiceFilter(choices=Direction.choices)
    call_status = django_filters.ChoiceFilter(choices=CallStatus.choices)
    call_type = django_filters.CharFilter(field_name="call_type_id", label="Código del tipo.")
    date_from = DateTimeFilter(field_name="started_at", lookup_expr="gte", label="Empezó desde, incluido.")
    date_to = DateTimeFilter(
        field_name="started_at", lookup_expr="lte", is_end=True, label="Empezó hasta, incluido; una fecha es el día."
    )
    search = django_filters.CharFilter(method="find", label="Nombre, documento, correo o teléfono de la persona.")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The newest on record first; within dates of calls the latest calls first, as the index on them has it."""
        found: Any = super().filter_queryset(queryset)
        asks_for_dates = self.form.cleaned_data.get("date_from") or self.form.cleaned_data.get("date_to")
        return found.latest_first() if asks_for_dates else found.newest_first()

    def find(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return queryset.search(value)  # type: ignore[attr-defined]


class CallCalendarFilter(CalendarFilter):
    """By when the call was put on record, as the client's calendar does."""

    moment = "created_at"
