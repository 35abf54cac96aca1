"""How a campaign stands, in the six words of the client, which the rows themselves do not have."""

from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from jobs.models import Batch, Count, Totals

STANDINGS = ("PENDING", "RUNNING", "PAUSED", "COMPLETED", "CANCELLED", "ERROR")

_FINISHED = Q(all_jobs__gt=0, open_jobs=0)
_GOES_ON = Q(cancelled_at__isnull=True) & ~_FINISHED
# RUNNING includes what has not dialled yet, and PAUSED what paused by itself: the client paints both so.
_CONDITIONS: dict[str, Q] = {
    "CANCELLED": Q(cancelled_at__isnull=False),
    "COMPLETED": Q(cancelled_at__isnull=True) & _FINISHED,
    "RUNNING": _GOES_ON & Q(is_active=True),
    "PENDING": _GOES_ON & Q(is_active=True, started_at__isnull=True),
    "PAUSED": _GOES_ON & Q(is_active=False),
    "ERROR": _GOES_ON & Q(is_active=False) & ~Q(paused_because=""),
}


def with_standing(batches: QuerySet[Batch], standing: str) -> QuerySet[Batch]:
    """Those that stand so."""
    counts: Any = Count.objects.filter(owner=OuterRef("pk")).order_by().values("owner")
    states = ("pending", "in_progress", "completed", "failed", "suspended", "cancelled")
    still_open = counts.annotate(n=Sum("pending") + Sum("in_progress")).values("n")
    of_all = counts.annotate(n=sum((Sum(state) for state in states[1:]), start=Sum(states[0]))).values("n")
    counted = batches.annotate(open_jobs=Coalesce(Subquery(still_open), 0), all_jobs=Coalesce(Subquery(of_all), 0))
    return counted.filter(_CONDITIONS[standing])


def standing_of(batch: Batch, totals: Totals) -> str:
    """One word: what it paused by itself for is an ERROR, what has not dialled yet is PENDING."""
    if batch.cancelled_at is not None:
        return "CANCELLED"
    if is_finished(totals):
        return "COMPLETED"
    if not batch.is_active:
        return "ERROR" if batch.paused_because else "PAUSED"
    return "PENDING" if batch.started_at is None else "RUNNING"


def is_finished(totals: Totals) -> bool:
    return totals.jobs > 0 and totals.open == 0


def completed_at(batch: Any, totals: Totals) -> datetime | None:
    """When it was cancelled, else when the last call ended of a campaign that has nobody left to call."""
    found: datetime | None = batch.cancelled_at or (batch.last_call_ended_at if is_finished(totals) else None)
    return found


def success_rate(totals: Totals) -> float:
    """Percent of the finished ones that were reached."""
    decided = totals.completed + totals.failed
    return round(100 * totals.completed / decided, 2) if decided else 0.0
