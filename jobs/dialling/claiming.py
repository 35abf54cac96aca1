"""Which jobs are dialled next: claimed under every cap, with an attempt on record."""

from jobs.models import CallAttempt


def claim(provider: str, *, worker: str, limit: int) -> list[CallAttempt]:
    """Claim up to `limit` due jobs."""
    return []
