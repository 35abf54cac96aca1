"""What the sales application has been told about an appointment, so that it is told each change once."""

from django.db import models
from django.utils import timezone

from crm.models import Appointment


class PresenceReport(models.Model):
    """One row an appointment that ever took place. Its lock makes racing saves take turns (presences/firing.py)."""

    appointment = models.OneToOneField(
        Appointment, on_delete=models.CASCADE, primary_key=True, related_name="+", verbose_name="cita"
    )
    is_attended = models.BooleanField("se realizó", default=False)
    # Of the facts that count as a correction; what else changes is not worth a message.
    digest = models.CharField(max_length=64, blank=True)
    reported_at = models.DateTimeField("avisada", default=timezone.now)

    class Meta:
        verbose_name = "aviso de presencia"
        verbose_name_plural = "avisos de presencia"

    def __str__(self) -> str:
        return str(self.appointment_id)
