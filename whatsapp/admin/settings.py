"""How the bot behaves and when people are there to answer: one row, and the hours of the week. For administrators."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.decorators import display

from crm.admin.base import StaffAdmin
from crm.admin.rights import ADMINISTRATORS, NOBODY, OFFICE
from crm.display import address, cell_of, change_url
from crm.panels import Row
from whatsapp.hours import clock
from whatsapp.models import BotSettings, OpeningHours


@admin.register(BotSettings)
class BotSettingsAdmin(StaffAdmin):
    may_view = OFFICE
    may_add = may_delete = NOBODY
    may_change = ADMINISTRATORS
    ordering = ("id",)
    list_display = ("is_on",)
    change_form_outer_after_template = "whatsapp_admin/hours.html"
    fieldsets = (
        (None, {"fields": (("is_on", "debounce_seconds"), ("hourly_cap", "oldest_minutes"))}),
        ("Cuando atiende una persona", {"fields": (("takeover_minutes", "unanswered_minutes"),)}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """There is one row, so its form is the list; made with the defaults where nobody has changed any."""
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        settings, _ = BotSettings.objects.get_or_create(pk=1)
        return HttpResponseRedirect(change_url(settings))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = {
            "hours_headers": ("Día", "Abre", "Cierra"),
            "hours_rows": rows_of_hours(),
            "may_add_hours": self.has_change_permission(request),
            "add_hours_url": address("whatsapp_openinghours_add"),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})


@admin.register(OpeningHours)
class OpeningHoursAdmin(StaffAdmin):
    may_view = OFFICE
    may_add = may_change = may_delete = ADMINISTRATORS
    ordering = ("weekday", "opens")
    list_display = ("day", "opens_at", "closes_at")
    list_display_links = ("day",)
    empty_hint = "Sin horario, el bot entiende que el equipo atiende siempre."
    fieldsets = ((None, {"fields": ("weekday", ("opens", "closes"))}),)

    @display(description="día")
    def day(self, hours: OpeningHours) -> str:
        return hours.get_weekday_display()

    @display(description="abre")
    def opens_at(self, hours: OpeningHours) -> str:
        return clock(hours.opens)

    @display(description="cierra")
    def closes_at(self, hours: OpeningHours) -> str:
        return clock(hours.closes)


def rows_of_hours() -> list[Row]:
    rows = OpeningHours.objects.order_by("weekday", "opens")
    return [(cell_of(row, row.get_weekday_display()), clock(row.opens), clock(row.closes)) for row in rows]
