"""When to try again: what the standard proposes, three days in ten tries, spread out."""

import random
from datetime import datetime, timedelta

from django.conf import settings

from integrations.choices import DeliveryState
from integrations.sending.answers import Answer

# Only added, never taken away: nobody is asked sooner than promised.
JITTER = 0.2


def what_next(answer: Answer, *, failures: int, now: datetime) -> tuple[DeliveryState, datetime | None]:
    """The state after an attempt, and when to try again. `failures`: those before this one."""
    if answer.is_success:
        return DeliveryState.DELIVERED, None
    delays = settings.WEBHOOK_RETRY_SECONDS
    if answer.is_final or failures >= len(delays):
        return DeliveryState.DEAD, None
    delay = delays[failures] * (1 + random.uniform(0, JITTER))  # noqa: S311  no secret
    return DeliveryState.PENDING, now + timedelta(seconds=max(delay, answer.retry_after or 0))
