"""What the provider is asked for, and what its agent knows of the person (campaign-client 3.1)."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from jobs.models import CallAttempt, Job
from jobs.providers.base import CallRequest

MOST_VARIABLES = 60
LONGEST_TEXT = 1_000
# What the payload calls it → what agents that were written for this client call it.
_NAMES = {"company_name": "empresa", "debt_amount": "monto_total", "due_date": "fecha_limite"}


def request_for(attempt: CallAttempt) -> CallRequest:
    call_settings = attempt.batch.settings
    return CallRequest(
        key=attempt.pk,
        number=attempt.number,
        max_seconds=call_settings.max_call_duration,
        ring_seconds=call_settings.ring_timeout,
        variables=variables_for(attempt.job),
        job_id=attempt.job.job_id,
        batch_id=attempt.batch.batch_id,
    )


def variables_for(job: Job) -> dict[str, str]:
    """All texts: what the file said under its own names, and above it what every agent may count on."""
    payload = job.payload if isinstance(job.payload, Mapping) else {}
    extra = payload.get("additional_info")
    told = {**_texts(extra if isinstance(extra, Mapping) else {}), **_texts(payload)}
    told |= {ours: told.get(theirs, "") for theirs, ours in _NAMES.items() if told.get(theirs) or ours not in told}
    expected = dict.fromkeys(("fecha_maxima", "cantidad_cupones"), "")
    named = {"tipo_llamada": told.get("tipo_llamada") or "cobranza", "nombre": job.name, "RUT": job.document}
    return {**expected, **told, **named, **_clock_of(job)}


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    simple = [(name, value) for name, value in values.items() if isinstance(value, str | int | float | bool)]
    return {str(name): _text(value) for name, value in simple[:MOST_VARIABLES]}


def _text(value: Any) -> str:
    """45000.0 is said as 45000."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if whole else value)[:LONGEST_TEXT]


def _clock_of(job: Job) -> dict[str, str]:
    """What time it is for the person, also under the name that names their zone."""
    zone = job.lane.partition(":")[2] or settings.TIME_ZONE
    now = timezone.now().astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
    return {"current_time": now, f"current_time_{zone.replace('/', '_')}": now}
