"""What the sales application has been told about an appointment, so that it is told each change once."""

from collections.abc import Collection
from uuid import UUID

from django.db import models
from django.utils import timezone

from crm.models import Appointment


class PresenceReportQuerySet(models.QuerySet["PresenceReport"]):
    def begin(self, appointment: Appointment) -> None:
        """See to it that the appointment has a row; savers that race make one."""
        self.bulk_create([self.model(appointment=appointment)], ignore_conflicts=True)

    def hold(self, appointment_ids: Collection[UUID]) -> list["PresenceReport"]:
        """Those there are, locked, with appointment and lead as they are stored now, whatever instances say."""
        rows = self.filter(pk__in=appointment_ids).select_related("appointment__lead").order_by("pk")
        return list(rows.select_for_update(of=("self",), no_key=True))


class PresenceReport(models.Model):
    """One row an appointment that ever took place. Its lock makes racing saves take turns (presences/firing.py)."""

    appointment = models.OneToOneField(
        Appointment, on_delete=models.CASCADE, primary_key=True, related_name="+", verbose_name="cita"
    )
    is_attended = models.BooleanField("se realizó", default=False)
    # Of the facts that count as a correction; what else changes is not worth a message.
    digest = models.CharField(max_length=64, blank=True)
    reported_at = models.DateTimeField("avisada", default=timezone.now)

    objects = PresenceReportQuerySet.as_manager()

    class Meta:
        verbose_name = "aviso de presencia"
        verbose_name_plural = "avisos de presencia"

    def __str__(self) -> str:
        return str(self.appointment_id)

    def note(self, digest: str) -> None:
        """That it took place was told, with these facts."""
        self.is_attended, self.digest, self.reported_at = True, digest, timezone.now()
        self.save(update_fields=["is_attended", "digest", "reported_at"])

    def note_left(self) -> None:
        """It has not taken place after all."""
        self.is_attended = False
        self.save(update_fields=["is_attended"])
