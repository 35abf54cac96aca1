"""The end of a dial, as a provider tells it or as we know it: written down once, whoever tells it how often."""

from uuid import UUID

from jobs.choices import Outcome
from jobs.models import CallAttempt
from jobs.providers.base import CallReport


def hear(attempt_id: UUID, report: CallReport) -> CallAttempt | None:
    """Take in what the provider tells; None for an attempt that nobody knows."""
    raise LookupError(attempt_id, report)


def end_unplaced(attempt_id: UUID, outcome: Outcome, *, error: str = "") -> CallAttempt | None:
    """No call was made, for sure."""
    raise LookupError(attempt_id, outcome, error)
