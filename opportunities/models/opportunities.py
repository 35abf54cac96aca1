"""Opportunities: chances worth a call, who holds them, what came of the first five attempts."""

from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from crm.changes import TracksChanges
from crm.constraints import is_one_of
from crm.exceptions import NotFound
from crm.ids import new_id
from crm.models import AuditEntry, Contact
from crm.models.base import BaseModel
from crm.models.user_keys import user_key
from crm.prepared import Prepared, QuickWrites
from crm.scope import is_limited
from opportunities.choices import (
    ATTEMPT_OF_CALL,
    MOST_ATTEMPTS,
    OPEN_STATUSES,
    AssignmentKind,
    AttemptStatus,
    OpportunityStatus,
    PipelineStage,
    Priority,
)
from opportunities.models.assignments import Assignment
from opportunities.models.handing_over import ASSIGNED, PENDING, PENDING_IF_ASSIGNED, Handed, Handover, in_bulk
from opportunities.signals import assigned

if TYPE_CHECKING:
    from crm.models import User


class OpportunityQuerySet(models.QuerySet["Opportunity"]):
    def present(self) -> Self:
        """Those of contacts that are neither deleted nor merged away."""
        return self.filter(contact__is_deleted=False)

    def visible_to(self, user: "User") -> Self:
        """Where agents see only what is theirs: assigned to them, or of a contact they are responsible for."""
        rows = self.present()
        if not is_limited(user):
            return rows
        # A union, because PostgreSQL would ask an OR over two tables of every row.
        held = Opportunity.objects.filter(assigned_to=user).values("pk")
        of_their_contacts = Opportunity.objects.filter(contact__responsible_user=user).values("pk")
        return rows.filter(pk__in=held.union(of_their_contacts))

    def search(self, typed: str) -> Self:
        """By the contact: name, e-mail, city, document, phone."""
        return self.filter(contact__search_words__finds=typed)

    def worth_a_call(self) -> Self:
        return self.filter(status__in=OPEN_STATUSES)

    def unassigned(self) -> Self:
        return self.filter(assigned_to=None)

    def handed_in(self, bulk_id: UUID) -> Self:
        """Those that changed hands in one act."""
        return self.filter(pk__in=Assignment.objects.filter(bulk_id=bulk_id).values("opportunity_id"))

    def by_urgency(self) -> Self:
        return self.order_by("-priority", "-opportunity_score", "-detected_at", "-id")

    def with_people(self) -> Self:
        return self.select_related("contact", "assigned_to")

    def locked(self) -> Self:
        """Hold the rows until the transaction ends; always in the order of ids, so that no two wait for each other."""
        return self.order_by("pk").select_for_update(no_key=True, of=("self",))

    def hand_over(self, handover: Handover) -> list[Handed]:
        return handover.carry_out(list(self.values_list("pk", flat=True)))

    def assign_to(self, user: "User", *, by: "User | None", notes: str = "") -> list[Handed]:
        """Give them all to `user`: status `assigned`, a row of the ledger for each (contract section 3).

        Any status may be assigned: giving a closed one to somebody is how it is reopened.
        """
        return self.hand_over(in_bulk(to=user, by=by, status=ASSIGNED, notes=notes))

    def unassign(self, *, by: "User | None", notes: str = "") -> list[Handed]:
        """Take them from whoever has them; those that were only `assigned` are `pending` again."""
        return self.hand_over(in_bulk(to=None, by=by, status=PENDING_IF_ASSIGNED, notes=notes))

    def draw(self, handover: Handover, *, count: int) -> list[Handed]:
        """Lock up to `count` of them, drawn by lot, and carry it out.

        Rows that another draw holds at this moment are passed over: two people who draw at once never
        get the same one and never wait.
        """
        lots = self.order_by("?").select_for_update(no_key=True, skip_locked=True, of=("self",))
        with transaction.atomic(savepoint=False):
            return handover.carry_out(list(lots.values_list("pk", flat=True)[:count]))

    def register(self, contact: Contact, *, by: "User | None", **fields: Any) -> "Opportunity":
        """A new one. With a holder it is `assigned`, and the ledger begins with that."""
        opportunity = self.model(contact=contact, created_by=by, **fields)
        holder = opportunity.assigned_to
        born_as = opportunity.status
        if holder and born_as == OpportunityStatus.PENDING:
            opportunity.status = OpportunityStatus.ASSIGNED
        with transaction.atomic():
            opportunity.save(force_insert=True)
            AuditEntry.write("opportunity.create", "opportunities", opportunity.pk)
            if holder:
                opportunity.begin_ledger(holder, by=by, from_status=born_as)
        return opportunity


