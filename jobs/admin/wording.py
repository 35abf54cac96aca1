"""How campaigns and their calls are told: states in words with their colours, amounts, what is set."""

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm.display import NOTHING, moment, shortened
from jobs.call_settings import CallSettings
from jobs.choices import AttemptState, BatchAct, ImportState, JobStatus, Outcome
from jobs.models import Batch, BatchImport, CallAttempt, Job, Totals
from jobs.money import MICROS
from jobs.outcomes import CONSEQUENCES

JOB_TONES = {
    JobStatus.PENDING: "info",
    JobStatus.IN_PROGRESS: "live",
    JobStatus.COMPLETED: "success",
    JobStatus.FAILED: "danger",
    JobStatus.SUSPENDED: "warning",
    JobStatus.CANCELLED: "none",
}
# Jobs of a campaign by state, as people say it of many.
STATE_NAMES = {
    JobStatus.COMPLETED: "completadas",
    JobStatus.IN_PROGRESS: "en llamada",
    JobStatus.PENDING: "pendientes",
    JobStatus.FAILED: "fallidas",
    JobStatus.SUSPENDED: "apartadas",
    JobStatus.CANCELLED: "canceladas",
}
# What files and clients call the matters of a call.
MATTERS = {
    "cantidad_cupones": "Cuotas",
    "company_name": "Empresa",
    "debt_amount": "Deuda",
    "dias_retraso": "Días de retraso",
    "due_date": "Vence",
    "fecha_limite": "Fecha límite",
    "fecha_maxima": "Fecha máxima",
    "reference_number": "Referencia",
}
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
WEEKDAYS = {1: "lunes", 2: "martes", 3: "miércoles", 4: "jueves", 5: "viernes", 6: "sábado", 7: "domingo"}


def whole(number: int) -> str:
    return number_format(number, 0, force_grouping=True)


def money(micros: int | None) -> str:
    """Two decimals: "1 234,50"."""
    return number_format((micros or 0) / MICROS, 2, force_grouping=True)


def minutes_called(seconds: int) -> str:
    return number_format(seconds / 60, 1 if seconds < 6_000 else 0, force_grouping=True)


def tone_label(text: str, tone: str) -> SafeString:
    return format_html('<span class="puente-tone puente-tone--{}">{}</span>', tone, text)


# --- Campaigns ----------------------------------------------------------------------------------------


def state_of(batch: Batch, totals: Totals, running_import: BatchImport | None = None) -> tuple[str, str]:
    """The state of a campaign in words, and its colour."""
    if batch.removed_at or batch.pending_act == BatchAct.REMOVE:
        return "Eliminándose", "none"
    if batch.cancelled_at:
        return ("Cancelándose" if totals.open else "Cancelada"), "none"
    if running_import is not None and running_import.state == ImportState.RUNNING:
        return f"Importando {running_import.progress} %", "info"
    if not batch.is_active:
        return ("En pausa por sí sola", "danger") if batch.paused_because else ("En pausa", "warning")
    if not totals.jobs:
        return "Vacía", "none"
    return ("En marcha", "live") if totals.open else ("Terminada", "success")


def name_of_state(status: JobStatus, count: int) -> str:
    return STATE_NAMES[status].removesuffix("s") if count == 1 else STATE_NAMES[status]


def figures_of(totals: Totals) -> list[dict[str, Any]]:
    """Each state with its number and its share of the bar, in the order in which the bar shows them."""
    whole_bar = totals.jobs or 1
    return [
        {
            "status": str(status),
            "name": name_of_state(status, getattr(totals, status)),
            "count": getattr(totals, status),
            "shown": whole(getattr(totals, status)),
            "percent": max(0.0, getattr(totals, status) * 100 / whole_bar),
        }
        for status in STATE_NAMES
    ]


def progress_bar(totals: Totals) -> SafeString:
    """A bar with the figures below it as text; what is nothing is not named."""
    shown = [figure for figure in figures_of(totals) if figure["count"]]
    parts = SafeString(
        "".join(
            format_html('<i class="cp-bar--{}" style="width:{}%"></i>', part["status"], f"{part['percent']:.2f}")
            for part in shown
        )
    )
    text = " · ".join(f"{part['shown']} {part['name']}" for part in shown) or "Sin llamadas todavía"
    return format_html(
        '<span class="cp-progress"><span class="cp-bar" aria-hidden="true">{}</span>'
        '<span class="cp-figures">{}</span></span>',
        parts,
        text,
    )


# --- Jobs and attempts --------------------------------------------------------------------------------


