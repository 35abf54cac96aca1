"""Calls and their types on the staff pages."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from calls.choices import CallStatus, Direction
from calls.models import Call, CallType
from crm.admin.base import RECORD, StaffAdmin, SubjectAdmin
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
    PersonFilter,
)
from crm.admin.rights import ADMINISTRATORS
from crm.display import minutes, moment, person_of

STATUS_TONES = {
    CallStatus.COMPLETED.label: "success",
    CallStatus.ANSWERED.label: "success",
    CallStatus.NO_ANSWER.label: "warning",
    CallStatus.BUSY.label: "warning",
    CallStatus.MISSED.label: "danger",
    CallStatus.REJECTED.label: "danger",
    CallStatus.FAILED.label: "danger",
}


@admin.register(Call)
class CallAdmin(SubjectAdmin):
    list_display = ("person", "started", "way", "status_label", "call_type", "lasted", "responsible_user", "next")
    list_filter = (
        HolderFilter,
        ("responsible_user", AutocompleteSelectFilter),
        ("call_status", ChoicesDropdownFilter),
        ("direction", ChoicesDropdownFilter),
        ("started_at", DayRangeFilter),
        ("proxima_llamada_fecha", DayRangeFilter),
        ("contact", PersonFilter),
    )
    list_select_related = ("contact", "lead", "call_type", "responsible_user")
    list_display_links = ("started",)
    autocomplete_fields = ("contact", "lead", "responsible_user", "coverage_user")
    readonly_fields = ("created_at", "updated_at", "created_by")
    empty_hint = "Registre una llamada. Si le pone una próxima fecha, la tarea de seguimiento se crea sola."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("contact", "lead"),
                    ("direction", "call_status"),
                    ("started_at", "ended_at"),
                    ("duration", "phone"),
                    ("call_type", "call_result"),
                )
            },
        ),
        (
            "Seguimiento",
            {
                "description": "Una próxima llamada crea la tarea de seguimiento para esa fecha.",
                "fields": (
                    ("proxima_llamada_fecha", "proxima_accion_fecha"),
                    ("responsible_user", "coverage_user"),
                ),
            },
        ),
        ("Contenido", {"fields": ("resumen_llamada", "comments", "record_url")}),
        (RECORD, {"fields": (("created_at", "updated_at"), "created_by")}),
    )

    @display(description="persona")
    def person(self, call: Call) -> Any:
        return person_of(call)

    @display(description="inicio")
    def started(self, call: Call) -> str:
        return moment(call.started_at)

    @display(description="sentido")
    def way(self, call: Call) -> str:
        return call.get_direction_display()

    @display(description="resultado", label=STATUS_TONES)
    def status_label(self, call: Call) -> str:
        return call.get_call_status_display()

    @display(description="duración")
    def lasted(self, call: Call) -> str:
        return minutes(call.duration)

    @display(description="próxima llamada")
    def next(self, call: Call) -> str:
        return moment(call.proxima_llamada_fecha)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What is filed by hand is mostly one's own call of a moment ago."""
        usual = {"responsible_user": request.user.pk, "direction": Direction.OUTBOUND, "started_at": timezone.now()}
        return {**usual, **super().get_changeform_initial_data(request)}

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Types are few and have an order of their own: a plain box, not a search."""
        if db_field.name == "call_type":
            kwargs["queryset"] = CallType.objects.active().in_order()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


@admin.register(CallType)
class CallTypeAdmin(StaffAdmin):
    may_view = may_add = may_change = may_delete = ADMINISTRATORS
    list_display = ("name", "code", "is_active", "sort_order")
    list_filter = ("is_active",)
    ordering = ("sort_order", "name", "id")
    search_fields = ("name",)
    search_help_text = "Nombre o código"
    empty_hint = "Cree los tipos de llamada con los que el equipo clasifica su trabajo."
    fieldsets = (
        (None, {"fields": (("name", "code"), "description", ("sort_order", "is_active"))}),
        (RECORD, {"fields": (("created_at", "updated_at"),)}),
    )

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(name__icontains=typed) | queryset.filter(code__icontains=typed)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Calls hold the code, so a stored one stays."""
        return ("created_at", "updated_at", *(("code",) if obj else ()))
