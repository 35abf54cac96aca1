"""The page of one person to call: why it stands as it does, every dial, what can be done."""

from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from crm.admin.base import REFUSALS, sentence_of
from crm.admin.rights import actor
from crm.display import NOTHING, address, change_url, minutes, moment
from crm.models import User
from crm.phones import parse_phone
from jobs.admin import wording
from jobs.admin.asking import Question, ask
from jobs.admin.leaving_alone import leave_alone
from jobs.choices import JobStatus
from jobs.dialling.rules import Hold
from jobs.dialling.why import IN_QUEUE, why
from jobs.dialling.wording import place_of
from jobs.models import CallAttempt, DoNotCall, Job
from jobs.services import JobService

MOST_TRIES = 50
# Nobody is called, and perhaps somebody should do something about it.
HELD = (JobStatus.PENDING, JobStatus.SUSPENDED, JobStatus.FAILED)


def page(model_admin: Any, request: HttpRequest, job: Job) -> HttpResponse:
    if request.method != "GET":
        return HttpResponseNotAllowed(["GET"])
    hold = why(job)
    state, tone = wording.job_state(job)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": str(job),
        "opts": None,
        "job": job,
        "state": state,
        "tone": tone,
        "why": hold.reason,
        "is_held": hold.code != IN_QUEUE.code and job.status in HELD,
        "phones": phones_of(job),
        "subject": wording.subject_of(job),
        "facts": facts_of(job, hold),
        "tries": tries_of(job, actor(request)),
        "may_retry": job.may_become(JobStatus.PENDING) and not job.is_live,
        "may_cancel": job.may_become(JobStatus.CANCELLED),
        "is_live": job.is_live,
        "may_act": model_admin.has_change_permission(request, job),
    }
    return TemplateResponse(request, "jobs_admin/job.html", context)


def phones_of(job: Job) -> list[dict[str, Any]]:
    """Each number, whether it is the next one, and whether it is left alone."""
    parsed = {number: parse_phone(number) for number in job.phones}
    keys = [phone.key for phone in parsed.values() if phone]
    refused = set(DoNotCall.objects.concerning(job.account_id).filter(key__in=keys).values_list("key", flat=True))
    waits = job.status == JobStatus.PENDING
    return [
        {
            "number": number,
            "is_next": waits and position == job.next_phone_index,
            "is_refused": phone is not None and phone.key in refused,
        }
        for position, (number, phone) in enumerate(parsed.items())
    ]


def facts_of(job: Job, hold: Hold) -> list[tuple[str, str]]:
    facts = [
        ("Documento", job.document or NOTHING),
        ("Intentos", f"{job.attempts} de {job.max_attempts}"),
        ("Próximo intento", next_try_of(job, hold)),
        ("Primera llamada", moment(job.started_at)),
        ("Terminado", moment(job.finished_at)),
        ("Código", job.job_id),
    ]
    return [*facts, ("Último problema", job.last_error)] if job.last_error else facts


def next_try_of(job: Job, hold: Hold) -> str:
    """When the rules allow one, which may be later than when the job itself is due.

    In the team's time, which is named where the person's clock shows another: the sentence above speaks of theirs.
    """
    at, zone = hold.next_try_at, job.lane.partition(":")[2]
    if at is None:
        return wording.next_try(job)
    is_same = not zone or at.astimezone(ZoneInfo(zone)).utcoffset() == timezone.localtime(at).utcoffset()
    return moment(at) if is_same else f"{moment(at)} (hora de {place_of(settings.TIME_ZONE)})"


def tries_of(job: Job, user: User) -> list[dict[str, Any]]:
    """Every dial, the newest first."""
    rows = CallAttempt.objects.filter(job=job).newest_first().select_related("call")[:MOST_TRIES]
    return [told_try(row) for row in rows]


