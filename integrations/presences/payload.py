"""What the sales application is told of an appointment that took place (contract section 6, presence-systems 4).

Every table of the wire format stands here once. Whatever the CRM holds, the message is one that the receiver takes:
nothing longer than its columns, no value outside its lists, no null where it breaks on one.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from crm.choices import DocumentType
from crm.models import Appointment, Lead
from crm.text import words
from integrations.choices import CaptureMedium, Modality, PresenceResult, PresenceStatus

# Longest texts that the receiver takes (presence-systems 4).
NAME, NUMBER, ADDRESS, DISTRICT, PROJECT, REMARKS = 255, 20, 255, 100, 255, 20_000

# The CRM's `medio` is free text; these are its spellings in source 5 and in the forms of presence-systems 1.4.
# Compared without accents, case, blanks and punctuation. What stands nowhere is OTHER.
SPELLINGS_OF_MEDIA: dict[CaptureMedium, tuple[str, ...]] = {
    CaptureMedium.FIELD: ("OPC", "Campo", "Campo OPC", "Campo (Centros Comerciales)"),
    # Nothing of the receiver's list says WhatsApp. Its sender has always counted it here, and the contract, which is
    # silent about it, leaves such cases to the systems' file: so do the figures of years go on.
    CaptureMedium.FACEBOOK: (
        "Facebook",
        "Redes Facebook",
        "Redes Sociales (Facebook)",
        "WhatsApp",
        "Redes Sociales (WhatsApp)",
    ),
    CaptureMedium.INSTAGRAM: ("Instagram", "Redes Instagram", "Redes Sociales (Instagram)"),
    CaptureMedium.TIKTOK: ("TikTok", "Redes TikTok", "Redes Sociales (TikTok)"),
    CaptureMedium.REFERRAL: ("Referido", "Referidos"),
    CaptureMedium.WEB: ("Web",),
    CaptureMedium.OTHER: ("Otro", "Otros"),
}

# A place with one of these in its name is none (presence-systems 4).
SIGNS_OF_A_VIRTUAL_PLACE = ("zoom", "virtual")

# What a number is when nobody has said so, as Peru writes them.
SHAPES_OF_DOCUMENTS: tuple[tuple[str, DocumentType], ...] = (
    (r"\d{8}", DocumentType.DNI),
    (r"(10|15|16|17|20)\d{9}", DocumentType.RUC),
)

# What counts as a correction once the presence was told; whatever else changes is not worth a message.
FACTS = ("fecha_hora_presencia", "proyecto_interes", "modalidad")
FACTS_OF_CLIENT = ("nombres_completos_razon_social", "tipo_documento", "numero_documento", "telefono_principal")
# The columns that they come from.
COLUMNS_OF_APPOINTMENT = frozenset({"estado", "fecha_hora", "lugar", "lead", "lead_id"})
COLUMNS_OF_LEAD = frozenset({"nombre", "celular", "tipo_documento", "numero_documento", "proyecto_interes"})


def payload_of(appointment: Appointment) -> dict[str, Any]:
    """The message about an appointment and its lead."""
    lead = appointment.lead
    return {
        "id_presencia_crm": appointment.id_presencia_crm,
        "cliente": _client(lead),
        "fecha_hora_presencia": appointment.fecha_hora.astimezone(UTC).isoformat(),
        "proyecto_interes": cut(lead.proyecto_interes, PROJECT),
        # The receiver looks for one of its own lots by this key. The CRM knows of none; CALLE or MODULO, which
        # another sender put here, is where the person was captured and stands among the remarks.
        "lote_interes_inicial": None,
        "asesor_captacion_opc": cut(lead.captador, NAME),
        "medio_captacion": medium_of(lead.medio).value,
        "modalidad": modality_of(appointment.lugar).value,
        "status_presencia": PresenceStatus.ATTENDED.value,
        "resultado_interaccion": PresenceResult.FOLLOW_UP.value,
        "observaciones": _remarks(appointment, lead),
    }


def digest_of(payload: Mapping[str, Any]) -> str:
    """The same for two messages between which nothing was corrected."""
    client = payload["cliente"]
    facts = [*(payload[name] for name in FACTS), *(client[name] for name in FACTS_OF_CLIENT)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def medium_of(medio: str | None) -> CaptureMedium:
    return MEDIA.get(_bare(medio), CaptureMedium.OTHER)


def modality_of(place: str | None) -> Modality:
    bare = _bare(place)
    return Modality.VIRTUAL if any(sign in bare for sign in SIGNS_OF_A_VIRTUAL_PLACE) else Modality.IN_PERSON


def cut(text: str | None, longest: int) -> str:
    """A text that fits, "" for none. What is left at its end by the cut is no blank: the receiver trims."""
    return (text or "").strip()[:longest].rstrip()


def _bare(text: str | None) -> str:
    return "".join(words(text or ""))


MEDIA = {_bare(spelling): medium for medium, spellings in SPELLINGS_OF_MEDIA.items() for spelling in spellings}


# --- Who came ---------------------------------------------------------------------------------


def _client(lead: Lead) -> dict[str, Any]:
    kind, number = document_of(lead)
    return {
        "nombres_completos_razon_social": cut(lead.nombre, NAME) or cut(lead.celular, NAME) or "Sin nombre",
        "tipo_documento": kind,
        "numero_documento": number,
        "telefono_principal": cut(lead.celular, NUMBER),
        "email_principal": _email(lead),
        "direccion": cut(lead.distrito, ADDRESS),
        "distrito": cut(lead.distrito, DISTRICT),
    }


def document_of(lead: Lead) -> tuple[str, str]:
    """Type and number: the lead's, else the phone. Who has neither that can be read gets a temporary one of their own:
    receivers that know people by it would make one person of all who have none (presence-systems 8.3 and 8.4)."""
    if number := cut(lead.numero_documento, NUMBER):
        return lead.tipo_documento or kind_of_document(number).value, number
    if has_readable_phone(lead):
        return DocumentType.OTHER.value, lead.celular.removeprefix("+")[:NUMBER]
    # The end of the id: its beginning is the time, which leads of one import share.
    return DocumentType.OTHER.value, f"TEMP-{lead.pk.hex[-15:]}"


def kind_of_document(number: str) -> DocumentType:
    return next((kind for shape, kind in SHAPES_OF_DOCUMENTS if re.fullmatch(shape, number)), DocumentType.OTHER)


def has_readable_phone(lead: Lead) -> bool:
    """`Lead.tidy` writes what it could read as E.164, and leaves the rest as it came."""
    return lead.celular.startswith("+")


def _email(lead: Lead) -> str | None:
    """One bad address would cost the whole presence: the receiver refuses it."""
    try:
        validate_email(lead.email)
    except ValidationError:
        return None
    return lead.email


# --- What else is known -----------------------------------------------------------------------


def _remarks(appointment: Appointment, lead: Lead) -> str:
    """In sentences; what is not known is not mentioned."""
    told = {
        "Lugar": appointment.lugar,
        "Medio": lead.medio,
        "Captado en": lead.ubicacion,
        "Calle o módulo": lead.get_calle_o_modulo_display(),
        "Supervisor": lead.supervisor,
        "Cita": appointment.observaciones,
        "Lead": lead.observacion,
        "Campo": lead.observacion_opc,
    }
    lines = {label: " ".join((text or "").split()).rstrip(".") for label, text in told.items()}
    sentences = [f"{label}: {line}." for label, line in lines.items() if line]
    if not lead.numero_documento:
        sentences.append("Documento por completar.")
    return cut(" ".join(["Presencia desde CRM.", *sentences]), REMARKS)
