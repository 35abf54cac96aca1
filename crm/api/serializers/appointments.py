"""Appointments ("citas") as clients read and write them (contract section 2, presence-systems 1.2)."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers

from crm.api.base import Answer, Body, HomeDateTimeField, IdField
from crm.api.serializers.fields import MeantField, check_responsible, long, short
from crm.choices import AppointmentState
from crm.models import Appointment, User

NO_SUBJECT = "Indique el lead (lead_id) o el contacto (contact_id) de la cita."


class OfLeadAnswer(Answer):
    """The lead of an appointment, as far as a list shows it."""

    id = serializers.UUIDField()
    nombre = serializers.CharField()
    celular = serializers.CharField()
    tipificacion = serializers.CharField(allow_null=True)
    proyecto_interes = serializers.CharField(allow_null=True)


class AppointmentAnswer(Answer):
    id = serializers.UUIDField()
    numero = serializers.IntegerField(help_text="Correlativo, sin repetición.")
    id_presencia_crm = serializers.CharField(help_text="`CRM-<numero>`: como la conoce la aplicación comercial.")
    lead_id = serializers.UUIDField()
    lead = OfLeadAnswer()
    contact_id = serializers.UUIDField()
    fecha_hora = serializers.DateTimeField()
    lugar = serializers.CharField(allow_null=True)
    estado = serializers.CharField(help_text="Pendiente, Confirmada, Realizada, Cancelada, Reprogramada o No asistió.")
    observaciones = serializers.CharField(allow_null=True)
    has_ever_been_confirmed = serializers.BooleanField()
    attended_at = serializers.DateTimeField(allow_null=True)
    responsible_user_id = serializers.UUIDField(allow_null=True)
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class AppointmentBody(Body):
    lead_id = IdField(required=False, allow_null=True)
    contact_id = IdField(
        required=False, allow_null=True, help_text="En vez de `lead_id`: su lead más reciente, o uno nuevo."
    )
    fecha_hora = HomeDateTimeField(help_text="Sin zona horaria, en la de la instalación.")
    lugar = short()
    estado = MeantField(choices=AppointmentState.choices, required=False, allow_null=True)
    observaciones = long()
    responsible_user_id = IdField(required=False, allow_null=True, help_text="Sin él, quien hace la petición.")


def read_appointment(data: Any, *, appointment: Appointment | None, by: User) -> dict[str, Any]:
    """What a body changes of `appointment` (of a new one, if None); `lead_id` and `contact_id` stay as sent."""
    fields = AppointmentBody.read(data, partial=appointment is not None)
    if fields.get("estado", "") is None:
        del fields["estado"]
    if appointment is None and not (fields.get("lead_id") or fields.get("contact_id")):
        raise ValidationError({"lead_id": NO_SUBJECT})
    check_responsible(fields, now=appointment.responsible_user_id if appointment else None)
    if appointment is None and not fields.get("responsible_user_id"):
        fields["responsible_user_id"] = by.pk if by.may_be_responsible else None
    return fields
