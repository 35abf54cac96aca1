"""Calls and their types on the staff pages."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from calls import services
from calls.choices import CallStatus, Direction
from calls.models import Call, CallType
from crm.admin.base import RECORD, StaffAdmin, StaffForm, SubjectAdmin
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
    PersonFilter,
)
from crm.admin.rights import ADMINISTRATORS, actor
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


class CallForm(StaffForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Types are few and have an order of their own: a plain box with those in use, and the present one."""
        super().__init__(*args, **kwargs)
        field = self.fields.get("call_type")
        if isinstance(field, forms.ModelChoiceField):
            offered = Q(is_active=True) | Q(code=self.instance.call_type_id)
            field.queryset = CallType.objects.filter(offered).in_order()


@admin.register(Call)
class CallAdmin(SubjectAdmin):
    form = CallForm
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

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever filed it or is responsible for it, and administrators."""
        if isinstance(obj, Call):
            return obj.may_be_deleted_by(actor(request))
        return super().has_delete_permission(request, obj)

    def file(self, request: HttpRequest, **fields: Any) -> Call:
        return services.record_call(by=actor(request), **fields)

    def correct(self, request: HttpRequest, pk: Any, **fields: Any) -> Call:
        return services.correct_call(pk, by=actor(request), **fields)

    def delete_model(self, request: HttpRequest, obj: Call) -> None:
        services.remove_call(obj.pk, by=actor(request))


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