def job_state(job: Job) -> tuple[str, str]:
    status = JobStatus(job.status)
    return status.label, JOB_TONES[status]


def next_try(job: Job) -> str:
    if job.status != JobStatus.PENDING:
        return NOTHING
    return moment(job.next_try_at) if job.next_try_at > timezone.now() else "en cuanto se pueda"


def outcome_of(attempt: CallAttempt | None) -> tuple[str, str]:
    """How a dial ended, or how far it is, and the colour."""
    if attempt is None:
        return NOTHING, ""
    if attempt.is_live:
        return ("Colgando" if attempt.stop_wanted_at else AttemptState(attempt.state).label), "live"
    if not attempt.outcome:
        return AttemptState(attempt.state).label, ""
    outcome = Outcome(attempt.outcome)
    return outcome.label, tone_of(outcome)


def tone_of(outcome: Outcome) -> str:
    consequence = CONSEQUENCES[outcome]
    if outcome == Outcome.ANSWERED:
        return "success"
    if consequence.is_trouble or consequence.pauses_batch or outcome == Outcome.BAD_NUMBER:
        return "danger"
    return "info" if consequence.is_reached else "warning"


def subject_of(job: Job) -> list[tuple[str, str]]:
    """What the call is about, as names and values that people can read; what a file told beside comes last."""
    plain = {name: value for name, value in job.payload.items() if not isinstance(value, Mapping)}
    beside = [value for value in job.payload.values() if isinstance(value, Mapping)]
    found = ((spoken(name), told(value)) for part in (plain, *beside) for name, value in part.items())
    return [(name, value) for name, value in found if value]


def told(value: Any) -> str:
    """One value of a file in a line; "" for what is none."""
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_format(value, 0 if value == int(value) else 2, force_grouping=True)
    if isinstance(value, str) and _ISO_DAY.fullmatch(value):
        return "/".join(reversed(value.split("-")))
    return shortened(str(value), 300)


def spoken(name: str) -> str:
    """ "monto_total" → "Monto total"; what everybody calls by another name, by that."""
    text = MATTERS.get(str(name)) or " ".join(str(name).replace("_", " ").split())
    return text[:1].upper() + text[1:]


# --- Settings -----------------------------------------------------------------------------------------


def settings_in_words(stored: Mapping[str, Any] | None) -> dict[str, str]:
    """The settings of a campaign, each as its name and its value in words."""
    given = CallSettings.of(stored)
    return {
        "Horario": f"de {given.opens:%H:%M} a {given.closes:%H:%M}",
        "Días": days_in_words(given.weekdays),
        "Festivos": "se llama" if given.on_holidays else "no se llama",
        "Zona horaria": given.timezone or "la de cada teléfono",
        "Intentos": str(given.max_attempts),
        "Espera entre intentos": "según el resultado" if given.retry_delay is None else lasted(given.retry_delay),
        "Espera según el resultado": retries_in_words(given.retry_after),
        "Duración máxima": f"{given.max_call_duration} s",
        "Tiempo de timbre": f"{given.ring_timeout} s",
        "Llamadas a la vez": str(given.max_concurrent_calls or "las de la cuenta"),
        "Llamadas por semana y persona": str(given.weekly_calls or "sin límite"),
        "Presupuesto": "sin límite" if given.budget_micros is None else money(given.budget_micros),
        "Consentimiento": "se exige" if given.requires_consent else "no se exige",
    }


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[tuple[str, str, str]]:
    """What a change of settings changed: its name, what it was, what it became."""
    old, new = settings_in_words(before), settings_in_words(after)
    for name, was in old.items():
        if new[name] != was:
            yield name, was, new[name]


def days_in_words(weekdays: frozenset[int]) -> str:
    days = sorted(weekdays)
    if len(days) == 7:
        return "todos"
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"de {WEEKDAYS[days[0]]} a {WEEKDAYS[days[-1]]}"
    return ", ".join(WEEKDAYS[day] for day in days)


def retries_in_words(retries: Mapping[str, timedelta]) -> str:
    told = [f"{Outcome(name).label.lower()}, {lasted(wait)}" for name, wait in sorted(retries.items())]
    return "; ".join(told) or "la de costumbre"


def lasted(wait: timedelta) -> str:
    """ "15 min", "2 h", "1 día", "enseguida"."""
    minutes = round(wait.total_seconds() / 60)
    if not minutes:
        return "enseguida"
    if minutes % 1440 == 0:
        return f"{minutes // 1440} día" + ("s" if minutes > 1440 else "")
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
