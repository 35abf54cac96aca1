"""Ending a dial that goes on, because somebody wants its job cancelled or gone. Outside of any transaction.

Before the provider is asked, the row is enough. While it is being asked nobody knows whether there is a call, so the
wish is noted and the answer waited for, a little. A call is hung up. What cannot be done now is a `Conflict`, and
nothing has changed.
"""

import logging
import time
from datetime import datetime, timedelta

from django.utils import timezone

from crm.exceptions import Conflict
from jobs.choices import AttemptState
from jobs.models import CallAttempt
from jobs.providers import provider_named
from jobs.providers.base import Unreachable
from jobs.results.ending import end_stopped

logger = logging.getLogger("puente.jobs")

BEING_PLACED = "La llamada se está marcando en este momento; inténtelo de nuevo en unos segundos."
UNREACHABLE = "No se pudo colgar la llamada: el proveedor no responde. No se ha cambiado nada."
# A provider that needs longer than this to place a call may need a minute.
PATIENCE = 3.0
PAUSE = 0.1
# Clocks differ, and a call may be on the provider's books a moment before it is on ours.
SLACK = timedelta(minutes=1)
# Each round follows a change by somebody else: claimed → placing → calling → ended.
ROUNDS = 5


def hang_up(attempt: CallAttempt) -> None:
    """Let `attempt` be over, by us or by itself, when this returns. `Conflict` when that cannot be had now."""
    wanted_at = timezone.now()
    for _ in range(ROUNDS):
        attempt.refresh_from_db()
        if not attempt.is_live or _is_ended(attempt, wanted_at):
            return
    raise Conflict(BEING_PLACED, code="marcando")


def _is_ended(attempt: CallAttempt, wanted_at: datetime) -> bool:
    """One step towards the end, from the state that was just read; False when it was another's turn meanwhile."""
    if attempt.state == AttemptState.CLAIMED:
        return end_stopped(attempt.pk, AttemptState.CLAIMED)
    _want(attempt, wanted_at)
    if attempt.state == AttemptState.PLACING:
        return _wait_for_reference(attempt, wanted_at)
    try:
        provider_named(attempt.provider).stop(attempt.provider_ref)
    except Unreachable as error:
        logger.warning("call %s cannot be hung up: %s", attempt.provider_ref, error)
        return _give_up(attempt, wanted_at, Conflict(UNREACHABLE, code="proveedor_no_responde"))
    return end_stopped(attempt.pk, AttemptState.CALLING)


def _wait_for_reference(attempt: CallAttempt, wanted_at: datetime) -> bool:
    """Until the placing worker knows the call or that there is none; then as the provider says. Always False."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        time.sleep(PAUSE)  # the worker that is placing it writes the reference down any moment
        attempt.refresh_from_db(fields=["state"])
        if attempt.state != AttemptState.PLACING:
            return False
    ref = _find(attempt)
    if ref is None:
        return _give_up(attempt, wanted_at, Conflict(BEING_PLACED, code="marcando"))
    attempt.advance(AttemptState.PLACING, AttemptState.CALLING, provider_ref=ref, look_at=timezone.now())
    return False


def _find(attempt: CallAttempt) -> str | None:
    """The call's reference by our key; None also when the provider knows none yet: its placing may be on the way."""
    try:
        return provider_named(attempt.provider).find(
            attempt.pk, since=(attempt.placed_at or attempt.created_at) - SLACK
        )
    except Unreachable:
        return None


def _want(attempt: CallAttempt, wanted_at: datetime) -> None:
    """From here on the job ends as cancelled, whatever the provider says first."""
    CallAttempt.objects.live().filter(pk=attempt.pk, stop_wanted_at__isnull=True).update(stop_wanted_at=wanted_at)


def _give_up(attempt: CallAttempt, wanted_at: datetime, refusal: Conflict) -> bool:
    """Take our own wish back and refuse, unless the attempt has moved on: then there is another round."""
    mine = CallAttempt.objects.filter(pk=attempt.pk, state=attempt.state, stop_wanted_at=wanted_at)
    others = CallAttempt.objects.filter(pk=attempt.pk, state=attempt.state).exclude(stop_wanted_at=wanted_at)
    if mine.update(stop_wanted_at=None) or others.exists():
        raise refusal
    return False
