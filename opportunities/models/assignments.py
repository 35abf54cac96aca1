"""The ledger: who held which opportunity, given by whom, when and how."""

from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from crm.choices import RESPONSIBLE_ROLES
from crm.constraints import is_one_of
from opportunities.choices import AssignmentKind, OpportunityStatus


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def of(self, opportunity_id: UUID) -> Self:
        """The history of one opportunity, newest first; also of one that no longer exists."""
        return self.filter(opportunity_id=opportunity_id).order_by("-id")

    def of_bulk(self, bulk_id: UUID) -> Self:
        """All that was done in one act."""
        return self.filter(bulk_id=bulk_id).order_by("opportunity_id")

    def with_what_undo_asks(self) -> Self:
        """`is_undone`, and whether the former holder could take it back (`from_user_may_hold`)."""
        return self.annotate(
            is_undone=Exists(Assignment.objects.filter(reverts=OuterRef("pk"))),
            from_user_may_hold=Q(from_user__is_active=True, from_user__role__in=RESPONSIBLE_ROLES),
        )

    def with_people(self) -> Self:
        return self.select_related("from_user", "to_user", "by_user")


class Assignment(models.Model):
    """One row for each assignment, also to who already has it. It outlives the opportunity and the people.

    `created_at` equals the opportunity's `updated_at` of that moment; that is how undo knows whether
    anybody has touched it since.
    """

    # No constraint in the database: the ledger keeps what it was told, and a hundred rows at once need
    # not look up three users each.
    opportunity = models.ForeignKey(
        "opportunities.Opportunity",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="assignments",
        verbose_name="oportunidad",
    )
    from_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
        verbose_name="de",
    )
    to_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
        verbose_name="a",
    )
    by_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
        verbose_name="por",
    )
    from_status = models.CharField("estado anterior", max_length=10, choices=OpportunityStatus)
    to_status = models.CharField("estado nuevo", max_length=10, choices=OpportunityStatus)
    kind = models.CharField("cómo", max_length=10, choices=AssignmentKind)
    bulk_id = models.UUIDField("bloque", null=True)
    notes = models.TextField("notas", blank=True)
    reverts = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="reverted_by",
        verbose_name="deshace",
    )
    created_at = models.DateTimeField("cuándo")

    # What `with_what_undo_asks()` adds.
    is_undone: bool
    from_user_may_hold: bool

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = "asignación"
        verbose_name_plural = "asignaciones"
        constraints = [
            is_one_of("kind", AssignmentKind, "assignment_kind_is_known"),
            is_one_of("from_status", OpportunityStatus, "assignment_from_status_is_known"),
            is_one_of("to_status", OpportunityStatus, "assignment_to_status_is_known"),
            # Partial: the hundred rows of a bulk, which revert nothing, stay out of the index.
            models.UniqueConstraint(
                fields=["reverts"],
                condition=Q(reverts__isnull=False),
                name="assignment_is_undone_once",
                violation_error_message="Esta asignación ya se deshizo.",
            ),
        ]
        indexes = [
            models.Index(fields=["opportunity", "-id"], name="assignment_of_opportunity"),
            models.Index(fields=["bulk_id"], condition=Q(bulk_id__isnull=False), name="assignment_of_bulk"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {timezone.localtime(self.created_at):%d/%m/%Y %H:%M}"
