"""What the list of contacts may be narrowed and sorted by (crm-client 3.1)."""

from typing import Any, ClassVar

from django_filters import rest_framework as filters
from django_filters.fields import ChoiceField

from crm.api.filters.base import ListFilter
from crm.api.filters.sorting import SortedFilter, search_box, sort_choice
from crm.api.moments import DateTimeFilter
from crm.choices import Grading
from crm.models.contact_queries import ContactQuerySet

SORTS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "name": "name_in_order",
    "email": "email",
    "phone": "phone",
    "grading_llamada": "grading_llamada",
    "grading_situacion": "grading_situacion",
    "nacionalidad": "nacionalidad",
    "ultima_llamada": "ultima_llamada_fecha",
    "proxima_llamada": "proxima_llamada_fecha",
}


class GradingParameter(ChoiceField):
    def to_python(self, value: Any) -> str:
        # The plus of "B+" is a space once a carelessly written address has been decoded.
        return super().to_python("B+" if value == "B " else value)


class GradingFilter(filters.ChoiceFilter):
    field_class = GradingParameter


def _grading(label: str) -> GradingFilter:
    return GradingFilter(choices=Grading.choices, label=label)


def _since(column: str, label: str) -> DateTimeFilter:
    return DateTimeFilter(field_name=column, lookup_expr="gte", label=f"{label} desde, incluido.")


def _until(column: str, label: str) -> DateTimeFilter:
    return DateTimeFilter(
        field_name=column, lookup_expr="lte", is_end=True, label=f"{label} hasta; una fecha es el día entero."
    )


class ContactFilter(SortedFilter):
    sorts: ClassVar[dict[str, str]] = SORTS

    search = search_box("Nombre, correo, documento, ciudad, empresa o teléfono; sin tildes también.")
    responsible_user_id = filters.UUIDFilter(label="A cargo de.")
    grading_llamada = _grading("Calificación de la llamada.")
    grading_situacion = _grading("Calificación de la situación.")
    nacionalidad = filters.CharFilter(lookup_expr="iexact", label="Nacionalidad.")
    empadronado = filters.BooleanFilter(label="Empadronado.")
    tiene_ingresos = filters.BooleanFilter(label="Tiene ingresos.")
    ultima_llamada_desde = _since("ultima_llamada_fecha", "Última llamada")
    ultima_llamada_hasta = _until("ultima_llamada_fecha", "Última llamada")
    proxima_llamada_desde = _since("proxima_llamada_fecha", "Próxima llamada")
    proxima_llamada_hasta = _until("proxima_llamada_fecha", "Próxima llamada")
    sort_by = sort_choice(SORTS)


class DuplicateFilter(ListFilter):
    """Read by the view itself; here for the description of the endpoint."""

    phone = filters.CharFilter(method="unchanged", label="Teléfono, en cualquier formato.")
    document_number = filters.CharFilter(method="unchanged", label="Número de documento.")
    email = filters.CharFilter(method="unchanged", label="Correo.")

    def unchanged(self, contacts: ContactQuerySet, name: str, value: str) -> ContactQuerySet:
        return contacts

    def filter_queryset(self, queryset: Any) -> Any:
        asked = self.form.cleaned_data
        phone = asked.get("phone")
        return queryset.duplicates_of(
            phones=[phone] if phone else [], document=asked.get("document_number", ""), email=asked.get("email", "")
        )
