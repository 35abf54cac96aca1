"""The outbox: each row is one message that another system must get, and all that was tried for it.

The row is written in the transaction of its cause. Brokers only wake workers; what is due, who holds it and for how
long stands here, so broker, worker, receiver and database may all restart at any moment (docs/adr/0004-outbox.md).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.exceptions import Conflict
from crm.ids import new_id
from crm.literals import Literal
from crm.locks import hold
from crm.models import AuditEntry
from crm.models.base import BaseModel
from crm.models.user_keys import user_key
from crm.scope import is_limited
from crm.updates import update_from
from integrations.choices import (
    FAILED_STATES,
    FINISHED_STATES,
    FORGOTTEN_STATES,
    WAITING_STATES,
    AttemptOutcome,
    DeliveryState,
)
from integrations.destinations import DESTINATIONS
from integrations.models.attempts import DeliveryAttempt
from integrations.models.claims import Claim, Pace, Result, lease
from integrations.models.reach import names_of_appointments

if TYPE_CHECKING:
    from crm.models import User
    from integrations.sending.policy import Destination

# Leases that ran out over the same row; then it is set aside instead of ending the next worker.
MOST_LOST_LEASES = 3
KEPT_FOR = timedelta(days=90)
FORGOTTEN_TOGETHER = 5_000
SHOWN_TRIES = 100
LONGEST_ADDRESS = 2000


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def failed(self) -> Self:
        """Dead or set aside: somebody has to look."""
        return self.filter(state__in=FAILED_STATES)

    def needing_attention(self) -> Self:
        """Failed, and nobody has said that it need not arrive."""
        return self.filter(state__in=[Literal(state) for state in FAILED_STATES], dismissed_at__isnull=True)

    def about(self, subject: str) -> Self:
        """Messages about one subject. The destinations are named because the index begins with them."""
        return self.filter(destination__in=list(DESTINATIONS), subject=subject)

    def visible_to(self, user: "User") -> Self:
        """An agent who sees only their own people sees the messages about these (crm/scope.py); others see all."""
        if not is_limited(user):
            return self
        return self.filter(subject__in=names_of_appointments(user))

    def unfinished(self) -> Self:
        return self.filter(state__in=WAITING_STATES)

    def due(self, destination: str, now: datetime) -> Self:
        """Waiting for `destination`, their time has come, and nothing older about the same subject is under way."""
        older = WebhookDelivery.objects.filter(
            destination=OuterRef("destination"),
            subject=OuterRef("subject"),
            sequence__lt=OuterRef("sequence"),
            state__in=[Literal(DeliveryState.PENDING), Literal(DeliveryState.SENDING)],
        )
        waiting = self.filter(destination=destination, state=Literal(DeliveryState.PENDING), next_try_at__lte=now)
        return waiting.filter(~Exists(older)).order_by("next_try_at", "id")

    def in_flight(self, destination: str) -> int:
        """How many are held for this destination, by whomever."""
        return self.filter(destination=destination, state=Literal(DeliveryState.SENDING)).count()

    def destinations_with_due(self) -> list[str]:
        """Where something waits whose time has come."""
        due = self.filter(state=Literal(DeliveryState.PENDING), next_try_at__lte=timezone.now())
        return sorted(due.order_by().values_list("destination", flat=True).distinct())

    def claim(self, destination: str, *, limit: int) -> Claim:
        """Hold up to `limit` due rows for a lease: one conditional update, whoever else is claiming.

        A row whose lease ran out before is taken alone when its turn has come, so that a row which ends its worker is
        found out and its neighbours are not suspected. The attempt is on record before anything is sent.

        Where the destination has a limit of speed, claims take turns, and what a lane has begun within the last second
        is counted: it is exact, however many workers there are.
        """
        token = new_id()
        known = DESTINATIONS.get(destination)
        rate = known.messages_per_second if known else None
        with transaction.atomic():
            if rate:
                hold(f"webhook:pace:{destination}")
            now = timezone.now()
            pace = Pace.of(destination, rate, now) if rate else None
            waiting = self.due(destination, now)
            if pace and pace.full:
                waiting = waiting.exclude(lane__in=pace.full)
            # SKIP LOCKED where the engine has it; where not, the guard on `state` alone decides who gets a row.
            due = list(
                waiting.select_for_update(skip_locked=True, of=("self",)).values_list("pk", "lane", "lost_leases")[
                    :limit
                ]
            )
            is_suspect = bool(due) and due[0][2] > 0
            fair = due[:1] if is_suspect else [row for row in due if not row[2]]
            rows = [(pk, lane) for pk, lane, _ in fair]
            chosen = pace.fitting(rows) if pace else [pk for pk, _ in rows]
            if not chosen and pace and pace.full and self.due(destination, now).exists():
                return Claim(token=token, deliveries=[], wait=pace.seconds_left(now))
            taken = chosen and self.filter(pk__among=chosen, state=DeliveryState.PENDING).update(
                state=DeliveryState.SENDING,
                lease_token=token,
                lease_until=now + lease(),
                attempts=F("attempts") + 1,
                updated_at=now,
            )
            if taken:
                DeliveryAttempt.objects.begin(token, now)
        held = list(self.held_by(token).order_by("next_try_at", "id")) if taken else []
        return Claim(token=token, deliveries=held)

    def held_by(self, token: UUID) -> Self:
        return self.filter(lease_token=token, state=Literal(DeliveryState.SENDING))

    def renew(self, claim: Claim) -> None:
        self.held_by(claim.token).update(lease_until=timezone.now() + lease())

    def finish(self, claim: Claim, results: Sequence[Result]) -> None:
        """Write down what became of attempts, in one transaction. A row that another holds by now stays theirs."""
        now = timezone.now()
        with transaction.atomic():
            update_from(
                DeliveryAttempt,
                [result.of_attempt() for result in results],
                by=("delivery_id", "number"),
            )
            update_from(
                WebhookDelivery,
                [result.of_delivery(claim, now) for result in results],
                by=("id", "lease_token"),
                add=("failures",),
                clear=("lease_token", "lease_until"),
            )
            for result in results:
                destination = DESTINATIONS.get(result.delivery.destination)
                if destination is not None:
                    if not destination.may_repeat(result.delivery):
                        self._settle_late(result, now)
                    destination.hear(result)

    def _settle_late(self, result: Result, now: datetime) -> None:
        """What was given up for uncertain, because its worker was silent for so long, is certain after all."""
        if result.state in FINISHED_STATES and result.state != DeliveryState.UNCERTAIN:
            late = self.filter(pk=result.delivery.pk, state=DeliveryState.UNCERTAIN, attempts=result.delivery.attempts)
            late.update(
                state=result.state,
                last_status=result.answer.status,
                last_error=result.error,
                dismissed_at=now if result.verdict.is_quiet and result.state in FAILED_STATES else None,
                updated_at=now,
            )

    def withdraw_unwanted(self, claim: Claim) -> set[UUID]:
        """End those of the held rows that must not go out any more; which they were."""
        destination = DESTINATIONS.get(claim.deliveries[0].destination) if claim.deliveries else None
        if destination is None or not destination.may_withdraw:
            return set()
        now = timezone.now()
        with transaction.atomic():
            held = set(self.held_by(claim.token).select_for_update(of=("self",)).values_list("pk", flat=True))
            unwanted = destination.unwanted([row for row in claim.deliveries if row.pk in held])
            if unwanted:
                self.held_by(claim.token).filter(pk__in=unwanted).update(
                    state=DeliveryState.WITHDRAWN,
                    lease_token=None,
                    lease_until=None,
                    finished_at=now,
                    updated_at=now,
                )
                DeliveryAttempt.objects.filter(delivery__in=unwanted, outcome=AttemptOutcome.RUNNING).update(
                    outcome=AttemptOutcome.RELEASED
                )
        return unwanted

    def release(self, claim: Claim, rows: Sequence["WebhookDelivery"], *, until: datetime | None = None) -> None:
        """Give back rows that were held and not tried: nothing is spent, and others may have them from `until`."""
        numbers = {row.pk: row.attempts for row in rows}
        with transaction.atomic():
            self.filter(pk__in=numbers, lease_token=claim.token, state=DeliveryState.SENDING).update(
                state=DeliveryState.PENDING,
                lease_token=None,
                lease_until=None,
                **({"next_try_at": until} if until else {}),
                updated_at=timezone.now(),
            )
            for pk, number in numbers.items():
                DeliveryAttempt.objects.filter(delivery_id=pk, number=number, outcome=AttemptOutcome.RUNNING).update(
                    outcome=AttemptOutcome.RELEASED
                )

    def take_back(self) -> int:
        """Rows whose worker fell silent: due again at once, or set aside when they have ended three workers.

        What may have left and must not be repeated is uncertain from now on.
        """
        now = timezone.now()
        with transaction.atomic():
            silent = list(
                self.filter(state=Literal(DeliveryState.SENDING), lease_until__lt=now)
                .select_for_update(skip_locked=True, of=("self",))
                .order_by("id")[:1000]
            )
            for row in silent:
                destination = DESTINATIONS.get(row.destination)
                state = row.state_after_loss(destination)
                taken = self.filter(pk=row.pk, state=DeliveryState.SENDING, lease_until__lt=now).update(
                    state=state,
                    lost_leases=F("lost_leases") + 1,
                    lease_token=None,
                    lease_until=None,
                    next_try_at=now,
                    finished_at=now if state in FINISHED_STATES else None,
                    updated_at=now,
                )
                if taken:
                    DeliveryAttempt.objects.filter(
                        delivery_id=row.pk, number=row.attempts, outcome=AttemptOutcome.RUNNING
                    ).update(outcome=AttemptOutcome.LOST)
                    if destination is not None and state == DeliveryState.UNCERTAIN:
                        destination.hear_of_loss(row)
        return len(silent)

    def forget_old(self) -> int:
        """Remove what ended long ago, with its attempts; what failed stays until somebody has dealt with it."""
        refused = Q(state=DeliveryState.DEAD, dismissed_at__isnull=False, destination__in=_not_replayable())
        old = self.filter(Q(state__in=FORGOTTEN_STATES) | refused, finished_at__lt=timezone.now() - KEPT_FOR)
        return WebhookDelivery.objects.filter(
            pk__in=list(old.values_list("pk", flat=True)[:FORGOTTEN_TOGETHER])
        ).delete()[0]

    def outdated(self) -> Q:
        """That a newer message about the same subject has arrived: sent now, an older one would undo a correction."""
        newer = WebhookDelivery.objects.filter(
            destination=OuterRef("destination"),
            subject=OuterRef("subject"),
            sequence__gt=OuterRef("sequence"),
            state=DeliveryState.DELIVERED,
        )
        return Q(Exists(newer))

    def replay(self, *, also_outdated: bool = False) -> int:
        """Send these again by hand, with a full set of tries; only what is finished and not outdated is replayed.

        Nothing is where the receiver would not know a repeat.
        """
        now = timezone.now()
        with transaction.atomic():
            wanted = self.filter(state__in=FINISHED_STATES).replayable()
            if not also_outdated:
                wanted = wanted.exclude(self.outdated())
            chosen = list(wanted.select_for_update(of=("self",)).values_list("pk", flat=True))
            replayed = WebhookDelivery.objects.filter(pk__in=chosen, state__in=FINISHED_STATES).update(
                state=DeliveryState.PENDING,
                next_try_at=now,
                failures=0,
                lost_leases=0,
                finished_at=None,
                dismissed_at=None,
                updated_at=now,
            )
            if replayed:
                AuditEntry.write("webhook.replay", "webhook-deliveries", chosen[0], count=replayed)
        return replayed

    def replayable(self) -> Self:
        """Without what goes where a repeat would be taken for another message."""
        return self.exclude(destination__in=_not_replayable())

    def send_now(self) -> int:
        """Do not wait for the next try: it is due at once. What is under way or finished is left as it is."""
        now = timezone.now()
        return self.filter(state=DeliveryState.PENDING, next_try_at__gt=now).update(next_try_at=now, updated_at=now)

    def keep_quiet(self) -> None:
        """Whoever caused these has been told what became of them: no warning need say it again."""
        self.update(dismissed_at=timezone.now())

    def dismiss(self) -> int:
        """Somebody has looked, and these failed ones need not arrive: no warning speaks of them any more."""
        now = timezone.now()
        with transaction.atomic():
            chosen = list(self.needing_attention().select_for_update().values_list("pk", flat=True))
            failed = WebhookDelivery.objects.filter(pk__in=chosen).needing_attention()
            dismissed = failed.update(dismissed_at=now, updated_at=now)
            if dismissed:
                AuditEntry.write("webhook.dismiss", "webhook-deliveries", chosen[0], count=dismissed)
        return dismissed


def _not_replayable() -> list[str]:
    return [name for name, destination in DESTINATIONS.items() if not destination.is_replayable]


class WebhookDelivery(BaseModel):
    event = models.CharField("evento", max_length=60)
    destination = models.CharField("destino", max_length=40)
    # What it is about. Messages about one subject arrive in their order; the receiver knows it by this name.
    subject = models.CharField("asunto", max_length=64)
    sequence = models.PositiveIntegerField("número", editable=False)
    # Messages of one lane share a limit of speed; "" where the destination has none.
    lane = models.CharField(max_length=64, blank=True, default="", editable=False)
    # Where it goes instead of the destination's own address: a test to another one. "" for all others.
    address = models.CharField("dirección", max_length=LONGEST_ADDRESS, blank=True, default="", editable=False)
    payload = models.JSONField("contenido")
    state = models.CharField("estado", max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    next_try_at = models.DateTimeField("próximo intento", default=timezone.now)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField("intentos", default=0, editable=False)
    # Tries that the receiver failed. What a worker or the broker broke is an attempt but no failure.
    failures = models.PositiveIntegerField("fallos", default=0, editable=False)
    lost_leases = models.PositiveSmallIntegerField(default=0, editable=False)
    last_status = models.PositiveSmallIntegerField("última respuesta", null=True, blank=True, editable=False)
    last_error = models.CharField("último error", max_length=500, blank=True, editable=False)
    finished_at = models.DateTimeField("terminada", null=True, blank=True, editable=False)
    # When somebody said that a failed message need not arrive.
    dismissed_at = models.DateTimeField("descartada", null=True, blank=True, editable=False)
    created_by = user_key("causada por", db_index=False)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = "envío"
        constraints = [
            is_one_of("state", DeliveryState, "delivery_state_is_known"),
            models.UniqueConstraint(
                fields=["destination", "subject", "sequence"],
                name="delivery_is_written_once",
                violation_error_message="Este envío ya está anotado.",
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.SENDING, lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state=DeliveryState.SENDING) & Q(lease_token__isnull=True, lease_until__isnull=True)),
                name="delivery_is_held_while_it_is_sent",
                violation_error_message="Solo lo que se está enviando está reservado.",
            ),
            models.CheckConstraint(
                condition=Q(dismissed_at__isnull=True) | Q(state__in=FAILED_STATES),
                name="delivery_is_dismissed_when_failed",
                violation_error_message="Solo se descarta lo que no se pudo entregar.",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["state", "-created_at", "-id"], name="delivery_by_state"),
            models.Index(fields=["event", "-created_at", "-id"], name="delivery_by_event"),
            models.Index(fields=["destination", "-created_at", "-id"], name="delivery_by_destination"),
            models.Index(
                fields=["destination", "next_try_at", "id"], condition=Q(state="pending"), name="delivery_due"
            ),
            models.Index(fields=["destination", "lease_until"], condition=Q(state="sending"), name="delivery_held"),
            models.Index(fields=["lease_token"], condition=Q(state="sending"), name="delivery_held_by"),
            models.Index(
                fields=["-created_at", "-id"],
                condition=Q(state__in=FAILED_STATES, dismissed_at__isnull=True),
                name="delivery_needs_attention",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} · envío {self.sequence}"

    @property
    def message_id(self) -> str:
        """The `webhook-id`: the same for every attempt and every replay."""
        return f"msg_{self.pk.hex}"

    @property
    def is_finished(self) -> bool:
        return self.state in FINISHED_STATES

    @property
    def is_replayable(self) -> bool:
        """Ended, and the receiver would know a repeat."""
        destination = DESTINATIONS.get(self.destination)
        return self.is_finished and (destination is None or destination.is_replayable)

    def state_after_loss(self, destination: "Destination | None") -> DeliveryState:
        """What it is when the worker that held it fell silent."""
        if destination is not None and not destination.may_repeat(self):
            return DeliveryState.UNCERTAIN
        return DeliveryState.ASIDE if self.lost_leases + 1 >= MOST_LOST_LEASES else DeliveryState.PENDING

    @property
    def newest_tries(self) -> models.QuerySet["DeliveryAttempt"]:
        """As many as anybody reads."""
        return self.tries.order_by("-number")[:SHOWN_TRIES]

    def replay(self) -> None:
        """Send it again by hand; what is still waiting or under way, or outdated, is a conflict."""
        if self.is_finished and not self.is_replayable:
            raise Conflict("Un mensaje de WhatsApp no se repite desde aquí: escriba otro en la conversación.")
        itself = WebhookDelivery.objects.filter(pk=self.pk)
        if not itself.replay():
            is_outdated = itself.filter(itself.outdated(), state__in=FINISHED_STATES).exists()
            raise Conflict(
                "Ya se entregó un aviso más nuevo de lo mismo; repetir este lo desharía."
                if is_outdated
                else "Este envío todavía no ha terminado."
            )
        self.refresh_from_db()

    @property
    def is_dismissed(self) -> bool:
        return self.dismissed_at is not None
