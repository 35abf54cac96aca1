"""A campaign: whom it belongs to, how it calls, whether it runs."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.models.audit import AuditEntry
from crm.models.base import BaseModel
from crm.models.user_keys import user_key
from jobs.call_settings import CallSettings
from jobs.choices import BatchAct, Priority
from jobs.models.accounts import Account
from jobs.models.base import EitherId, ObjectIdModel

if TYPE_CHECKING:
    from crm.models import User


class BatchQuerySet(EitherId):
    def present(self) -> Self:
        """Not removed. Removed ones stay for what was billed."""
        return self.filter(removed_at__isnull=True)

    def visible_to(self, user: "User") -> Self:
        """An agent who sees only what is theirs sees the campaigns they made."""
        from crm.scope import is_limited

        return self.filter(created_by=user) if is_limited(user) else self

    def running(self) -> Self:
        """May be dialled, as far as the campaign itself goes."""
        return self.present().filter(is_active=True, cancelled_at__isnull=True)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class Batch(ObjectIdModel):
    """`call_settings` as the client sends them; `settings` reads them. Counts stand in `Count`, never here."""

    readable = "batch_id"

    batch_id = models.CharField("código", max_length=80, unique=True, editable=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_index=False, related_name="batches", verbose_name="cuenta"
    )
    name = models.CharField("nombre", max_length=200)
    description = models.TextField("descripción", blank=True)
    is_active = models.BooleanField("activa", default=True)
    priority = models.PositiveSmallIntegerField("prioridad", choices=Priority, default=Priority.NORMAL)
    call_settings = models.JSONField("horario y reintentos", default=dict, blank=True)
    # "PE:America/Lima": the countries and time zones of its phones, each a queue of its own.
    lanes = models.JSONField(default=list, blank=True, editable=False)
    # Why it was paused by itself (no credit at the provider, numbers blocked); empty when a person did.
    paused_because = models.CharField("en pausa por", max_length=300, blank=True, editable=False)
    pending_act = models.CharField(max_length=8, choices=BatchAct, blank=True, editable=False)
    act_leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    cancelled_at = models.DateTimeField("cancelada", null=True, blank=True, editable=False)
    cancel_reason = models.CharField("motivo de la cancelación", max_length=300, blank=True, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    started_at = models.DateTimeField("empezada", null=True, blank=True, editable=False)
    created_by = user_key("creada por")

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = "campaña"
        constraints = [
            is_one_of("priority", Priority, "jobs_batch_priority_is_known"),
            models.CheckConstraint(
                condition=Q(pending_act__in=["", *BatchAct.values]),
                name="jobs_batch_act_is_known",
                violation_error_message="El valor no está entre los permitidos.",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], condition=Q(removed_at__isnull=True), name="jobs_batch_newest"),
            models.Index(
                fields=["account", "-created_at", "-id"],
                condition=Q(removed_at__isnull=True),
                name="jobs_batch_of_account",
            ),
            models.Index(
                fields=["account", "-priority", "created_at"],
                condition=Q(removed_at__isnull=True, cancelled_at__isnull=True, is_active=True),
                name="jobs_batch_running",
            ),
            models.Index(fields=["act_leased_until"], condition=~Q(pending_act=""), name="jobs_batch_with_act"),
        ]

    def __str__(self) -> str:
        return self.name

    @cached_property
    def settings(self) -> CallSettings:
        return CallSettings.of(self.call_settings)

    @property
    def is_running(self) -> bool:
        return self.is_active and self.cancelled_at is None and self.removed_at is None

    def take_settings(self, stored: Mapping[str, Any], *, by: "User | None") -> None:
        """Replace the call settings (already checked) and keep what they were: the client sends constants."""
        if stored == self.call_settings:
            return
        with transaction.atomic():
            SettingsChange.objects.create(batch=self, before=self.call_settings, after=stored, changed_by=by)
            self.call_settings = dict(stored)
            self.__dict__.pop("settings", None)
            self.save(update_fields=["call_settings", "updated_at"])
            AuditEntry.write("batch_settings_changed", "batches", self.pk, name=self.name)

    def add_lanes(self, lanes: Iterable[str]) -> None:
        """Jobs of these countries and zones have come. Two importers take turns at the row."""
        missing = set(lanes) - set(self.lanes)
        if not missing:
            return
        with transaction.atomic():
            row = Batch.objects.select_for_update(no_key=True).only("lanes").get(pk=self.pk)
            self.lanes = sorted({*row.lanes, *missing})
            Batch.objects.filter(pk=self.pk).update(lanes=self.lanes)

    def note_started(self) -> None:
        if self.started_at is None:
            self.started_at = timezone.now()
            Batch.objects.filter(pk=self.pk, started_at__isnull=True).update(started_at=self.started_at)


class SettingsChange(BaseModel):
    """What the call settings were before a change, so that a person can put them back."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, db_index=False, related_name="settings_changes")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    changed_by = user_key()

    class Meta:
        verbose_name = "cambio de ajustes"
        verbose_name_plural = "cambios de ajustes"
        indexes = [models.Index(fields=["batch", "-created_at"], name="jobs_settings_change_newest")]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.created_at:%Y-%m-%d %H:%M}"
