"""Calls that go on, and attempts whose worker is gone: each is asked about until all is known, and none for ever.

Rows are leased by moving `look_at` on and naming the worker; the same write is the fence against the worker that had
them before. Nothing is held in the database while a provider is asked.
"""

import logging
import os
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from crm.ids import new_id
from jobs.choices import AttemptState, Outcome
from jobs.dialling import circuit
from jobs.dialling.placing import poll_in
from jobs.dialling.side_by_side import a_crew, do_each
from jobs.dialling.wording import clause
from jobs.models import CallAttempt
from jobs.models.attempts import LEASE
from jobs.providers import PROVIDERS, provider_named
from jobs.providers.base import CallReport, Provider, Unreachable
from jobs.results.ending import OUR_WORD, end_unplaced, hear
from jobs.results.told import GIVEN_UP_AFTER

logger = logging.getLogger("puente.calls")

ROWS_A_ROUND = 16
# A call that the provider did not list in this time, beside its ringing, was surely not made.
NOT_MADE_AFTER = timedelta(minutes=2)
# How much longer than ringing and talk may last a call is waited for before we hang up ourselves.
MARGIN = timedelta(seconds=60)
# After hanging up, and while the provider cannot be reached.
SOON = timedelta(seconds=3)
LATER = timedelta(seconds=20)
# The provider's clock and ours differ.
CLOCKS = timedelta(minutes=5)


def follow_due(*, seconds: float = 20.0) -> int:
    """Ask the provider about what is due to be looked at; how many were."""
    done, ends_at = 0, time.monotonic() + seconds
    with a_crew() as crew:
        while time.monotonic() < ends_at:
            leased = _lease(ROWS_A_ROUND)
            if not leased:
                break
            do_each(follow, leased, crew)
            done += len(leased)
    return done


def _lease(limit: int) -> list[CallAttempt]:
    """The longest due, for us alone for a while. A worker that still has one CLAIMED cannot dial it any more."""
    worker = f"{os.getpid()}-{new_id().hex[-8:]}"
    with transaction.atomic():
        due = CallAttempt.objects.to_look_at().filter(provider__in=PROVIDERS).order_by("look_at")
        found = list(due.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:limit])
        CallAttempt.objects.filter(pk__in=found).update(look_at=timezone.now() + LEASE, worker=worker)
    rows = CallAttempt.objects.filter(pk__in=found, worker=worker)
    return list(rows.select_related("batch", "account").defer("transcript"))


def follow(attempt: CallAttempt) -> None:
    """Whatever has to be done next about it. What breaks again and again is given up like what nobody says."""
    try:
        _follow(attempt)
    except Exception as error:
        if attempt.is_live and timezone.now() - (attempt.placed_at or attempt.created_at) > GIVEN_UP_AFTER:
            _give_up(attempt, f"No se pudo seguir la llamada: {error}")
        raise


def _follow(attempt: CallAttempt) -> None:
    provider = provider_named(attempt.provider)
    match attempt.state:
        case AttemptState.CLAIMED:
            end_unplaced(attempt.pk, Outcome.NOT_PLACED, error="Quien iba a marcar no llegó a hacerlo.")
        case AttemptState.PLACING:
            _look_for(attempt, provider)
        case AttemptState.CALLING:
            _ask_after(attempt, provider)
        case _:
            _complete(attempt, provider)


# --- There may be a call ----------------------------------------------------------------------


def _look_for(attempt: CallAttempt, provider: Provider) -> None:
    """Nobody wrote down what came of placing it: the provider is asked by key, and nobody is dialled before it says."""
    placed_at = attempt.placed_at or attempt.created_at
    try:
        ref = provider.find(attempt.pk, since=placed_at - CLOCKS)
    except Unreachable as error:
        _not_reached(attempt, error, placed_at)
        return
    now = timezone.now()
    surely_by = placed_at + NOT_MADE_AFTER + timedelta(seconds=attempt.batch.settings.ring_timeout)
    if ref is not None:
        attempt.advance(AttemptState.PLACING, AttemptState.CALLING, provider_ref=ref, look_at=now, error="")
    elif now >= surely_by:
        _not_made(attempt)
    else:
        _look_again(attempt, min(now + LATER, surely_by))


def _not_made(attempt: CallAttempt) -> None:
    """As if nobody had tried, unless the provider makes other calls and again and again not this one."""
    error = attempt.error or "El proveedor no hizo la llamada."
    outcome = circuit.outcome_of_no_call(attempt)
    if outcome == Outcome.PROVIDER:
        logger.warning("%s: %s makes other calls, and not this one", attempt, attempt.provider)
        often = circuit.MOST_WITHOUT_CALL
        error = f"El proveedor hace otras llamadas, pero esta no la hizo en {often} intentos: {clause(error)}"
    end_unplaced(attempt.pk, outcome, error=error)


