"""The figures above the list: read from the hourly counts, so that they cost the same with any number of messages."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from crm.scope import is_limited
from whatsapp import finding
from whatsapp.choices import Direction
from whatsapp.models import Message, MessageCount
from whatsapp.models.counts import COUNTED

if TYPE_CHECKING:
    from crm.models import User

HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
# Who sees only what is theirs has no counts of their own: theirs are counted, and no more than these.
MOST_COUNTED = 100_000


@dataclass(frozen=True)
class Figures:
    total: int
    inbound: int
    outbound: int
    con_cliente: int
    sin_cliente: int
    respuestas_enviadas: int
    ultimas_24h: int


def figures_for(user: "User") -> Figures:
    """All messages, or where agents see only what is theirs those of their threads."""
    return _counted(user) if is_limited(user) else _of_all()


def _of_all() -> Figures:
    """The last 24 hours are exact to the second: whole hours from the counts, the begun one from the messages."""
    since = timezone.now() - DAY
    first_whole_hour = since.replace(minute=0, second=0, microsecond=0) + HOUR
    recent = Sum(F("inbound") + F("outbound"), filter=Q(is_day=False, at__gte=first_whole_hour))
    sums = MessageCount.objects.aggregate(recent=recent, **{f"all_{name}": Sum(name) for name in COUNTED})
    found = {name.removeprefix("all_"): value or 0 for name, value in sums.items()}
    begun_hour = Message.objects.filter(timestamp__gte=since, timestamp__lt=first_whole_hour).count()
    total = found["inbound"] + found["outbound"]
    return Figures(
        total=total,
        inbound=found["inbound"],
        outbound=found["outbound"],
        con_cliente=found["linked"],
        sin_cliente=total - found["linked"],
        respuestas_enviadas=found["answered"],
        ultimas_24h=found["recent"] + begun_hour,
    )


def _counted(user: "User") -> Figures:
    def those(**condition: object) -> Count:
        return Count("pk", filter=Q(**condition))

    columns = ("pk", "direccion", "cliente_id", "respuesta_enviada", "timestamp")
    theirs = finding.seen_by(user, Message.objects.order_by()).values(*columns)[:MOST_COUNTED]
    found = theirs.aggregate(
        total=Count("pk"),
        inbound=those(direccion=Direction.INBOUND),
        outbound=those(direccion=Direction.OUTBOUND),
        con_cliente=those(cliente_id__isnull=False),
        sin_cliente=those(cliente_id__isnull=True),
        respuestas_enviadas=those(respuesta_enviada=True),
        ultimas_24h=those(timestamp__gte=timezone.now() - DAY),
    )
    return Figures(**found)


def total_of(*, direction: str | None = None, linked: bool | None = None) -> int | None:
    """How many messages there are, where the counts know it: all, those of one direction, those with a contact or
    without. None for what they do not tell, which is both at once."""
    totals = MessageCount.objects.totals()
    everything = totals["inbound"] + totals["outbound"]
    if direction is None and linked is None:
        return everything
    if linked is None:
        return totals["inbound" if direction == Direction.INBOUND else "outbound"]
    if direction is None:
        return totals["linked"] if linked else everything - totals["linked"]
    return None
