"""A provider in trouble is left alone: what counts against it, and what for it."""

from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from jobs.choices import AttemptState, Outcome
from jobs.models import CallAttempt, ProviderCircuit
from jobs.models.attempts import LEASE
from jobs.outcomes import CONSEQUENCES
from jobs.providers.base import CallReport, Refused
from jobs.results.ending import hear

# How long a provider without free lines is left alone where it does not say.
CAPACITY_SECONDS = 10.0
# So often a provider that places other calls may make none of one job before that counts as an attempt. Each try takes
# about three minutes, so no hiccup or restart of half an hour costs anybody an attempt, and none is tried for ever.
MOST_WITHOUT_CALL = 10


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


def outcome_of_no_call(attempt: CallAttempt) -> Outcome:
    """How a dial ended of which the provider surely made no call. While it makes none for anybody, nothing counts;
    where it makes others, it is this call that fails.
    """
    if ProviderCircuit.objects.open().filter(pk=attempt.provider).exists():
        return Outcome.NOT_PLACED
    tries = _tries_without_call(attempt).values_list("pk", flat=True)[:MOST_WITHOUT_CALL]
    return Outcome.PROVIDER if len(tries) == MOST_WITHOUT_CALL else Outcome.NOT_PLACED


def _tries_without_call(attempt: CallAttempt) -> QuerySet[CallAttempt]:
    """Of this job, this one among them, since its last dial that counted; those during which others were called."""
    of_job = CallAttempt.objects.filter(job=attempt.job_id)
    counted = of_job.filter(state=AttemptState.ENDED, is_counted=True).order_by("-created_at").values("created_at")
    others = CallAttempt.objects.filter(
        provider=attempt.provider,
        created_at__gt=OuterRef("created_at") - LEASE,  # claimed together, and dialled after each other
        created_at__lt=Coalesce(OuterRef("ended_at"), Value(timezone.now())),
    )
    without = Q(outcome=Outcome.NOT_PLACED, placed_at__isnull=False, provider=attempt.provider) | Q(pk=attempt.pk)
    since = Coalesce(Subquery(counted[:1]), F("created_at") - LEASE)
    taken = others.exclude(provider_ref="").exclude(job=attempt.job_id)
    return of_job.filter(without, Exists(taken), created_at__gt=since)


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
