"""Who did what, from where. One row an act; what a bulk act did to each row stands in that app's ledger."""

from datetime import timedelta
from typing import Any, Self

from django.db import connection, models
from django.utils import timezone

from crm.acting import current_actor, current_origin
from crm.audit_words import act_in_words
from crm.models.user_keys import user_key
from crm.prepared import insert_row


class AuditEntry(models.Model):
    actor = user_key("quién", blank=False)
    action = models.CharField("acción", max_length=60)
    entity_type = models.CharField("tipo de registro", max_length=40)
    entity_id = models.CharField("registro", max_length=64, blank=True)
    details = models.JSONField("detalles", default=dict, blank=True)
    ip_address = models.GenericIPAddressField("dirección IP", null=True, blank=True)
    user_agent = models.CharField("programa", max_length=300, blank=True)
    created_at = models.DateTimeField("cuándo", auto_now_add=True)

    class Meta:
        verbose_name = "registro de auditoría"
        verbose_name_plural = "registros de auditoría"
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="audit_newest"),
            models.Index(fields=["entity_type", "entity_id"], name="audit_of_entity"),
            models.Index(fields=["actor", "-created_at"], name="audit_of_actor"),
        ]

    def __str__(self) -> str:
        return act_in_words(self.action)

    @classmethod
    def write(cls, action: str, entity_type: str, entity_id: Any = "", **details: Any) -> None:
        """Note that the current actor did `action`, in the transaction of the act itself."""
        actor, origin = current_actor(), current_origin()
        insert_row(
            cls,
            actor=actor.pk if actor else None,
            action=action,
            entity_type=entity_type,
            entity_id=str(entity_id),
            details=details,
            ip_address=origin.ip_address,
            user_agent=origin.user_agent,
            created_at=timezone.now(),
        )


class IdempotencyKey(models.Model):
    """The answer of a request that named itself, kept for a day (contract section 1, "Repeats").

    The row is inserted in the transaction of the effect: there is no effect without its row and no row
    without its effect, and the second of two at once waits on the unique constraint.
    """

    caller = models.CharField(max_length=40)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=200)
    body_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.BinaryField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "clave de idempotencia"
        verbose_name_plural = "claves de idempotencia"
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "path", "key"],
                name="idempotency_key_is_used_once",
                violation_error_message="Esta clave de idempotencia ya se usó.",
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    KEPT_FOR = timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.path} {self.key}"

    @classmethod
    def claim(cls, *, caller: str, path: str, key: str, body_digest: str) -> Self | None:
        """Take the key for the running transaction; None when it was used within its day.

        One statement, so that a rival waits here until this transaction ends: after our commit it gets
        None, after our rollback the key. A key older than its day is taken over. Written as SQL because
        the ORM neither takes over conditionally nor tells, for a conflict, whether it wrote.
        """
        now = timezone.now()
        row = cls(caller=caller, path=path, key=key, body_digest=body_digest, created_at=now)
        as_stored = connection.ops.adapt_datetimefield_value
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO crm_idempotencykey AS kept (caller, path, key, body_digest, created_at)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (caller, path, key) DO UPDATE"
                " SET body_digest = EXCLUDED.body_digest, created_at = EXCLUDED.created_at,"
                " status = NULL, answer = NULL WHERE kept.created_at < %s RETURNING id",
                [caller, path, key, body_digest, as_stored(now), as_stored(now - cls.KEPT_FOR)],
            )
            taken = cursor.fetchone()
        if taken is None:
            return None
        row.pk = taken[0]
        return row

    @classmethod
    def forget_old(cls) -> int:
        """Remove the keys that nobody may repeat any more."""
        return cls.objects.filter(created_at__lt=timezone.now() - cls.KEPT_FOR).delete()[0]

    def keep(self, *, status: int, answer: bytes) -> None:
        type(self).objects.filter(pk=self.pk).update(status=status, answer=answer)
