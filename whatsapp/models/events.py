"""What Meta sends, as it came: stored before anything is understood, so that nothing can be lost.

Meta has no way to ask for a webhook again (whatsapp-anchors a.7). The raw request is the proof and the source of every
replay; what it says stands in `Message`, `StatusEvent` and, where nothing of ours follows from it, in `WebhookItem`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.ids import new_id
from crm.literals import Literal
from whatsapp.choices import EventState, ItemState

# A worker may be silent this long before another takes its events over. One event is at most a thousand items.
LEASE = timedelta(seconds=120)
MOST_ATTEMPTS = 5
INTERRUPTED = "El proceso que lo aplicaba se interrumpió cada vez."
KEPT_FOR = timedelta(days=90)
FORGOTTEN_TOGETHER = 2_000


class WebhookEventQuerySet(models.QuerySet["WebhookEvent"]):
    def keep(self, body: bytes) -> None:
        """Store a request as it came.

        Written as SQL: Meta asks for an answer within a quarter of a second a thousand times over, and the ORM took
        twice the time of the statement.
        """
        now = connection.ops.adapt_datetimefield_value(timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(_KEPT, [body, now, now])

    def waiting(self) -> Self:
        return self.filter(state__in=[Literal(EventState.STORED), Literal(EventState.APPLYING)])

    def failed(self) -> Self:
        return self.filter(state=Literal(EventState.FAILED))

    def held_by(self, token: UUID) -> Self:
        return self.filter(lease_token=token, state=Literal(EventState.APPLYING))

    def claim(self, *, limit: int) -> tuple[UUID, list["WebhookEvent"]]:
        """Hold up to `limit` events that wait, oldest first: one conditional update, whoever else is claiming.

        One whose worker fell silent is taken alone, so that what ends its workers is found out, and given up at last.
        """
        now, token = timezone.now(), new_id()
        waits = Q(state=Literal(EventState.STORED), next_try_at__lte=now)
        due = waits | Q(state=Literal(EventState.APPLYING), lease_until__lt=now)
        with transaction.atomic():
            rows = self.filter(due).order_by("id").select_for_update(skip_locked=True)
            chosen = self._fair(list(rows.values_list("pk", "state", "attempts")[:limit]), due)
            taken = chosen and self.filter(due, pk__in=chosen).update(
                state=EventState.APPLYING,
                lease_token=token,
                lease_until=now + LEASE,
                attempts=F("attempts") + 1,
            )
        return token, list(self.held_by(token).order_by("id")) if taken else []

    def _fair(self, rows: Sequence[tuple[int, str, int]], due: Q) -> list[int]:
        lost = {pk: attempts for pk, state, attempts in rows if state == EventState.APPLYING}
        given_up = [pk for pk, attempts in lost.items() if attempts >= MOST_ATTEMPTS]
        if given_up:
            self.filter(due, pk__in=given_up).update(
                state=EventState.FAILED, failures=1, error=INTERRUPTED, lease_token=None, lease_until=None
            )
        found = [pk for pk, _, _ in rows if pk not in given_up]
        return found[:1] if found and found[0] in lost else [pk for pk in found if pk not in lost]

    def give_back(self, token: UUID) -> None:
        """Let go of what this worker holds and has not begun: the next one need not wait for the lease."""
        self.held_by(token).update(
            state=EventState.STORED, attempts=F("attempts") - 1, lease_token=None, lease_until=None
        )

    def replay(self) -> int:
        """Apply these once more by hand; what was applied already changes nothing."""
        return self.exclude(state=EventState.APPLYING).update(
            state=EventState.STORED, attempts=0, next_try_at=timezone.now(), lease_token=None, lease_until=None
        )

    def forget_old(self) -> int:
        """Remove what was applied long ago; what failed stays until somebody has dealt with it."""
        old = self.filter(state=EventState.APPLIED, received_at__lt=timezone.now() - KEPT_FOR)
        return self.filter(pk__in=list(old.values_list("pk", flat=True)[:FORGOTTEN_TOGETHER])).delete()[0]


class WebhookEvent(models.Model):
    """One request of Meta's. `body` holds its very bytes."""

    body = models.BinaryField("contenido")
    received_at = models.DateTimeField("recibido", default=timezone.now)
    state = models.CharField("estado", max_length=10, choices=EventState, default=EventState.STORED)
    next_try_at = models.DateTimeField(default=timezone.now, editable=False)
    attempts = models.PositiveSmallIntegerField("intentos", default=0)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    applied_at = models.DateTimeField("procesado", null=True, blank=True)
    items = models.PositiveIntegerField("elementos", default=0)
    failures = models.PositiveIntegerField("fallos", default=0)
    error = models.CharField("error", max_length=500, blank=True)

    objects = WebhookEventQuerySet.as_manager()

    class Meta:
        verbose_name = "aviso de Meta"
        verbose_name_plural = "avisos de Meta"
        constraints = [is_one_of("state", EventState, "whatsapp_event_state_is_known")]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=["stored", "applying"]), name="whatsapp_event_waiting"),
            models.Index(fields=["-id"], condition=Q(state="failed"), name="whatsapp_event_failed"),
            models.Index(fields=["lease_token"], condition=Q(state="applying"), name="whatsapp_event_held"),
        ]

    def __str__(self) -> str:
        return f"Aviso {self.pk}"

    @property
    def raw(self) -> bytes:
        """The bytes as they came, whatever the database's driver makes of them."""
        return bytes(self.body)

    def settle(self, token: UUID, *, items: int, failures: int, error: str = "") -> None:
        """Write down that it was gone through. A worker that has lost its lease writes nothing."""
        now = timezone.now()
        WebhookEvent.objects.filter(pk=self.pk, lease_token=token).update(
            state=EventState.FAILED if failures else EventState.APPLIED,
            items=items,
            failures=failures,
            error=error[:500],
            applied_at=now,
            lease_token=None,
            lease_until=None,
        )

    def postpone(self, token: UUID, *, error: str) -> None:
        """It could not be gone through at all (no JSON, a database that went away): again later, at last failed."""
        is_last = self.attempts >= MOST_ATTEMPTS
        WebhookEvent.objects.filter(pk=self.pk, lease_token=token).update(
            state=EventState.FAILED if is_last else EventState.STORED,
            failures=1 if is_last else F("failures"),
            next_try_at=timezone.now() + timedelta(seconds=5 * 4**self.attempts),
            error=error[:500],
            lease_token=None,
            lease_until=None,
        )


