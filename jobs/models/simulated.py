"""What the simulated provider remembers: the calls that it was asked for, as another company's system would."""

from django.db import models
from django.utils import timezone

from jobs.choices import Outcome


class SimulatedCall(models.Model):
    """`key`: the caller's idempotency key; asking twice with it is one call."""

    ref = models.CharField(primary_key=True, max_length=60)
    key = models.UUIDField(unique=True)
    number = models.CharField("teléfono", max_length=20, db_index=True)
    outcome = models.CharField("resultado", max_length=12, choices=Outcome)
    placed_at = models.DateTimeField("marcada", default=timezone.now)
    ends_at = models.DateTimeField("termina")
    stopped_at = models.DateTimeField("colgada", null=True, blank=True)
    seconds = models.PositiveIntegerField("duración (s)", default=0)

    class Meta:
        verbose_name = "llamada simulada"
        verbose_name_plural = "llamadas simuladas"

    def __str__(self) -> str:
        return self.ref