def told_try(attempt: CallAttempt) -> dict[str, Any]:
    outcome, tone = wording.outcome_of(attempt)
    facts = [
        ("Duración", minutes(attempt.seconds)),
        ("Coste", wording.money(attempt.cost_micros) if attempt.is_settled or attempt.cost_micros else "por confirmar"),
    ]
    if attempt.promised_on:
        promised = wording.money(attempt.promised_micros) if attempt.promised_micros else ""
        facts.append(("Promete pagar", f"{promised} el {attempt.promised_on:%d/%m/%Y}".strip()))
    if attempt.call_back_at:
        facts.append(("Pide que se le llame", moment(attempt.call_back_at)))
    if attempt.sentiment:
        facts.append(("Ánimo", attempt.sentiment))
    if attempt.reason:
        facts.append(("Según el proveedor", attempt.reason))
    return {
        "attempt": attempt,
        "outcome": outcome,
        "tone": tone,
        "facts": facts,
        "collected": [(wording.spoken(name), value) for name, value in attempt.collected.items() if value],
        "call_url": change_url(attempt.call) if attempt.call else "",
    }


# --- Doing something ----------------------------------------------------------------------------------


def act(model_admin: Any, request: HttpRequest, job: Job, name: str) -> HttpResponse:
    """One act of a person on a job; a refusal (the call cannot be hung up) is a sentence, and nothing has happened."""
    if not model_admin.has_change_permission(request, job):
        raise Http404
    if request.method == "GET" and name in QUESTIONS:
        return ask(model_admin, request, QUESTIONS[name](job, request))
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    do = ACTS.get(name)
    if do is None:
        raise Http404
    try:
        told = do(job, request)
    except REFUSALS as error:
        messages.error(request, sentence_of(error))
        return HttpResponseRedirect(change_url(job))
    messages.success(request, told)
    if name == "eliminar":
        return HttpResponseRedirect(address("jobs_job_changelist", batch__id__exact=job.batch_id))
    return HttpResponseRedirect(change_url(job))


def _retry(job: Job, request: HttpRequest) -> str:
    JobService(actor(request)).retry_job(job.pk)
    return "Vuelve a la cola, con todos sus intentos por delante."


def _cancel(job: Job, request: HttpRequest) -> str:
    was_live = job.is_live
    JobService(actor(request)).mark_cancelled(job.pk)
    return "Llamada colgada y cancelada." if was_live else "Cancelada: no se le llama más en esta campaña."


def _remove(job: Job, request: HttpRequest) -> str:
    JobService(actor(request)).cancel_job(job.pk)
    return f"Eliminada: {job}."


def _leave_alone(job: Job, request: HttpRequest) -> str:
    number = request.POST.get("telefono", "")
    if number not in job.phones:
        raise Http404
    with transaction.atomic():
        leave_alone(number, by=actor(request), reason=request.POST.get("motivo", "").strip()[:300])
    return f"No se vuelve a llamar a {number} en ninguna campaña."


ACTS: dict[str, Any] = {
    "reintentar": _retry,
    "cancelar": _cancel,
    "eliminar": _remove,
    "no-llamar": _leave_alone,
}


def _ask_cancel(job: Job, request: HttpRequest) -> Question:
    told = ["No se le llama más en esta campaña. Queda en la lista como cancelada, y se puede llamar otra vez."]
    if job.is_live:
        told.insert(0, "Está en llamada: se cuelga primero. Si el proveedor no responde, no cambia nada.")
    return Question(title=f"Cancelar la llamada a {job}", told=told, button="Cancelar", back=change_url(job))


def _ask_remove(job: Job, request: HttpRequest) -> Question:
    told = [f"Desaparece de la campaña «{job.batch}». No se puede deshacer. Lo que ya costó sigue contando."]
    if job.is_live:
        told.insert(0, "Está en llamada: se cuelga primero. Si el proveedor no responde, no cambia nada.")
    return Question(title=f"Eliminar la llamada a {job}", told=told, button="Eliminar", back=change_url(job))


def _ask_leave_alone(job: Job, request: HttpRequest) -> Question:
    number = request.GET.get("telefono", "")
    if number not in job.phones:
        raise Http404
    return Question(
        title=f"No volver a llamar a {number}",
        told=["Ninguna campaña, de ninguna cuenta, marca más este número. Queda en la lista «No llamar»."],
        button="No volver a llamar",
        back=change_url(job),
        fields=[("telefono", number), ("motivo", f"Desde la llamada de {job}"[:300])],
    )


QUESTIONS = {"cancelar": _ask_cancel, "eliminar": _ask_remove, "no-llamar": _ask_leave_alone}
