"""What a worker holds, how fast it may send it, and what it brings back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Min

from integrations.choices import FAILED_STATES, FINISHED_STATES, AttemptOutcome, DeliveryState
from integrations.models.attempts import DeliveryAttempt

if TYPE_CHECKING:
    from integrations.models.deliveries import WebhookDelivery
    from integrations.sending.answers import Answer
    from integrations.sending.policy import Verdict

KEPT_OF_ANSWER = 4_000
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The rows that one worker holds, in the order they are to be sent, and the token that proves it.

    `wait`: seconds until the destination's limit of speed lets something go out; None where it keeps nothing back.
    """

    token: UUID
    deliveries: Sequence["WebhookDelivery"]
    wait: float | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of one attempt, and what is to be done about the delivery."""

    delivery: "WebhookDelivery"
    answer: "Answer"
    verdict: "Verdict"

    @property
    def state(self) -> DeliveryState:
        return self.verdict.state

    @property
    def error(self) -> str:
        return self.verdict.error or self.answer.error

    def of_attempt(self) -> dict[str, Any]:
        return {
            "delivery_id": self.delivery.pk,
            "number": self.delivery.attempts,
            "outcome": self.answer.outcome,
            "duration_ms": self.answer.duration_ms,
            "status": self.answer.status,
            "response_head": self.answer.head[:KEPT_OF_ANSWER],
            "error": self.error,
            "sends": self.answer.sends,
        }

    def of_delivery(self, claim: Claim, now: datetime) -> dict[str, Any]:
        return {
            "id": self.delivery.pk,
            "lease_token": claim.token,
            "state": self.state,
            "next_try_at": self.verdict.next_try_at or self.delivery.next_try_at,
            "failures": 1 if self.verdict.spends_try else 0,
            "lost_leases": 0,
            "last_status": self.answer.status,
            "last_error": self.error,
            "updated_at": now,
            "finished_at": now if self.state in FINISHED_STATES else None,
            "dismissed_at": now if self.verdict.is_quiet and self.state in FAILED_STATES else None,
        }


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a destination may go: how many tries each lane has begun within the last second."""

    rate: int
    begun: Mapping[str, int]
    oldest: Mapping[str, datetime]

    @classmethod
    def of(cls, destination: str, rate: int, now: datetime) -> "Pace":
        recent = DeliveryAttempt.objects.filter(started_at__gt=now - SECOND, delivery__destination=destination)
        rows = list(
            recent.exclude(outcome=AttemptOutcome.RELEASED)
            .order_by()
            .values_list("delivery__lane")
            .annotate(count=Count("pk"), oldest=Min("started_at"))
        )
        return cls(rate=rate, begun={row[0]: row[1] for row in rows}, oldest={row[0]: row[2] for row in rows})

    @property
    def full(self) -> list[str]:
        return [lane for lane, count in self.begun.items() if count >= self.rate]

    def seconds_left(self, now: datetime) -> float:
        """Until the first of the full lanes has room."""
        return max((min(self.oldest[lane] for lane in self.full) + SECOND - now).total_seconds(), 0.001)

    def fitting(self, rows: Iterable[tuple[UUID, str]]) -> list[UUID]:
        """Those of `rows`, in their order, that each lane has room for."""
        begun, chosen = dict(self.begun), []
        for pk, lane in rows:
            if begun.get(lane, 0) < self.rate:
                begun[lane] = begun.get(lane, 0) + 1
                chosen.append(pk)
        return chosen


def lease() -> timedelta:
    """How long a worker may be silent before another takes over. It renews while it sends."""
    return timedelta(seconds=settings.WEBHOOK_LEASE_SECONDS)
