"""What a list of tasks may be narrowed by."""

from typing import Any

import django_filters
from django.db.models import QuerySet

from crm.api.moments import DateTimeFilter
from crm.api.subjects import CalendarFilter, ResponsibleFilter
from crm.choices import TaskType


class TaskFilter(ResponsibleFilter):
    is_completed = django_filters.BooleanFilter()
    task_type = django_filters.ChoiceFilter(choices=TaskType.choices)
    complete_till_from = DateTimeFilter(field_name="complete_till", lookup_expr="gte", label="Vence desde, incluido.")
    complete_till_to = DateTimeFilter(
        field_name="complete_till", lookup_expr="lte", is_end=True, label="Vence hasta, incluido; una fecha es el día."
    )

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What is still to do comes by its due date, the overdue first; any other list newest first."""
        found: Any = super().filter_queryset(queryset)
        is_to_do = self.form.cleaned_data.get("is_completed") is False
        return found.soonest_first() if is_to_do else found.newest_first()


class TaskCalendarFilter(CalendarFilter):
    moment = "complete_till"
