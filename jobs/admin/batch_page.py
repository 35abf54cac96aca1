"""The page of a campaign: how it goes now, why nothing is called, how it is set, what was set before.

It works as plain forms; with scripts the part that changes is asked for every few seconds (static/jobs/live.js).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from crm.admin.base import REFUSALS, sentence_of
from crm.admin.rights import actor
from crm.api.base import as_id
from crm.api.downloads import CONTENT_TYPES, CSV, as_attachment
from crm.display import NOTHING, address, change_url, moment
from crm.exceptions import Refusal
from crm.ids import new_id
from jobs.admin import wording
from jobs.admin.asking import Question, ask
from jobs.admin.settings_form import BatchForm, as_given_before
from jobs.choices import AttemptState, ImportState, JobStatus, Outcome
from jobs.dialling.why import IN_QUEUE, why
from jobs.exporting import results_csv
from jobs.importing.answers import rejected_csv
from jobs.models import Batch, BatchImport, CallAttempt, Count, Job, SettingsChange, Totals
from jobs.services import BatchService, JobService

MOST_LIVE = 50
NEXT_CALLS = 8
# Enough to see how it goes; counting the results of a million dials every few seconds would tell the same.
NEWEST_DIALS = 1_000
EARLIER_SETTINGS = 10
SHOWN_FILES = 5
SHOWN_PROBLEMS = 10
SOON = "La siguiente llamada sale en unos segundos."
# How often what depends on the clock alone (a window that opens) is told anew.
CLOCK_SECONDS = 30


def page(model_admin: Any, request: HttpRequest, batch: Batch, form: BatchForm | None = None) -> HttpResponse:
    if request.method not in ("GET", "POST"):
        return HttpResponseNotAllowed(["GET"])
    context = {
        **model_admin.admin_site.each_context(request),
        **live_context(batch),
        "title": batch.name,
        "opts": None,
        "form": form or BatchForm(batch=batch),
        "history": history_of(batch),
        "may_change": model_admin.has_change_permission(request, batch),
    }
    return TemplateResponse(request, "jobs_admin/batch.html", context)


# --- What changes by itself ---------------------------------------------------------------------------


def news(model_admin: Any, request: HttpRequest, batch: Batch) -> HttpResponse:
    """The part that changes, when it has; four small queries when it has not."""
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    if request.GET.get("token") == token_of(batch, Count.objects.of(batch.pk)):
        return HttpResponse(status=204)
    return TemplateResponse(request, "jobs_admin/batch_live.html", live_context(batch))


def token_of(batch: Batch, totals: Totals) -> str:
    live = CallAttempt.objects.live().filter(batch=batch).order_by("pk")
    files = BatchImport.objects.filter(batch=batch).order_by("pk")
    told = (
        totals,
        batch.updated_at,
        (batch.is_active, batch.paused_because, batch.cancelled_at, batch.pending_act),
        list(live.values_list("pk", "state", "stop_wanted_at")[:MOST_LIVE]),
        list(files.values_list("pk", "state", "done_people", "failed_rows")),
        int(timezone.now().timestamp()) // CLOCK_SECONDS,
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def live_context(batch: Batch) -> dict[str, Any]:
    totals = Count.objects.of(batch.pk)
    files = list(BatchImport.objects.filter(batch=batch).order_by("-started_at", "-pk")[:SHOWN_FILES])
    running = next((file for file in files if file.state == ImportState.RUNNING), None)
    state, tone = wording.state_of(batch, totals, running)
    waiting = next_jobs(batch) if totals.pending else []
    return {
        "batch": batch,
        "token": token_of(batch, totals),
        "state": state,
        "tone": tone,
        "totals": totals,
        "bar": wording.progress_bar(totals),
        "figures": [{**figure, "href": jobs_url(batch, figure["status"])} for figure in wording.figures_of(totals)],
        "cost": wording.money(totals.cost_micros),
        "minutes": wording.minutes_called(totals.seconds),
        "budget": wording.settings_in_words(batch.call_settings)["Presupuesto"],
        "all_jobs": wording.whole(totals.jobs),
        "all_jobs_url": jobs_url(batch),
        "why": why_nothing(batch, totals, waiting),
        "live": live_calls(batch),
        "next_calls": next_calls(batch, waiting),
        "outcomes": outcomes_of(batch),
        "files": [told_file(batch, file) for file in files],
    }


def jobs_url(batch: Batch, status: str = "") -> str:
    state = {"estado": status} if status else {}
    return address("jobs_job_changelist", batch__id__exact=batch.pk, **state)


def next_jobs(batch: Batch) -> list[Job]:
    """Who is called next. Each lane has its own queue along the index; there are as many as countries and zones."""
    found: list[Job] = []
    for lane in batch.lanes:
        rows = Job.objects.filter(batch=batch, lane=lane, status=JobStatus.PENDING).order_by("next_try_at", "id")
        found += rows[:NEXT_CALLS]
    found.sort(key=lambda job: (job.next_try_at, job.pk))
    for job in found:
        job.batch = batch
        job.account = batch.account
    return found[:NEXT_CALLS]


def why_nothing(batch: Batch, totals: Totals, waiting: Sequence[Job]) -> str:
    """The first thing that holds the campaign, in one sentence; "" while it calls."""
    if totals.in_progress:
        return ""
    if batch.cancelled_at:
        return f"La campaña está cancelada. {batch.cancel_reason}".strip()
    if not batch.is_active:
        return f"La campaña está en pausa. {batch.paused_because}".strip()
    if not waiting:
        return "No queda nadie por llamar." if totals.jobs else "Todavía no tiene llamadas."
    hold = why(waiting[0])
    return SOON if hold.code == IN_QUEUE.code else hold.reason


def live_calls(batch: Batch) -> list[dict[str, Any]]:
    rows = list(CallAttempt.objects.live().filter(batch=batch).order_by("created_at", "pk")[:MOST_LIVE])
    jobs = Job.objects.in_bulk([row.job_id for row in rows])
    return [
        {
            "pk": row.pk,
            "job_id": row.job_id,
            "who": str(jobs.get(row.job_id) or row.number),
            "href": change_url(jobs[row.job_id]) if row.job_id in jobs else "",
            "number": row.number,
            "state": wording.outcome_of(row)[0],
            "since": row.answered_at or row.placed_at or row.created_at,
            "may_stop": row.job_id in jobs and row.stop_wanted_at is None,
        }
        for row in rows
    ]


def next_calls(batch: Batch, waiting: Iterable[Job]) -> list[dict[str, Any]]:
    return [
        {
            "who": str(job),
            "href": change_url(job),
            "number": job.next_phone or NOTHING,
            "when": wording.next_try(job),
            "attempt": f"{job.attempts + 1} de {job.max_attempts}",
        }
        for job in waiting
    ]


def outcomes_of(batch: Batch) -> list[dict[str, Any]]:
    """How the newest dials ended, the most frequent first."""
    rows = CallAttempt.objects.filter(batch=batch).newest_first().values_list("state", "outcome")[:NEWEST_DIALS]
    counts = Counter(outcome for state, outcome in rows if state == AttemptState.ENDED and outcome)
    total = sum(counts.values())
    return [
        {"label": Outcome(name).label, "tone": wording.tone_of(Outcome(name)), "count": count,
         "percent": round(count * 100 / total)}
        for name, count in counts.most_common()
    ]  # fmt: skip


def told_file(batch: Batch, file: BatchImport) -> dict[str, Any]:
    problems = list(file.problems.in_order()[: SHOWN_PROBLEMS + 1]) if file.failed_rows else []
    return {
        "file": file,
        "is_running": file.state == ImportState.RUNNING,
        "state": file.get_state_display(),
        "problems": problems[:SHOWN_PROBLEMS],
        "has_more": len(problems) > SHOWN_PROBLEMS,
    }


def problems_csv(batch: Batch, import_id: Any) -> StreamingHttpResponse:
    """The rows that made no call, as they stood in the file, with the reason: to be corrected and sent again."""
    file = BatchImport.objects.filter(batch=batch, pk=import_id).first()
    if file is None:
        raise Http404
    headers = as_attachment(f"problemas-{batch.batch_id}", CSV)
    return StreamingHttpResponse(rejected_csv(file), content_type=CONTENT_TYPES[CSV], headers=headers)


def results(request: HttpRequest, batch: Batch) -> HttpResponseBase:
    """Everybody of the campaign with what came of it."""
    try:
        lines = results_csv(batch)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return HttpResponseRedirect(change_url(batch))
    headers = as_attachment(f"resultados-{batch.batch_id}", CSV)
    return StreamingHttpResponse(lines, content_type=CONTENT_TYPES[CSV], headers=headers)


# --- What was set before ------------------------------------------------------------------------------


def history_of(batch: Batch) -> list[dict[str, Any]]:
    rows = SettingsChange.objects.filter(batch=batch).select_related("changed_by").order_by("-created_at", "-pk")
    return [
        {
            "pk": row.pk,
            "when": row.created_at,
            "who": row.changed_by.name if row.changed_by else "Un programa",
            "changes": list(wording.differences(row.before, row.after)),
            "may_go_back": bool(list(wording.differences(batch.call_settings, row.before))),
        }
        for row in rows[:EARLIER_SETTINGS]
    ]


# --- Doing something ----------------------------------------------------------------------------------


def act(model_admin: Any, request: HttpRequest, batch: Batch, name: str) -> HttpResponse:
    """One act of a person on a campaign; a refusal is a sentence, and nothing has happened."""
    if not model_admin.has_change_permission(request, batch):
        raise Http404
    if request.method == "GET" and name in QUESTIONS:
        return ask(model_admin, request, QUESTIONS[name](batch))
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if name == "ajustes":
        return _save(model_admin, request, batch)
    do = ACTS.get(name)
    if do is None:
        raise Http404
    try:
        told = do(batch, request)
    except REFUSALS as error:
        messages.error(request, sentence_of(error))
        return HttpResponseRedirect(change_url(batch))
    messages.success(request, told)
    return HttpResponseRedirect(address("jobs_batch_changelist") if name == "eliminar" else change_url(batch))


def _save(model_admin: Any, request: HttpRequest, batch: Batch) -> HttpResponse:
    form = BatchForm(request.POST, batch=batch)
    if not form.is_valid():
        messages.error(request, "Los ajustes no se guardaron: revise lo que está marcado abajo.")
        return page(model_admin, request, batch, form)
    try:
        changed = BatchService(actor(request)).change(batch, **form.values)
    except REFUSALS as error:
        form.add_error(None, sentence_of(error))
        return page(model_admin, request, Batch.objects.select_related("account", "created_by").get(pk=batch.pk), form)
    messages.success(request, "Guardado." if changed else "No había nada que cambiar.")
    return HttpResponseRedirect(change_url(batch))


def _pause(batch: Batch, request: HttpRequest) -> str:
    BatchService(actor(request)).change(batch, is_active=False)
    return "En pausa: no se marca a nadie más. Las llamadas en curso terminan solas."


def _resume(batch: Batch, request: HttpRequest) -> str:
    BatchService(actor(request)).change(batch, is_active=True)
    return "La campaña sigue."


def _hang_up(batch: Batch, request: HttpRequest) -> str:
    job_id = request.POST.get("llamada", "")
    if not Job.objects.filter(pk=job_id, batch=batch).exists():
        raise Http404
    job = JobService(actor(request)).mark_cancelled(job_id)
    return f"Llamada colgada: {job}. No se le vuelve a llamar en esta campaña."


def _go_back(batch: Batch, request: HttpRequest) -> str:
    change = SettingsChange.objects.filter(batch=batch, pk=as_id(request.POST.get("cambio", "")) or new_id()).first()
    if change is None:
        raise Http404
    BatchService(actor(request)).change(batch, call_settings=as_given_before(change.before))
    return f"Los ajustes son otra vez los de antes del {moment(change.created_at)}."


def _cancel(batch: Batch, request: HttpRequest) -> str:
    BatchService(actor(request)).cancel(batch)
    return "Campaña cancelada. Lo que queda se cancela en unos momentos."


def _remove(batch: Batch, request: HttpRequest) -> str:
    BatchService(actor(request)).remove(batch, delete_jobs=True)
    return f"Campaña «{batch.name}» eliminada."


ACTS: dict[str, Any] = {
    "pausar": _pause,
    "reanudar": _resume,
    "colgar": _hang_up,
    "volver": _go_back,
    "cancelar": _cancel,
    "eliminar": _remove,
}


def what_cancelling_does(each: Sequence[Totals]) -> list[str]:
    """The consequences, with numbers, for the page that asks."""
    pending, live = sum(totals.pending for totals in each), sum(totals.in_progress for totals in each)
    told = [f"Llamadas pendientes que no se harán: {wording.whole(pending)}."]
    if live:
        told.append(f"Llamadas en curso que se cuelgan: {wording.whole(live)}.")
    return [*told, "Lo que ya se llamó queda como está, con su coste. Una campaña cancelada no se reanuda."]


def _ask_cancel(batch: Batch) -> Question:
    return Question(
        title=f"Cancelar «{batch.name}»",
        told=what_cancelling_does([Count.objects.of(batch.pk)]),
        button="Cancelar la campaña",
        back=change_url(batch),
    )


def _ask_remove(batch: Batch) -> Question:
    totals = Count.objects.of(batch.pk)
    told = [f"Se elimina la campaña con sus llamadas: {wording.whole(totals.jobs)}. No se puede deshacer."]
    if totals.in_progress:
        told.append(f"Llamadas en curso que se cuelgan: {wording.whole(totals.in_progress)}.")
    told.append("Lo gastado sigue contando en la cuenta, y las llamadas de los contactos quedan en su ficha.")
    return Question(title=f"Eliminar «{batch.name}»", told=told, button="Eliminar la campaña", back=change_url(batch))


QUESTIONS = {"cancelar": _ask_cancel, "eliminar": _ask_remove}
