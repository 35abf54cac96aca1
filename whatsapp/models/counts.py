"""How many messages there were, hour by hour: what the statistics read instead of the messages.

A row is added to in the transaction of its message, so it cannot drift. Eight rows stand side by side for each hour,
so that workers seldom wait for one another; after two days they become one for the day.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection, models, transaction
from django.db.models import Sum
from django.utils import timezone

if TYPE_CHECKING:
    from whatsapp.models.messages import Message

SHARDS = 8
FOLDED_AFTER = timedelta(days=2)
COUNTED = ("inbound", "outbound", "linked", "answered")


class MessageCountManager(models.Manager["MessageCount"]):
    def add(self, at: datetime, *, shard: int, **amounts: int) -> None:
        """Add `amounts` (they may be negative) to the hour of `at`. Called with the thread's row locked."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        table = MessageCount._meta.db_table
        sums = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in COUNTED)
        sql = (
            f"INSERT INTO {table} (at, is_day, shard, {', '.join(COUNTED)}) VALUES (%s, %s, %s, %s, %s, %s, %s)"  # noqa: S608
            f" ON CONFLICT (at, is_day, shard) DO UPDATE SET {sums}"
        )
        moment = connection.ops.adapt_datetimefield_value(hour)
        with connection.cursor() as cursor:
            cursor.execute(sql, [moment, False, shard % SHARDS, *(amounts.get(name, 0) for name in COUNTED)])

    def add_message(self, message: "Message") -> None:
        """Add a new message to its hour."""
        self.add(
            message.timestamp,
            shard=message.thread_id,
            outbound=int(message.is_outbound),
            inbound=int(not message.is_outbound),
            linked=int(message.cliente_id is not None),
            answered=int(message.respuesta_enviada),
        )

    def add_many(self, hours: Mapping[datetime, Mapping[str, int]], *, shard: int) -> None:
        """Several hours, oldest first: two who do it never wait for each other."""
        for hour in sorted(hours):
            self.add(hour, shard=shard, **hours[hour])

    def totals(self) -> dict[str, int]:
        found = self.aggregate(**{name: Sum(name) for name in COUNTED})
        return {name: found[name] or 0 for name in COUNTED}

    def fold(self) -> int:
        """Make one row a day of the hours before the day before yesterday; how many hours there were."""
        horizon = (timezone.now() - FOLDED_AFTER).replace(hour=0, minute=0, second=0, microsecond=0)
        with transaction.atomic():
            rows = list(self.filter(is_day=False, at__lt=horizon).select_for_update().order_by("at", "shard"))
            days: dict[datetime, dict[str, int]] = {}
            for row in rows:
                sums = days.setdefault(row.at.replace(hour=0), dict.fromkeys(COUNTED, 0))
                for name in COUNTED:
                    sums[name] += getattr(row, name)
            self.filter(pk__in=[row.pk for row in rows]).delete()
            for day in sorted(days):
                row, _ = self.select_for_update().get_or_create(at=day, is_day=True, shard=0)
                for name in COUNTED:
                    setattr(row, name, getattr(row, name) + days[day][name])
                row.save()
        return len(rows)


class MessageCount(models.Model):
    at = models.DateTimeField()
    is_day = models.BooleanField(default=False)
    shard = models.PositiveSmallIntegerField(default=0)
    # Of which direction; with a contact; how many carry `respuesta_enviada`. Each may fall, so none is unsigned.
    inbound = models.IntegerField(default=0)
    outbound = models.IntegerField(default=0)
    linked = models.IntegerField(default=0)
    answered = models.IntegerField(default=0)

    objects = MessageCountManager()

    class Meta:
        verbose_name = "recuento de mensajes"
        verbose_name_plural = "recuentos de mensajes"
        constraints = [
            models.UniqueConstraint(
                fields=["at", "is_day", "shard"],
                name="whatsapp_count_is_one_row",
                violation_error_message="Este recuento ya existe.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H}"
