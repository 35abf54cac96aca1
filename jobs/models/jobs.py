"""One person to call in one campaign."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self

from django.db import connection, models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from crm.constraints import is_one_of
from crm.exceptions import Conflict
from crm.literals import Literal
from crm.phones import numbers_with_key
from crm.search import SearchColumn, column_words
from jobs.choices import MOVES, JobStatus
from jobs.models.accounts import Account
from jobs.models.base import EitherId, ObjectIdModel
from jobs.models.batches import Batch

if TYPE_CHECKING:
    from crm.models import User

NOT_FOUND = "Job {id} no encontrado"


class JobQuerySet(EitherId):
    def newest_first(self) -> Self:
        """By id, which begins with the second: the index of each filter has it."""
        return self.order_by("-id")

    def of_running_batches(self) -> Self:
        return self.filter(batch__is_active=True, batch__cancelled_at__isnull=True, batch__removed_at__isnull=True)

    def visible_to(self, user: "User") -> Self:
        from crm.scope import is_limited

        return self.filter(batch__created_by=user) if is_limited(user) else self

    def usual(self) -> Self:
        """What lists show unless cancelled ones are asked for (contract section 5)."""
        return self.exclude(status=Literal(JobStatus.CANCELLED))

    def with_phone(self, keys: Iterable[str]) -> Self:
        """Any of the phones has one of these match keys, whichever comes next."""
        numbers = sorted({number for key in keys for number in numbers_with_key(key)})
        if not numbers:
            return self.none()
        if connection.vendor == "postgresql":
            return self.filter(phones__has_any_keys=numbers)  # its index has just this (migration 0005)
        listed = "EXISTS (SELECT 1 FROM json_each(jobs_job.phones) WHERE value IN (SELECT value FROM json_each(%s)))"
        return self.filter(RawSQL(listed, [json.dumps(numbers)], output_field=models.BooleanField()))  # noqa: S611

    def due(self, batch: Batch | str, lane: str) -> Self:
        """May be dialled as far as the job itself knows, the longest waiting first; its index has just these."""
        return self.filter(
            batch=batch, lane=lane, status=Literal(JobStatus.PENDING), next_try_at__lte=timezone.now()
        ).order_by("next_try_at", "id")


class Job(ObjectIdModel):
    """`phones`: E.164, in the order in which they are tried. Who is called stands here as the file said it.

    `lane`: country and time zone of the phone that comes next ("PE:America/Lima"). `person_key`: the document, else
    the phone, by which a person is told from another; a person is once in a batch.
    """

    readable = "job_id"

    job_id = models.CharField("código", max_length=64, unique=True, editable=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False, related_name="jobs")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, db_index=False, related_name="jobs", verbose_name="campaña"
    )
    status = models.CharField("estado", max_length=12, choices=JobStatus, default=JobStatus.PENDING)
    name = models.CharField("nombre", max_length=200, blank=True)
    document = models.CharField("documento", max_length=40, blank=True)
    phones = models.JSONField("teléfonos", default=list)
    next_phone_index = models.PositiveSmallIntegerField("siguiente teléfono", default=0)
    lane = models.CharField(max_length=48, editable=False)
    person_key = models.CharField(max_length=64, editable=False)
    # The contact of the CRM, where it is certain who that is.
    contact = models.ForeignKey(
        "crm.Contact",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_index=False,
        related_name="jobs",
        verbose_name="contacto",
    )
    payload = models.JSONField("asunto", default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField("intentos", default=0)
    # What "try again" has added to the campaign's own number.
    granted_attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    # Voicemails and the like so far, by outcome: some may happen less often than the campaign's attempts.
    outcomes = models.JSONField(default=dict, blank=True, editable=False)
    next_try_at = models.DateTimeField("próximo intento", default=timezone.now)
    # The newest dial. No constraint: attempts outlive jobs, and jobs are removed without asking them.
    last_attempt = models.ForeignKey(
        "jobs.CallAttempt",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )
    # Why it stands as it does, for states that do not say it themselves: a code of `jobs/dialling/rules.py`
    # or an outcome; and in a sentence.
    reason = models.CharField(max_length=40, blank=True, editable=False)
    last_error = models.CharField("último problema", max_length=500, blank=True, editable=False)
    started_at = models.DateTimeField("primera llamada", null=True, blank=True, editable=False)
    finished_at = models.DateTimeField("terminado", null=True, blank=True, editable=False)
    search_words = SearchColumn()

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = "llamada de campaña"
        verbose_name_plural = "llamadas de campaña"
        constraints = [
            is_one_of("status", JobStatus, "jobs_job_status_is_known"),
            models.UniqueConstraint(
                fields=["batch", "person_key"],
                name="jobs_person_is_once_in_a_batch",
                violation_error_message="Esta persona ya está en la campaña.",
            ),
        ]
        indexes = [
            # Lists, newest first: all, of a batch, of an account; with and without a state.
            models.Index(fields=["-id"], condition=~Q(status="cancelled"), name="jobs_job_usual"),
            models.Index(fields=["batch", "-id"], condition=~Q(status="cancelled"), name="jobs_job_usual_of_batch"),
            models.Index(fields=["account", "-id"], condition=~Q(status="cancelled"), name="jobs_job_usual_of_account"),
            models.Index(fields=["status", "-id"], name="jobs_job_by_status"),
            models.Index(fields=["batch", "status", "-id"], name="jobs_job_of_batch_by_status"),
            models.Index(fields=["account", "status", "-id"], name="jobs_job_of_account_by_status"),
            # The dispatcher's queue, lane by lane.
            models.Index(
                fields=["batch", "lane", "next_try_at", "id"], condition=Q(status="pending"), name="jobs_job_due"
            ),
            # The same person in other campaigns of the account.
            models.Index(fields=["account", "person_key"], name="jobs_job_of_person"),
            models.Index(fields=["contact"], condition=Q(contact__isnull=False), name="jobs_job_of_contact"),
        ]

    def __str__(self) -> str:
        return self.name or self.job_id

    @property
    def is_live(self) -> bool:
        return self.status == JobStatus.IN_PROGRESS

    @property
    def max_attempts(self) -> int:
        """What the campaign allows now, and what was granted beside it."""
        return self.batch.settings.max_attempts + self.granted_attempts

    @property
    def next_phone(self) -> str | None:
        """The number to dial next, E.164; None where there is none."""
        return self.phones[self.next_phone_index] if self.next_phone_index < len(self.phones) else None

    def words(self) -> str:
        """What search finds it by: name, document, its own code, any run of four digits of a phone."""
        from crm.phones import search_words

        found = [word for number in self.phones for word in search_words(number)]
        return column_words(self.name, self.document, self.job_id, extra=found)

    def may_become(self, to: JobStatus) -> bool:
        return to in MOVES[JobStatus(self.status)]

    def move(self, to: JobStatus, *, refusal: str = "", **values: Any) -> None:
        """Change state in one conditional update that names the state it comes from; counts follow by themselves.

        `Conflict` with `refusal` for a move that the table does not have, also when somebody was faster.
        """
        now = timezone.now()
        changes = {"status": to, "updated_at": now, **values}
        moved = self.may_become(to) and Job.objects.filter(pk=self.pk, status=self.status).update(**changes)
        if not moved:
            raise Conflict(refusal or f"«{self.get_status_display()}» no puede pasar a «{to.label}».")
        for name, value in changes.items():
            setattr(self, name, value)

    def retry(self) -> None:
        """Back to the queue, with as many attempts as the campaign gives (anchors 4); 409 from other states."""
        refusal = "Solo se reintenta lo fallido, apartado o cancelado."
        if self.is_live:  # goes back to the queue by the end of its call, never under it
            raise Conflict(refusal)
        self.move(
            JobStatus.PENDING,
            refusal=refusal,
            next_try_at=timezone.now(),
            granted_attempts=self.attempts,
            outcomes={},
            next_phone_index=0,
            reason="",
            last_error="",
            finished_at=None,
        )


class Tombstone(models.Model):
    """A job that was removed, under its id: what was spent on it stays in the batch, a late report finds it."""

    id = models.CharField(primary_key=True, max_length=24)
    job_id = models.CharField("código", max_length=64, unique=True)
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, db_index=False, related_name="tombstones")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, db_index=False, related_name="+")
    status = models.CharField("estado al eliminarse", max_length=12, choices=JobStatus)
    attempts = models.PositiveSmallIntegerField("intentos", default=0)
    job_created_at = models.DateTimeField("creado")
    removed_at = models.DateTimeField("eliminado", auto_now_add=True)
    removed_by = models.ForeignKey(
        "crm.User", on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="por"
    )

    class Meta:
        verbose_name = "llamada eliminada"
        verbose_name_plural = "llamadas eliminadas"
        indexes = [models.Index(fields=["batch", "-removed_at"], name="jobs_tombstone_newest")]

    def __str__(self) -> str:
        return self.job_id

    @classmethod
    def of(cls, job: Job, *, by: "User | None") -> "Tombstone":
        return cls(
            id=job.pk,
            job_id=job.job_id,
            batch_id=job.batch_id,
            account_id=job.account_id,
            status=job.status,
            attempts=job.attempts,
            job_created_at=job.created_at,
            removed_by=by,
        )
