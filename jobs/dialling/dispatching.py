"""The tick of the dispatcher: claim as much as may be dialled at once, dial it, again, until nothing is due."""

import logging
import os
import socket
import time

from django.conf import settings

from crm.ids import new_id
from crm.waking import wake
from jobs.dialling import circuit
from jobs.dialling.claiming import claim
from jobs.dialling.placing import place_all
from jobs.dialling.side_by_side import a_crew
from jobs.models import CallAttempt
from jobs.providers import PROVIDERS, provider_named
from jobs.providers.base import Provider, Unreachable

logger = logging.getLogger("puente.calls")

# Calls in a row that one thread places before more are claimed: all are dialled well within their lease.
CALLS_A_THREAD = 2


def dial_due(*, seconds: float = 20.0) -> int:
    """Claim and place what is due; how many were asked for."""
    provider = provider_named(settings.CALL_PROVIDER) if settings.CALL_PROVIDER in PROVIDERS else None
    if provider is None or not provider.is_configured:
        return 0
    worker = f"{socket.gethostname()[:40]}-{os.getpid()}-{new_id().hex[-8:]}"
    dialled, ends_at = 0, time.monotonic() + seconds
    with a_crew() as crew:
        while time.monotonic() < ends_at:
            limit = _room(provider)
            claimed = claim(provider.name, worker=worker, limit=limit) if limit > 0 else []
            if not claimed:
                return dialled
            place_all(claimed, crew)
            dialled += len(claimed)
    _wake_another()
    return dialled


def _room(provider: Provider) -> int:
    """How many may be claimed now: what the threads can place, what the provider takes, one for a probe."""
    allowed = circuit.allowance(provider.name, usual=CALLS_A_THREAD * max(settings.CALL_THREADS, 4))
    return min(allowed, _free_lines(provider, at_most=allowed)) if allowed else 0


def _free_lines(provider: Provider, *, at_most: int) -> int:
    try:
        lines = provider.capacity()
    except Unreachable as error:
        circuit.note_trouble(provider.name, str(error))
        return 0
    return at_most if lines is None else lines - CallAttempt.objects.live().filter(provider=provider.name).count()


def _wake_another() -> None:
    """There is more than fits into one turn."""
    from jobs.tasks import dial_due as task

    wake(task)
