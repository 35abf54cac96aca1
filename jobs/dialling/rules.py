"""Which rule holds a job back."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a job is not called now: a stable slug, one Spanish sentence, and when it is looked at again."""

    code: str
    reason: str
    next_try_at: datetime | None = None
