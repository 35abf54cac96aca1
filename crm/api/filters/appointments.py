"""What the list of appointments may be narrowed and sorted by (presence-systems 2)."""

from typing import ClassVar

from django_filters import rest_framework as filters

from crm.api.filters.leads import MeantFilter, ResponsibleFilter
from crm.api.filters.sorting import SortedFilter, search_box, sort_choice
from crm.api.moments import DateTimeFilter
from crm.choices import AppointmentState

SORTS = {"fecha_hora": "fecha_hora", "numero": "numero", "created_at": "created_at", "updated_at": "updated_at"}


class AppointmentFilter(SortedFilter):
    sorts: ClassVar[dict[str, str]] = SORTS
    searched: ClassVar[str] = "lead__search_words"

    estado = MeantFilter(choices=AppointmentState.choices, label="Con o sin tildes.")
    fecha_hora_gte = DateTimeFilter(field_name="fecha_hora", lookup_expr="gte", label="Desde ese día, incluido.")
    fecha_hora_lte = DateTimeFilter(
        field_name="fecha_hora", lookup_expr="lte", is_end=True, label="Hasta ese día, incluido."
    )
    lead_id = filters.UUIDFilter(label="Citas de un lead.")
    contact_id = filters.UUIDFilter(field_name="lead__contact_id", label="Citas de todos sus leads.")
    responsible_user_id = ResponsibleFilter(label="A cargo de; `null`, de nadie.")
    search = search_box("Nombre, correo, documento o celular del lead.")
    sort_by = sort_choice(SORTS)