class Opportunity(QuickWrites, TracksChanges, BaseModel):
    tracked_fields: ClassVar[tuple[str, ...]] = ("status", "assigned_to_id")

    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="opportunities", verbose_name="contacto"
    )
    status = models.CharField("estado", max_length=10, choices=OpportunityStatus, default=OpportunityStatus.PENDING)
    priority = models.PositiveSmallIntegerField("prioridad", choices=Priority, default=Priority.MEDIUM)
    opportunity_score = models.PositiveSmallIntegerField("puntaje", default=50, validators=[MaxValueValidator(100)])
    detection_reason = models.JSONField("motivo de detección", default=dict, blank=True)
    detected_at = models.DateTimeField("detectada", default=timezone.now)
    # No index: opportunity_holder_urgency begins with it.
    assigned_to = user_key("asignada a", related_name="opportunities", db_index=False)
    notes = models.TextField("notas", null=True, blank=True)
    pipeline_stage_id = models.UUIDField(default=new_id, editable=False)
    current_stage = models.CharField("etapa", max_length=20, choices=PipelineStage, default=PipelineStage.AGENT_INITIAL)
    # {"1": {"status", "call_id", "attempted_at", "notes"}, …}; written only under the row's lock.
    first_call_attempts = models.JSONField("primeros intentos", default=dict, blank=True)
    first_call_completed = models.BooleanField("primera llamada hecha", default=False)
    first_call_successful_attempt = models.PositiveSmallIntegerField("intento logrado", null=True, blank=True)
    last_contact_attempt_at = models.DateTimeField("último intento", null=True, blank=True)
    # No index: nothing asks by it, and each assignment would have to write it anew.
    created_by = user_key("creada por", db_index=False)

    objects = OpportunityQuerySet.as_manager()

    class Meta:
        verbose_name = "oportunidad"
        verbose_name_plural = "oportunidades"
        constraints = [
            is_one_of("status", OpportunityStatus, "opportunity_status_is_known"),
            is_one_of("priority", Priority, "opportunity_priority_is_known"),
            is_one_of("current_stage", PipelineStage, "opportunity_stage_is_known"),
            models.CheckConstraint(
                condition=Q(opportunity_score__lte=100),
                name="opportunity_score_is_at_most_100",
                violation_error_message="El puntaje va de 0 a 100.",
            ),
            models.CheckConstraint(
                condition=Q(first_call_successful_attempt__isnull=True)
                | Q(first_call_successful_attempt__range=(1, MOST_ATTEMPTS)),
                name="opportunity_successful_attempt_is_1_to_5",
                violation_error_message="El intento logrado va de 1 a 5.",
            ),
        ]
        indexes = [
            models.Index(fields=["-priority", "-opportunity_score", "-detected_at", "-id"], name="opportunity_urgency"),
            models.Index(
                fields=["status", "-priority", "-opportunity_score", "-detected_at", "-id"],
                name="opportunity_status_urgency",
            ),
            models.Index(
                fields=["assigned_to", "-priority", "-opportunity_score", "-detected_at", "-id"],
                name="opportunity_holder_urgency",
            ),
            # What a random draw counts and draws from.
            models.Index(
                fields=["id"],
                condition=Q(assigned_to__isnull=True, status__in=[status.value for status in OPEN_STATUSES]),
                name="opportunity_free",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact} ({self.get_status_display()})"

    @classmethod
    def count_call(cls, contact_id: UUID, *, call_id: UUID, call_status: str, at: datetime, notes: str) -> None:
        """A call to a contact counts as an attempt at the first call of their newest open opportunity.

        A call that is already an attempt corrects it, wherever it stands (client file 4.3).
        """
        with transaction.atomic(savepoint=False):
            rows = sorted(_locked_of_contact(contact_id=contact_id), key=attrgetter("created_at", "pk"), reverse=True)
            known = next((row for row in rows if row.attempt_of(call_id)), None)
            chosen = known or next((row for row in rows if row.awaits_first_call), None)
            if chosen:
                status = ATTEMPT_OF_CALL.get(call_status, AttemptStatus.ORANGE)
                chosen.note_call(call_id, status=status, at=at, notes=notes)

    def may_be_revised_by(self, user: "User") -> bool:
        """Whoever has it, and administrators (client file 4.2)."""
        return user.is_administrator or self.assigned_to_id == user.pk

    @property
    def awaits_first_call(self) -> bool:
        return self.status in OPEN_STATUSES and not self.first_call_completed

    def attempt_of(self, call_id: UUID) -> int | None:
        """The number of the attempt that this call was."""
        for number, attempt in self.first_call_attempts.items():
            if attempt.get("call_id") == str(call_id):
                return int(number)
        return None

    # The verbs below change a row that the caller has locked with `locked()`.

    def hand_to(self, user: "User | None", *, by: "User | None", notes: str = "") -> None:
        """Give it to `user`, or to nobody: then it waits again, whatever its status was."""
        status = ASSIGNED if user else PENDING
        handover = Handover(to=user, by=by, kind=AssignmentKind.SINGLE, status=status, notes=notes)
        done = handover.carry_out([self.pk])
        if not done:
            raise NotFound("Oportunidad no encontrada")
        self.assigned_to, self.status, self.updated_at = user, done[0].status, done[0].updated_at
        self._remember()

    def revise(self, fields: dict[str, Any], *, by: "User | None") -> None:
        """Set some fields. A new holder is an assignment like any other; what is as it was changes nothing."""
        fields = dict(fields)
        holder = fields.pop("assigned_to", self.assigned_to)
        if holder != self.assigned_to:
            self.hand_to(holder, by=by)
        different = {name: value for name, value in fields.items() if getattr(self, name) != value}
        if different:
            self._set(**different)
            AuditEntry.write("opportunity.update", "opportunities", self.pk, fields=sorted(different))

    def note_call(self, call_id: UUID, *, status: AttemptStatus, at: datetime, notes: str) -> None:
        """The next attempt, or the same call's attempt corrected; five are counted, later calls only dated."""
        number = self.attempt_of(call_id) or max(map(int, self.first_call_attempts), default=0) + 1
        attempts = self.first_call_attempts
        if number <= MOST_ATTEMPTS:
            attempts = {**attempts, str(number): _attempt(status, call_id, at, notes)}
        self._set(
            first_call_attempts=attempts,
            last_contact_attempt_at=max(at, self.last_contact_attempt_at or at),
            status=self._contacted_if(OpportunityStatus.PENDING),
        )

    def note_attempt(self, number: int, *, status: AttemptStatus, call_id: UUID | None = None, notes: str = "") -> None:
        """What came of attempt `number`, said by a person; it replaces what stood there.

        Red closes the opportunity as lost; correcting that red opens it again.
        """
        before = self.first_call_attempts.get(str(number), {}).get("status")
        now = timezone.now()
        next_status: str
        if status == AttemptStatus.RED:
            next_status = OpportunityStatus.LOST
        elif before == AttemptStatus.RED:
            next_status = self._contacted_if(OpportunityStatus.PENDING, OpportunityStatus.LOST)
        else:
            next_status = self._contacted_if(OpportunityStatus.PENDING)
        self._set(
            first_call_attempts={**self.first_call_attempts, str(number): _attempt(status, call_id, now, notes)},
            last_contact_attempt_at=now,
            status=next_status,
        )
        AuditEntry.write("opportunity.first_call", "opportunities", self.pk, attempt=number, status=status.value)

    def begin_ledger(self, holder: "User", *, by: "User | None", from_status: str) -> None:
        """The first line, of an opportunity that came into the world with a holder."""
        kind = AssignmentKind.SINGLE
        Assignment.objects.create(
            opportunity=self,
            to_user=holder,
            by_user=by,
            from_status=from_status,
            to_status=self.status,
            kind=kind,
            created_at=self.updated_at,
        )
        assigned.send(
            Assignment, ids=[self.pk], to_user_id=holder.pk, by=by, kind=kind, bulk_id=None, at=self.updated_at
        )

    def _contacted_if(self, *statuses: OpportunityStatus) -> str:
        return OpportunityStatus.CONTACTED if self.status in statuses else self.status

    def _set(self, **values: Any) -> None:
        """Store what differs. A call saved again unchanged leaves `updated_at`, which undo goes by, alone."""
        if "first_call_attempts" in values:
            values |= _outcome(values["first_call_attempts"])
        different = [name for name, value in values.items() if getattr(self, name) != value]
        for name in different:
            setattr(self, name, values[name])
        if different:
            self.save(update_fields=[*different, "updated_at"])


def _attempt(status: AttemptStatus, call_id: UUID | None, at: datetime, notes: str) -> dict[str, Any]:
    """As the clients read it."""
    return {
        "status": status.value,
        "call_id": str(call_id) if call_id else None,
        "attempted_at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "notes": notes,
    }


def _outcome(attempts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The first call is done with the first attempt that somebody answered."""
    answered = [int(number) for number, attempt in attempts.items() if attempt["status"] == AttemptStatus.GREEN]
    return {"first_call_completed": bool(answered), "first_call_successful_attempt": min(answered, default=None)}


def contacts_of_holder(user: "User") -> Q:
    """The contacts an agent reaches because an opportunity of theirs is assigned to them (crm/scope.py)."""
    return Q(pk__in=Opportunity.objects.filter(assigned_to=user).values("contact_id"))


_locked_of_contact: Prepared[Opportunity] = Prepared(
    lambda contact_id: Opportunity.objects.filter(contact_id=contact_id).locked(), contact_id=models.UUIDField()
)
