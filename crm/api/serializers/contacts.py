"""Contacts as the clients read and write them (crm-client 3.1, contract section 2)."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from rest_framework import serializers

from crm.api.base import Answer, Body, IdField
from crm.api.serializers.fields import MeantField, check_responsible, long, short, switch
from crm.choices import DocumentType, Grading, LandingProduct, PhoneLabel
from crm.models import Contact, ContactMerge
from crm.models.contacts import LONGEST_PHONE
from crm.phones import Phone, iter_phones, region_of_country
from crm.text import tidy_document

NOT_A_PHONE = "El teléfono no es válido."
EMAIL_TAKEN = "Ya existe un contacto con este correo."
DOCUMENT_TAKEN = "Ya existe un contacto con este documento."


class ContactAnswer(Answer):
    """Never with `price` or `pipeline_id`: by these the client would take a contact for a lead (trap 7.1.2)."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    first_name = serializers.CharField(allow_null=True)
    last_name = serializers.CharField(allow_null=True)
    document_type = serializers.CharField(allow_null=True)
    document_number = serializers.CharField(allow_null=True)
    email = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True, help_text="E.164; tal como vino si no se pudo leer.")
    mobile = serializers.CharField(allow_null=True, help_text="E.164; tal como vino si no se pudo leer.")
    address = serializers.CharField(allow_null=True)
    district = serializers.CharField(allow_null=True)
    city = serializers.CharField(allow_null=True)
    state = serializers.CharField(allow_null=True)
    postal_code = serializers.CharField(allow_null=True)
    country = serializers.CharField(allow_null=True)
    company = serializers.CharField(allow_null=True)
    company_id = serializers.CharField(allow_null=True)
    position = serializers.CharField(allow_null=True)
    responsible_user_id = serializers.UUIDField(allow_null=True)
    notes = serializers.CharField(source="notes_text", allow_null=True)
    custom_fields = serializers.DictField()
    grading_llamada = serializers.CharField(allow_null=True)
    grading_situacion = serializers.CharField(allow_null=True)
    nacionalidad = serializers.CharField(allow_null=True)
    tiempo_espana = serializers.CharField(allow_null=True)
    empadronado = serializers.BooleanField(allow_null=True)
    lugar_residencia = serializers.CharField(allow_null=True)
    tiene_ingresos = serializers.BooleanField(allow_null=True)
    trabaja_b = serializers.BooleanField(allow_null=True)
    edad = serializers.IntegerField(allow_null=True)
    tiene_familiares_espana = serializers.BooleanField(allow_null=True)
    landing_product = serializers.CharField(allow_null=True)
    initial_contact_completed = serializers.BooleanField()
    closest_task_at = serializers.DateTimeField(allow_null=True, help_text="Cuándo vence su próxima tarea abierta.")
    ultima_llamada_fecha = serializers.DateTimeField(allow_null=True)
    proxima_llamada_fecha = serializers.DateTimeField(allow_null=True)
    opted_out_of_calls = serializers.BooleanField(help_text="Pidió que no se le llame.")
    opted_out_of_calls_at = serializers.DateTimeField(allow_null=True)
    opted_out_of_messages = serializers.BooleanField(help_text="Pidió que no se le escriba.")
    opted_out_of_messages_at = serializers.DateTimeField(allow_null=True)
    consented_to_calls = serializers.BooleanField(help_text="Dio su consentimiento a llamadas automáticas.")
    consented_to_calls_at = serializers.DateTimeField(allow_null=True)
    is_deleted = serializers.BooleanField()
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    updated_by = serializers.UUIDField(source="updated_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class PhoneAnswer(Answer):
    number = serializers.CharField(help_text="E.164.")
    label = serializers.CharField(  # type: ignore[assignment]
        help_text="`mobile` y `phone` son los de esos campos; los demás son adicionales."
    )
    is_valid = serializers.BooleanField(  # type: ignore[assignment]
        help_text="Si el número está en uso según los planes de numeración."
    )


class ContactDetailAnswer(ContactAnswer):
    phones = PhoneAnswer(many=True, source="phones_in_order")


class DuplicateAnswer(Answer):
    """Enough to recognise somebody by."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    mobile = serializers.CharField(allow_null=True)
    document_number = serializers.CharField(allow_null=True)
    responsible_user_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()


class NewContactAnswer(ContactDetailAnswer):
    possible_duplicates = DuplicateAnswer(many=True, help_text="Quienes comparten un teléfono con el contacto nuevo.")


class TotalAnswer(Answer):
    total = serializers.IntegerField()


class InitialContactAnswer(Answer):
    success = serializers.BooleanField()
    message = serializers.CharField()
    missing_fields = serializers.ListField(child=serializers.CharField())
    recommended_missing = serializers.ListField(child=serializers.CharField())


# --- Bodies -----------------------------------------------------------------------------------


class FurtherPhonesField(serializers.ListField):
    """Numbers beside the two fields: texts, or objects with `number` and `label`."""

    child = serializers.JSONField()

    def to_internal_value(self, data: Any) -> list[tuple[str, str]]:
        return [self._one(item) for item in super().to_internal_value(data)]

    def _one(self, item: Any) -> tuple[str, str]:
        number, label = (item.get("number"), item.get("label")) if isinstance(item, dict) else (item, None)
        if not isinstance(number, str | int) or label not in (None, *PhoneLabel.values):
            raise serializers.ValidationError(NOT_A_PHONE)
        return str(number), str(label or PhoneLabel.OTHER)


class ContactBody(Body):
    """All optional but the name; what is not sent stays as it is."""

    name = serializers.CharField(max_length=255)
    first_name = short(150)
    last_name = short(150)
    document_type = MeantField(choices=DocumentType.choices, required=False, allow_null=True)
    document_number = short(20, help_text="Se guarda sin espacios, puntos ni guiones.")
    email = serializers.EmailField(max_length=254, required=False, allow_null=True)
    phone = short(LONGEST_PHONE, help_text="Como la gente lo escribe; se responde en E.164.")
    mobile = short(LONGEST_PHONE)
    phones = FurtherPhonesField(
        required=False, max_length=20, help_text="Números adicionales; los que no se envían se quitan."
    )
    address = short()
    district = short(100)
    city = short(100)
    state = short(100)
    postal_code = short(20)
    country = short(100)
    company = short()
    company_id = short(64)
    position = short(150)
    responsible_user_id = IdField(required=False, allow_null=True)
    notes = long(source="notes_text")
    custom_fields = serializers.DictField(
        required=False, allow_null=True, help_text="Se suman a los que hay; una clave con null se quita."
    )
    grading_llamada = serializers.ChoiceField(choices=Grading.choices, required=False, allow_null=True)
    grading_situacion = serializers.ChoiceField(choices=Grading.choices, required=False, allow_null=True)
    nacionalidad = short(100)
    tiempo_espana = short(100)
    empadronado = switch()
    lugar_residencia = short(150)
    tiene_ingresos = switch()
    trabaja_b = switch()
    edad = serializers.IntegerField(required=False, allow_null=True, min_value=0, max_value=130)
    tiene_familiares_espana = switch()
    landing_product = serializers.ChoiceField(choices=LandingProduct.choices, required=False, allow_null=True)
    initial_contact_completed = switch()
    opted_out_of_calls = switch()
    opted_out_of_messages = switch()
    consented_to_calls = switch()


class MergeBody(Body):
    contact_id = IdField(help_text="El contacto que se fusiona en este y desaparece.")
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Solo muestra qué pasaría.")


class UndoMergeBody(Body):
    merge_id = IdField(required=False, allow_null=True, help_text="Sin él, la última fusión del contacto.")


def read_contact(data: Any, *, contact: Contact | None) -> tuple[dict[str, Any], dict[Phone, str] | None]:
    """What a body changes of `contact` (of a new one, if None), and the further phones it names.

    What it repeats as it already is passes unchecked: forms send whole objects, and a colleague who has left or a
    phone that an import could not read must not stop a new address.
    """
    fields = ContactBody.read(data, partial=contact is not None)
    further = fields.pop("phones", None)
    # Explicit nulls come for every switch of the form; these are yes or no.
    for name in ("initial_contact_completed", "opted_out_of_calls", "opted_out_of_messages", "consented_to_calls"):
        if fields.get(name, False) is None:
            del fields[name]
    region = region_of_country(fields.get("country", contact.country if contact else None), settings.PHONE_REGION)
    for name in ("phone", "mobile"):
        _check_phone(name, fields, contact, region)
    _check_identity(fields, contact)
    check_responsible(fields, now=contact.responsible_user_id if contact else None)
    return fields, None if further is None else _read_further(further, region)


def _check_phone(name: str, fields: dict[str, Any], contact: Contact | None, region: str) -> None:
    raw = fields.get(name)
    if raw and raw != getattr(contact, name, None) and next(iter_phones(raw, region), None) is None:
        raise ValidationError({name: NOT_A_PHONE})


def _check_identity(fields: dict[str, Any], contact: Contact | None) -> None:
    """E-mail and document name one contact. Races are left to the database."""
    others = Contact.objects.exclude(pk=contact.pk) if contact else Contact.objects.all()
    email, document = fields.get("email"), tidy_document(fields.get("document_number"))
    if email and (contact is None or email.lower() != contact.email) and others.with_email(email).exists():
        raise ValidationError({"email": EMAIL_TAKEN})
    is_new = document and (contact is None or document != contact.document_number)
    if is_new and others.present().filter(document_number=document).exists():
        raise ValidationError({"document_number": DOCUMENT_TAKEN})


def _read_further(given: list[tuple[str, str]], region: str) -> dict[Phone, str]:
    found: dict[Phone, str] = {}
    for raw, label in given:
        numbers = list(iter_phones(raw, region))
        if not numbers:
            raise ValidationError({"phones": f"{NOT_A_PHONE} ({raw})"})
        beside = label if label == PhoneLabel.LANDLINE else PhoneLabel.OTHER
        found |= dict.fromkeys(numbers, beside)
    return found


# --- Merges -----------------------------------------------------------------------------------


class MergeAnswer(Answer):
    id = serializers.UUIDField()
    absorbed_id = serializers.UUIDField()
    absorbed_name = serializers.CharField(source="absorbed.name")
    filled = serializers.SerializerMethodField(help_text="Datos que ganó el contacto principal.")
    moved = serializers.DictField(source="moved_counts", help_text="Cuántos registros de cada tabla se movieron.")
    stayed = serializers.DictField(source="stayed_counts", help_text="Los que una regla dejó donde estaban.")
    phones = serializers.SerializerMethodField(help_text="Cuántos teléfonos ganó.")
    created_by = serializers.UUIDField(source="created_by_id", allow_null=True)
    created_at = serializers.DateTimeField()
    undone_at = serializers.DateTimeField(allow_null=True)
    undone_by = serializers.UUIDField(source="undone_by_id", allow_null=True)

    def get_filled(self, merge: ContactMerge) -> list[str]:
        return sorted(merge.filled)

    def get_phones(self, merge: ContactMerge) -> int:
        return len(merge.phones)


class MergedAnswer(Answer):
    dry_run = serializers.BooleanField()
    merge = MergeAnswer()
    contact = ContactDetailAnswer()


class UndoneMergeAnswer(Answer):
    merge_id = serializers.UUIDField()
    returned = serializers.DictField(help_text="Cuántos registros de cada tabla volvieron.")
    not_returned = serializers.DictField(help_text="Los que alguien movió o borró desde entonces.")
    edited_since = serializers.ListField(child=serializers.CharField(), help_text="Datos editados: se dejan.")
    contact = ContactDetailAnswer()
    restored_contact = ContactDetailAnswer()
