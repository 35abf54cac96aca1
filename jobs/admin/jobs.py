"""The calls of campaigns: who is called, how it stands, and what can be done with one or with many."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action, display

from crm.admin.base import ReadOnlyAdmin
from crm.admin.filters import AutocompleteSelectFilter
from crm.admin.rights import EVERYBODY, actor
from crm.display import NOTHING, moment
from crm.exceptions import NotFound
from crm.literals import Literal
from jobs.admin import job_page, wording
from jobs.admin.asking import GONE, ask_about_selected, tell_each, try_each
from jobs.choices import JobStatus
from jobs.models import Job
from jobs.services import JobService

SCHEDULED = "programadas"
ALL = "todas"


class StatusFilter(DropdownFilter):
    """Cancelled ones only when they are asked for: they are out of the way."""

    title = "estado"
    parameter_name = "estado"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        states = [(str(status), wording.STATE_NAMES[status].capitalize()) for status in JobStatus]
        return [*states, (SCHEDULED, "Pendientes, para más tarde"), (ALL, "Todas, también canceladas")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == ALL:
            return queryset
        if chosen == SCHEDULED:
            return queryset.filter(status=Literal(JobStatus.PENDING), next_try_at__gt=timezone.now())
        if chosen in JobStatus.values:
            return queryset.filter(status=chosen)
        return queryset.usual()


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    may_change = EVERYBODY  # by acts; nothing is typed into a job
    ordering = ("-id",)
    list_display = ("who", "state_label", "batch_label", "tries_label", "next_label", "last_label", "when_label")
    list_display_links = ("who",)
    list_filter = (
        StatusFilter,
        ("batch", AutocompleteSelectFilter),
        ("account", AutocompleteSelectFilter),
        ("contact", AutocompleteSelectFilter),
    )
    list_select_related = ("batch", "account", "last_attempt")
    search_fields = ("search_words",)
    search_help_text = "Nombre, documento, teléfono o código de la llamada"
    actions = ("retry_many", "cancel_many", "delete_many")
    empty_hint = "Las llamadas nacen al crear una campaña con su archivo de personas."

    class Media:
        css = {"all": ["jobs/campaigns.css"]}

    # --- Columns ----------------------------------------------------------------------------

    @display(description="persona")
    def who(self, job: Job) -> SafeString:
        phone = job.next_phone or (job.phones[0] if job.phones else NOTHING)
        return format_html(
            '<span class="cp-name"><strong>{}</strong><br><span class="cp-faint">{}</span></span>',
            job.name or job.job_id,
            phone,
        )

    @display(description="estado")
    def state_label(self, job: Job) -> SafeString:
        text, tone = wording.job_state(job)
        shown = wording.tone_label(text, tone)
        if not job.last_error or job.status not in (JobStatus.SUSPENDED, JobStatus.FAILED):
            return shown
        return format_html('<span class="cp-state">{}<span class="cp-faint">{}</span></span>', shown, job.last_error)

    @display(description="campaña")
    def batch_label(self, job: Job) -> str:
        return job.batch.name

    @display(description="intentos")
    def tries_label(self, job: Job) -> str:
        return f"{job.attempts} de {job.max_attempts}"

    @display(description="próximo intento")
    def next_label(self, job: Job) -> str:
        return wording.next_try(job)

    @display(description="último resultado")
    def last_label(self, job: Job) -> str | SafeString:
        text, tone = wording.outcome_of(job.last_attempt)
        return wording.tone_label(text, tone) if tone else text

    @display(description="última llamada")
    def when_label(self, job: Job) -> str:
        return moment(job.last_attempt.created_at) if job.last_attempt else NOTHING

    # --- List -------------------------------------------------------------------------------

    @action(description="Llamar otra vez", permissions=["change"])
    def retry_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        service = JobService(actor(request))
        done, refused = try_each(list(queryset), lambda job: service.retry_job(job.pk))
        tell_each(request, told="Vuelven a la cola", done=len(done), refused=refused)

    @action(description="Cancelar", permissions=["change"])
    def cancel_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        jobs = list(queryset)
        if "confirmed" not in request.POST:
            return ask_about_selected(
                self,
                request,
                jobs,
                action="cancel_many",
                title=f"Cancelar llamadas: {len(jobs)}",
                told=what_happens(jobs, "No se les llama más en su campaña. Quedan en la lista como canceladas."),
                button="Cancelar las llamadas",
            )
        service = JobService(actor(request))
        done, refused = try_each(jobs, lambda job: service.mark_cancelled(job.pk))
        tell_each(request, told="Canceladas", done=len(done), refused=refused)
        return None

    @action(description="Eliminar", permissions=["change"])
    def delete_many(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        jobs = list(queryset)
        if "confirmed" not in request.POST:
            return ask_about_selected(
                self,
                request,
                jobs,
                action="delete_many",
                title=f"Eliminar llamadas: {len(jobs)}",
                told=what_happens(jobs, "Desaparecen de la campaña. Lo que ya costaron sigue contando."),
                button="Eliminar las llamadas",
            )
        results = JobService(actor(request)).delete_jobs([job.pk for job in jobs])
        names = {name: str(job) for job in jobs for name in (job.pk, job.job_id)}
        refused = [
            (names.get(row.job_id, row.job_id), GONE if row.code == NotFound.code else row.error)
            for row in results
            if row.error
        ]
        tell_each(request, told="Eliminadas", done=len(results) - len(refused), refused=refused)
        return None

    # --- One --------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<str:job_id>/hacer/<slug:name>/", view(self.act_view), name="jobs_job_act"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return job_page.page(self, request, self.one_or_404(request, object_id))

    def act_view(self, request: HttpRequest, job_id: str, name: str) -> HttpResponse:
        return job_page.act(self, request, self.one_or_404(request, job_id), name)

    def one_or_404(self, request: HttpRequest, object_id: str) -> Job:
        """A job that this person may see, by either id."""
        if not self.has_view_permission(request):
            raise Http404
        rows = Job.objects.visible_to(actor(request)).named(object_id)
        found = rows.select_related("batch__account", "account", "contact").first()
        if found is None:
            raise Http404
        return found


def what_happens(jobs: Sequence[Job], sentence: str) -> list[str]:
    live = sum(job.is_live for job in jobs)
    if not live:
        return [sentence]
    return [f"Llamadas en curso que se cuelgan primero: {live}.", sentence]
