"""Message templates as Meta has them: looked at by everybody, synchronised by the office."""

import re
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from unfold.decorators import action, display

from crm.admin.base import ReadOnlyAdmin, sentence_of
from crm.admin.filters import ChoicesDropdownFilter
from crm.display import NOTHING, address, moment, shortened
from crm.exceptions import Refusal
from whatsapp import templating
from whatsapp.choices import TemplateStatus
from whatsapp.graph import GraphError
from whatsapp.models import Template
from whatsapp.templating import buttons_of, kind_of, parts_of

STATUS_TONES = {
    TemplateStatus.APPROVED.label: "success",
    TemplateStatus.PENDING.label: "warning",
    TemplateStatus.REJECTED.label: "danger",
    TemplateStatus.PAUSED.label: "warning",
    TemplateStatus.DISABLED.label: "danger",
    TemplateStatus.OTHER.label: "info",
    "Fuera de uso": "danger",
}
CATEGORIES = {"MARKETING": "Promoción", "UTILITY": "Servicio", "AUTHENTICATION": "Verificación"}
QUALITIES = {"GREEN": "Alta", "YELLOW": "Media", "RED": "Baja", "UNKNOWN": "Sin datos"}
_VARIABLE = re.compile(r"(\{\{\s*\w+\s*\}\})")


@admin.register(Template)
class TemplateAdmin(ReadOnlyAdmin):
    ordering = ("name", "language", "id")
    list_display = ("name", "language", "category_label", "status_label", "quality_label", "begins", "synced")
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("name",)
    search_help_text = "Nombre de la plantilla"
    empty_hint = "Sincronice con Meta para traer las plantillas aprobadas: son lo único que se envía pasadas 24 horas."
    change_form_outer_after_template = "whatsapp_admin/template.html"
    actions_list = ("synchronise",)
    readonly_fields = ("status_in_colour", "category_label", "quality_label", "synced", "held_back", "reason_label")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "language"),
                    ("status_in_colour", "category_label"),
                    ("quality_label", "synced"),
                    ("held_back", "reason_label"),
                )
            },
        ),
    )

    def find(self, queryset: Any, typed: str) -> Any:
        """There are a few dozen of them at most."""
        return queryset.filter(name__icontains=typed)

    @display(description="categoría")
    def category_label(self, template: Template) -> str:
        return CATEGORIES.get(template.category, template.category) or NOTHING

    @display(description="estado", label=STATUS_TONES)
    def status_label(self, template: Template) -> str:
        return status_of(template)

    @display(description="estado")
    def status_in_colour(self, template: Template) -> str:
        label = status_of(template)
        return format_html('<span class="puente-tone puente-tone--{}">{}</span>', STATUS_TONES[label], label)

    @display(description="calidad")
    def quality_label(self, template: Template) -> str:
        return QUALITIES.get(template.quality, template.quality) or NOTHING

    @display(description="empieza")
    def begins(self, template: Template) -> str:
        return shortened(text_of(template, "BODY"), 60)

    @display(description="sincronizada")
    def synced(self, template: Template) -> str:
        return moment(template.synced_at)

    @display(description="fuera de uso desde")
    def held_back(self, template: Template) -> str:
        return moment(template.blocked_at)

    @display(description="motivo")
    def reason_label(self, template: Template) -> str:
        return template.reason or NOTHING

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        template = self.get_object(request, object_id)
        shown = preview(template) if isinstance(template, Template) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "preview": shown})

    @action(description="Sincronizar con Meta", icon="sync", permissions=["office"], url_path="sincronizar")
    def synchronise(self, request: HttpRequest) -> HttpResponse:
        if not self.has_office_permission(request):
            raise Http404
        try:
            report = templating.synchronise()
        except (Refusal, GraphError) as error:
            messages.error(request, error.sentence if isinstance(error, GraphError) else sentence_of(error))
        else:
            told = f"nuevas {report.added}, cambiadas {report.changed}, retiradas {report.gone}"
            messages.success(request, f"Plantillas al día: {report.total} en Meta ({told}).")
        return HttpResponseRedirect(address("whatsapp_template_changelist"))


def status_of(template: Template) -> str:
    """Approved by Meta, but refused when it was used: nobody is offered it."""
    is_held_back = template.blocked_at is not None and template.status == TemplateStatus.APPROVED
    return "Fuera de uso" if is_held_back else template.get_status_display()


def text_of(template: Template, kind: str) -> str:
    return next((str(part.get("text") or "") for part in parts_of(template) if kind_of(part) == kind), "")


def preview(template: Template) -> dict[str, Any]:
    """The template as the person sees it; its gaps are marked."""
    header = next((part for part in parts_of(template) if kind_of(part) == "HEADER"), {})
    return {
        "header": with_gaps(str(header.get("text") or "")),
        "media": str(header.get("format") or "") if not header.get("text") else "",
        "body": with_gaps(text_of(template, "BODY")),
        "footer": text_of(template, "FOOTER"),
        "buttons": [str(button.get("text") or "") for button in buttons_of(template)],
    }


def with_gaps(text: str) -> list[tuple[str, bool]]:
    """The text in pieces; True for those that are filled in when it is sent."""
    return [(piece, bool(_VARIABLE.fullmatch(piece))) for piece in _VARIABLE.split(text) if piece]
