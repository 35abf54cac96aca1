"""What became of messages lately, in numbers: for the staff page, the API and whoever monitors.

Every question walks an index: attempts by when they were made, deliveries by their state. What was delivered long ago
is never counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import ceil

from django.db.models import Count, Min, Q
from django.db.models.functions import TruncHour
from django.utils import timezone

from integrations.choices import FAILED_STATES, WAITING_STATES, AttemptOutcome, DeliveryState
from integrations.destinations import DESTINATIONS
from integrations.models import DeliveryAttempt, WebhookDelivery

HOURS = 24
# Times are taken from this many of the newest attempts: more would cost more and tell the same.
MOST_TIMES = 10_000

FAILED_OUTCOMES = (AttemptOutcome.REFUSED, AttemptOutcome.UNANSWERED, AttemptOutcome.LOST)


@dataclass
class Counts:
    """`delivered`: accepted by the receiver. `failed_attempts`: tries that came to nothing, each to be made again or
    the last one. `dead`: given up, or set aside. `waiting`: still to be sent, now."""

    delivered: int = 0
    failed_attempts: int = 0
    dead: int = 0
    waiting: int = 0

    @property
    def is_nothing(self) -> bool:
        return not (self.delivered or self.failed_attempts or self.dead or self.waiting)


@dataclass(frozen=True)
class Latency:
    """Milliseconds; None where nothing was measured. Percentiles are values that really occurred (nearest rank)."""

    median_ms: int | None
    p95_ms: int | None

    @classmethod
    def of(cls, values: Iterable[float]) -> "Latency":
        ranked = sorted(values)
        return cls(_nearest_rank(ranked, 0.5), _nearest_rank(ranked, 0.95))


@dataclass(frozen=True)
class Time:
    """How long one answered attempt took, and, where it was accepted, how long its message had been waiting for it."""

    destination: str
    attempt_ms: int
    delivery_ms: float | None


class LastDay:
    """The running hour and the 23 before it. Four queries, however much was sent."""

    def __init__(self, now: datetime | None = None) -> None:
        self.until = now or timezone.now()
        this_hour = self.until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        self.hours = [this_hour - timedelta(hours=ago) for ago in reversed(range(HOURS))]
        self.since = self.hours[0]

    @cached_property
    def by_hour(self) -> list[tuple[datetime, Counts]]:
        """Every hour has its row, the oldest first. What waits, waits now: it belongs to no hour."""
        found: dict[datetime, Counts] = defaultdict(Counts)
        for (hour, _), counts in self._counts.items():
            _add(found[hour], counts)
        return [(hour, found[hour]) for hour in self.hours]

    @cached_property
    def by_destination(self) -> dict[str, Counts]:
        found: dict[str, Counts] = {name: Counts() for name in DESTINATIONS}
        for (_, destination), counts in self._counts.items():
            _add(found.setdefault(destination, Counts()), counts)
        for destination, waiting in _waiting().items():
            found.setdefault(destination, Counts()).waiting = waiting
        return found

    @cached_property
    def total(self) -> Counts:
        total = Counts()
        for counts in self.by_destination.values():
            _add(total, counts)
        return total

    def delivery_latency(self, destination: str | None = None) -> Latency:
        """From writing a message down to its arrival."""
        return Latency.of(time.delivery_ms for time in self._times_of(destination) if time.delivery_ms is not None)

    def attempt_latency(self, destination: str | None = None) -> Latency:
        """From the first byte sent to the answer, also where it was a refusal."""
        return Latency.of(time.attempt_ms for time in self._times_of(destination))

    def _times_of(self, destination: str | None) -> list[Time]:
        return [time for time in self._times if destination in (None, time.destination)]

    @cached_property
    def _counts(self) -> dict[tuple[datetime, str], Counts]:
        found: dict[tuple[datetime, str], Counts] = defaultdict(Counts)
        for hour, destination, delivered, failed in self._attempts_by_hour():
            found[hour, destination].delivered = delivered
            found[hour, destination].failed_attempts = failed
        for hour, destination, dead in self._deaths_by_hour():
            found[hour, destination].dead = dead
        return found

    def _attempts_by_hour(self) -> Iterable[tuple[datetime, str, int, int]]:
        return (
            DeliveryAttempt.objects.filter(started_at__gte=self.since, started_at__lt=self.until)
            .annotate(hour=TruncHour("started_at", tzinfo=UTC))
            .values_list("hour", "delivery__destination")
            .annotate(
                delivered=Count("pk", filter=Q(outcome=AttemptOutcome.DELIVERED)),
                failed=Count("pk", filter=Q(outcome__in=FAILED_OUTCOMES)),
            )
            .order_by()
        )

    def _deaths_by_hour(self) -> Iterable[tuple[datetime, str, int]]:
        return (
            WebhookDelivery.objects.failed()
            .filter(finished_at__gte=self.since, finished_at__lt=self.until)
            .annotate(hour=TruncHour("finished_at", tzinfo=UTC))
            .values_list("hour", "destination")
            .annotate(count=Count("pk"))
            .order_by()
        )

    @cached_property
    def _times(self) -> list[Time]:
        rows = (
            DeliveryAttempt.objects.filter(
                started_at__gte=self.since, started_at__lt=self.until, duration_ms__isnull=False
            )
            .order_by("-started_at")
            .values_list("delivery__destination", "outcome", "duration_ms", "started_at", "delivery__created_at")
        )
        return [
            Time(
                destination=destination,
                attempt_ms=duration_ms,
                delivery_ms=(started_at - created_at).total_seconds() * 1000 + duration_ms
                if outcome == AttemptOutcome.DELIVERED
                else None,
            )
            for destination, outcome, duration_ms, started_at, created_at in rows[:MOST_TIMES]
            if duration_ms is not None
        ]


@dataclass(frozen=True)
class Backlog:
    """What has not arrived and should, of one destination and state.

    `oldest_due_at`: since when the longest due one has been due; None where none is.
    """

    destination: str
    state: DeliveryState
    count: int
    oldest_due_at: datetime | None


def backlog(now: datetime) -> list[Backlog]:
    """All that waits or needs somebody's attention, now. One query over states of few rows."""
    rows = (
        WebhookDelivery.objects.filter(state__in=[*WAITING_STATES, *FAILED_STATES], dismissed_at__isnull=True)
        .order_by()
        .values_list("destination", "state")
        .annotate(
            count=Count("pk"),
            oldest=Min("next_try_at", filter=Q(state=DeliveryState.PENDING, next_try_at__lte=now)),
        )
    )
    return [Backlog(destination, DeliveryState(state), count, oldest) for destination, state, count, oldest in rows]


def attempts_since(since: datetime) -> list[tuple[str, AttemptOutcome, int]]:
    """How many tries were begun since then: destination, outcome, count."""
    rows = (
        DeliveryAttempt.objects.filter(started_at__gte=since)
        .order_by()
        .values_list("delivery__destination", "outcome")
        .annotate(count=Count("pk"))
    )
    return [(destination, AttemptOutcome(outcome), count) for destination, outcome, count in rows]


def _waiting() -> dict[str, int]:
    rows = WebhookDelivery.objects.unfinished().order_by().values_list("destination").annotate(count=Count("pk"))
    return dict(rows)


def _add(total: Counts, more: Counts) -> None:
    total.delivered += more.delivered
    total.failed_attempts += more.failed_attempts
    total.dead += more.dead
    total.waiting += more.waiting


def _nearest_rank(ranked: Sequence[float], share: float) -> int | None:
    return round(ranked[ceil(share * len(ranked)) - 1]) if ranked else None
