"""What Meta sent: looked at by the office, applied once more by administrators."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import orjson
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from crm.admin.audit import name_what_acts_are_about
from crm.admin.base import ReadOnlyAdmin, after_dialog
from crm.admin.filters import ChoicesDropdownFilter, DayRangeFilter
from crm.api.downloads import as_attachment
from crm.audit_words import name_acts
from crm.display import address, change_url, moment
from crm.models import AuditEntry
from crm.panels import counted
from crm.waking import wake
from whatsapp.choices import EventState, ItemState
from whatsapp.models import WebhookEvent, WebhookItem
from whatsapp.notices import MAY_SEE_EVENTS
from whatsapp.tasks import apply_events

name_acts({"whatsapp.replay": "Procesó de nuevo avisos de Meta", "whatsapp.download": "Descargó un aviso de Meta"})
name_what_acts_are_about({"whatsapp-events": ("Avisos de Meta", "whatsapp_webhookevent")})

EVENT_TONES = {
    EventState.STORED.label: "warning",
    EventState.APPLYING.label: "info",
    EventState.APPLIED.label: "success",
    EventState.FAILED.label: "danger",
}
ITEM_TONES = {
    ItemState.KEPT.label: "info",
    ItemState.FAILED.label: "danger",
    ItemState.MENDED.label: "success",
}
JSON = "application/json"
# Of a request of a thousand items the first are shown; the file has them all.
SHOWN_ITEMS = 100
SHOWN_BYTES = 60_000


@admin.register(WebhookEvent)
class WebhookEventAdmin(ReadOnlyAdmin):
    may_view = MAY_SEE_EVENTS
    ordering = ("-id",)
    list_display = ("name", "state_label", "came", "age", "items", "failures_label", "attempts", "size", "error_label")
    list_display_links = ("name",)
    list_filter = (("state", ChoicesDropdownFilter), ("received_at", DayRangeFilter))
    empty_hint = "Aquí queda, tal como llegó, cada petición que Meta envía a este servicio."
    list_before_template = "whatsapp_admin/events_above.html"
    change_form_outer_after_template = "whatsapp_admin/event.html"
    actions = ("replay_many",)
    actions_detail = ("replay_one",)
    readonly_fields = ("name", "state_in_colour", "came_in_full", "ended", "items", "failures", "attempts", "why")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("name", "state_in_colour"),
                    ("came_in_full", "ended"),
                    ("items", "failures"),
                    ("attempts", "why"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A list of fifty requests does not read their megabytes: only how many."""
        return super().get_queryset(request).defer("body").annotate(bytes=Length("body"))

    # --- Columns and fields -----------------------------------------------------------------

    @display(description="aviso")
    def name(self, event: WebhookEvent) -> str:
        return str(event)

    @display(description="estado", label=EVENT_TONES)
    def state_label(self, event: WebhookEvent) -> str:
        return event.get_state_display()

    @display(description="estado")
    def state_in_colour(self, event: WebhookEvent) -> str:
        label = event.get_state_display()
        return format_html('<span class="puente-tone puente-tone--{}">{}</span>', EVENT_TONES[label], label)

    @display(description="recibido")
    def came(self, event: WebhookEvent) -> str:
        return moment(event.received_at)

    @display(description="recibido")
    def came_in_full(self, event: WebhookEvent) -> str:
        return f"{moment(event.received_at)} (hace {age_of(event)})"

    @display(description="antigüedad")
    def age(self, event: WebhookEvent) -> str:
        return age_of(event)

    @display(description="fallos")
    def failures_label(self, event: WebhookEvent) -> Any:
        if not event.failures:
            return 0
        return format_html('<span class="puente-tone puente-tone--danger">{}</span>', event.failures)

    @display(description="bytes")
    def size(self, event: Any) -> int:
        return int(event.bytes)

    @display(description="procesado")
    def ended(self, event: WebhookEvent) -> str:
        return moment(event.applied_at)

    @display(description="error")
    def error_label(self, event: WebhookEvent) -> str:
        return event.error[:60] or "—"

    @display(description="error")
    def why(self, event: WebhookEvent) -> str:
        return event.error or "—"

    # --- List -------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "figures": [
                ("Por procesar", counted(WebhookEvent.objects.waiting()), "hourglass_top", "stored", ""),
                ("Con fallos", counted(WebhookEvent.objects.failed()), "error", "failed", "danger"),
            ],
            "failed_items": counted(WebhookItem.objects.failed()),
            "items_url": address("whatsapp_webhookitem_changelist", state__exact="failed"),
            "list_url": address("whatsapp_webhookevent_changelist"),
        }
        return super().changelist_view(request, {**(extra_context or {}), **context})

    @action(description="Procesar de nuevo", permissions=["administer"])
    def replay_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        tell_replayed(request, replay([row.pk for row in queryset]), asked=len(queryset))

    # --- One --------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        event = self.get_object(request, object_id)
        shown = self._shown(event) if isinstance(event, WebhookEvent) and self.has_view_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def _shown(self, event: WebhookEvent) -> dict[str, Any]:
        parts = list(event.parts.order_by("id")[: SHOWN_ITEMS + 1])
        return {
            "body": pretty(event.raw),
            "body_url": reverse("admin:whatsapp_webhookevent_body", args=[event.pk]),
            "parts": [told_item(item) for item in parts[:SHOWN_ITEMS]],
            "has_more_parts": len(parts) > SHOWN_ITEMS,
            "all_parts_url": address("whatsapp_webhookitem_changelist", event__id__exact=event.pk),
        }

    @action(
        description="Procesar de nuevo",
        icon="replay",
        permissions=["administer"],
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Procesar de nuevo",
            "description": "El aviso se aplica otra vez, elemento por elemento. Lo que ya se aplicó no cambia nada.",
            "form_submit_text": "Procesar",
        },
    )
    def replay_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        event = self.get_object(request, object_id)
        if not isinstance(event, WebhookEvent):
            raise Http404
        tell_replayed(request, replay([event.pk]), asked=1)
        return after_dialog(change_url(event))

    def get_urls(self) -> list[URLPattern]:
        body = self.admin_site.admin_view(self.body_view)
        return [path("<int:event_id>/contenido/", body, name="whatsapp_webhookevent_body"), *super().get_urls()]

    def body_view(self, request: HttpRequest, event_id: int) -> HttpResponse:
        """The very bytes, for a look by other means: what people wrote is in them, so it is audited."""
        event = WebhookEvent.objects.filter(pk=event_id).first() if self.has_view_permission(request) else None
        if event is None:
            raise Http404
        AuditEntry.write("whatsapp.download", "whatsapp-events", event.pk)
        headers = as_attachment(f"aviso-{event.pk}", "json")
        return HttpResponse(event.raw, content_type=JSON, headers=headers)


