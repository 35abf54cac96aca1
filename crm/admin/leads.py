"""Leads: one enquiry of a person, as it was captured."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display

from crm.admin.base import RECORD, StaffAdmin
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
)
from crm.choices import LeadStatus, Typification
from crm.display import link_to, moment
from crm.models import Lead

STATUS_TONES = {
    LeadStatus.NEW.label: "info",
    LeadStatus.CONTACTED.label: "primary",
    LeadStatus.PROPOSAL.label: "warning",
    LeadStatus.NEGOTIATION.label: "warning",
    LeadStatus.WON.label: "success",
    LeadStatus.LOST.label: "danger",
}


@admin.register(Lead)
class LeadAdmin(StaffAdmin):
    list_display = (
        "nombre",
        "celular",
        "status_label",
        "typification",
        "medio",
        "proyecto_interes",
        "responsible_user",
        "created",
    )
    list_filter = (
        HolderFilter,
        ("responsible_user", AutocompleteSelectFilter),
        ("status", ChoicesDropdownFilter),
        ("tipificacion", ChoicesDropdownFilter),
        ("proyecto_interes", ChoicesDropdownFilter),
        ("created_at", DayRangeFilter),
        "es_lead_opc",
    )
    list_select_related = ("responsible_user",)
    search_fields = ("search_words",)
    search_help_text = "Nombre, celular, correo, documento o distrito"
    autocomplete_fields = ("responsible_user",)
    readonly_fields = ("person", "created_at", "updated_at", "created_by")
    palette_icon = "person_add"
    empty_hint = "Registre el primer lead o importe los de una campaña. El contacto se busca o se crea por el celular."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "person",
                    ("nombre", "celular"),
                    ("email", "responsible_user"),
                    ("status", "tipificacion"),
                    ("tipo_documento", "numero_documento"),
                    "observacion",
                )
            },
        ),
        (
            "Captación",
            {
                "fields": (
                    ("medio", "proyecto_interes"),
                    ("distrito", "fecha_captacion"),
                    ("captador", "supervisor"),
                    ("ubicacion", "calle_o_modulo"),
                    ("es_lead_opc", "es_directeo"),
                    "observacion_opc",
                )
            },
        ),
        (RECORD, {"fields": (("created_at", "updated_at"), "created_by")}),
    )

    @display(description="estado", label=STATUS_TONES)
    def status_label(self, lead: Lead) -> str:
        return lead.get_status_display()

    @display(description="tipificación")
    def typification(self, lead: Lead) -> str:
        return Typification(lead.tipificacion).label if lead.tipificacion else self.get_empty_value_display()

    @display(description="creado")
    def created(self, lead: Lead) -> str:
        return moment(lead.created_at)

    @display(description="contacto")
    def person(self, lead: Lead) -> Any:
        return link_to(lead.contact)

    def describe_for_palette(self, row: Any) -> str:
        return f"Lead · {row.celular}"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """A new lead has no contact yet: it finds or makes it by its phone when it is saved."""
        (name, options), *others = super().get_fieldsets(request, obj)
        if obj is None:
            options = {**options, "fields": options["fields"][1:]}
        return [(name, options), *others]
