"""Calls and their types."""

from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils.timezone import is_naive, localtime, make_aware

from calls.choices import CallStatus, Direction
from crm.changes import TracksChanges
from crm.constraints import is_one_of
from crm.exceptions import Refusal
from crm.models.base import BaseModel
from crm.models.subjects import HasSubject, SubjectQuerySet, exactly_one_subject, lock_people
from crm.models.tasks import second_of
from crm.models.user_keys import user_key
from crm.prepared import QuickWrites

if TYPE_CHECKING:
    from crm.models import Contact, User


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

    def change(self, **fields: Any) -> None:
        """Take new values; the code stays while calls hold it."""
        with transaction.atomic():
            if fields.get("code", self.code) != self.code and self.calls.exists():
                raise ValidationError({"code": "Hay llamadas con este código: ya no se puede cambiar."})
            for name, value in fields.items():
                setattr(self, name, value)
            self.full_clean()
            self.save()

    def remove(self) -> None:
        """Delete a type that no call has; others can only be switched off (crm-client 4.4)."""
        with transaction.atomic():
            if self.calls.exists():
                raise Refusal(
                    "Hay llamadas de este tipo: no se puede eliminar. Desactívelo para que no se use más.",
                    code="tipo_en_uso",
                )
            self.delete()


class CallQuerySet(SubjectQuerySet):
    def visible_to(self, user: "User") -> Self:
        from crm.scope import subjects_of

        return self.filter(subjects_of(user))

    def on_calendar_of(self, user: "User") -> Self:
        """An agent's own; everybody's for lawyers and administrators (contract section 1)."""
        from crm.scope import is_limited

        visible = self.visible_to(user) if is_limited(user) else self
        return visible.filter(Q(responsible_user=user) | Q(created_by=user)) if user.is_agent_only else visible

    def search(self, typed: str) -> Self:
        """By who was called: name, document, e-mail, phone of the contact or lead."""
        from crm.models import Contact, Lead

        contacts, leads = Contact.objects.search(typed), Lead.objects.search(typed)
        # A union, because with an OR over both the calls themselves would be read one by one.
        of_contacts = Call.objects.filter(contact__in=contacts.values("pk")).values("pk")
        of_leads = Call.objects.filter(lead__in=leads.values("pk")).values("pk")
        return self.filter(pk__in=of_contacts.union(of_leads, all=True))

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def latest_first(self) -> Self:
        return self.order_by("-started_at", "-id")


class Call(QuickWrites, TracksChanges, HasSubject, BaseModel):
    """One phone call. A next date on it plans a follow-up task (calls/receivers.py)."""

    tracked_fields: ClassVar[tuple[str, ...]] = ("proxima_llamada_fecha", "started_at", "contact_id", "lead_id")
    # The person behind the subject while the call is being saved, their row locked.
    _person: "Contact | None" = None
    person_is_told = False

    direction = models.CharField("sentido", max_length=10, choices=Direction)
    phone = models.CharField("teléfono", max_length=40, null=True, blank=True)
    duration = models.PositiveIntegerField("duración (s)", default=0)
    call_status = models.CharField("resultado", max_length=12, choices=CallStatus)
    call_type = models.ForeignKey(
        CallType,
        on_delete=models.PROTECT,
        to_field="code",
        db_column="call_type",
        db_index=False,  # would be two: call_of_type is enough
        null=True,
        blank=True,
        related_name="calls",
        verbose_name="tipo",
    )
    call_result = models.CharField("detalle del resultado", max_length=255, null=True, blank=True)
    record_url = models.URLField("grabación", max_length=1000, null=True, blank=True)
    # No index: call_of_responsible begins with it.
    responsible_user = user_key("responsable", db_index=False, related_name="calls")
    coverage_user = user_key("cubre", db_index=False)
    resumen_llamada = models.TextField("resumen", null=True, blank=True)
    comments = models.TextField("notas", null=True, blank=True)
    started_at = models.DateTimeField("inicio")
    ended_at = models.DateTimeField("fin", null=True, blank=True)
    proxima_llamada_fecha = models.DateTimeField("próxima llamada", null=True, blank=True)
    proxima_accion_fecha = models.DateTimeField("próxima acción", null=True, blank=True)
    created_by = user_key("registrada por")

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
            models.Index(fields=["lead", "-created_at", "-id"], condition=Q(lead__isnull=False), name="call_of_lead"),
            models.Index(fields=["responsible_user", "-created_at", "-id"], name="call_of_responsible"),
            models.Index(fields=["call_status", "-created_at", "-id"], name="call_by_status"),
            models.Index(fields=["-started_at", "-id"], name="call_by_start"),
            models.Index(fields=["call_type"], condition=Q(call_type__isnull=False), name="call_of_type"),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()}, {localtime(self.started_at):%d/%m/%Y %H:%M}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """In one transaction with everything that follows from it (calls/receivers.py), whoever saves.

        The person's row is locked before the call's own, as everywhere (crm/models/subjects.py). A verb
        that has locked it already says so with `hold_person`.
        """
        self._tidy()
        with transaction.atomic(savepoint=False):
            try:
                self._person = self.lock_person()
                super().save(*args, **kwargs)
            finally:
                self._person, self.person_is_told = None, False

    def _tidy(self) -> None:
        # A shell assigns texts and naive times; what follows from a date compares it with others.
        for name in ("started_at", "ended_at", "proxima_llamada_fecha", "proxima_accion_fecha"):
            value = self.__dict__.get(name)
            if isinstance(value, str):
                value = models.DateTimeField().to_python(value)
            if value is not None and is_naive(value):
                value = make_aware(value)
            self.__dict__[name] = value

    def hold_person(self, person: "Contact", *, is_told: bool = False) -> None:
        """For the next save: `person`, whose row the caller has locked, is the one behind the subject.

        `is_told`: the row remembers this call already.
        """
        self._person, self.person_is_told = person, is_told

    def lock_person(self) -> "Contact | None":
        """The person behind the subject, their row locked: one query, and none within a save."""
        if self._person is not None or self.person_id is None:
            return self._person
        return lock_people([self.person_id]).get(self.person_id)

    def names_new_date(self, *, created: bool) -> bool:
        """Whether this save names a next date that the call did not have before, to the second."""
        after = self.proxima_llamada_fecha
        before = None if created else self.changes.get("proxima_llamada_fecha", (after, after))[0]
        return after is not None and (before is None or second_of(before) != second_of(after))

    def moves(self) -> bool:
        """Whether this save puts a stored call to another contact or lead."""
        return not self._state.adding and not self.changes.keys().isdisjoint({"contact_id", "lead_id"})

    def former_subject(self) -> dict[str, UUID | None]:
        """The columns of the subject that it had before this save."""
        return {name: self.changes.get(name, (getattr(self, name),))[0] for name in ("contact_id", "lead_id")}

    @property
    def key_of_follow_ups(self) -> str:
        """How the `planned_key` of every task begins that this call has planned."""
        return f"call:{self.pk}:"

    @property
    def follow_up_key(self) -> str:
        """What the follow-up of the present next date is planned by: this call and that second."""
        due = self.proxima_llamada_fecha
        return f"{self.key_of_follow_ups}{int(second_of(due).timestamp()) if due else ''}"

    def may_be_deleted_by(self, user: "User") -> bool:
        """Whoever sees a call may correct it; only its author, its responsible and administrators remove it."""
        return user.is_administrator or user.pk in (self.created_by_id, self.responsible_user_id)
