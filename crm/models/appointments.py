"""Appointments ("citas"): when and where a lead comes, and whether it came."""

from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from crm.acting import current_actor
from crm.changes import TracksChanges
from crm.choices import AppointmentState
from crm.constraints import is_one_of
from crm.models.audit import AuditEntry
from crm.models.edits import WritesDifferences
from crm.models.leads import Lead
from crm.models.user_keys import user_key

if TYPE_CHECKING:
    from crm.models.users import User

# Still to come: not attended, cancelled or missed.
OPEN_STATES = (AppointmentState.PENDING, AppointmentState.CONFIRMED, AppointmentState.RESCHEDULED)


class AppointmentNumber(models.Model):
    """Hands out the running `numero`: the database counts, so two at once never get the same one."""

    class Meta:
        verbose_name = "número de cita"
        verbose_name_plural = "números de cita"

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def take(cls) -> int:
        return cls.objects.create().pk


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def present(self) -> Self:
        """Appointments of people who are still there."""
        return self.filter(lead__contact__is_deleted=False)

    def visible_to(self, user: "User") -> Self:
        from crm.scope import appointments_of

        return self.filter(appointments_of(user))

    def open(self) -> Self:
        return self.filter(estado__in=OPEN_STATES)

    def newest_first(self) -> Self:
        return self.order_by("-fecha_hora", "-id")

    def take_place_for(self, lead: Lead) -> "Appointment | None":
        """The lead came: its newest open appointment takes place, or one is made that did (contract section 6).

        None when it has one that took place and none that is open: that was this visit. The caller has the lead's row
        locked; its appointments are locked too, by id, so one that is just being marked is waited for and counts.
        """
        with transaction.atomic():
            theirs = list(self.filter(lead=lead).order_by("pk").select_for_update(of=("self",), no_key=True))
            if open_ones := [one for one in theirs if one.estado in OPEN_STATES]:
                newest = max(open_ones, key=attrgetter("fecha_hora", "pk"))
                newest.edit({"estado": AppointmentState.ATTENDED})
                return newest
            if any(one.estado == AppointmentState.ATTENDED for one in theirs):
                return None
            return self.create(
                lead=lead,
                fecha_hora=timezone.now(),
                estado=AppointmentState.ATTENDED,
                responsible_user_id=lead.responsible_user_id,
                created_by=current_actor(),
            )


class Appointment(TracksChanges, WritesDifferences):
    tracked_fields: ClassVar[tuple[str, ...]] = ("estado", "fecha_hora", "lugar", "lead_id")

    numero = models.PositiveBigIntegerField("número", unique=True, editable=False)
    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="appointments", verbose_name="lead")
    fecha_hora = models.DateTimeField("fecha y hora")
    lugar = models.CharField("lugar", max_length=255, null=True, blank=True)
    estado = models.CharField("estado", max_length=15, choices=AppointmentState, default=AppointmentState.PENDING)
    observaciones = models.TextField("observaciones", null=True, blank=True)
    has_ever_been_confirmed = models.BooleanField("fue confirmada", default=False, editable=False)
    attended_at = models.DateTimeField("asistió", null=True, blank=True, editable=False)
    responsible_user = user_key("responsable", related_name="appointments")
    created_by = user_key("creado por", db_index=False)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        verbose_name = "cita"
        constraints = [is_one_of("estado", AppointmentState, "appointment_state_is_known")]
        indexes = [
            models.Index(fields=["-fecha_hora", "-id"], name="appointment_newest"),
            models.Index(fields=["estado", "-fecha_hora", "-id"], name="appointment_by_state"),
            models.Index(fields=["responsible_user", "-fecha_hora"], name="appointment_of_responsible"),
        ]

    def __str__(self) -> str:
        return f"{self.id_presencia_crm} · {self.lead}"

    @property
    def id_presencia_crm(self) -> str:
        """How the sales application knows this appointment."""
        return f"CRM-{self.numero}"

    @property
    def contact_id(self) -> UUID:
        return self.lead.contact_id

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.tidy()
        if (update_fields := kwargs.get("update_fields")) is not None:
            kwargs["update_fields"] = {*update_fields, "attended_at", "has_ever_been_confirmed", "updated_at"}
        with transaction.atomic():
            if self.numero is None:
                self.numero = AppointmentNumber.take()
            super().save(*args, **kwargs)

    def tidy(self) -> None:
        """When it took place, and that it was confirmed once, follow from the state."""
        if self.estado == AppointmentState.CONFIRMED:
            self.has_ever_been_confirmed = True
        if self.estado == AppointmentState.ATTENDED:
            self.attended_at = self.attended_at or timezone.now()
        else:
            self.attended_at = None

    def mark_attended(self) -> None:
        """The person came: `Realizada`, once."""
        with transaction.atomic():
            current = Appointment.objects.select_for_update(of=("self",), no_key=True).get(pk=self.pk)
            if current.estado != AppointmentState.ATTENDED:
                current.estado = AppointmentState.ATTENDED
                current.save(update_fields=["estado", "updated_at"])
        self.refresh_from_db()

    def remove(self) -> None:
        with transaction.atomic():
            AuditEntry.write(
                "appointment.delete", "appointments", self.pk, numero=self.numero, lead_id=str(self.lead_id)
            )
            self.delete()
