"""Opportunities and the ledger of who held them, on the staff pages."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from crm.admin.audit import name_what_acts_are_about
from crm.admin.base import RECORD, ReadOnlyAdmin, StaffAdmin
from crm.admin.filters import (
    AutocompleteSelectFilter,
    ChoicesDropdownFilter,
    DayRangeFilter,
    HolderFilter,
)
from crm.admin.rights import ADMINISTRATORS, actor
from crm.display import NOTHING, address, moment, name_of
from crm.exceptions import Refusal
from crm.models import User
from opportunities import services
from opportunities.choices import AssignmentKind, AttemptStatus, OpportunityStatus, Priority
from opportunities.models import Assignment, Opportunity

# A bulk act is named by its block, which has no page; a single one by its opportunity, which the ledger shows.
name_what_acts_are_about({"opportunities": ("Oportunidades", "")})

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
    list_per_page = 100  # as many as one bulk assignment takes
    ordering = ("-priority", "-opportunity_score", "-detected_at", "-id")
    search_fields = ("contact__search_words",)
    search_column = "contact__search_words"
    search_help_text = "Nombre, documento, correo, ciudad o teléfono del contacto"
    autocomplete_fields = ("contact", "assigned_to")
    readonly_fields = (
        "attempts",
        "first_call_completed",
        "last_contact_attempt_at",
        "reason",
        "created_at",
        "updated_at",
        "created_by",
    )
    palette_icon = "target"
    empty_hint = "Cree una oportunidad para un contacto."
    actions = ("assign", "unassign")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("contact", "assigned_to"),
                    ("status", "current_stage"),
                    ("priority", "opportunity_score"),
                    ("detected_at",),
                    "notes",
                )
            },
        ),
        (
            RECORD,
            {
                "fields": (
                    "reason",
                    "attempts",
                    ("first_call_completed", "last_contact_attempt_at"),
                    ("created_at", "updated_at"),
                    "created_by",
                )
            },
        ),
    )

    @display(description="contacto")
    def person(self, opportunity: Opportunity) -> str:
        return opportunity.contact.name

    @display(description="teléfono")
    def phone(self, opportunity: Opportunity) -> str:
        return opportunity.contact.main_phone or NOTHING

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

    @display(description="motivo de detección")
    def reason(self, opportunity: Opportunity) -> str:
        return ", ".join(f"{name}: {value}" for name, value in opportunity.detection_reason.items()) or NOTHING

    @display(description="primeros intentos")
    def attempts(self, opportunity: Opportunity) -> str:
        return told_attempts(opportunity) or NOTHING

    def describe_for_palette(self, row: Any) -> str:
        return f"Oportunidad · {row.get_status_display()}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With people: a row is named after its contact, in the command palette too."""
        rows: Any = super().get_queryset(request)
        return rows.with_people()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), *(("contact",) if obj else ()))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Changed by whoever has it and by administrators (client file 4.2)."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (not isinstance(obj, Opportunity) or obj.may_be_revised_by(actor(request)))

    def save_model(self, request: HttpRequest, obj: Opportunity, form: Any, change: bool) -> None:
        """By the verbs of the API, so that a new holder is a line of the ledger."""
        values = {name: form.cleaned_data[name] for name in form.changed_data}
        if change:
            stored = Opportunity.objects.locked().get(pk=obj.pk)
            stored.revise(values, by=actor(request))
        else:
            values = dict(form.cleaned_data)
            stored = Opportunity.objects.register(values.pop("contact"), by=actor(request), **values)
        obj.__dict__.update(stored.__dict__)

    # --- Many at once -----------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        undo = self.admin_site.admin_view(self.undo_bulk)
        return [path("deshacer/<uuid:bulk_id>/", undo, name="opportunities_undo_bulk"), *super().get_urls()]

    @action(description="Asignar a…", permissions=["administer"])
    def assign(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Two steps: to whom, then one bulk assignment as the API makes it."""
        form = AssignForm(request.POST if "assigned_to" in request.POST else None)
        if not form.is_valid():
            return self._ask_for_whom(request, queryset, form)
        to = form.cleaned_data["assigned_to"]
        self._carry_out(
            request,
            f"Asignadas a {to}",
            lambda: services.bulk_assign(
                selected(queryset),
                to=services.assignee(to.pk),
                by=actor(request),
                status=OpportunityStatus.ASSIGNED,
                notes=form.cleaned_data["notes"],
            ),
        )
        return None

    @action(description="Dejar sin asignar", permissions=["administer"])
    def unassign(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._carry_out(request, "Sin asignar", lambda: services.bulk_unassign(selected(queryset), by=actor(request)))

    def _ask_for_whom(self, request: HttpRequest, queryset: QuerySet[Any], form: "AssignForm") -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Asignar oportunidades",
            "form": form,
            "media": form.media,
            "chosen": queryset,
            "headers": ("Contacto", "Prioridad", "Estado", "La tiene"),
            "rows": [
                (row.contact.name, row.get_priority_display(), row.get_status_display(), name_of(row.assigned_to))
                for row in queryset
            ],
        }
        return TemplateResponse(request, "opportunities/admin/assign.html", context)

    def _carry_out(self, request: HttpRequest, what: str, act: Callable[[], services.Report]) -> None:
        """Do it, and say how many and how to take it back."""
        try:
            report = act()
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return
        if report.done:
            undo = reverse("admin:opportunities_undo_bulk", args=[report.bulk_id])
            sentence = '{}: {}. <a href="{}" class="puente-link"><strong>Deshacer</strong></a>'
            messages.success(request, format_html(sentence, what, len(report.done), undo))
        if report.errors:
            messages.warning(request, f"Ya no están: {len(report.errors)}.")

    def undo_bulk(self, request: HttpRequest, bulk_id: UUID) -> HttpResponse:
        """Asks, then gives back what nobody has touched since; the rest is told one by one."""
        if not self.has_administer_permission(request):
            raise PermissionDenied
        lines = Assignment.objects.of_bulk(bulk_id).with_people()
        first = lines.first()
        if first is None:
            raise Http404
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": "Deshacer la asignación",
                "first": first,
                "count": lines.count(),
                "when": moment(first.created_at),
            }
            return TemplateResponse(request, "opportunities/admin/undo.html", context)
        try:
            report = services.undo(bulk_id, by=actor(request))
        except Refusal as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, f"Devueltas a como estaban: {len(report.done)}.")
            for reason, count in Counter(error.error for error in report.errors).items():
                messages.warning(request, f"{reason}: {count}.")
        return HttpResponseRedirect(address("opportunities_opportunity_changelist"))


class AssignForm(forms.Form):
    assigned_to = forms.ModelChoiceField(
        label="Asignar a",
        queryset=User.objects.responsible().order_by("first_name", "last_name", "email"),
        empty_label="Elija a quién",
        widget=UnfoldAdminSelectWidget,
    )
    notes = forms.CharField(
        label="Notas para el historial", required=False, max_length=1000, widget=UnfoldAdminTextInputWidget
    )


def selected(queryset: QuerySet[Any]) -> services.Asked:
    """The rows ticked in the list that still match its filters, in its order."""
    return services.Asked.read([str(pk) for pk in queryset.values_list("pk", flat=True)])


def told_attempts(opportunity: Opportunity) -> str:
    """ "1: Sin respuesta · 2: Atendida" """
    attempts = sorted(opportunity.first_call_attempts.items(), key=lambda item: int(item[0]))
    return " · ".join(f"{number}: {AttemptStatus(attempt['status']).label}" for number, attempt in attempts)


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    """The ledger. It outlives opportunities and people, so neither is joined: a line without them still shows."""

    may_view = ADMINISTRATORS
    list_display = ("when", "contact", "giver", "receiver", "author", "how", "states", "undo_link")
    list_filter = (
        ("to_user", AutocompleteSelectFilter),
        ("by_user", AutocompleteSelectFilter),
        ("kind", ChoicesDropdownFilter),
        ("created_at", DayRangeFilter),
    )
    ordering = ("-id",)
    search_fields = ("opportunity__contact__search_words",)
    search_help_text = "Nombre, documento, correo o teléfono del contacto"
    empty_hint = "Aquí queda cada cambio de manos de una oportunidad: de quién, a quién, por quién y cuándo."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("when", "contact"),
                    ("giver", "receiver"),
                    ("author", "how"),
                    ("states", "undo_link"),
                    "notes",
                )
            },
        ),
    )
    readonly_fields = ("when", "contact", "giver", "receiver", "author", "how", "states", "undo_link")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        there = Opportunity.objects.filter(pk=OuterRef("opportunity_id"))
        rows: Any = super().get_queryset(request)
        return rows.with_people().annotate(contact_name=Subquery(there.values("contact__name")[:1]))

    @display(description="cuándo")
    def when(self, line: Assignment) -> str:
        return moment(line.created_at)

    @display(description="oportunidad de")
    def contact(self, line: Any) -> str:
        if line.contact_name is None:
            return "una que ya no existe"
        href = reverse("admin:opportunities_opportunity_change", args=[line.opportunity_id])
        return format_html('<a href="{}" class="puente-link">{}</a>', href, line.contact_name)

    @display(description="de")
    def giver(self, line: Assignment) -> str:
        return name_of(line.from_user)

    @display(description="a")
    def receiver(self, line: Assignment) -> str:
        return name_of(line.to_user)

    @display(description="por")
    def author(self, line: Assignment) -> str:
        return name_of(line.by_user)

    @display(description="cómo")
    def how(self, line: Assignment) -> str:
        return line.get_kind_display()

    @display(description="estado")
    def states(self, line: Assignment) -> str:
        return f"{line.get_from_status_display()} → {line.get_to_status_display()}"

    @display(description="deshacer")
    def undo_link(self, line: Assignment) -> str:
        if line.bulk_id is None or line.kind == AssignmentKind.UNDO:
            return NOTHING
        href = reverse("admin:opportunities_undo_bulk", args=[line.bulk_id])
        return format_html('<a href="{}" class="puente-link">el bloque</a>', href)

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(opportunity_id__in=Opportunity.objects.search(typed).values("pk"))
