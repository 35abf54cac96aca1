"""Campaigns: how each stands, and what can be done with it. Their page: batch_page.py, new ones: new_batch.py."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display

from crm.admin.audit import name_what_acts_are_about
from crm.admin.base import StaffAdmin
from crm.admin.filters import AutocompleteSelectFilter, DayRangeFilter
from crm.admin.rights import NOBODY, actor
from crm.display import moment
from jobs.admin import batch_page, more_people, new_batch, wording
from jobs.admin.asking import ask_about_selected, tell_each, try_each
from jobs.choices import ImportState, JobStatus, Priority
from jobs.models import Batch, BatchImport, Count, Job
from jobs.services import BatchService

name_what_acts_are_about(
    {
        "accounts": ("Cuenta", "jobs_account"),
        "batches": ("Campaña", "jobs_batch"),
        "do_not_call": ("No llamar", ""),
        "jobs": ("Llamada de campaña", "jobs_job"),
    }
)

RUNNING, PAUSED, BY_ITSELF, FINISHED, CANCELLED = "en-marcha", "en-pausa", "por-si-sola", "terminadas", "canceladas"
PRIORITY_TONES = {Priority.URGENT: "danger", Priority.HIGH: "warning"}


class StateFilter(DropdownFilter):
    title = "estado"
    parameter_name = "estado"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (RUNNING, "En marcha"),
            (PAUSED, "En pausa"),
            (BY_ITSELF, "En pausa por sí sola"),
            (FINISHED, "Terminadas"),
            (CANCELLED, "Canceladas"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        open_jobs = Job.objects.filter(batch=OuterRef("pk"), status__in=[JobStatus.PENDING, JobStatus.IN_PROGRESS])
        views: dict[str, Q] = {
            RUNNING: Q(is_active=True, cancelled_at__isnull=True) & Q(Exists(open_jobs)),
            PAUSED: Q(is_active=False, cancelled_at__isnull=True),
            BY_ITSELF: Q(is_active=False, cancelled_at__isnull=True) & ~Q(paused_because=""),
            FINISHED: Q(is_active=True, cancelled_at__isnull=True) & ~Q(Exists(open_jobs)),
            CANCELLED: Q(cancelled_at__isnull=False),
        }
        return queryset.filter(views[self.value()]) if self.value() in views else queryset


@admin.register(Batch)
class BatchAdmin(StaffAdmin):
    may_delete = NOBODY  # by the page of the campaign, which hangs up first
    list_display = ("campaign", "state_label", "progress", "cost", "minutes", "priority_label", "made")
    list_display_links = ("campaign",)
    list_filter = (StateFilter, ("account", AutocompleteSelectFilter), ("created_at", DayRangeFilter))
    list_select_related = ("account",)
    search_fields = ("name", "batch_id")
    search_help_text = "Nombre o código de la campaña"
    palette_icon = "campaign"
    warn_unsaved_form = False
    actions = ("pause_many", "resume_many", "cancel_many")
    empty_hint = "Suba un archivo con las personas a las que llamar. Antes de crear la campaña verá qué se entendió."

    class Media:
        css = {"all": ["jobs/campaigns.css"]}

    # --- Columns ----------------------------------------------------------------------------

    @display(description="campaña")
    def campaign(self, batch: Any) -> SafeString:
        return format_html(
            '<span class="cp-name"><strong>{}</strong><br><span class="cp-faint">{}</span></span>',
            batch.name,
            batch.account,
        )

    @display(description="estado")
    def state_label(self, batch: Any) -> SafeString:
        text, tone = wording.state_of(batch, batch.totals, batch.running_import)
        shown = wording.tone_label(text, tone)
        if not batch.paused_because or batch.is_active or batch.cancelled_at:
            return shown
        return format_html(
            '<span class="cp-state">{}<span class="cp-faint">{}</span></span>', shown, batch.paused_because
        )

    @display(description="avance")
    def progress(self, batch: Any) -> SafeString:
        return wording.progress_bar(batch.totals)

    @display(description="coste")
    def cost(self, batch: Any) -> str:
        return wording.money(batch.totals.cost_micros)

    @display(description="minutos")
    def minutes(self, batch: Any) -> str:
        return wording.minutes_called(batch.totals.seconds)

    @display(description="prioridad")
    def priority_label(self, batch: Any) -> str | SafeString:
        tone = PRIORITY_TONES.get(batch.priority)
        return wording.tone_label(batch.get_priority_display(), tone) if tone else batch.get_priority_display()

    @display(description="creada")
    def made(self, batch: Any) -> str:
        return moment(batch.created_at)

    # --- List -------------------------------------------------------------------------------

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The counts and the unfinished files of the whole page: a query each."""
        changelist = super().get_changelist_instance(request)
        changelist.result_list = with_figures(changelist.result_list)
        return changelist

    def find(self, queryset: QuerySet[Any], typed: str) -> QuerySet[Any]:
        return queryset.filter(Q(name__icontains=typed) | Q(batch_id__istartswith=typed))

    def describe_for_palette(self, row: Any) -> str:
        return "Campaña"

    @action(description="Pausar", permissions=["change"])
    def pause_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch_each(request, queryset, is_active=False, told="En pausa")

    @action(description="Reanudar", permissions=["change"])
    def resume_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        self._switch_each(request, queryset, is_active=True, told="En marcha")

    def _switch_each(self, request: HttpRequest, queryset: QuerySet[Any], *, is_active: bool, told: str) -> None:
        service = BatchService(actor(request))
        done, refused = try_each(list(queryset), lambda batch: service.change(batch, is_active=is_active))
        tell_each(request, told=told, done=len(done), refused=refused)

    @action(description="Cancelar lo que queda", permissions=["change"])
    def cancel_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        batches = with_figures(queryset)
        if "confirmed" not in request.POST:
            return ask_about_selected(
                self,
                request,
                batches,
                action="cancel_many",
                title="Cancelar campañas",
                told=batch_page.what_cancelling_does([batch.totals for batch in batches]),
                button="Cancelar las campañas",
            )
        service = BatchService(actor(request))
        done, refused = try_each(batches, lambda batch: service.cancel(batch))
        tell_each(request, told="Canceladas", done=len(done), refused=refused)
        return None

    # --- One --------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<str:batch_id>/hacer/<slug:name>/", view(self.act_view), name="jobs_batch_act"),
            path("<str:batch_id>/novedades/", view(self.news_view), name="jobs_batch_news"),
            path("<str:batch_id>/anadir/", view(self.more_people_view), name="jobs_batch_more_people"),
            path("<str:batch_id>/resultados/", view(self.results_view), name="jobs_batch_results"),
            path("<str:batch_id>/problemas/<uuid:import_id>/", view(self.problems_view), name="jobs_batch_problems"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise Http404
        return new_batch.page(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return batch_page.page(self, request, self.one_or_404(request, object_id))

    def news_view(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        return batch_page.news(self, request, self.one_or_404(request, batch_id))

    def act_view(self, request: HttpRequest, batch_id: str, name: str) -> HttpResponse:
        return batch_page.act(self, request, self.one_or_404(request, batch_id), name)

    def more_people_view(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        if not self.has_add_permission(request):
            raise Http404
        return more_people.page(self, request, self.one_or_404(request, batch_id))

    def results_view(self, request: HttpRequest, batch_id: str) -> Any:
        return batch_page.results(request, self.one_or_404(request, batch_id))

    def problems_view(self, request: HttpRequest, batch_id: str, import_id: Any) -> Any:
        return batch_page.problems_csv(self.one_or_404(request, batch_id), import_id)

    def one_or_404(self, request: HttpRequest, object_id: str) -> Batch:
        """A campaign that this person may see, by either id."""
        if not self.has_view_permission(request):
            raise Http404
        rows = Batch.objects.present().visible_to(actor(request)).named(object_id)
        found = rows.select_related("account", "created_by").first()
        if found is None:
            raise Http404
        return found


def with_figures(batches: Any) -> list[Any]:
    """These campaigns with their `totals` and the `running_import` of each, in two queries."""
    found: Sequence[Any] = list(batches)
    totals = Count.objects.of_each(batch.pk for batch in found)
    running = BatchImport.objects.filter(batch__in=[batch.pk for batch in found], state=ImportState.RUNNING)
    imports = {row.batch_id: row for row in running}
    for batch in found:
        batch.totals = totals[batch.pk]
        batch.running_import = imports.get(batch.pk)
    return list(found)
