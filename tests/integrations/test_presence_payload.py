"""What a presence says: the wire format of presence-systems 4, with every spelling of contract section 6."""

from typing import Any

import pytest

from crm.choices import AppointmentState, CapturePlace, DocumentType, Project, Typification
from crm.models import Lead
from integrations.choices import CaptureMedium, Modality
from integrations.presences.payload import MEDIA, document_of, medium_of, modality_of, payload_of
from tests.factories import AppointmentFactory, LeadFactory

# What the receiver demands (presence-systems 4 and 6.4).
KINDS = {"DNI", "RUC", "CE", "Pasaporte", "Otro"}
KEYS = {
    "id_presencia_crm",
    "cliente",
    "fecha_hora_presencia",
    "proyecto_interes",
    "lote_interes_inicial",
    "asesor_captacion_opc",
    "medio_captacion",
    "modalidad",
    "status_presencia",
    "resultado_interaccion",
    "observaciones",
}


@pytest.mark.parametrize(
    ("medio", "expected"),
    [
        ("OPC", "campo_opc"),
        ("opc", "campo_opc"),
        ("Campo (Centros Comerciales)", "campo_opc"),
        ("Facebook", "redes_facebook"),
        ("Redes Sociales (Facebook)", "redes_facebook"),
        ("Instagram", "redes_instagram"),
        ("Redes Sociales (Instagram)", "redes_instagram"),
        ("TikTok", "redes_tiktok"),
        ("TIKTOK", "redes_tiktok"),
        ("Redes Sociales (WhatsApp)", "redes_facebook"),
        ("Referido", "referido"),
        ("Referidos", "referido"),
        ("Web", "web"),
        ("Otros", "otro"),
        ("Paneles en la carretera", "otro"),
        ("", "otro"),
        (None, "otro"),
    ],
)
def test_every_way_of_capture_has_its_word(medio: str | None, expected: str) -> None:
    assert medium_of(medio) == expected


def test_every_word_of_the_receiver_can_be_produced() -> None:
    assert set(MEDIA.values()) == set(CaptureMedium)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("Sala Lince", Modality.IN_PERSON),
        ("Reunión por ZOOM", Modality.VIRTUAL),
        ("zoom.us/j/1", Modality.VIRTUAL),
        ("Visita Virtual", Modality.VIRTUAL),
        ("", Modality.IN_PERSON),
        (None, Modality.IN_PERSON),
    ],
)
def test_a_place_that_is_no_place_is_virtual(place: str | None, expected: str) -> None:
    assert modality_of(place) == expected


@pytest.mark.parametrize(
    ("kind", "number", "expected"),
    [
        (DocumentType.CE, "001234567", ("CE", "001234567")),
        (None, "45678912", ("DNI", "45678912")),
        (None, "20123456789", ("RUC", "20123456789")),
        (None, "X1234567L", ("Otro", "X1234567L")),
        (None, None, ("Otro", "51900000123")),
    ],
)
def test_the_document_is_the_leads_or_else_the_phone(
    kind: str | None, number: str | None, expected: tuple[str, str]
) -> None:
    lead = Lead(nombre="Rosa", celular="+51900000123", tipo_documento=kind, numero_documento=number)
    assert document_of(lead) == expected


@pytest.mark.django_db
@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"nombre": "Ñ" * 255, "distrito": "d" * 100, "celular": "123"},
        {"medio": "TikTok", "captador": "Equipo Norte", "calle_o_modulo": CapturePlace.BOOTH},
        {"proyecto_interes": Project.OASIS_2, "tipificacion": Typification.FOLLOW_UP, "observacion": "Con\nsaltos"},
        {"numero_documento": "45678912", "email": "a@puente.test"},
        {"celular": ""},
    ],
)
def test_it_has_everything_that_the_receiver_demands(facts: dict[str, Any]) -> None:
    appointment = AppointmentFactory(lead=LeadFactory(**facts), lugar="Sala Lince", estado=AppointmentState.PENDING)
    payload = payload_of(appointment)
    client = payload["cliente"]
    assert payload.keys() == KEYS
    assert payload["id_presencia_crm"] == f"CRM-{appointment.numero}"
    assert 0 < len(client["nombres_completos_razon_social"]) <= 255
    assert client["tipo_documento"] in KINDS
    assert len(client["numero_documento"]) <= 20
    assert len(client["telefono_principal"]) <= 20
    assert len(client["direccion"]) <= 255
    assert len(client["distrito"]) <= 100
    assert payload["proyecto_interes"] is not None
    assert payload["medio_captacion"] in CaptureMedium.values
    assert payload["modalidad"] in Modality.values
    assert payload["status_presencia"] == "realizada"
    assert payload["resultado_interaccion"] == "interesado_seguimiento"
    assert payload["fecha_hora_presencia"].endswith("+00:00")
    assert "None" not in payload["observaciones"]
    assert "\n" not in payload["observaciones"]
