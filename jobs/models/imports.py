"""A file on its way to being a batch's jobs: how far it is, what was wrong with it."""

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from crm.constraints import is_one_of
from crm.models.base import BaseModel
from jobs.choices import ImportState
from jobs.models.batches import Batch

# How long a worker may be silent before another takes over; a chunk takes less than a second.
LEASE = timedelta(seconds=60)


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


class ImportProblem(models.Model):
    """A row of the file that made no job, or made one with something missing."""

    batch_import = models.ForeignKey(BatchImport, on_delete=models.CASCADE, db_index=False, related_name="problems")
    row = models.PositiveIntegerField("fila")
    is_error = models.BooleanField("sin llamada", default=True)
    message = models.CharField("motivo", max_length=500)
    cells = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name = "fila con problema"
        verbose_name_plural = "filas con problema"
        indexes = [models.Index(fields=["batch_import", "row"], name="jobs_problem_of_import")]

    def __str__(self) -> str:
        return f"{self.row}: {self.message}"
