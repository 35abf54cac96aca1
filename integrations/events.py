"""What others are told. An event is one entry in `EVENTS`: its name, how people call it, and who gets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from crm.locks import hold
from crm.waking import wake
from integrations.destinations import COMERCIAL, DESTINATIONS, META
from integrations.models import WebhookDelivery

if TYPE_CHECKING:
    from crm.models import User


# A broker is not asked to remember for longer; the tick finds what is due later.
LONGEST_COUNTDOWN = 60.0


@dataclass(frozen=True, kw_only=True)
class Event:
    name: str
    title: str
    destinations: tuple[str, ...]

    def announce(
        self,
        subject: str,
        payload: Mapping[str, Any],
        *,
        by: "User | None" = None,
        not_before: datetime | None = None,
    ) -> list[WebhookDelivery]:
        """Write one delivery for each destination, in the running transaction, and wake a worker when it commits.

        With `not_before` it waits until then.

        Messages about one `subject` are numbered, and arrive in that order. Whoever announces sees to it that the
        same fact is announced once; the number has a unique constraint behind it.
        """
        from integrations.tasks import deliver_to

        written = []
        with transaction.atomic():
            for destination in self.destinations:
                hold(f"webhook:{destination}:{subject}")
                about = WebhookDelivery.objects.filter(destination=destination, subject=subject)
                last = about.aggregate(last=Max("sequence"))["last"] or 0
                written.append(
                    WebhookDelivery.objects.create(
                        event=self.name,
                        destination=destination,
                        subject=subject,
                        sequence=last + 1,
                        lane=DESTINATIONS[destination].lane_of(payload) if destination in DESTINATIONS else "",
                        payload=dict(payload),
                        next_try_at=not_before or timezone.now(),
                        created_by=by,
                    )
                )
                if (later := _seconds_until(not_before)) <= LONGEST_COUNTDOWN:
                    wake(deliver_to, destination=destination, countdown=later)
        return written


def _seconds_until(moment: datetime | None) -> float:
    return max((moment - timezone.now()).total_seconds(), 0.0) if moment else 0.0


PRESENCE = Event(name="presence.attended", title="Presencia", destinations=(COMERCIAL.name,))
PRESENCE_CORRECTED = Event(name="presence.corrected", title="Presencia corregida", destinations=(COMERCIAL.name,))
PRESENCE_TEST = Event(name="presence.test", title="Presencia de prueba", destinations=(COMERCIAL.name,))
WHATSAPP = Event(name="whatsapp.message", title="Mensaje de WhatsApp", destinations=(META.name,))
EVENTS: dict[str, Event] = {event.name: event for event in (PRESENCE, PRESENCE_CORRECTED, PRESENCE_TEST, WHATSAPP)}
