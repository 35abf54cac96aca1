"""Leads as two families of clients read and write them: the presence systems' names and the CRM client's."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework import serializers

from crm.api.base import Answer, Body, IdField
from crm.api.serializers.contacts import NOT_A_PHONE, ContactDetailAnswer
from crm.api.serializers.fields import MeantField, check_responsible, long, short
from crm.choices import CapturePlace, DocumentType, LeadStatus, Project, Typification
from crm.models import Contact, Lead
from crm.models.contacts import LONGEST_PHONE
from crm.phones import parse_phone


class LeadContactAnswer(Answer):
    """The contact of a lead, as far as a list shows it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    mobile = serializers.CharField(allow_null=True)


class LeadAnswer(Answer):
    """Never with `price` or `pipeline_id`: with both the client's lead page breaks down (crm-client 7.1.2)."""

    id = serializers.UUIDField()
    contact_id = serializers.UUIDField()
    contact = LeadContactAnswer()
    nombre = serializers.CharField()
    name = serializers.CharField(source="nombre")
    celular = serializers.CharField(help_text="E.164; tal como vino si no se pudo leer.")
    phone = serializers.CharField(source="celular")
    email = serializers.CharField(allow_null=True)
    tipo_documento = serializers.CharField(allow_null=True)
    numero_documento = serializers.CharField(allow_null=True)
    distrito = serializers.CharField(allow_null=True)
    ubicacion = serializers.CharField(allow_null=True)
    medio = serializers.CharField(allow_null=True)
    source = serializers.CharField(source="medio", allow_null=True)  # type: ignore[assignment]
    proyecto_interes = serializers.CharField(allow_null=True)
    tipificacion = serializers.CharField(allow_null=True)
    observacion = serializers.CharField(allow_null=True)
    observacion_opc = serializers.CharField(allow_null=True)
    captador = serializers.CharField(allow_null=True)
    supervisor = serializers.CharField(allow_null=True)
    fecha_captacion = serializers.DateField(allow_null=True)
    es_lead_opc = serializers.BooleanField()
    es_directeo = serializers.BooleanField()
    calle_o_modulo = serializers.CharField(allow_null=True)
    status = serializers.CharField(help_text="new, contacted, proposal, negotiation, won o lost.")
    responsible_user_id = serializers.UUIDField(allow_null=True)
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    fecha_creacion = serializers.DateTimeField(source="created_at")
    ultima_actualizacion = serializers.DateTimeField(source="updated_at")


class ConvertedAnswer(Answer):
    success = serializers.BooleanField()
    message = serializers.CharField()
    contact_id = serializers.UUIDField()
    lead = LeadAnswer()
    contact = ContactDetailAnswer()


# --- Bodies -----------------------------------------------------------------------------------


class LeadBody(Body):
    """`nombre` and `celular` are required unless a `contact_id` says whose enquiry it is."""

    nombre = serializers.CharField(max_length=255, required=False)
    name = serializers.CharField(max_length=255, required=False, help_text="Otro nombre de `nombre`.")
    celular = serializers.CharField(max_length=LONGEST_PHONE, required=False)
    phone = serializers.CharField(max_length=LONGEST_PHONE, required=False, help_text="Otro nombre de `celular`.")
    contact_id = IdField(
        required=False, allow_null=True, help_text="Sin él, se busca por documento o celular, o se crea."
    )
    email = serializers.EmailField(max_length=254, required=False, allow_null=True)
    tipo_documento = MeantField(choices=DocumentType.choices, required=False, allow_null=True)
    numero_documento = short(20)
    distrito = short(100)
    ubicacion = short()
    medio = short(100, help_text="Texto libre: Campo (Centros Comerciales), Redes Sociales (Facebook), Referidos…")
    source = short(100, help_text="Otro nombre de `medio`.")  # type: ignore[assignment]
    proyecto_interes = MeantField(choices=Project.choices, required=False, allow_null=True)
    tipificacion = MeantField(choices=Typification.choices, required=False, allow_null=True)
    observacion = long()
    observacion_opc = long()
    captador = short(150)
    supervisor = short(150)
    fecha_captacion = serializers.DateField(required=False, allow_null=True)
    es_lead_opc = serializers.BooleanField(required=False)
    es_directeo = serializers.BooleanField(required=False)
    calle_o_modulo = MeantField(choices=CapturePlace.choices, required=False, allow_null=True)
    status = MeantField(choices=LeadStatus.choices, required=False, allow_null=True)
    responsible_user_id = IdField(required=False, allow_null=True)


_OTHER_NAMES = {"name": "nombre", "phone": "celular", "source": "medio"}
_REQUIRED = "Este campo es requerido."


def read_lead(data: Any, *, lead: Lead | None) -> dict[str, Any]:
    """What a body changes of `lead` (of a new one, if None), by column; `contact_id` stays as sent."""
    fields = LeadBody.read(data, partial=True)
    for other, name in _OTHER_NAMES.items():
        if other in fields:
            sent = fields.pop(other)
            fields.setdefault(name, sent)
    if fields.get("status", "") is None:
        del fields["status"]
    if lead is None and not fields.get("contact_id"):
        missing = [name for name in ("nombre", "celular") if not fields.get(name)]
        if missing:
            raise ValidationError(dict.fromkeys(missing, _REQUIRED))
    check_responsible(fields, now=lead.responsible_user_id if lead else None)
    return fields


def check_celular(fields: dict[str, Any], *, person: Contact | None, known: str = "") -> None:
    """A `celular` must be a phone, of the person's country where it is known; an unchanged one passes."""
    raw = fields.get("celular")
    if raw and raw != known and parse_phone(raw, person.phone_region if person else None) is None:
        raise ValidationError({"celular": NOT_A_PHONE})
