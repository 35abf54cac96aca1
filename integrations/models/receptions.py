"""What a message said, and that it was heard (Recepcion)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from crm.exceptions import Conflict

if TYPE_CHECKING:
    from integrations.models.presences import Presencia

logger = logging.getLogger("puente.webhooks")

LONGEST_MESSAGE_NAME = 210
# Twice as long as a sender keeps what it has delivered, and could send again (integrations/models/deliveries.py).
HEARD_FOR = timedelta(days=180)
FORGOTTEN_TOGETHER = 5_000


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One checked message: only what it says, under the names of the columns.

    `message` is the name the sender gave it, "" when it has none; `digest` tells its content from another's.
    `is_strict`: another content under the same name is a conflict, not only a thing to note.
    """

    client: Mapping[str, Any]
    presence: Mapping[str, Any]
    sale: Mapping[str, Any] | None = None
    message: str = ""
    digest: str = ""
    is_strict: bool = False

    @property
    def id_presencia_crm(self) -> str | None:
        return self.presence.get("id_presencia_crm") or None


class RecepcionQuerySet(models.QuerySet["Recepcion"]):
    def of(self, arrival: Arrival) -> "Recepcion | None":
        """What came of a message that was heard before. The caller holds its name."""
        if not arrival.message:
            return None
        heard = self.filter(message=arrival.message).select_related("presencia", "venta").first()
        if heard is not None and heard.digest != arrival.digest:
            heard.note_other_content(arrival)
        return heard

    def forget_old(self) -> int:
        """Remove what was heard so long ago that nobody repeats it any more; what came of it stays."""
        old = self.filter(received_at__lt=timezone.now() - HEARD_FOR).order_by("received_at")
        return self.filter(pk__in=list(old.values_list("pk", flat=True)[:FORGOTTEN_TOGETHER])).delete()[0]


class Recepcion(models.Model):
    """A message that has a name, written in the transaction of its effect: it is either done and known, or neither."""

    message = models.CharField(max_length=LONGEST_MESSAGE_NAME, unique=True)
    digest = models.CharField(max_length=64)
    presencia = models.ForeignKey("integrations.Presencia", on_delete=models.CASCADE, related_name="+")
    venta = models.ForeignKey(
        "integrations.Venta", on_delete=models.CASCADE, null=True, db_index=False, related_name="+"
    )
    received_at = models.DateTimeField("recibida", default=timezone.now)

    objects = RecepcionQuerySet.as_manager()

    class Meta:
        verbose_name = "recepción"
        verbose_name_plural = "recepciones"
        indexes = [models.Index(fields=["received_at"], name="reception_age")]

    def __str__(self) -> str:
        return self.message

    @classmethod
    def write(cls, arrival: Arrival, presence: "Presencia") -> "Recepcion":
        """What came of a message; kept where it has a name to be known by."""
        heard = cls(message=arrival.message, digest=arrival.digest, presencia=presence, venta=presence.sale)
        if arrival.message:
            heard.save(force_insert=True)
        return heard

    def note_other_content(self, arrival: Arrival) -> None:
        """One name means one content: nothing of the second is applied."""
        if arrival.is_strict:
            raise Conflict("Esta clave de idempotencia ya se usó con otro contenido.", code="clave_reutilizada")
        logger.warning("message %s came again with another content, which was not applied", self.message)
