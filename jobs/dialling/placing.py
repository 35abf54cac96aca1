"""Claimed attempts become calls. From the first write on there may be a call, so that write is the fence:

it names the worker that claimed the row, that nobody wants it stopped, and that the person may still be called.
Whoever cannot make it does not dial; the lease runs out, and the job is judged anew.
"""

import logging
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Case, CharField, DateTimeField, Exists, OuterRef, Q, UUIDField, When
from django.utils import timezone

from crm.crews import Crew
from crm.models import ContactPhone
from crm.prepared import PreparedUpdate
from jobs.choices import AttemptState
from jobs.dialling import circuit
from jobs.dialling.requests import request_for
from jobs.dialling.side_by_side import do_each
from jobs.models import Batch, CallAttempt, DoNotCall
from jobs.models.attempts import LEASE
from jobs.providers import provider_named
from jobs.providers.base import Provider, Refused, Uncertain, Unreachable
from jobs.results.ending import end_unplaced

logger = logging.getLogger("puente.calls")

# When a provider that gave no clear answer is asked by key; its own list may be a moment behind.
ASK_SOON = timedelta(seconds=5)
# How often a call that goes on is asked after, for a provider that does not say.
POLL_SECONDS = 12.0
# What may have changed since the claim: others are dialled before, and each may take its time.
_OF_ACCOUNT = Q(account__isnull=True) | Q(account=OuterRef("account"))
_MAY_BE_CALLED = (
    Exists(Batch.objects.running().filter(pk=OuterRef("batch"))),
    ~Exists(DoNotCall.objects.filter(_OF_ACCOUNT, key=OuterRef("phone_key"))),
    ~Exists(ContactPhone.objects.filter(key=OuterRef("phone_key"), contact__opted_out_of_calls_at__isnull=False)),
)


def place_all(attempts: Sequence[CallAttempt], crew: Crew | None = None) -> None:
    """Dial each of them once, or not at all; none is lost, whatever the provider does."""
    do_each(place, attempts, crew)


def place(attempt: CallAttempt) -> None:
    """Ask the provider for the call, outside of any transaction, and write down what it said."""
    provider = provider_named(attempt.provider)
    request = request_for(attempt)
    asked_at = _begin(attempt)
    if asked_at is None:
        return
    try:
        ref = provider.place(request)
    except Refused as refused:
        circuit.note_refused(provider.name, refused, asked_at=asked_at)
        end_unplaced(attempt.pk, circuit.outcome_of(provider.name, refused), error=str(refused))
    except Uncertain as error:
        _leave_open(attempt, str(error))
    except Exception as error:  # an adapter may only raise the two above; whatever else it does, there may be a call
        logger.exception("%s could not be placed", attempt)
        _leave_open(attempt, str(error))
    else:
        circuit.note_placed(provider.name, asked_at=asked_at)
        _placed(attempt, provider, ref)


# Written down once a process: each call of a day makes both.
_cross_the_fence: PreparedUpdate[CallAttempt] = PreparedUpdate(
    lambda pk, worker, **_: CallAttempt.objects.filter(
        *_MAY_BE_CALLED, pk=pk, state=AttemptState.CLAIMED, worker=worker, stop_wanted_at__isnull=True
    ),
    lambda now, lease, **_: {"state": AttemptState.PLACING, "placed_at": now, "look_at": lease, "updated_at": now},
    returning=("id",),
    pk=UUIDField(),
    worker=CharField(),
    now=DateTimeField(),
    lease=DateTimeField(),
)
_note_reference: PreparedUpdate[CallAttempt] = PreparedUpdate(
    lambda pk, **_: CallAttempt.objects.filter(pk=pk, state=AttemptState.PLACING),
    lambda ref, now, later, **_: {
        "state": AttemptState.CALLING,
        "provider_ref": ref,
        "look_at": Case(When(stop_wanted_at__isnull=False, then=now), default=later),
        "error": "",
        "updated_at": now,
    },
    returning=("state", "provider_ref", "stop_wanted_at"),
    pk=UUIDField(),
    ref=CharField(),
    now=DateTimeField(),
    later=DateTimeField(),
)


def _begin(attempt: CallAttempt) -> datetime | None:
    """The fence. None: somebody took it over, wants it stopped, or has ended it; or the call is not wanted any more."""
    now = timezone.now()
    begun = _cross_the_fence(pk=attempt.pk, worker=attempt.worker, now=now, lease=now + LEASE)
    return now if begun else None


def _leave_open(attempt: CallAttempt, error: str) -> None:
    """There may be a call: the provider is asked by key before anybody dials again (dialling/following.py)."""
    circuit.note_trouble(attempt.provider, error)
    CallAttempt.objects.filter(pk=attempt.pk, state=AttemptState.PLACING).update(
        error=error[:500], look_at=timezone.now() + ASK_SOON
    )


def _placed(attempt: CallAttempt, provider: Provider, ref: str) -> None:
    """Unless a webhook was faster. Who wants it stopped wrote that down before, or finds the reference after."""
    now = timezone.now()
    noted = _note_reference(pk=attempt.pk, ref=ref, now=now, later=now + poll_in(provider))
    rows = CallAttempt.objects.only("state", "provider_ref", "stop_wanted_at")
    stands = noted[0] if noted else rows.get(pk=attempt.pk)
    if stands.provider_ref != ref:
        # We were gone for minutes between two lines, and the call was given up: nobody waits for it any more.
        logger.error("the call %s of %s came too late", ref, attempt)
        _hang_up(provider, ref)
    elif stands.state == AttemptState.CALLING and stands.stop_wanted_at is not None:
        _hang_up(provider, ref)


def _hang_up(provider: Provider, ref: str) -> None:
    try:
        provider.stop(ref)
    except Unreachable as error:
        logger.warning("%s could not be hung up yet: %s", ref, error)


def poll_in(provider: Provider) -> timedelta:
    """Gently, and never all at the same moment."""
    seconds = float(getattr(provider, "poll_seconds", POLL_SECONDS))
    return timedelta(seconds=seconds * random.uniform(0.85, 1.25))
