"""What a report adds to an attempt. Later words replace earlier ones; an older report loses nothing that is known."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from jobs.choices import AttemptState, Outcome
from jobs.models import CallAttempt
from jobs.outcomes import CONSEQUENCES
from jobs.providers.base import CallReport
from jobs.results.promises import promise_in

LONGEST_TEXT = 100_000
LONGEST_SECONDS = 86_400
MOST_COLLECTED = 60
# The price comes seconds after the end, the summary within minutes. What has not come within a day never will.
SOON = timedelta(seconds=10)
GIVEN_UP_AFTER = timedelta(hours=24)
_WORDS = ("reason", "sentiment", "summary", "transcript")
_ADDRESSES = ("recording_url", "log_url")


def take_in(attempt: CallAttempt, report: CallReport) -> None:
    """Fill in what `report` knows, in memory. One that is not final adds to a settled attempt only what it lacks."""
    is_newer = report.is_final or not attempt.is_settled
    for name, value in _values(attempt, report).items():
        if _is_known(value) and (is_newer or not _is_known(getattr(attempt, name))):
            setattr(attempt, name, value)
    if is_newer and report.cost_micros is not None:
        attempt.cost_micros = max(0, report.cost_micros)
    attempt.is_settled = attempt.is_settled or (report.is_final and report.outcome is not None)
    _understand(attempt)


def price(attempt: CallAttempt, report: CallReport) -> None:
    """The simulated provider sends no bill: its calls cost what the account pays a minute."""
    if report.cost_micros is None and attempt.provider == "simulated" and not attempt.cost_micros:
        attempt.cost_micros = attempt.seconds * attempt.account.micros_per_minute // 60


def note_next_look(attempt: CallAttempt, *, asked_for: float | None = None) -> None:
    """When an ended attempt is asked about again: ever more seldom, until all is known or nothing more will come."""
    now = timezone.now()
    age = now - (attempt.ended_at or now)
    if age > GIVEN_UP_AFTER:
        attempt.is_settled = True
    wait = timedelta(seconds=asked_for) if asked_for is not None else max(SOON, age / 2)
    attempt.look_at = None if attempt.is_settled else now + max(wait, timedelta(seconds=1))


def is_reached(*, state: str, outcome: str, seconds: int) -> bool:
    """Somebody was on the line, also where we hung up on them."""
    if state != AttemptState.ENDED:
        return False
    was_cut_off = outcome == Outcome.STOPPED and seconds > 0
    return was_cut_off or CONSEQUENCES[Outcome(outcome)].is_reached


def zone_of(attempt: CallAttempt) -> ZoneInfo:
    """Where the dialled number lives."""
    from jobs.dialling.windows import lane_of

    home = attempt.batch.settings.timezone or attempt.account.timezone or settings.TIME_ZONE
    return ZoneInfo(lane_of(attempt.number, home).partition(":")[2] or home)


def _values(attempt: CallAttempt, report: CallReport) -> dict[str, Any]:
    values: dict[str, Any] = {name: _fitting(attempt, name, getattr(report, name)) for name in _WORDS}
    values |= {name: _address(attempt, name, getattr(report, name)) for name in _ADDRESSES}
    return values | {
        "answered_at": report.answered_at,
        "ended_at": report.ended_at,
        "seconds": min(max(0, report.seconds), LONGEST_SECONDS),
        "successful": report.successful,
        "collected": _texts(report.collected),
    }


def _understand(attempt: CallAttempt) -> None:
    """Read the promise out of what was written down; one that was understood before stays."""
    if not attempt.collected:
        return
    heard_at = attempt.ended_at or attempt.placed_at or timezone.now()
    promise = promise_in(attempt.collected, zone_of(attempt), heard_at=heard_at)
    attempt.promised_on = promise.on or attempt.promised_on
    attempt.promised_micros = promise.micros or attempt.promised_micros
    attempt.call_back_at = promise.call_back_at or attempt.call_back_at


def _is_known(value: Any) -> bool:
    return isinstance(value, bool) or bool(value)


def _fitting(attempt: CallAttempt, name: str, text: str) -> str:
    return clean(text)[: _longest(attempt, name)]


def _longest(attempt: CallAttempt, name: str) -> int:
    return getattr(attempt._meta.get_field(name), "max_length", None) or LONGEST_TEXT


def _address(attempt: CallAttempt, name: str, url: str) -> str:
    """A web address as it came; none where it is something else, or too long to be kept whole."""
    is_usable = url.startswith(("https://", "http://")) and len(url) <= _longest(attempt, name)
    return clean(url) if is_usable else ""


def _texts(collected: Mapping[str, object]) -> dict[str, str]:
    pairs = list(collected.items())[:MOST_COLLECTED]
    return {clean(str(name))[:80]: clean(str(value))[:500] for name, value in pairs}


def clean(text: str) -> str:
    """Without what no database takes: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()
