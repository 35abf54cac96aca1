"""Calls and their types."""

from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from calls.choices import CallStatus, Direction
from crm.changes import TracksChanges
from crm.constraints import is_one_of
from crm.models.base import BaseModel
from crm.models.subjects import HasSubject, SubjectQuerySet, exactly_one_subject

if TYPE_CHECKING:
    from crm.models import User


class CallTypeQuerySet(models.QuerySet["CallType"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def in_order(self) -> Self:
        return self.order_by("sort_order", "name", "id")


class CallType(BaseModel):
    """A kind of call as the team names it; calls hold its code."""

    name = models.CharField("nombre", max_length=100)
    code = models.CharField(
        "código",
        max_length=50,
        unique=True,
        validators=[RegexValidator(r"^[a-z0-9_]+\Z", "Use solo minúsculas, números y guion bajo.")],
        error_messages={"unique": "Ya existe un tipo de llamada con este código."},
    )
    description = models.TextField("descripción", null=True, blank=True)
    is_active = models.BooleanField("activo", default=True)
    sort_order = models.PositiveSmallIntegerField("orden", default=0)

    objects = CallTypeQuerySet.as_manager()

    class Meta:
        verbose_name = "tipo de llamada"
        verbose_name_plural = "tipos de llamada"

    def __str__(self) -> str:
        return self.name


class CallQuerySet(SubjectQuerySet):
    def visible_to(self, user: "User") -> Self:
        from crm.scope import subjects_of

        return self.filter(subjects_of(user))


class Call(TracksChanges, HasSubject, BaseModel):
    """One phone call. A next date on it plans a follow-up task (calls/receivers.py)."""

    tracked_fields: ClassVar[tuple[str, ...]] = (
        "proxima_llamada_fecha",
        "call_status",
        "started_at",
        "call_result",
        "resumen_llamada",
    )

    direction = models.CharField("sentido", max_length=10, choices=Direction)
    phone = models.CharField("teléfono", max_length=40, null=True, blank=True)
    duration = models.PositiveIntegerField("duración (s)", default=0)
    call_status = models.CharField("resultado", max_length=12, choices=CallStatus)
    call_type = models.ForeignKey(
        CallType,
        on_delete=models.PROTECT,
        to_field="code",
        db_column="call_type",
        null=True,
        blank=True,
        related_name="calls",
        verbose_name="tipo",
    )
    call_result = models.CharField("detalle del resultado", max_length=255, null=True, blank=True)
    record_url = models.URLField("grabación", max_length=1000, null=True, blank=True)
    responsible_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="calls",
        verbose_name="responsable",
    )
    coverage_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="cubre",
    )
    resumen_llamada = models.TextField("resumen", null=True, blank=True)
    comments = models.TextField("notas", null=True, blank=True)
    started_at = models.DateTimeField("inicio")
    ended_at = models.DateTimeField("fin", null=True, blank=True)
    proxima_llamada_fecha = models.DateTimeField("próxima llamada", null=True, blank=True)
    proxima_accion_fecha = models.DateTimeField("próxima acción", null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="registrada por",
    )

    objects = CallQuerySet.as_manager()

    class Meta:
        verbose_name = "llamada"
        constraints = [
            exactly_one_subject("call_has_exactly_one_subject"),
            is_one_of("direction", Direction, "call_direction_is_known"),
            is_one_of("call_status", CallStatus, "call_status_is_known"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("started_at")),
                name="call_ends_after_it_starts",
                violation_error_message="La llamada no puede terminar antes de empezar.",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="call_newest"),
            models.Index(fields=["contact", "-created_at", "-id"], name="call_of_contact"),
            models.Index(fields=["lead", "-created_at", "-id"], name="call_of_lead"),
            models.Index(fields=["responsible_user", "-created_at", "-id"], name="call_of_responsible"),
            models.Index(fields=["call_status", "-created_at", "-id"], name="call_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()} {self.started_at:%Y-%m-%d %H:%M}"
