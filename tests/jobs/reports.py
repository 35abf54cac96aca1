"""What a provider tells of a call, for tests of what becomes of it."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from jobs.choices import Outcome
from jobs.models import CallAttempt
from jobs.providers.base import CallReport


def a_report(attempt: CallAttempt, outcome: Outcome | None = Outcome.ANSWERED, **values: Any) -> CallReport:
    """Final, a minute of talk for 14.5 cents where somebody was on the line."""
    now = timezone.now()
    talked = outcome in (Outcome.ANSWERED, Outcome.CALL_BACK, Outcome.OPT_OUT)
    usual: dict[str, Any] = {
        "ref": attempt.provider_ref or f"call_of_{attempt.pk.hex[:8]}",
        "outcome": outcome,
        "is_final": outcome is not None,
        "answered_at": now - timedelta(seconds=60) if talked else None,
        "ended_at": now if outcome is not None else None,
        "seconds": 60 if talked else 0,
        "cost_micros": 145_000 if talked else 0,
    }
    return CallReport(**{**usual, **values})
