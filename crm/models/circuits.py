"""Another system that does not answer is probed, not hammered, and holds up nobody else.

Who sends to one has a table of circuits, a row for each destination: deliveries (integrations), calls (jobs).
"""

from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

# Troubles in a row after which a destination is left alone.
OPENS_AFTER = 5
LONGEST_PAUSE = timedelta(minutes=10)


class CircuitQuerySet(models.QuerySet[Any]):
    def open(self) -> Self:
        return self.filter(open_until__isnull=False)

    def stopped(self) -> Self:
        """Nothing flows until somebody has mended something; asking now and then tells when it is."""
        return self.filter(open_until__isnull=False, is_stopped=True)

    def allowance(self, destination: str, *, usual: int) -> int:
        """How many messages may be claimed now: the usual number, one probe, or none while it is left alone.

        One conditional update decides who probes, so a hundred workers send one probe.
        """
        now = timezone.now()
        row = self.filter(pk=destination).first()
        if row is None or row.open_until is None:
            return usual
        is_ours = self.filter(pk=destination, open_until__lte=now).update(open_until=now + _pause())
        return 1 if is_ours else 0

    def note_success(self, destination: str, *, asked_at: datetime | None = None) -> None:
        """It answers. What was asked before the newest trouble, at `asked_at`, says nothing of the time since."""
        rows = self.filter(pk=destination).exclude(troubles=0)
        if asked_at is not None:
            rows = rows.filter(changed_at__lte=asked_at)
        rows.update(troubles=0, open_until=None, last_error="", is_stopped=False, changed_at=timezone.now())

    def note_trouble(
        self, destination: str, *, count: int, error: str, wait: float | None = None, is_stopped: bool = False
    ) -> None:
        """`count` troubles in a row, none of them a success; `wait`: seconds for which it is to be left alone.

        `is_stopped`: it will refuse everything until somebody has mended something.
        """
        now = timezone.now()
        self.get_or_create(pk=destination)
        self.filter(pk=destination).update(
            troubles=F("troubles") + count, last_error=error[:500], is_stopped=is_stopped, changed_at=now
        )
        pause = timedelta(seconds=wait) if wait else _pause()
        self.filter(pk=destination, troubles__gte=1 if wait else OPENS_AFTER).update(
            open_until=now + min(pause, LONGEST_PAUSE)
        )

    def take_wait(self, destination: str, seconds: float) -> bool:
        """Whether we are the one worker that waits until the destination's speed lets something go out again."""
        now = timezone.now()
        self.get_or_create(pk=destination)
        free = Q(waited_for_until__isnull=True) | Q(waited_for_until__lte=now)
        return bool(self.filter(free, pk=destination).update(waited_for_until=now + timedelta(seconds=seconds)))


def _pause() -> timedelta:
    return timedelta(seconds=settings.WEBHOOK_PROBE_SECONDS)


class CircuitBase(models.Model):
    """`open_until` null: all flows. Otherwise nothing is asked until then, and then one probe."""

    destination = models.CharField("destino", max_length=40, primary_key=True)
    troubles = models.PositiveIntegerField("problemas seguidos", default=0)
    open_until = models.DateTimeField("en pausa hasta", null=True, blank=True)
    last_error = models.CharField("último problema", max_length=500, blank=True)
    is_stopped = models.BooleanField("detenido", default=False)
    changed_at = models.DateTimeField("desde", default=timezone.now)
    # Until when one worker waits for the limit of speed; the others turn to something else.
    waited_for_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects = CircuitQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.destination

    @property
    def is_open(self) -> bool:
        return self.open_until is not None

    def resume(self) -> None:
        """Let messages flow again at once, by hand."""
        values: dict[str, Any] = {
            "troubles": 0,
            "open_until": None,
            "is_stopped": False,
            "changed_at": timezone.now(),
        }
        type(self)._default_manager.filter(pk=self.pk).update(**values)
        self.refresh_from_db()
