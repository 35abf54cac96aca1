"""Every try to deliver a message: on record before it is made, completed afterwards."""

from datetime import datetime
from uuid import UUID

from django.db import connection, models

from crm.constraints import is_one_of
from integrations.choices import AttemptOutcome


class DeliveryAttemptManager(models.Manager["DeliveryAttempt"]):
    def begin(self, token: UUID, now: datetime) -> None:
        """One attempt for each row that is held by `token`: on record before anything is sent.

        Written as SQL because the ORM has no INSERT … SELECT; a claim of a hundred is one statement.
        """
        stored_token = token if connection.features.has_native_uuid_field else token.hex
        with connection.cursor() as cursor:
            cursor.execute(_BEGUN, [connection.ops.adapt_datetimefield_value(now), stored_token])


_BEGUN = """
INSERT INTO integrations_deliveryattempt (delivery_id, number, started_at, outcome, response_head, error, sends)
SELECT id, attempts, %s, 'running', '', '', 1 FROM integrations_webhookdelivery
WHERE lease_token = %s AND state = 'sending'
"""


class DeliveryAttempt(models.Model):
    """One try: written before it is made, completed afterwards."""

    delivery = models.ForeignKey(
        "integrations.WebhookDelivery",
        on_delete=models.CASCADE,
        db_index=False,
        related_name="tries",
        verbose_name="envío",
    )
    number = models.PositiveIntegerField("intento")
    started_at = models.DateTimeField("cuándo")
    outcome = models.CharField("resultado", max_length=12, choices=AttemptOutcome, default=AttemptOutcome.RUNNING)
    duration_ms = models.PositiveIntegerField("duración (ms)", null=True, blank=True)
    status = models.PositiveSmallIntegerField("respuesta", null=True, blank=True)
    response_head = models.TextField("principio de la respuesta", blank=True)
    error = models.CharField("error", max_length=500, blank=True)
    sends = models.PositiveSmallIntegerField("peticiones", default=1)

    objects = DeliveryAttemptManager()

    class Meta:
        verbose_name = "intento de envío"
        verbose_name_plural = "intentos de envío"
        constraints = [
            is_one_of("outcome", AttemptOutcome, "attempt_outcome_is_known"),
            models.UniqueConstraint(
                fields=["delivery", "number"],
                name="attempt_is_counted_once",
                violation_error_message="Este intento ya está anotado.",
            ),
        ]
        indexes = [models.Index(fields=["-started_at"], name="attempt_newest")]

    def __str__(self) -> str:
        return f"{self.number}: {self.get_outcome_display()}"
