"""Imports of contacts and leads: the file, how its columns map, how far it is, what became of each row."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from crm.choices import ImportKind, ImportState, RowOutcome
from crm.constraints import is_one_of
from crm.exceptions import Conflict
from crm.models.audit import AuditEntry
from crm.models.base import BaseModel
from crm.models.user_keys import user_key

if TYPE_CHECKING:
    from crm.models.users import User

# From which states each act may start; whatever else is a conflict.
MAY_START = (ImportState.PREVIEWED,)
UNFINISHED = (ImportState.QUEUED, ImportState.RUNNING)
MAY_CANCEL = (ImportState.PREVIEWED, *UNFINISHED)

# How long a worker may be silent before another takes over; a chunk takes about a second.
LEASE = timedelta(seconds=60)
# Workers that died over the same chunk; then the run is given up instead of killing the next one.
MOST_ATTEMPTS = 5
FILES_KEPT_FOR = timedelta(days=30)


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def stranded(self) -> Self:
        """Unfinished, and nobody is at it: never woken, or the worker died."""
        return self.filter(state__in=UNFINISHED).filter(
            Q(leased_until__isnull=True) | Q(leased_until__lt=timezone.now())
        )

    def older_than(self, age: timedelta) -> Self:
        return self.filter(created_at__lt=timezone.now() - age)


class ImportRun(BaseModel):
    """One file on its way into the CRM. Workers hold it by a lease and leave a row for each row of the file."""

    kind = models.CharField("qué", max_length=10, choices=ImportKind)
    state = models.CharField("estado", max_length=10, choices=ImportState, default=ImportState.PREVIEWED)
    file = models.FileField("archivo", upload_to="imports/%Y/%m/", max_length=255)
    file_name = models.CharField("nombre del archivo", max_length=255)
    mapping = models.JSONField("columnas", default=dict)
    # What the preview found: columns, first rows, counts, warnings. Columns are needed to the end.
    preview = models.JSONField("vista previa", default=dict, blank=True)
    merge_duplicates = models.BooleanField(
        "completar los duplicados", default=False, help_text="Si no, los duplicados solo se informan."
    )
    responsible_user = user_key("responsable")
    total_rows = models.PositiveIntegerField("filas", default=0)
    processed_rows = models.PositiveIntegerField("procesadas", default=0)
    created_rows = models.PositiveIntegerField("creadas", default=0)
    merged_rows = models.PositiveIntegerField("fusionadas", default=0)
    duplicate_rows = models.PositiveIntegerField("duplicadas", default=0)
    failed_rows = models.PositiveIntegerField("con error", default=0)
    error = models.TextField("error", blank=True)
    # A worker that dies leaves its lease to expire; the tick hands the run to another.
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    started_at = models.DateTimeField("empezada", null=True, blank=True, editable=False)
    finished_at = models.DateTimeField("terminada", null=True, blank=True)
    created_by = user_key("creada por")

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        verbose_name = "importación"
        verbose_name_plural = "importaciones"
        constraints = [
            is_one_of("kind", ImportKind, "import_kind_is_known"),
            is_one_of("state", ImportState, "import_state_is_known"),
            models.CheckConstraint(
                condition=Q(
                    processed_rows=F("created_rows") + F("merged_rows") + F("duplicate_rows") + F("failed_rows")
                ),
                name="import_accounts_for_every_row",
                violation_error_message="Las cuentas de la importación no cuadran.",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="import_newest"),
            models.Index(
                fields=["leased_until"],
                condition=Q(state__in=["queued", "running"]),
                name="import_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    # --- How far it is ------------------------------------------------------------------------

    @property
    def is_finished(self) -> bool:
        return self.state in (ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED)

    @property
    def progress(self) -> int:
        """Whole percent; 100 only when the last row is done."""
        if not self.total_rows:
            return 100 if self.state == ImportState.DONE else 0
        return min(100, self.processed_rows * 100 // self.total_rows)

    @property
    def eta_seconds(self) -> int | None:
        """Seconds left at the pace so far; None while there is no pace or nothing left to do."""
        if self.state != ImportState.RUNNING or not self.processed_rows or self.started_at is None:
            return None
        elapsed = (timezone.now() - self.started_at).total_seconds()
        left = max(0, self.total_rows - self.processed_rows)
        return round(elapsed * left / self.processed_rows)

    @property
    def columns(self) -> list[str]:
        """The column names of the file, in its order."""
        return [column["name"] for column in self.preview.get("columns", [])]

    # --- What people do with it ---------------------------------------------------------------

    def start(self, *, merge_duplicates: bool, responsible_user: "User | None", mapping: dict[str, Any]) -> None:
        """Queue a previewed run, once: of two requests the second is told that it runs already."""
        choices = {
            "state": ImportState.QUEUED,
            "merge_duplicates": merge_duplicates,
            "responsible_user": responsible_user,
            "mapping": mapping,
        }
        with transaction.atomic():
            self._move(MAY_START, choices, refusal="Esta importación ya se inició o se canceló.")
            AuditEntry.write(
                "import_started",
                "imports",
                self.pk,
                kind=self.kind,
                file_name=self.file_name,
                rows=self.total_rows,
                merge_duplicates=merge_duplicates,
            )

    def cancel(self) -> None:
        """Stop after the chunk that is being stored; what was imported stays."""
        with transaction.atomic():
            now = timezone.now()
            self._move(
                MAY_CANCEL,
                {"state": ImportState.CANCELLED, "finished_at": now, "leased_until": None},
                refusal="Esta importación ya terminó.",
            )
            AuditEntry.write("import_cancelled", "imports", self.pk, rows_done=self.processed_rows)

    def _move(self, allowed: tuple[ImportState, ...], fields: dict[str, Any], *, refusal: str) -> None:
        """Change state if it is one of `allowed` at this moment, else refuse; a worker's commit is waited for."""
        moved = ImportRun.objects.filter(pk=self.pk, state__in=allowed).update(**fields, updated_at=timezone.now())
        self.refresh_from_db()
        if not moved:
            raise Conflict(refusal)

    # --- What workers do with it --------------------------------------------------------------

    def claim(self) -> bool:
        """Take the run for LEASE; False when another worker has it or there is nothing left to do."""
        now = timezone.now()
        taken = (
            ImportRun.objects.stranded()
            .filter(pk=self.pk)
            .update(
                state=ImportState.RUNNING,
                leased_until=now + LEASE,
                attempts=F("attempts") + 1,
                started_at=Coalesce("started_at", now),
                updated_at=now,
            )
        )
        self.refresh_from_db()
        return bool(taken)

    def renew(self) -> bool:
        """Hold the run's row until the transaction ends, with a fresh lease; False when it is no longer ours.

        Every chunk begins with this, so a worker that overslept its lease, or whose run was cancelled, writes
        nothing: `leased_until` is the fencing token, because whoever takes over sets a later one.
        """
        fresh = timezone.now() + LEASE
        ours = ImportRun.objects.filter(pk=self.pk, state=ImportState.RUNNING, leased_until=self.leased_until).update(
            leased_until=fresh
        )
        if ours:
            self.leased_until = fresh
        return bool(ours)

    def count(self, outcomes: Mapping[str, int]) -> None:
        """Add the outcomes of one chunk, in the chunk's transaction."""
        counters = {f"{outcome}_rows": F(f"{outcome}_rows") + number for outcome, number in outcomes.items()}
        ImportRun.objects.filter(pk=self.pk).update(
            **counters,
            processed_rows=F("processed_rows") + sum(outcomes.values()),
            attempts=0,
            updated_at=timezone.now(),
        )

    def refresh_counters(self) -> None:
        """Read the counters anew, never the lease: it must stay the one that this worker took."""
        self.refresh_from_db(fields=["processed_rows", *(f"{outcome}_rows" for outcome in RowOutcome.values)])

    def release(self) -> None:
        """Let any worker go on at once."""
        ImportRun.objects.filter(pk=self.pk, leased_until=self.leased_until).update(leased_until=None)

    def finish(self) -> bool:
        """Every row is accounted for. False when the run was taken or cancelled meanwhile."""
        return self._end(ImportState.DONE)

    def fail(self, sentence: str) -> bool:
        """Give up; the rows already imported stay, with their results."""
        return self._end(ImportState.FAILED, error=sentence)

    def _end(self, state: ImportState, **fields: Any) -> bool:
        now = timezone.now()
        with transaction.atomic():
            ended = ImportRun.objects.filter(
                pk=self.pk, state=ImportState.RUNNING, leased_until=self.leased_until
            ).update(state=state, finished_at=now, leased_until=None, updated_at=now, **fields)
            self.refresh_from_db()
            if ended:
                AuditEntry.write("import_finished", "imports", self.pk, **self.result())
        return bool(ended)

    def result(self) -> dict[str, Any]:
        """State and counters, as the audit trail keeps them."""
        return {
            "state": self.state,
            "total": self.total_rows,
            "created": self.created_rows,
            "merged": self.merged_rows,
            "duplicate": self.duplicate_rows,
            "failed": self.failed_rows,
        }

    def forget_file(self) -> None:
        """Remove the uploaded file; what became of its rows stays."""
        name, storage = self.file.name, self.file.storage
        self.preview.pop("rows", None)
        ImportRun.objects.filter(pk=self.pk).update(file="", preview=self.preview)
        if name:
            storage.delete(name)

    @property
    def stale_at(self) -> datetime:
        """When the file is removed."""
        return self.created_at + FILES_KEPT_FOR


