"""What was sent to other systems: looked at by the office, sent again by administrators."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from crm.admin.audit import name_what_acts_are_about
from crm.admin.base import ReadOnlyAdmin, after_dialog, sentence_of
from crm.admin.dashboard import drawn
from crm.admin.filters import ChoicesDropdownFilter, DayRangeFilter
from crm.display import NOTHING, address, change_url, moment, name_of, shortened
from crm.exceptions import Refusal
from crm.models import Appointment, AuditEntry
from integrations.admin.last_day import chart_of, figures_of, table_of_destinations
from integrations.choices import FAILED_STATES, AttemptOutcome, DeliveryState
from integrations.destinations import DESTINATIONS, META
from integrations.events import EVENTS
from integrations.models import Circuit, DeliveryAttempt, WebhookDelivery
from integrations.panels import MAY_SEE_DELIVERIES
from integrations.shown import Request, destination_title, event_title, without_secrets
from integrations.statistics import LastDay
from whatsapp.models import Thread

name_what_acts_are_about({"webhook-deliveries": ("Envíos", ""), "webhook-destinations": ("Destino", "")})

STATE_TONES = {
    DeliveryState.PENDING.label: "warning",
    DeliveryState.SENDING.label: "info",
    DeliveryState.DELIVERED.label: "success",
    DeliveryState.DEAD.label: "danger",
    DeliveryState.ASIDE.label: "danger",
    DeliveryState.UNCERTAIN.label: "warning",
    DeliveryState.WITHDRAWN.label: "none",
}
DISMISSED = "Descartada"
OUTCOME_TONES = {
    AttemptOutcome.RUNNING: "info",
    AttemptOutcome.DELIVERED: "success",
    AttemptOutcome.REFUSED: "danger",
    AttemptOutcome.UNANSWERED: "danger",
    AttemptOutcome.LOST: "warning",
    AttemptOutcome.RELEASED: "",
}


class SituationFilter(DropdownFilter):
    """The questions that the page is opened with."""

    title = "situación"
    parameter_name = "situacion"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            ("fallidos", "Sin entregar, por revisar"),
            ("pendientes", "Todavía no han terminado"),
            ("sin_confirmar", "Sin confirmar"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        match self.value():
            case "fallidos":
                return queryset.needing_attention()
            case "pendientes":
                return queryset.unfinished()
            case "sin_confirmar":
                return queryset.filter(state=DeliveryState.UNCERTAIN)
        return queryset


class EventFilter(DropdownFilter):
    title = "aviso"
    parameter_name = "event"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(event.name, event.title) for event in EVENTS.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(event=self.value()) if self.value() else queryset


class DestinationFilter(DropdownFilter):
    title = "destino"
    parameter_name = "destination"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(destination.name, destination.title) for destination in DESTINATIONS.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(destination=self.value()) if self.value() else queryset


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    may_view = MAY_SEE_DELIVERIES
    list_display = ("about", "event_label", "destination_label", "state_label", "age", "tries_made", "next_try", "last")
    list_display_links = ("about",)
    list_filter = (
        SituationFilter,
        ("state", ChoicesDropdownFilter),
        EventFilter,
        DestinationFilter,
        ("created_at", DayRangeFilter),
    )
    search_fields = ("subject",)
    search_help_text = "Número de la cita, completo: CRM-12"
    empty_hint = (
        "Cuando una cita se realiza, aquí queda el aviso a la aplicación comercial y cada intento de entregarlo."
    )
    list_before_template = "integrations/admin/paused.html"
    change_form_outer_after_template = "integrations/admin/delivery.html"
    actions = ("replay_many", "send_many_now", "dismiss_many")
    actions_list = ("last_day",)
    actions_detail = ("replay_one", "send_one_now", "dismiss_one")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("about_appointment", "event_label"),
                    ("destination_label", "state_in_colour"),
                    ("written", "next_try"),
                    ("tries_made", "ended"),
                    ("author", "last"),
                )
            },
        ),
    )
    readonly_fields = (
        "about_appointment",
        "event_label",
        "destination_label",
        "state_in_colour",
        "written",
        "next_try",
        "tries_made",
        "ended",
        "author",
        "last",
    )

    # --- Columns and fields -----------------------------------------------------------------

    @display(description="asunto")
    def about(self, delivery: WebhookDelivery) -> str:
        return delivery.subject

    @display(description="cita")
    def about_appointment(self, delivery: WebhookDelivery) -> str:
        """A link to the appointment, while there is one; of a message, to its thread."""
        if delivery.destination == META.name:
            return self._about_thread(delivery)
        number = delivery.subject.removeprefix("CRM-")
        known = number.isdecimal() and len(number) < 10 and number != delivery.subject
        found = Appointment.objects.present().filter(numero=int(number)).first() if known else None
        if found is None:
            return delivery.subject
        return format_html('<a href="{}" class="puente-link">{}</a>', change_url(found), delivery.subject)

    def _about_thread(self, delivery: WebhookDelivery) -> str:
        name = delivery.subject.rpartition(":")[2]
        thread = Thread.objects.filter(pk=int(name)).first() if name.isdecimal() and len(name) < 19 else None
        if thread is None:
            return delivery.subject
        return format_html('<a href="{}" class="puente-link">{}</a>', change_url(thread), thread.title)

    @display(description="aviso")
    def event_label(self, delivery: WebhookDelivery) -> str:
        return event_title(delivery.event)

    @display(description="destino")
    def destination_label(self, delivery: WebhookDelivery) -> str:
        return destination_title(delivery.destination)

    @display(description="estado", label=STATE_TONES)
    def state_label(self, delivery: WebhookDelivery) -> str:
        """What Meta refused was looked at on its message, not dismissed by anybody."""
        return DISMISSED if delivery.is_dismissed and delivery.is_replayable else delivery.get_state_display()

    @display(description="estado")
    def state_in_colour(self, delivery: WebhookDelivery) -> str:
        label = self.state_label(delivery)
        tone = STATE_TONES.get(label, "none")
        return format_html('<span class="puente-tone puente-tone--{}">{}</span>', tone, label)

    @display(description="antigüedad")
    def age(self, delivery: WebhookDelivery) -> str:
        return age_of(delivery)

    @display(description="intentos")
    def tries_made(self, delivery: WebhookDelivery) -> int:
        return delivery.attempts

    @display(description="próximo intento")
    def next_try(self, delivery: WebhookDelivery) -> str:
        if delivery.state != DeliveryState.PENDING:
            return NOTHING
        return moment(delivery.next_try_at) if delivery.next_try_at > timezone.now() else "en cuanto se pueda"

    @display(description="última respuesta")
    def last(self, delivery: WebhookDelivery) -> str:
        told = [str(delivery.last_status or ""), shortened(delivery.last_error, 60) if delivery.last_error else ""]
        return " · ".join(part for part in told if part) or NOTHING

    @display(description="anotado")
    def written(self, delivery: WebhookDelivery) -> str:
        return f"{moment(delivery.created_at)} (hace {age_of(delivery)})"

    @display(description="terminado")
    def ended(self, delivery: WebhookDelivery) -> str:
        return moment(delivery.finished_at)

    @display(description="causado por")
    def author(self, delivery: WebhookDelivery) -> str:
        return name_of(delivery.created_by)

    # --- List -------------------------------------------------------------------------------

    def find(self, queryset: Any, typed: str) -> QuerySet[Any]:
        """By the exact name of the subject, however it is written: "CRM-12", "crm-12", "12"."""
        subject = typed.upper()
        return queryset.about(f"CRM-{subject}" if subject.isdecimal() else subject)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        paused = [
            {
                "title": destination_title(circuit.destination),
                "until": moment(circuit.open_until),
                "why": circuit.last_error,
                "resume": reverse("admin:integrations_resume", args=[circuit.destination]),
            }
            for circuit in Circuit.objects.open()
        ]
        context = {"paused": paused, "may_resume": self.has_administer_permission(request)}
        return super().changelist_view(request, {**(extra_context or {}), **context})

    @action(description="Enviar otra vez", permissions=["administer"])
    def replay_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        chosen = chosen_in(queryset)
        count, asked = chosen.replay(), len(queryset)
        if count:
            messages.success(request, f"Se envían otra vez, en unos segundos: {count}.")
        whatsapp = sum(row.is_finished and not row.is_replayable for row in queryset)
        if whatsapp:
            messages.warning(request, f"Los mensajes de WhatsApp no se repiten; escriba otro: {whatsapp}.")
        if count + whatsapp < asked:
            messages.warning(request, f"Todavía no habían terminado y siguen su curso: {asked - count - whatsapp}.")

    @action(description="No esperar al próximo intento", permissions=["administer"])
    def send_many_now(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        chosen = chosen_in(queryset)
        count, asked = chosen.send_now(), len(queryset)
        if count:
            messages.success(request, f"Se intentan en unos segundos: {count}. {hint_of_pause()}".strip())
        if count < asked:
            messages.warning(request, f"No esperaban ninguna hora, así que siguen igual: {asked - count}.")

    @action(description="Descartar: no hace falta que lleguen", permissions=["administer"])
    def dismiss_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        chosen = chosen_in(queryset)
        count, asked = chosen.dismiss(), len(queryset)
        if count:
            messages.success(request, f"Descartados: {count}. Se pueden enviar otra vez cuando haga falta.")
        if count < asked:
            messages.warning(request, f"Solo se descarta lo que no se pudo entregar; siguen igual: {asked - count}.")

    # --- One --------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        delivery = self.get_object(request, object_id)
        shown = self._shown(delivery) if delivery is not None and self.has_view_permission(request) else {}
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def _shown(self, delivery: WebhookDelivery) -> dict[str, Any]:
        return {
            "request_shown": Request.of(delivery),
            "tries": [told_try(attempt, delivery) for attempt in delivery.newest_tries],
        }

    @action(
        description="Enviar otra vez",
        icon="replay",
        permissions=["administer"],
        variant=ActionVariant.PRIMARY,
        dialog={
            "title": "Enviar otra vez",
            "description": "El mensaje sale de nuevo con el mismo identificador, y con todos sus intentos por delante.",
            "form_submit_text": "Enviar",
        },
    )
    def replay_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        delivery = self._one_or_404(request, object_id)
        try:
            delivery.replay()
        except Refusal as refusal:
            messages.error(request, sentence_of(refusal))
        else:
            messages.success(request, "Se envía otra vez, en unos segundos.")
        return after_dialog(change_url(delivery))

    @action(
        description="No esperar",
        icon="bolt",
        permissions=["administer"],
        dialog={
            "title": "No esperar al próximo intento",
            "description": "El mensaje se intenta entregar ahora, sin esperar la hora prevista.",
            "form_submit_text": "Intentar ahora",
        },
    )
    def send_one_now(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        delivery = self._one_or_404(request, object_id)
        if WebhookDelivery.objects.filter(pk=delivery.pk).send_now():
            messages.success(request, f"Se intenta en unos segundos. {hint_of_pause()}".strip())
        else:
            messages.warning(request, "Este envío no espera ninguna hora, así que sigue igual.")
        return after_dialog(change_url(delivery))

    @action(
        description="Descartar",
        icon="notifications_off",
        permissions=["administer"],
        dialog={
            "title": "Descartar el envío",
            "description": "Ya no se avisa de él. Queda anotado, y se puede enviar otra vez cuando haga falta.",
            "form_submit_text": "Descartar",
        },
    )
    def dismiss_one(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        delivery = self._one_or_404(request, object_id)
        if WebhookDelivery.objects.filter(pk=delivery.pk).dismiss():
            messages.success(request, "Descartado: ya no se avisa de él.")
        else:
            messages.warning(request, "Solo se descarta lo que no se pudo entregar.")
        return after_dialog(change_url(delivery))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what makes sense for this one: what has ended is sent again, what waits need not wait."""
        found: list[Any] = super().get_actions_detail(request, object_id)
        delivery = self.get_object(request, str(object_id))
        if delivery is None:
            return []
        unfitting = {
            "replay_one": not delivery.is_replayable,
            "send_one_now": delivery.state != DeliveryState.PENDING,
            "dismiss_one": delivery.is_dismissed or delivery.state not in FAILED_STATES,
        }
        return [one for one in found if not unfitting[one.method.original_function_name]]

    def _one_or_404(self, request: HttpRequest, object_id: str) -> WebhookDelivery:
        delivery = self.get_object(request, object_id)
        if not isinstance(delivery, WebhookDelivery):
            raise Http404
        return delivery

    # --- Pages of its own -------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        resume = self.admin_site.admin_view(self.resume_view)
        return [path("destinos/<str:destination>/reanudar/", resume, name="integrations_resume"), *super().get_urls()]

    def resume_view(self, request: HttpRequest, destination: str) -> HttpResponse:
        """Let messages flow again to a destination that is left alone."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        circuit = Circuit.objects.filter(pk=destination).first()
        if circuit is None or not self.has_administer_permission(request):
            raise Http404
        circuit.resume()
        AuditEntry.write("webhook.resume", "webhook-destinations", destination)
        messages.success(request, f"Se vuelve a enviar a «{destination_title(destination)}».")
        return HttpResponseRedirect(address("integrations_webhookdelivery_changelist"))

    @action(description="Últimas 24 horas", icon="monitoring", url_path="ultimas-24-horas")
    def last_day(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise Http404
        day = LastDay()
        context = {
            **self.admin_site.each_context(request),
            "title": "Envíos de las últimas 24 horas",
            "is_empty": day.total.is_nothing,
            "figures": figures_of(day),
            "chart": drawn(chart_of(day)),
            "destinations": table_of_destinations(day),
        }
        return TemplateResponse(request, "integrations/admin/last_day.html", context)


def chosen_in(queryset: QuerySet[Any]) -> Any:
    """The ticked rows, as a queryset that can be locked: without what the list joins and orders."""
    return WebhookDelivery.objects.filter(pk__in=[row.pk for row in queryset])


def age_of(delivery: WebhookDelivery) -> str:
    """ "3 horas"; of the first minute nobody counts the seconds."""
    is_new = timezone.now() - delivery.created_at < timedelta(minutes=1)
    return "un momento" if is_new else timesince(delivery.created_at, depth=1)


def hint_of_pause() -> str:
    return "Lo que va a un destino en pausa espera a que se reanude." if Circuit.objects.open().exists() else ""


def told_try(attempt: DeliveryAttempt, delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "at": attempt.started_at,
        "outcome": attempt.get_outcome_display(),
        "tone": OUTCOME_TONES[AttemptOutcome(attempt.outcome)],
        "duration": NOTHING if attempt.duration_ms is None else f"{attempt.duration_ms} ms",
        "status": attempt.status or NOTHING,
        "sends": attempt.sends,
        "error": attempt.error,
        "head": without_secrets(attempt.response_head, delivery.destination),
    }
