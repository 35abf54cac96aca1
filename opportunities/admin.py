"""Opportunities and the ledger of who held them, on the staff pages."""

from django.contrib import admin
from unfold.decorators import display

from crm.admin.base import StaffAdmin
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
)
from crm.display import NOTHING, moment
from opportunities.choices import OpportunityStatus, Priority
from opportunities.models import Opportunity

STATUS_TONES = {
    OpportunityStatus.PENDING.label: "warning",
    OpportunityStatus.ASSIGNED.label: "info",
    OpportunityStatus.CONTACTED.label: "primary",
    OpportunityStatus.CONVERTED.label: "success",
    OpportunityStatus.EXPIRED.label: "danger",
    OpportunityStatus.LOST.label: "danger",
}
PRIORITY_TONES = {Priority.HIGH.label: "danger", Priority.MEDIUM.label: "warning", Priority.LOW.label: "info"}


class AssigneeFilter(HolderFilter):
    field = "assigned_to"


@admin.register(Opportunity)
class OpportunityAdmin(StaffAdmin):
    list_display = ("person", "phone", "priority_label", "score", "status_label", "stage", "assigned_to", "detected")
    list_filter = (
        AssigneeFilter,
        ("assigned_to", AutocompleteSelectFilter),
        ("status", ChoicesDropdownFilter),
        ("priority", ChoicesDropdownFilter),
        ("current_stage", ChoicesDropdownFilter),
        ("detected_at", DayRangeFilter),
        ("contact", AutocompleteSelectFilter),
    )
    list_select_related = ("contact", "assigned_to")
    list_per_page = 100  # as many as one bulk assignment takes
    ordering = ("-priority", "-opportunity_score", "-detected_at", "-id")
    search_fields = ("contact__search_words",)
    search_help_text = "Nombre, documento, correo, ciudad o teléfono del contacto"
    autocomplete_fields = ("contact", "assigned_to")
    palette_icon = "target"
    empty_hint = "Cree una oportunidad para un contacto, o pruebe con otros filtros."

    @display(description="contacto")
    def person(self, opportunity: Opportunity) -> str:
        return opportunity.contact.name

    @display(description="teléfono")
    def phone(self, opportunity: Opportunity) -> str:
        return opportunity.contact.mobile or opportunity.contact.phone or NOTHING

    @display(description="prioridad", label=PRIORITY_TONES)
    def priority_label(self, opportunity: Opportunity) -> str:
        return opportunity.get_priority_display()

    @display(description="puntaje")
    def score(self, opportunity: Opportunity) -> int:
        return opportunity.opportunity_score

    @display(description="estado", label=STATUS_TONES)
    def status_label(self, opportunity: Opportunity) -> str:
        return opportunity.get_status_display()

    @display(description="etapa")
    def stage(self, opportunity: Opportunity) -> str:
        return opportunity.get_current_stage_display()

    @display(description="detectada")
    def detected(self, opportunity: Opportunity) -> str:
        return moment(opportunity.detected_at)