class ImportRowQuerySet(models.QuerySet["ImportRow"]):
    def in_order(self) -> Self:
        return self.order_by("number")

    def failed(self) -> Self:
        return self.filter(outcome=RowOutcome.FAILED)


class ImportRow(models.Model):
    """What became of one row of the file: exactly one of these for each."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rows", verbose_name="importación")
    # As the spreadsheet numbers its rows: the first one is 1, blank ones count.
    number = models.PositiveIntegerField("fila")
    outcome = models.CharField("resultado", max_length=10, choices=RowOutcome)
    entity_id = models.UUIDField("registro", null=True, blank=True)
    message = models.TextField("mensaje", blank=True)
    # The original cells of a failed row, to be corrected and imported again when the file is gone.
    cells = models.JSONField("celdas", null=True, blank=True)

    objects = ImportRowQuerySet.as_manager()

    class Meta:
        verbose_name = "fila importada"
        verbose_name_plural = "filas importadas"
        constraints = [
            models.UniqueConstraint(
                fields=["run", "number"],
                name="import_row_is_accounted_once",
                violation_error_message="Esta fila del archivo ya está registrada.",
            ),
            is_one_of("outcome", RowOutcome, "import_row_outcome_is_known"),
        ]
        indexes = [models.Index(fields=["run", "outcome", "number"], name="import_row_by_outcome")]

    def __str__(self) -> str:
        return f"{self.number}: {self.get_outcome_display()}"
