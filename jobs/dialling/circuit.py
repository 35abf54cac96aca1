"""A provider in trouble is left alone: what counts against it, and what for it."""

from datetime import datetime

from jobs.choices import Outcome
from jobs.models import CallAttempt, ProviderCircuit
from jobs.outcomes import CONSEQUENCES
from jobs.providers.base import CallReport, Refused
from jobs.results.ending import hear

# How long a provider without free lines is left alone where it does not say.
CAPACITY_SECONDS = 10.0


def allowance(provider: str, *, usual: int) -> int:
    """How many calls may be placed now: the usual number, one probe, or none."""
    return ProviderCircuit.objects.allowance(provider, usual=usual)


def note_placed(provider: str, *, asked_at: datetime) -> None:
    """A probe that was taken closes the circuit. Otherwise only the end of a call tells that calls go through."""
    ProviderCircuit.objects.open().note_success(provider, asked_at=asked_at)


def note_refused(provider: str, refused: Refused, *, asked_at: datetime) -> None:
    """No free lines is a wait; a number that does not exist is an answer like any other."""
    if refused.outcome == Outcome.CAPACITY:
        note_trouble(provider, str(refused), wait=refused.wait or CAPACITY_SECONDS)
    elif CONSEQUENCES[refused.outcome].is_trouble:
        note_trouble(provider, str(refused), wait=refused.wait)
    else:
        ProviderCircuit.objects.note_success(provider, asked_at=asked_at)


def outcome_of(provider: str, refused: Refused) -> Outcome:
    """How the dial ended for its person. A provider that refuses everybody is no failure of theirs."""
    is_open = refused.outcome == Outcome.PROVIDER and ProviderCircuit.objects.open().filter(pk=provider).exists()
    return Outcome.NOT_PLACED if is_open else refused.outcome


def note_trouble(provider: str, error: str, *, wait: float | None = None) -> None:
    ProviderCircuit.objects.note_trouble(provider, count=1, error=error, wait=wait)


def hear_and_judge(attempt: CallAttempt, report: CallReport) -> CallAttempt | None:
    """Take in a report; when it ends the call, the circuit hears of it, once."""
    was_live = attempt.is_live
    heard = hear(attempt.pk, report)
    if heard is not None and was_live and not heard.is_live:
        note_end(heard)
    return heard


def note_end(attempt: CallAttempt) -> None:
    """A call has ended: through the provider's fault, or by itself.

    One that was placed long ago says nothing of whether new ones are taken: it closes no circuit that is open.
    """
    outcome = Outcome(attempt.outcome)
    if outcome == Outcome.CAPACITY:
        note_trouble(attempt.provider, attempt.reason, wait=CAPACITY_SECONDS)
    elif CONSEQUENCES[outcome].is_trouble:
        note_trouble(attempt.provider, attempt.error or attempt.reason)
    else:
        ProviderCircuit.objects.filter(open_until__isnull=True).note_success(attempt.provider)