_KEPT = """
INSERT INTO whatsapp_webhookevent (body, received_at, state, next_try_at, attempts, items, failures, error)
VALUES (%s, %s, 'stored', %s, 0, 0, 0, '')
"""


class WebhookItemQuerySet(models.QuerySet["WebhookItem"]):
    def failed(self) -> Self:
        return self.filter(state=Literal(ItemState.FAILED))

    def newest_first(self) -> Self:
        return self.order_by("-id")


class WebhookItem(models.Model):
    """One part of a request that is worth a look: it failed, or it says something no rule of ours is about."""

    event = models.ForeignKey(WebhookEvent, on_delete=models.CASCADE, related_name="parts", verbose_name="aviso")
    # Where it stood: "0.0.messages.3" is the fourth message of the first change of the first entry.
    path = models.CharField("lugar", max_length=60)
    field = models.CharField("campo", max_length=80)
    kind = models.CharField("tipo", max_length=80, blank=True)
    state = models.CharField("estado", max_length=10, choices=ItemState)
    payload = models.JSONField("contenido")
    error = models.CharField("error", max_length=500, blank=True)
    at = models.DateTimeField("cuándo", default=timezone.now)

    objects = WebhookItemQuerySet.as_manager()

    class Meta:
        verbose_name = "elemento de un aviso"
        verbose_name_plural = "elementos de avisos"
        constraints = [
            is_one_of("state", ItemState, "whatsapp_item_state_is_known"),
            models.UniqueConstraint(
                fields=["event", "path"],
                name="whatsapp_item_is_kept_once",
                violation_error_message="Este elemento ya está anotado.",
            ),
        ]
        indexes = [models.Index(fields=["-id"], condition=Q(state="failed"), name="whatsapp_item_failed")]

    def __str__(self) -> str:
        return f"{self.field} · {self.kind}" if self.kind else self.field

    @classmethod
    def note(cls, event: WebhookEvent, path: str, *, state: ItemState, **fields: Any) -> None:
        """Keep or correct the row of this part; the same part is one row however often the event is applied."""
        cls.objects.update_or_create(event=event, path=path, defaults={"state": state, **fields})
