"""The inbox: whom we talk with, what was said last, what nobody has answered, what can still be answered."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display

from crm.admin.base import MANY_PEOPLE, StaffAdmin
from crm.admin.filters import AutocompleteSelectFilter
from crm.admin.rights import NOBODY, actor
from crm.display import NOTHING, change_url, moment, name_of, shortened
from crm.exceptions import NotFound
from crm.models import Contact
from crm.search import query_terms
from whatsapp.admin import thread_page, writing
from whatsapp.admin.wording import CLOSING_WITHIN, shown_number, spoken_since, window_of
from whatsapp.choices import Direction, LinkState
from whatsapp.models import Alias, BusinessNumber, Thread
from whatsapp.models.threads import WINDOW
from whatsapp.serving import StaffFile

UNANSWERED, STRANGERS, UNREAD, CLOSING, UNKNOWN, CANDIDATES, MINE = (
    "sin-responder",
    "desconocidos-sin-responder",
    "sin-leer",
    "por-cerrar",
    "sin-cliente",
    "con-candidatos",
    "mias",
)
WITH_CANDIDATES = (LinkState.SEVERAL, LinkState.DOUBTFUL)
# So many found threads are named one by one, so that counting and reading the page do not look for them again.
FEW = 500
NEWEST_FIRST = (F("last_message_at").desc(nulls_last=True), "-id")

LINK_TONES = {
    LinkState.LINKED.label: "success",
    LinkState.UNKNOWN.label: "warning",
    LinkState.UNLINKED.label: "warning",
    LinkState.SEVERAL.label: "info",
    LinkState.DOUBTFUL.label: "info",
}


class SituationFilter(DropdownFilter):
    """The questions that the inbox is opened with."""

    title = "situación"
    parameter_name = "situacion"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (UNANSWERED, "Sin responder"),
            (STRANGERS, "Sin responder y sin cliente"),
            (UNREAD, "Sin leer"),
            (CLOSING, "Ventana por cerrar"),
            (UNKNOWN, "Sin cliente"),
            (CANDIDATES, "Con candidatos"),
            (MINE, "Mías"),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        match self.value():
            case "sin-responder":
                return queryset.unanswered()
            case "desconocidos-sin-responder":
                return queryset.unanswered().filter(contact__isnull=True)
            case "sin-leer":
                return queryset.filter(unread__gt=0)
            case "por-cerrar":
                return about_to_close(queryset)
            case "sin-cliente":
                return queryset.filter(link_state__in=[LinkState.UNKNOWN, LinkState.UNLINKED])
            case "con-candidatos":
                return queryset.filter(link_state__in=WITH_CANDIDATES)
            case "mias":
                return queryset.filter(assigned_to=actor(request))
        return queryset


def about_to_close(threads: QuerySet[Any]) -> QuerySet[Any]:
    """Those to whom only a template may be sent in a few hours. The newest message is bounded too: it has an index."""
    opened = timezone.now() - WINDOW
    return threads.filter(
        last_message_at__gt=opened, last_inbound_at__gt=opened, last_inbound_at__lte=opened + CLOSING_WITHIN
    )


class NumberFilter(DropdownFilter):
    title = "número del negocio"
    parameter_name = "numero"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(number.pk), str(number)) for number in BusinessNumber.objects.order_by("id")[:50]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        return queryset.filter(number_id=int(chosen)) if chosen.isdecimal() and len(chosen) < 10 else queryset


@admin.register(Thread)
class ThreadAdmin(StaffAdmin):
    may_add = may_delete = NOBODY
    list_display = ("who", "last_text", "when", "waiting", "window", "link_label", "holder", "bot")
    list_display_links = ("who",)
    list_filter = (SituationFilter, ("assigned_to", AutocompleteSelectFilter), NumberFilter)
    list_select_related = ("contact", "assigned_to", "number")
    search_fields = ("search_words",)
    search_help_text = "Nombre, número de WhatsApp, documento o correo de la persona"
    palette_icon = "forum"
    warn_unsaved_form = False
    actions_list = ("write",)
    empty_hint = (
        "Cuando alguien escriba al número del negocio, su conversación aparece aquí. "
        "Para escribir usted primero, abra un contacto y elija «Escribir por WhatsApp»."
    )

    class Media:
        css = {"all": ["whatsapp/whatsapp.css"]}
        js = ["whatsapp/inbox.js"]

    # --- Columns ----------------------------------------------------------------------------

    @display(description="conversación")
    def who(self, thread: Thread) -> str:
        return format_html(
            '<span class="wa-who"><strong>{}</strong>{}<br><span class="wa-faint">{}</span></span>',
            thread.title,
            unread_badge(thread),
            shown_number(thread.address) or "Sin número visible",
        )

    @display(description="último mensaje")
    def last_text(self, thread: Thread) -> str:
        text = shortened(thread.last_preview, 60)
        if text == NOTHING or not thread.last_direction:
            return text
        direction = Direction(thread.last_direction).label
        return format_html('<span><span class="wa-faint">{}:</span> {}</span>', direction, text)

    @display(description="hora")
    def when(self, thread: Thread) -> str:
        return moment(thread.last_message_at)

    @display(description="sin responder", label={"mucho": "danger", "poco": "warning"})
    def waiting(self, thread: Thread) -> tuple[str, str] | None:
        """A tuple picks the colour, then shows how long."""
        if thread.unanswered_since is None:
            return None
        is_long = timezone.now() - thread.unanswered_since > timedelta(hours=1)
        return ("mucho" if is_long else "poco"), spoken_since(thread.unanswered_since)

    @display(description="ventana", label={"abierta": "success", "pronto": "warning", "cerrada": "none"})
    def window(self, thread: Thread) -> tuple[str, str]:
        return window_of(thread.window_closes_at)

    @display(description="cliente", label=LINK_TONES)
    def link_label(self, thread: Thread) -> str:
        return thread.get_link_state_display()

    @display(description="asignada a")
    def holder(self, thread: Thread) -> str:
        return name_of(thread.assigned_to)

    @display(description="bot")
    def bot(self, thread: Thread) -> str:
        return "en silencio" if thread.is_bot_silent else "responde"

    # --- List -------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """`X-Part: lista` asks for the rows alone: it must not use up what the next whole page has to say."""
        response = super().changelist_view(request, extra_context)
        if request.headers.get("X-Part") == "lista" and isinstance(response, TemplateResponse):
            response.template_name = "whatsapp/admin/inbox_list.html"
        return response

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        """Who has waited longest comes first among the unanswered, who wrote last anywhere else: both have an index."""
        if request.GET.get(SituationFilter.parameter_name) in (UNANSWERED, STRANGERS):
            return ("unanswered_since", "id")
        return NEWEST_FIRST

    def find(self, queryset: Any, typed: str) -> QuerySet[Any]:
        """By any run of the number's digits, by the name on WhatsApp, by all that the contact is found by.

        Of few people: indexed roads and their union. Of many: the threads in their order, until the page is full.
        """
        people = Contact.objects.search(typed)
        if people[: MANY_PEOPLE + 1].count() > MANY_PEOPLE:
            return queryset.filter(Q(contact__search_words__finds=typed) | Q(search_words__finds=typed))
        found = roads_to(typed, people)
        few = list(found[: FEW + 1])
        return queryset.filter(pk__in=few if len(few) <= FEW else found)

    def describe_for_palette(self, row: Any) -> str:
        return f"WhatsApp · {shown_number(row.address) or 'sin número visible'}"

    # --- One --------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        act = self.admin_site.admin_view(self.act_view)
        part = self.admin_site.admin_view(self.part_view)
        return [
            path("<int:thread_id>/hacer/<slug:name>/", act, name="whatsapp_thread_act"),
            path("<int:thread_id>/ver/<slug:name>/", part, name="whatsapp_thread_part"),
            path("archivo/<int:media_id>/", StaffFile.as_view(), name="whatsapp_media_file"),
            *super().get_urls(),
        ]

    @action(description="Escribir a un número", icon="edit_square", url_path="escribir")
    def write(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise Http404
        try:
            return writing.page(self, request)
        except NotFound:
            raise Http404 from None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        thread = self.one_or_404(request, object_id)
        if thread.merged_into_id:
            return HttpResponseRedirect(change_url(thread.merged_into))
        return thread_page.page(self, request, thread)

    def act_view(self, request: HttpRequest, thread_id: int, name: str) -> HttpResponse:
        thread = self.one_or_404(request, str(thread_id))
        return thread_page.act(self, request, thread.merged_into or thread, name)

    def part_view(self, request: HttpRequest, thread_id: int, name: str) -> HttpResponse:
        return thread_page.part(self, request, self.one_or_404(request, str(thread_id)), name)

    def one_or_404(self, request: HttpRequest, object_id: str) -> Thread:
        """A thread that this person may see, also one that was united with another: its old address still leads on."""
        if not object_id.isdecimal() or len(object_id) > 18 or not self.has_view_permission(request):
            raise Http404
        rows = Thread.objects.visible_to(actor(request)).select_related("contact", "assigned_to", "number")
        found = rows.filter(pk=int(object_id)).first()
        if found is None:
            raise Http404
        return found


def roads_to(typed: str, people: QuerySet[Contact]) -> QuerySet[Any, Any]:
    """The ids of threads that are found by what was typed: whose they are, what they are called, their digits."""
    threads = Thread.objects.present()
    roads: list[QuerySet[Any, Any]] = [threads.filter(contact__in=people.values("pk")).values_list("pk", flat=True)]
    if query_terms(typed):
        roads.append(threads.filter(search_words__finds=typed).values_list("pk", flat=True))
        roads.append(Alias.objects.with_digits(typed).values_list("thread_id", flat=True))
    return roads[0].union(*roads[1:])


def unread_badge(thread: Thread) -> str:
    if not thread.unread:
        return ""
    shown = thread.unread if thread.unread < 100 else "99+"
    return format_html(' <span class="wa-badge">{}<span class="wa-hidden"> sin leer</span></span>', shown)
