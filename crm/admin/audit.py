"""The audit: looked at by administrators, changed by nobody."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from crm.admin.base import ReadOnlyAdmin
from crm.admin.filters import AutocompleteSelectFilter, DayRangeFilter
from crm.admin.rights import ADMINISTRATORS
from crm.display import moment, shortened
from crm.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    may_view = ADMINISTRATORS
    list_display = ("when", "actor", "action", "entity_type", "what", "ip_address")
    list_filter = (("actor", AutocompleteSelectFilter), ("created_at", DayRangeFilter))
    list_select_related = ("actor",)
    search_fields = ("entity_id",)
    search_help_text = "Identificador del registro, completo"
    empty_hint = "Aquí aparece lo que cada persona hace con datos delicados."
    fieldsets = (
        (None, {"fields": (("when_exactly", "actor"), ("action", "entity_type"), "entity_id", "described")}),
        ("Desde dónde", {"fields": (("ip_address", "user_agent"),)}),
    )
    readonly_fields = ("when_exactly", "described")

    @display(description="cuándo")
    def when(self, entry: AuditEntry) -> str:
        return moment(entry.created_at)

    @display(description="cuándo")
    def when_exactly(self, entry: AuditEntry) -> Any:
        return entry.created_at

    @display(description="detalles")
    def what(self, entry: AuditEntry) -> str:
        return shortened(", ".join(f"{name}: {value}" for name, value in entry.details.items()))

    @display(description="detalles")
    def described(self, entry: AuditEntry) -> SafeString:
        text = json.dumps(entry.details, ensure_ascii=False, indent=2)
        return format_html('<pre class="puente-json">{}</pre>', text)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(entity_id=typed)