@admin.register(WebhookItem)
class WebhookItemAdmin(ReadOnlyAdmin):
    may_view = MAY_SEE_EVENTS
    ordering = ("-id",)
    list_display = ("what", "state_label", "path", "of_event", "when", "error_label")
    list_display_links = ("what",)
    list_filter = (("state", ChoicesDropdownFilter), ("at", DayRangeFilter))
    empty_hint = "Aquí queda cada parte de un aviso que falló, o que no produce nada en el CRM."
    actions = ("replay_many",)
    readonly_fields = ("what", "state_in_colour", "path", "when", "of_event", "error", "content")
    fieldsets = ((None, {"fields": (("what", "state_in_colour"), ("path", "when"), ("of_event", "error"), "content")}),)

    @display(description="qué")
    def what(self, item: WebhookItem) -> str:
        return str(item)

    @display(description="estado", label=ITEM_TONES)
    def state_label(self, item: WebhookItem) -> str:
        return item.get_state_display()

    @display(description="estado")
    def state_in_colour(self, item: WebhookItem) -> str:
        label = item.get_state_display()
        return format_html('<span class="puente-tone puente-tone--{}">{}</span>', ITEM_TONES[label], label)

    @display(description="aviso")
    def of_event(self, item: WebhookItem) -> str:
        url = reverse("admin:whatsapp_webhookevent_change", args=[item.event_id])
        return format_html('<a href="{}" class="puente-link">Aviso {}</a>', url, item.event_id)

    @display(description="cuándo")
    def when(self, item: WebhookItem) -> str:
        return moment(item.at)

    @display(description="error")
    def error_label(self, item: WebhookItem) -> str:
        return item.error[:80] or "—"

    @display(description="contenido")
    def content(self, item: WebhookItem) -> str:
        return format_html('<pre class="puente-json" tabindex="0">{}</pre>', readable(item.payload))

    @action(description="Procesar de nuevo sus avisos", permissions=["administer"])
    def replay_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        events = {row.event_id for row in queryset}
        tell_replayed(request, replay(events), asked=len(events))


def replay(ids: Collection[int]) -> int:
    """Apply these events again, in the background; how many."""
    count = WebhookEvent.objects.filter(pk__in=ids).replay()
    if count:
        AuditEntry.write("whatsapp.replay", "whatsapp-events", min(ids), count=count, events=sorted(ids))
        wake(apply_events)
    return count


def tell_replayed(request: HttpRequest, count: int, *, asked: int) -> None:
    if count:
        messages.success(request, f"Se procesan de nuevo, en unos segundos: {count}.")
    if count < asked:
        messages.warning(request, f"Se están procesando ahora mismo y siguen su curso: {asked - count}.")


def pretty(raw: bytes) -> str:
    """The request as JSON that people can read; as it is where it is none. Long ones only begin here."""
    try:
        text = readable(orjson.loads(raw))
    except orjson.JSONDecodeError:
        text = raw.decode("utf-8", "replace")
    return text if len(text) <= SHOWN_BYTES else f"{text[:SHOWN_BYTES]}\n… (el resto está en el archivo)"


def readable(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def told_item(item: WebhookItem) -> dict[str, Any]:
    label = item.get_state_display()
    return {
        "title": str(item),
        "path": item.path,
        "state": label,
        "tone": ITEM_TONES[label],
        "error": item.error,
        "payload": readable(item.payload),
        "href": change_url(item),
    }


def age_of(event: WebhookEvent) -> str:
    is_new = timezone.now() - event.received_at < timedelta(minutes=1)
    return "un momento" if is_new else timesince(event.received_at, depth=1)
