"""One dial: on record before the provider hears of it, and after the job is gone."""

from datetime import timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.literals import Literal
from crm.models.base import BaseModel
from jobs.choices import LIVE, AttemptState, Outcome
from jobs.models.accounts import Account
from jobs.models.batches import Batch
from jobs.models.jobs import Job
from jobs.money import amount_of

# How long a worker may be silent about an attempt before another looks at it; placing a call takes seconds.
LEASE = timedelta(seconds=60)


class AttemptQuerySet(models.QuerySet["CallAttempt"]):
    def live(self) -> Self:
        return self.filter(state__in=[Literal(state) for state in LIVE])

    def to_look_at(self) -> Self:
        """Somebody has to ask the provider, or to take over from a worker that is gone."""
        return self.filter(look_at__lte=timezone.now())

    def to_report(self) -> Self:
        """Reached somebody, and the CRM does not know it yet."""
        return self.filter(report_at__lte=timezone.now())

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class CallAttempt(BaseModel):
    """`id` is the key that travels as the provider's idempotency key. Live rows hold their person: the database
    refuses a second one for the job, for the phone and for the person.

    `look_at`: when somebody must look at it next: the lease of the worker that places it, the next time the provider
    is asked, the time to fetch a final price; null when nothing is left to learn.
    """

    # Either a job or its tombstone has this id.
    job = models.ForeignKey(Job, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="tries")
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False, related_name="tries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False, related_name="tries")
    number = models.CharField("teléfono", max_length=20)
    phone_key = models.CharField(max_length=20, editable=False)
    person_key = models.CharField(max_length=64, editable=False)
    position = models.PositiveSmallIntegerField("intento")
    state = models.CharField("estado", max_length=8, choices=AttemptState, default=AttemptState.CLAIMED)
    provider = models.CharField("proveedor", max_length=20)
    provider_ref = models.CharField("referencia", max_length=120, blank=True)
    look_at = models.DateTimeField(null=True, blank=True, editable=False)
    worker = models.CharField(max_length=80, blank=True, editable=False)
    # Somebody wants the call to end: hang up as soon as there is something to hang up.
    stop_wanted_at = models.DateTimeField(null=True, blank=True, editable=False)
    placed_at = models.DateTimeField("marcada", null=True, blank=True)
    answered_at = models.DateTimeField("inicio", null=True, blank=True)
    ended_at = models.DateTimeField("fin", null=True, blank=True)
    # Price, summary and recording are known; nothing more will come.
    is_settled = models.BooleanField(default=False, editable=False)
    outcome = models.CharField("resultado", max_length=12, choices=Outcome, blank=True)
    is_counted = models.BooleanField("cuenta como intento", default=True)
    reason = models.CharField("según el proveedor", max_length=120, blank=True)
    error = models.CharField("error", max_length=500, blank=True)
    seconds = models.PositiveIntegerField("duración (s)", default=0)
    cost_micros = models.BigIntegerField(default=0)
    summary = models.TextField("resumen", blank=True)
    sentiment = models.CharField("ánimo", max_length=40, blank=True)
    successful = models.BooleanField("objetivo cumplido", null=True, blank=True)
    transcript = models.TextField("transcripción", blank=True)
    recording_url = models.URLField("grabación", max_length=1000, blank=True)
    log_url = models.URLField("registro", max_length=1000, blank=True)
    # What the agent wrote down during the call, as texts (`fecha_pago_cliente`…).
    collected = models.JSONField("datos recogidos", default=dict, blank=True)
    promised_on = models.DateField("promete pagar el", null=True, blank=True)
    promised_micros = models.BigIntegerField(null=True, blank=True)
    call_back_at = models.DateTimeField("pide que se le llame", null=True, blank=True)
    report_at = models.DateTimeField(null=True, blank=True, editable=False)
    call = models.OneToOneField(
        "calls.Call", on_delete=models.SET_NULL, null=True, blank=True, related_name="campaign_attempt"
    )

    objects = AttemptQuerySet.as_manager()

    class Meta:
        verbose_name = "intento de llamada"
        verbose_name_plural = "intentos de llamada"
        constraints = [
            is_one_of("state", AttemptState, "jobs_attempt_state_is_known"),
            models.CheckConstraint(
                condition=Q(outcome__in=["", *Outcome.values]),
                name="jobs_attempt_outcome_is_known",
                violation_error_message="El valor no está entre los permitidos.",
            ),
            models.CheckConstraint(
                condition=Q(state=AttemptState.ENDED) | Q(outcome=""),
                name="jobs_attempt_ends_with_an_outcome",
                violation_error_message="Solo lo terminado tiene resultado.",
            ),
            models.UniqueConstraint(
                fields=["job"],
                condition=Q(state__in=LIVE),
                name="jobs_job_is_dialled_once_at_a_time",
                violation_error_message="Ya se está llamando a esta persona.",
            ),
            models.UniqueConstraint(
                fields=["phone_key"],
                condition=Q(state__in=LIVE),
                name="jobs_phone_is_dialled_once_at_a_time",
                violation_error_message="Ya se está llamando a este teléfono.",
            ),
            models.UniqueConstraint(
                fields=["person_key"],
                condition=Q(state__in=LIVE),
                name="jobs_person_is_called_once_at_a_time",
                violation_error_message="Ya se está llamando a esta persona.",
            ),
            models.UniqueConstraint(
                fields=["provider", "provider_ref"],
                condition=~Q(provider_ref=""),
                name="jobs_provider_call_is_one_attempt",
                violation_error_message="Esta llamada del proveedor ya está anotada.",
            ),
        ]
        indexes = [
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="jobs_attempt_to_look_at"),
            models.Index(fields=["report_at"], condition=Q(report_at__isnull=False), name="jobs_attempt_to_report"),
            # What each cap counts.
            models.Index(fields=["account", "batch"], condition=Q(state__in=LIVE), name="jobs_attempt_live"),
            models.Index(fields=["job", "-created_at"], name="jobs_attempt_of_job"),
            models.Index(fields=["-created_at", "-id"], name="jobs_attempt_newest"),
            models.Index(fields=["batch", "-created_at", "-id"], name="jobs_attempt_of_batch"),
            models.Index(fields=["account", "-created_at", "-id"], name="jobs_attempt_of_account"),
            # How often this phone, and this person, was called lately, in whatever campaign.
            models.Index(fields=["phone_key", "-created_at"], name="jobs_attempt_of_phone"),
            models.Index(fields=["person_key", "-created_at"], name="jobs_attempt_of_person"),
        ]

    def __str__(self) -> str:
        return f"{self.number}, {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def cost(self) -> float:
        return amount_of(self.cost_micros)

    def advance(self, came_from: AttemptState, to: AttemptState, **values: Any) -> bool:
        """One conditional update; False when it is not in `came_from` any more (somebody hung up, took over, ended)."""
        now = timezone.now()
        changes = {"state": to, "updated_at": now, **values}
        moved = CallAttempt.objects.filter(pk=self.pk, state=came_from).update(**changes)
        if moved:
            for name, value in changes.items():
                setattr(self, name, value)
        return bool(moved)
