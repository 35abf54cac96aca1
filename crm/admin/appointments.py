"""Appointments ("citas"): who comes when, and whether they came."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import action, display

from crm.admin.base import RECORD, StaffAdmin
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
)
from crm.choices import AppointmentState
from crm.display import link_to, moment
from crm.models import Appointment

STATE_TONES = {
    AppointmentState.PENDING.label: "warning",
    AppointmentState.CONFIRMED.label: "info",
    AppointmentState.ATTENDED.label: "success",
    AppointmentState.CANCELLED.label: "danger",
    AppointmentState.RESCHEDULED.label: "primary",
    AppointmentState.NO_SHOW.label: "danger",
}


@admin.register(Appointment)
class AppointmentAdmin(StaffAdmin):
    list_display = ("code", "person", "at", "lugar", "state_label", "responsible_user")
    list_filter = (
        HolderFilter,
        ("responsible_user", AutocompleteSelectFilter),
        ("estado", ChoicesDropdownFilter),
        ("fecha_hora", DayRangeFilter),
    )
    list_select_related = ("lead", "responsible_user")
    ordering = ("-fecha_hora", "-id")
    search_fields = ("lead__search_words",)
    search_column = "lead__search_words"
    search_help_text = "Nombre, celular o documento del lead"
    autocomplete_fields = ("lead", "responsible_user")
    readonly_fields = ("code", "attended_at", "has_ever_been_confirmed", "created_at", "updated_at", "created_by")
    actions = ("mark_attended",)
    empty_hint = "Programe la primera cita de un lead: día, hora y lugar."
    fieldsets = (
        (
            None,
            {"fields": ("lead", ("fecha_hora", "lugar"), ("estado", "responsible_user"), "observaciones")},
        ),
        (
            RECORD,
            {
                "fields": (
                    ("code", "attended_at"),
                    ("has_ever_been_confirmed", "created_by"),
                    ("created_at", "updated_at"),
                )
            },
        ),
    )

    @display(description="código")
    def code(self, appointment: Appointment) -> str:
        return appointment.id_presencia_crm

    @display(description="persona")
    def person(self, appointment: Appointment) -> str:
        return link_to(appointment.lead)

    @display(description="fecha y hora")
    def at(self, appointment: Appointment) -> str:
        return moment(appointment.fecha_hora)

    @display(description="estado", label=STATE_TONES)
    def state_label(self, appointment: Appointment) -> str:
        return appointment.get_estado_display()

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        """By number ("CRM-12") or by the lead."""
        number = typed.upper().removeprefix("CRM-")
        if number.isdecimal() and len(number) < 10 and number != typed:
            return queryset.filter(numero=int(number))
        return super().find(queryset, typed)

    @action(description="Marcar como realizadas", permissions=["change"])
    def mark_attended(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        open_ones = list(queryset.exclude(estado=AppointmentState.ATTENDED))
        for appointment in open_ones:
            appointment.mark_attended()
            self.log_change(request, appointment, "Marcada como realizada.")
        messages.success(request, f"Citas marcadas como realizadas: {len(open_ones)}.")
