"""Imports of contacts and leads: the file, how its columns map, how far it is, what became of each row."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from crm.choices import ImportKind, ImportState, RowOutcome
from crm.constraints import is_one_of
from crm.models.base import BaseModel


class ImportRun(BaseModel):
    kind = models.CharField("qué", max_length=10, choices=ImportKind)
    state = models.CharField("estado", max_length=10, choices=ImportState, default=ImportState.PREVIEWED)
    file = models.FileField("archivo", upload_to="imports/%Y/%m/")
    file_name = models.CharField("nombre del archivo", max_length=255)
    mapping = models.JSONField("columnas", default=dict)
    merge_duplicates = models.BooleanField(
        "completar los duplicados", default=False, help_text="Si no, los duplicados solo se informan."
    )
    responsible_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="responsable",
    )
    total_rows = models.PositiveIntegerField("filas", default=0)
    processed_rows = models.PositiveIntegerField("procesadas", default=0)
    created_rows = models.PositiveIntegerField("creadas", default=0)
    merged_rows = models.PositiveIntegerField("fusionadas", default=0)
    duplicate_rows = models.PositiveIntegerField("duplicadas", default=0)
    failed_rows = models.PositiveIntegerField("con error", default=0)
    error = models.TextField("error", blank=True)
    # A worker that dies leaves its lease to expire; the tick hands the run to another.
    leased_until = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField("terminada", null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="creada por",
    )

    class Meta:
        verbose_name = "importación"
        verbose_name_plural = "importaciones"
        constraints = [
            is_one_of("kind", ImportKind, "import_kind_is_known"),
            is_one_of("state", ImportState, "import_state_is_known"),
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


class ImportRow(models.Model):
    """What became of one row of the file: exactly one of these for each."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rows", verbose_name="importación")
    number = models.PositiveIntegerField("fila")
    outcome = models.CharField("resultado", max_length=10, choices=RowOutcome)
    entity_id = models.UUIDField("registro", null=True, blank=True)
    message = models.TextField("mensaje", blank=True)

    class Meta:
        verbose_name = "fila importada"
        verbose_name_plural = "filas importadas"
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="import_row_is_accounted_once"),
            is_one_of("outcome", RowOutcome, "import_row_outcome_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.get_outcome_display()}"
