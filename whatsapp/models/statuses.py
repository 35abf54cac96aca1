"""What Meta says of the way of a message: each word once, with its earliest time, also before the message is there."""

from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db.models import Q
from django.utils import timezone


class StatusEventManager(models.Manager["StatusEvent"]):
    def note(self, *, message_id: str, status: str, at: datetime, **fields: Any) -> None:
        """Keep that `message_id` was `status` at `at`. The same word again keeps the earlier time.

        Written as SQL because the ORM cannot say "the lesser of both" in ON CONFLICT.
        """
        row = StatusEvent(message_id=message_id, status=status, at=at, **fields)
        names = ["message_id", "status", "at", "recipient", "callback_data", "error_code", "payload", "noted_at"]
        columns = [StatusEvent._meta.get_field(name) for name in names]
        values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in columns]  # type: ignore[union-attr]
        least = "LEAST" if connection.vendor == "postgresql" else "MIN"
        table = StatusEvent._meta.db_table
        sql = (
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"  # noqa: S608
            f" ON CONFLICT (message_id, status, recipient) DO UPDATE SET at = {least}({table}.at, excluded.at)"
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, values)


class StatusEvent(models.Model):
    """Parked here when it comes before its message: `message_id` is Meta's, not a foreign key."""

    message_id = models.CharField("id de Meta", max_length=200)
    status = models.CharField("estado", max_length=40)
    at = models.DateTimeField("cuándo")
    # In a group each participant has a status of their own; else "".
    recipient = models.CharField("destinatario", max_length=200, blank=True, default="")
    callback_data = models.CharField("referencia", max_length=512, blank=True, default="")
    error_code = models.PositiveIntegerField("código de error", null=True, blank=True)
    payload = models.JSONField("contenido", default=dict)
    noted_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = StatusEventManager()

    class Meta:
        verbose_name = "estado de un mensaje"
        verbose_name_plural = "estados de mensajes"
        constraints = [
            models.UniqueConstraint(
                fields=["message_id", "status", "recipient"],
                name="whatsapp_status_is_noted_once",
                violation_error_message="Este estado ya está anotado.",
            ),
        ]
        indexes = [
            models.Index(fields=["callback_data"], condition=~Q(callback_data=""), name="whatsapp_status_callback"),
        ]

    def __str__(self) -> str:
        return self.status
