"""What the list of leads may be narrowed and sorted by (presence-systems 2, crm-client 3.7)."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Q
from django_filters import rest_framework as filters
from django_filters.fields import ChoiceField

from crm.api.base import INVALID_ID, as_id
from crm.api.filters.sorting import SortedFilter, search_box, sort_choice
from crm.api.moments import DateTimeFilter
from crm.choices import CapturePlace, LeadStatus, Project, Typification
from crm.models.leads import LeadQuerySet
from crm.text import meant

SORTS = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "nombre": "nombre",
    "fecha_captacion": "fecha_captacion",
    "tipificacion": "tipificacion",
    "status": "status",
}


class MeantParameter(ChoiceField):
    def to_python(self, value: Any) -> str:
        values = [str(choice) for choice, _ in self.choices if choice]
        return super().to_python(meant(value, values) or value)


class MeantFilter(filters.ChoiceFilter):
    """A value of a closed list, without regard to accents and case."""

    field_class = MeantParameter


class PersonOrNobody(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if text in ("", "null"):
            return text
        found = as_id(text)
        if found is None:
            raise forms.ValidationError(INVALID_ID)
        return found


class ResponsibleFilter(filters.Filter):
    """An id, or the word `null` for those that nobody has."""

    field_class = PersonOrNobody

    def filter(self, qs: Any, value: Any) -> Any:
        if value in (None, ""):
            return qs
        return qs.filter(responsible_user__isnull=True) if value == "null" else qs.filter(responsible_user_id=value)


def contains(column: str) -> filters.CharFilter:
    return filters.CharFilter(field_name=column, lookup_expr="icontains", label="Contiene, sin importar mayúsculas.")


def _days(column: str, *, last: bool = False) -> DateTimeFilter:
    label = "Hasta ese día, incluido." if last else "Desde ese día, incluido."
    return DateTimeFilter(field_name=column, lookup_expr="lte" if last else "gte", is_end=last, label=label)


class LeadFilter(SortedFilter):
    sorts: ClassVar[dict[str, str]] = SORTS

    search = search_box("Nombre, correo, documento, distrito o celular.")
    tipificacion = MeantFilter(choices=Typification.choices, label="Con o sin tildes.")
    proyecto_interes = MeantFilter(choices=Project.choices)
    calle_o_modulo = MeantFilter(choices=CapturePlace.choices)
    status = MeantFilter(choices=LeadStatus.choices)
    medio = filters.CharFilter()
    medio__icontains = contains("medio")
    ubicacion = filters.CharFilter()
    ubicacion__icontains = contains("ubicacion")
    distrito = filters.CharFilter()
    distrito__icontains = contains("distrito")
    captador = contains("captador")
    supervisor = contains("supervisor")
    contact_id = filters.UUIDFilter(label="Leads de un contacto.")
    responsible_user_id = ResponsibleFilter(label="A cargo de; `null`, de nadie.")
    asesor = ResponsibleFilter(field_name="responsible_user_id", label="Otro nombre de `responsible_user_id`.")
    is_opc_lead = filters.BooleanFilter(field_name="es_lead_opc", label="Captados en campo.")
    context = filters.ChoiceFilter(
        method="in_context",
        choices=[("gestion", "sin directeo"), ("opc", "solo directeo")],
        label="`gestion` oculta el directeo, `opc` lo muestra solo.",
    )
    fecha_captacion_after = filters.DateFilter(field_name="fecha_captacion", lookup_expr="gte", label="Desde.")
    fecha_captacion_before = filters.DateFilter(field_name="fecha_captacion", lookup_expr="lte", label="Hasta.")
    fecha_creacion_after = _days("created_at")
    fecha_creacion_before = _days("created_at", last=True)
    ultima_actualizacion_after = _days("updated_at")
    ultima_actualizacion_before = _days("updated_at", last=True)
    sort_by = sort_choice(SORTS)

    def in_context(self, leads: LeadQuerySet, name: str, value: str) -> LeadQuerySet:
        return leads.filter(Q(es_directeo=value == "opc"))
