"""What the list of opportunities can be narrowed by."""

from typing import Any

from django_filters import rest_framework as filters

from crm.api.filters.base import ListFilter
from crm.api.subjects import IdFilter
from crm.search import search_in_order
from opportunities.api.serializers import PRIORITIES
from opportunities.choices import OpportunityStatus
from opportunities.models.opportunities import OpportunityQuerySet


class OpportunityFilter(ListFilter):
    status = filters.ChoiceFilter(choices=OpportunityStatus.choices, label="Estado")
    priority = filters.TypedChoiceFilter(
        choices=[(word, word) for word in PRIORITIES], coerce=PRIORITIES.get, label="Prioridad"
    )
    assigned_to = IdFilter(field_name="assigned_to_id", label="El usuario que la tiene")
    unassigned = filters.BooleanFilter(field_name="assigned_to", lookup_expr="isnull", label="Sin asignar")
    min_score = filters.NumberFilter(field_name="opportunity_score", lookup_expr="gte", label="Puntaje mínimo")
    max_score = filters.NumberFilter(field_name="opportunity_score", lookup_expr="lte", label="Puntaje máximo")
    search = filters.CharFilter(method="unchanged", label="Nombre, correo, ciudad, documento o teléfono del contacto")

    def filter_queryset(self, queryset: OpportunityQuerySet) -> Any:
        found = super().filter_queryset(queryset)
        typed = self.form.cleaned_data.get("search")
        return search_in_order(found, typed, column="contact__search_words", among=queryset) if typed else found

    def unchanged(self, opportunities: OpportunityQuerySet, name: str, value: str) -> OpportunityQuerySet:
        return opportunities
