"""What the list of opportunities can be narrowed by."""

from django_filters import rest_framework as filters

from crm.api.subjects import IdFilter
from opportunities.api.serializers import PRIORITIES
from opportunities.choices import OpportunityStatus
from opportunities.models.opportunities import OpportunityQuerySet


class OpportunityFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=OpportunityStatus.choices, label="Estado")
    priority = filters.TypedChoiceFilter(
        choices=[(word, word) for word in PRIORITIES], coerce=PRIORITIES.get, label="Prioridad"
    )
    assigned_to = IdFilter(field_name="assigned_to_id", label="El usuario que la tiene")
    unassigned = filters.BooleanFilter(field_name="assigned_to", lookup_expr="isnull", label="Sin asignar")
    min_score = filters.NumberFilter(field_name="opportunity_score", lookup_expr="gte", label="Puntaje mínimo")
    max_score = filters.NumberFilter(field_name="opportunity_score", lookup_expr="lte", label="Puntaje máximo")
    search = filters.CharFilter(method="about", label="Nombre, correo, ciudad, documento o teléfono del contacto")

    def about(self, opportunities: OpportunityQuerySet, name: str, typed: str) -> OpportunityQuerySet:
        return opportunities.search(typed)
