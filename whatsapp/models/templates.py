"""Message templates as Meta has approved them: the only thing that may be sent after the 24 hours."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from whatsapp.choices import TemplateStatus


class TemplateQuerySet(models.QuerySet["Template"]):
    def usable(self) -> Self:
        """Approved, and not held back by us because Meta refused it."""
        return self.filter(status=TemplateStatus.APPROVED, blocked_at__isnull=True)

    def in_order(self) -> Self:
        return self.order_by("name", "language", "id")


class Template(models.Model):
    """Synchronised from Meta (`sync_whatsapp_templates`) and kept up by its webhook."""

    meta_id = models.CharField("id en Meta", max_length=64, blank=True)
    name = models.CharField("nombre", max_length=512)
    language = models.CharField("idioma", max_length=20)
    category = models.CharField("categoría", max_length=40, blank=True)
    status = models.CharField("estado", max_length=20, choices=TemplateStatus, default=TemplateStatus.PENDING)
    quality = models.CharField("calidad", max_length=20, blank=True)
    reason = models.CharField("motivo", max_length=300, blank=True)
    components = models.JSONField("contenido", default=list)
    # Meta refused it when it was used (132xxx): nobody is offered it until the next synchronisation finds it changed.
    blocked_at = models.DateTimeField("fuera de uso desde", null=True, blank=True)
    synced_at = models.DateTimeField("sincronizada", default=timezone.now)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        verbose_name = "plantilla"
        constraints = [
            models.UniqueConstraint(
                fields=["name", "language"],
                name="whatsapp_template_is_one_row",
                violation_error_message="Esta plantilla ya existe en ese idioma.",
            ),
            models.CheckConstraint(
                condition=~Q(name=""),
                name="whatsapp_template_has_a_name",
                violation_error_message="El nombre es obligatorio.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language})"
