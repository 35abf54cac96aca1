"""Opportunities and the ledger of who held them."""

from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.changes import TracksChanges
from crm.constraints import is_one_of
from crm.ids import new_id
from crm.models import Contact
from crm.models.base import BaseModel
from opportunities.choices import (
    OPEN_STATUSES,
    AssignmentKind,
    OpportunityStatus,
    PipelineStage,
    Priority,
)

if TYPE_CHECKING:
    from crm.models import User


class OpportunityQuerySet(models.QuerySet["Opportunity"]):
    def visible_to(self, user: "User") -> Self:
        """In an installation where agents see only what is theirs: assigned to them, or of their contacts."""
        from crm.scope import contacts_of, is_limited

        if not is_limited(user):
            return self
        mine = Contact.objects.filter(contacts_of(user)).values("pk")
        return self.filter(Q(assigned_to=user) | Q(contact__in=mine))

    def search(self, typed: str) -> Self:
        """By the contact: name, e-mail, city, document, phone."""
        return self.filter(contact__search_words__finds=typed)

    def worth_a_call(self) -> Self:
        return self.filter(status__in=OPEN_STATUSES)

    def by_urgency(self) -> Self:
        return self.order_by("-priority", "-opportunity_score", "-detected_at", "-id")


class Opportunity(TracksChanges, BaseModel):
    tracked_fields: ClassVar[tuple[str, ...]] = ("status", "assigned_to_id")

    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="opportunities", verbose_name="contacto"
    )
    status = models.CharField(
        "estado", max_length=10, choices=OpportunityStatus, default=OpportunityStatus.PENDING
    )
    priority = models.PositiveSmallIntegerField("prioridad", choices=Priority, default=Priority.MEDIUM)
    opportunity_score = models.PositiveSmallIntegerField(
        "puntaje", default=50, validators=[MaxValueValidator(100)]
    )
    detection_reason = models.JSONField("motivo de detección", default=dict, blank=True)
    detected_at = models.DateTimeField("detectada", default=timezone.now)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="opportunities",
        verbose_name="asignada a",
    )
    notes = models.TextField("notas", null=True, blank=True)
    pipeline_stage_id = models.UUIDField(default=new_id, editable=False)
    current_stage = models.CharField(
        "etapa", max_length=20, choices=PipelineStage, default=PipelineStage.AGENT_INITIAL
    )
    # {"1": {"status", "call_id", "attempted_at", "notes"}, …}; written only under the row's lock.
    first_call_attempts = models.JSONField("primeros intentos", default=dict, blank=True)
    first_call_completed = models.BooleanField("primera llamada hecha", default=False)
    first_call_successful_attempt = models.PositiveSmallIntegerField("intento logrado", null=True, blank=True)
    last_contact_attempt_at = models.DateTimeField("último intento", null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="creada por",
    )

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
                | Q(first_call_successful_attempt__range=(1, 5)),
                name="opportunity_successful_attempt_is_1_to_5",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-priority", "-opportunity_score", "-detected_at", "-id"], name="opportunity_urgency"
            ),
            models.Index(
                fields=["status", "-priority", "-opportunity_score", "-detected_at", "-id"],
                name="opportunity_status_urgency",
            ),
            models.Index(
                fields=["assigned_to", "-priority", "-opportunity_score", "-detected_at", "-id"],
                name="opportunity_holder_urgency",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contact} ({self.get_status_display()})"


class Assignment(models.Model):
    """The ledger: one row each time an opportunity changes hands. It outlives the opportunity.

    `created_at` equals the opportunity's `updated_at` of that moment; that is how undo knows whether
    anybody has touched it since.
    """

    opportunity = models.ForeignKey(
        Opportunity,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="assignments",
        verbose_name="oportunidad",
    )
    from_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name="de"
    )
    to_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name="a"
    )
    by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name="por"
    )
    from_status = models.CharField("estado anterior", max_length=10, choices=OpportunityStatus)
    to_status = models.CharField("estado nuevo", max_length=10, choices=OpportunityStatus)
    kind = models.CharField("cómo", max_length=10, choices=AssignmentKind)
    bulk_id = models.UUIDField("bloque", null=True)
    notes = models.TextField("notas", blank=True)
    reverts = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="reverted_by", verbose_name="deshace"
    )
    created_at = models.DateTimeField("cuándo")

    class Meta:
        verbose_name = "asignación"
        verbose_name_plural = "asignaciones"
        constraints = [
            is_one_of("kind", AssignmentKind, "assignment_kind_is_known"),
            is_one_of("from_status", OpportunityStatus, "assignment_from_status_is_known"),
            is_one_of("to_status", OpportunityStatus, "assignment_to_status_is_known"),
        ]
        indexes = [
            models.Index(fields=["opportunity", "-id"], name="assignment_of_opportunity"),
            models.Index(fields=["bulk_id"], condition=Q(bulk_id__isnull=False), name="assignment_of_bulk"),
        ]

    def __str__(self) -> str:
        return f"{self.opportunity_id}: {self.from_user_id} → {self.to_user_id}"
