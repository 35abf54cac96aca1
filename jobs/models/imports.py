"""A file on its way to being a batch's jobs: how far it is, what was wrong with it."""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.models.audit import AuditEntry
from crm.models.base import BaseModel
from jobs.choices import ImportState, ProblemKind
from jobs.models.batches import Batch

# How long a worker may be silent before another takes over; each chunk is a sign of life.
LEASE = timedelta(seconds=60)
# Workers that ended over the same chunk; then the import is given up.
MOST_ATTEMPTS = 5
_COUNTERS = ("done_people", "created_jobs", "duplicates", "refused", "failed_rows")


class BatchImportQuerySet(models.QuerySet["BatchImport"]):
    def stranded(self) -> Self:
        """Unfinished, and nobody is at it."""
        return self.filter(state=ImportState.RUNNING).filter(
            Q(leased_until__isnull=True) | Q(leased_until__lt=timezone.now())
        )


class BatchImport(BaseModel):
    """Read anew from the file by whoever goes on with it: `done_people` people of it have been decided about."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="imports", verbose_name="campaña")
    state = models.CharField("estado", max_length=8, choices=ImportState, default=ImportState.RUNNING)
    file = models.FileField("archivo", upload_to="campaigns/%Y/%m/", max_length=255)
    file_name = models.CharField("nombre del archivo", max_length=255)
    digest = models.CharField(max_length=64, editable=False)
    # How its columns are read, and what else the request asked for (`jobs/importing`).
    mapping = models.JSONField(default=dict, blank=True)
    options = models.JSONField(default=dict, blank=True)
    total_rows = models.PositiveIntegerField("filas", default=0)
    total_people = models.PositiveIntegerField("personas", default=0)
    done_people = models.PositiveIntegerField("hechas", default=0)
    created_jobs = models.PositiveIntegerField("creadas", default=0)
    duplicates = models.PositiveIntegerField("duplicadas", default=0)
    refused = models.PositiveIntegerField("en la lista de no llamar", default=0)
    failed_rows = models.PositiveIntegerField("filas con error", default=0)
    error = models.CharField("error", max_length=500, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    started_at = models.DateTimeField("empezada", auto_now_add=True)
    finished_at = models.DateTimeField("terminada", null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = BatchImportQuerySet.as_manager()

    class Meta:
        verbose_name = "archivo de campaña"
        verbose_name_plural = "archivos de campaña"
        constraints = [is_one_of("state", ImportState, "jobs_import_state_is_known")]
        indexes = [
            models.Index(fields=["leased_until"], condition=Q(state="running"), name="jobs_import_unfinished"),
            models.Index(fields=["digest", "-created_at"], name="jobs_import_of_file"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def progress(self) -> int:
        """Whole percent; 100 only when the last person is decided about."""
        if not self.total_people:
            return 100 if self.state == ImportState.DONE else 0
        return min(100, self.done_people * 100 // self.total_people)

    @property
    def is_finished(self) -> bool:
        return self.state != ImportState.RUNNING

    def claim(self) -> bool:
        """Take it for LEASE; False when another has it, or nothing is left to do."""
        taken = (
            BatchImport.objects.stranded()
            .filter(pk=self.pk)
            .update(leased_until=timezone.now() + LEASE, attempts=F("attempts") + 1)
        )
        self.refresh_from_db()
        return bool(taken)

    def renew(self) -> bool:
        """Hold the row until the transaction ends, with a fresh lease; False when it is no longer ours.

        Every chunk begins so: whoever overslept its lease writes nothing, because who took over has set a later one.
        """
        fresh = timezone.now() + LEASE
        ours = self._ours().update(leased_until=fresh)
        if ours:
            self.leased_until = fresh
        return bool(ours)

    def count(self, *, people: int, **counted: int) -> None:
        """Add what became of one chunk, in its transaction. Progress forgives the attempts that led to it."""
        added = {name: F(name) + number for name, number in {"done_people": people, **counted}.items()}
        BatchImport.objects.filter(pk=self.pk).update(**added, attempts=0)

    def refresh_counters(self) -> None:
        """Read the counters anew, never the lease: it must stay the one that was taken."""
        self.refresh_from_db(fields=_COUNTERS)

    def release(self) -> None:
        """Let anybody go on at once."""
        self._ours().update(leased_until=None)

    def end(self, state: ImportState, *, error: str = "") -> bool:
        """False when it was no longer ours. The file has served: nobody's data is kept longer than it is needed."""
        now = timezone.now()
        with transaction.atomic():
            ended = self._ours().update(
                state=state, error=error[:500], finished_at=now, leased_until=None, updated_at=now, file=""
            )
            if ended:
                name, storage = self.file.name, self.file.storage
                self.refresh_from_db()
                details = {name: getattr(self, name) for name in ("total_rows", "total_people", *_COUNTERS)}
                AuditEntry.write("campaign_import_finished", "batches", self.batch_id, state=state, **details)
                transaction.on_commit(lambda: storage.delete(name) if name else None, robust=True)
        return bool(ended)

    def _ours(self) -> models.QuerySet["BatchImport"]:
        return BatchImport.objects.filter(pk=self.pk, state=ImportState.RUNNING, leased_until=self.leased_until)


class ImportProblemQuerySet(models.QuerySet["ImportProblem"]):
    def in_order(self) -> Self:
        """As the file has them."""
        return self.order_by("row", "id")

    def without_call(self) -> Self:
        return self.exclude(kind=ProblemKind.WARNING)

    def warnings(self) -> Self:
        return self.filter(kind=ProblemKind.WARNING)

    def to_correct(self) -> Self:
        """Mistakes of the file itself. Who is there already, or must not be called, is nobody's mistake."""
        return self.filter(kind=ProblemKind.ERROR)


class ImportProblem(models.Model):
    """A row of the file that made no job, or made one with something missing."""

    batch_import = models.ForeignKey(BatchImport, on_delete=models.CASCADE, db_index=False, related_name="problems")
    row = models.PositiveIntegerField("fila")
    kind = models.CharField("clase", max_length=12, choices=ProblemKind, default=ProblemKind.ERROR)
    message = models.CharField("motivo", max_length=500)
    cells = models.JSONField(default=list, blank=True)

    objects = ImportProblemQuerySet.as_manager()

    class Meta:
        verbose_name = "fila con problema"
        verbose_name_plural = "filas con problema"
        constraints = [is_one_of("kind", ProblemKind, "jobs_problem_kind_is_known")]
        indexes = [models.Index(fields=["batch_import", "row"], name="jobs_problem_of_import")]

    def __str__(self) -> str:
        return f"{self.row}: {self.message}"

    @property
    def is_error(self) -> bool:
        """The row made no call, whoever's mistake that is."""
        return self.kind != ProblemKind.WARNING
