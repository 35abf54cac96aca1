"""The provider of the demonstration and of tests: it calls nobody, remembers everything, and is the same on every run.

Its rows (`SimulatedCall`) are another company's: nothing else reads them. How a call ends follows from the seed, the
number, and how often that number was called (providers/script.py); `SIMULATED_OUTCOMES` says it for single numbers.
Time runs faster there: a call of minutes is over after `SIMULATED_CALL_SECONDS`, and costs what the minutes cost.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from jobs.choices import Outcome
from jobs.models import SimulatedCall
from jobs.providers import sayings, script
from jobs.providers.base import BadSignature, CallReport, CallRequest

# The longest that a scripted call takes, ringing and talk.
_LONGEST = 300
_REASONS = {
    Outcome.ANSWERED: "user_hangup",
    Outcome.BRIEF: "user_hangup",
    Outcome.VOICEMAIL: "voicemail_reached",
    Outcome.NO_ANSWER: "dial_no_answer",
    Outcome.BUSY: "dial_busy",
    Outcome.BAD_NUMBER: "invalid_destination",
    Outcome.OPT_OUT: "user_requested_dnc",
    Outcome.CALL_BACK: "user_requested_callback",
    Outcome.PROVIDER: "error_unknown",
    Outcome.STOPPED: "manual_stopped",
}


class SimulatedProvider:
    name = "simulated"
    # How often a call is asked after, where its report says nothing better.
    poll_seconds = 3.0

    @property
    def is_configured(self) -> bool:
        return True

    def place(self, request: CallRequest) -> str:
        """One call for each key: whoever asks twice hears of the same one."""
        position = SimulatedCall.objects.filter(~Q(key=request.key), number=request.number).count() + 1
        SimulatedCall.objects.bulk_create([_call(request, position)], ignore_conflicts=True)
        return SimulatedCall.objects.values_list("ref", flat=True).get(key=request.key)

    def fetch(self, ref: str) -> CallReport | None:
        call = SimulatedCall.objects.filter(pk=ref).first()
        return None if call is None else report_of(call, timezone.now())

    def find(self, key: UUID, *, since: datetime) -> str | None:
        return SimulatedCall.objects.filter(key=key).values_list("ref", flat=True).first()

    def stop(self, ref: str) -> None:
        now = timezone.now()
        SimulatedCall.objects.filter(pk=ref, stopped_at__isnull=True, ends_at__gt=now).update(stopped_at=now)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> CallReport | None:
        raise BadSignature("El proveedor simulado no envía avisos.")

    def capacity(self) -> int | None:
        return None


def _call(request: CallRequest, position: int) -> SimulatedCall:
    seed, number, now = settings.SIMULATED_SEED, request.number, timezone.now()
    scripted = settings.SIMULATED_OUTCOMES.get(number)
    outcome = (
        Outcome(scripted[min(position, len(scripted)) - 1]) if scripted else script.outcome_of(seed, number, position)
    )
    talk = min(script.seconds_of(seed, number, position, outcome), request.max_seconds)
    rings = script.ringing_of(seed, number, position, longest=request.ring_seconds, outcome=outcome)
    return SimulatedCall(
        ref=f"sim_{request.key.hex}",
        key=request.key,
        number=number,
        outcome=outcome,
        placed_at=now,
        ends_at=now + _scaled(rings + talk),
        seconds=talk,
    )


def _scaled(seconds: int) -> timedelta:
    least, most = settings.SIMULATED_CALL_SECONDS
    return timedelta(seconds=least + (most - least) * min(seconds, _LONGEST) / _LONGEST)


def report_of(call: SimulatedCall, now: datetime) -> CallReport:
    """How the call stands at `now`."""
    over_at = min(call.stopped_at or call.ends_at, call.ends_at)
    if now < over_at:
        return CallReport(
            ref=call.ref,
            key=call.key,
            status="ongoing",
            look_again_in=(call.ends_at - now).total_seconds(),
        )
    outcome = Outcome.STOPPED if call.stopped_at else Outcome(call.outcome)
    seconds = _talked(call, over_at)
    told = sayings.of(call.number, outcome, over_at) if seconds and outcome != Outcome.VOICEMAIL else sayings.NOTHING
    return CallReport(
        ref=call.ref,
        key=call.key,
        outcome=outcome,
        is_final=True,
        status="ended" if seconds else "not_connected",
        reason=_REASONS.get(outcome, outcome.value),
        answered_at=_answered_at(call, over_at) if seconds else None,
        ended_at=over_at,
        seconds=seconds,
        cost_micros=script.cost_of(seconds),
        summary=told.summary,
        sentiment=told.sentiment,
        successful=told.successful,
        transcript=told.transcript,
        collected=told.collected,
    )


def _talked(call: SimulatedCall, over_at: datetime) -> int:
    """Seconds of talk; of a call that was hung up, as many as its part of the way."""
    if not call.stopped_at:
        return call.seconds
    whole = (call.ends_at - call.placed_at).total_seconds()
    return int(call.seconds * (over_at - call.placed_at).total_seconds() / whole) if whole else 0


def _answered_at(call: SimulatedCall, over_at: datetime) -> datetime:
    """After a fifth of its time, which was ringing."""
    return call.placed_at + (over_at - call.placed_at) / 5