# --- A call goes on ---------------------------------------------------------------------------


def _ask_after(attempt: CallAttempt, provider: Provider) -> None:
    placed_at = attempt.placed_at or attempt.created_at
    is_overdue = timezone.now() > placed_at + _longest(attempt)
    is_to_end = attempt.stop_wanted_at is not None or is_overdue
    try:
        if is_to_end:
            provider.stop(attempt.provider_ref)
        report = provider.fetch(attempt.provider_ref)
    except Unreachable as error:
        _not_reached(attempt, error, placed_at)
        return
    if report is None:
        _lost(attempt, is_over=is_to_end)
    else:
        _take_in(attempt, provider, report, is_to_end=is_to_end)


def _longest(attempt: CallAttempt) -> timedelta:
    """Ringing and talk as the campaign allows them."""
    allowed = attempt.batch.settings
    return timedelta(seconds=allowed.ring_timeout + allowed.max_call_duration) + MARGIN


def _take_in(attempt: CallAttempt, provider: Provider, report: CallReport, *, is_to_end: bool) -> None:
    heard = circuit.hear_and_judge(attempt, report)
    if heard is None or not heard.is_live:
        return
    placed_at = attempt.placed_at or attempt.created_at
    if timezone.now() - placed_at > GIVEN_UP_AFTER:
        _give_up(attempt, "El proveedor dice desde hace un día que la llamada sigue.")
    elif is_to_end:
        _look_again(attempt, timezone.now() + SOON)
    else:
        asked_for = report.look_again_in
        wait = poll_in(provider) if asked_for is None else timedelta(seconds=max(asked_for, 0.2))
        _look_again(attempt, timezone.now() + wait)


def _lost(attempt: CallAttempt, *, is_over: bool) -> None:
    """The provider knows no such call. It cannot be told apart from one that goes on until its time is over."""
    if attempt.stop_wanted_at is not None:
        hear(attempt.pk, CallReport(ref=attempt.provider_ref, outcome=Outcome.STOPPED))
    elif is_over:
        _give_up(attempt, "El proveedor no conoce la llamada.")
    else:
        _look_again(attempt, timezone.now() + LATER)


def _not_reached(attempt: CallAttempt, error: Unreachable, placed_at: datetime) -> None:
    circuit.note_trouble(attempt.provider, str(error))
    if timezone.now() - placed_at > GIVEN_UP_AFTER:
        _give_up(attempt, str(error))
    else:
        _look_again(attempt, timezone.now() + LATER, error=str(error)[:500])


def _give_up(attempt: CallAttempt, error: str) -> None:
    """Nobody will ever say what came of it. It counts as called, so it is not dialled again at once."""
    logger.error("%s: %s", attempt, error)
    ended = end_unplaced(attempt.pk, Outcome.UNKNOWN, error=error)
    if ended is not None and ended.outcome == Outcome.UNKNOWN:
        circuit.note_end(ended)


# --- It is over -------------------------------------------------------------------------------


def _complete(attempt: CallAttempt, provider: Provider) -> None:
    """Its price and summary come after the end; what has not come within a day never will. One that goes on, though
    for us it is over, is hung up.
    """
    report = None
    try:
        report = provider.fetch(attempt.provider_ref) if attempt.provider_ref else None
        if report is not None and report.outcome is None and attempt.outcome in OUR_WORD:
            provider.stop(attempt.provider_ref)
    except Unreachable as error:
        logger.warning("%s is not settled yet: %s", attempt, error)
    if report is not None and report.outcome is not None:
        hear(attempt.pk, report)
        return
    ended_at = attempt.ended_at or attempt.created_at
    is_hopeless = not attempt.provider_ref or timezone.now() - ended_at > GIVEN_UP_AFTER
    age = timezone.now() - ended_at
    values = {"is_settled": True, "look_at": None} if is_hopeless else {"look_at": timezone.now() + max(age / 2, LATER)}
    CallAttempt.objects.filter(pk=attempt.pk, state=AttemptState.ENDED).update(**values)


def _look_again(attempt: CallAttempt, at: datetime, **values: str) -> None:
    """Only while it stands as we found it: what has moved since has a next look of its own."""
    CallAttempt.objects.filter(pk=attempt.pk, state=attempt.state).update(look_at=at, **values)
