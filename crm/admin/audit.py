"""The audit: looked at by administrators, changed by nobody."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from crm.admin.base import ReadOnlyAdmin
from crm.admin.filters import AutocompleteSelectFilter, DayRangeFilter
from crm.admin.rights import ADMINISTRATORS
from crm.api.base import as_id
from crm.audit_words import act_in_words
from crm.display import moment
from crm.models import AuditEntry

# What an entry is about: in words, and whose page shows it.
ABOUT = {
    "api_tokens": ("Token de API", "crm_apitoken"),
    "appointments": ("Cita", "crm_appointment"),
    "contacts": ("Contacto", "crm_contact"),
    "imports": ("Importación", "crm_importrun"),
    "leads": ("Lead", "crm_lead"),
    "users": ("Usuario", "crm_user"),
}


def name_what_acts_are_about(words: dict[str, tuple[str, str]]) -> None:
    """Other apps name what is theirs."""
    ABOUT.update(words)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    may_view = ADMINISTRATORS
    list_display = ("act", "about", "actor", "when", "ip_address")
    list_filter = (("actor", AutocompleteSelectFilter), ("created_at", DayRangeFilter))
    list_select_related = ("actor",)
    search_fields = ("entity_id",)
    search_help_text = "Identificador del registro, completo"
    empty_hint = "Aquí aparece lo que cada persona hace con datos delicados."
    fieldsets = (
        (None, {"fields": (("act", "about"), ("actor", "created_at"), "described")}),
        ("Desde dónde", {"fields": (("ip_address", "user_agent"),)}),
    )
    readonly_fields = ("act", "about", "created_at", "described")

    @display(description="cuándo")
    def when(self, entry: AuditEntry) -> str:
        return moment(entry.created_at)

    @display(description="qué hizo")
    def act(self, entry: AuditEntry) -> str:
        return act_in_words(entry.action)

    @display(description="sobre")
    def about(self, entry: AuditEntry) -> str | SafeString:
        """A link to the row, where it has a page; the row itself may be gone, and then the page says so."""
        words, page = ABOUT.get(entry.entity_type, (entry.entity_type, ""))
        known = as_id(entry.entity_id)
        if not page or known is None:
            return words
        href = reverse(f"admin:{page}_change", args=[known])
        return format_html('<a href="{}" class="puente-link">{}</a>', href, words)

    @display(description="detalles")
    def described(self, entry: AuditEntry) -> SafeString:
        text = json.dumps(entry.details, ensure_ascii=False, indent=2)
        return format_html('<pre class="puente-json">{}</pre>', text)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(entity_id=typed)
