"""Whatever a lead holds, the receiver takes what is told of it (presence-systems 4 and 6): asked of a real one."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.choices import AppointmentState, CapturePlace, DocumentType, Project
from crm.models import Appointment, Contact, Lead
from integrations.models import Presencia
from integrations.presences.payload import SPELLINGS_OF_MEDIA, digest_of, payload_of
from tests.factories import NOON, AppointmentFactory, LeadFactory
from tests.integrations.sender import TOKEN, post, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _token(settings: Any) -> None:
    settings.CRM_WEBHOOK_TOKEN = TOKEN


def text(longest: int) -> st.SearchStrategy[str]:
    """As the database stores it: no null character, no half of a pair."""
    return st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=longest)


def perhaps(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


MEDIA = [spelling for spellings in SPELLINGS_OF_MEDIA.values() for spelling in spellings]
LEADS = st.builds(
    Lead,
    contact=st.builds(Contact),
    nombre=text(255).filter(bool),
    celular=st.sampled_from(["", "987654321", "+51987654321", "12", "no tiene"]) | text(40),
    email=perhaps(st.emails() | text(254)),
    tipo_documento=perhaps(st.sampled_from(DocumentType.values)),
    numero_documento=perhaps(st.sampled_from(["45678912", "20123456789"]) | text(20)),
    distrito=perhaps(text(100)),
    ubicacion=perhaps(text(255)),
    medio=perhaps(st.sampled_from(MEDIA) | text(100)),
    proyecto_interes=perhaps(st.sampled_from(Project.values)),
    observacion=perhaps(text(500)),
    observacion_opc=perhaps(text(500)),
    captador=perhaps(text(150)),
    supervisor=perhaps(text(150)),
    calle_o_modulo=perhaps(st.sampled_from(CapturePlace.values)),
)
APPOINTMENTS = st.builds(
    Appointment,
    lead=LEADS,
    numero=st.integers(1, 10**12),
    fecha_hora=st.datetimes(datetime(1901, 1, 1), datetime(2198, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    lugar=perhaps(st.sampled_from(["Sala Lince", "Reunión por ZOOM"]) | text(255)),
    observaciones=perhaps(text(500)),
)


@given(appointment=APPOINTMENTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_a_lead_is_accepted(appointment: Appointment) -> None:
    appointment.lead.tidy()
    payload = payload_of(appointment)
    response = post(payload)
    assert response.status_code == 200, (response.content, payload)
    presence = Presencia.objects.get(id_presencia_crm=appointment.id_presencia_crm)
    assert presence.fecha_hora_presencia == appointment.fecha_hora
    assert presence.proyecto_interes == (appointment.lead.proyecto_interes or "")


def test_who_has_neither_document_nor_phone_is_nobody_else() -> None:
    """Receivers look people up by the document: an equal stand-in would make one person of two."""
    for celular in ("", "12", "no tiene"):
        people = [LeadFactory(nombre=name, celular=celular) for name in ("Rosa", "Luz")]
        told_of = [payload_of(AppointmentFactory(lead=lead)) for lead in people]
        numbers = {payload["cliente"]["numero_documento"] for payload in told_of}
        assert len(numbers) == 2
        assert all(number.startswith("TEMP-") and len(number) <= 20 for number in numbers)
        presences = [told(payload)["id_presencia"] for payload in told_of]
        clients = {Presencia.objects.get(pk=Presencia.number_of(code)).cliente_id for code in presences}
        assert len(clients) == 2


def test_a_correction_reaches_the_same_presence() -> None:
    appointment = AppointmentFactory(lead__proyecto_interes=Project.OASIS_1)
    first = told(payload_of(appointment))
    appointment.lead.proyecto_interes, appointment.lugar = Project.OASIS_2, "Reunión por Zoom"
    assert told(payload_of(appointment))["id_presencia"] == first["id_presencia"]
    presence = Presencia.objects.get()
    assert (presence.proyecto_interes, presence.modalidad) == (Project.OASIS_2, "virtual")


@pytest.mark.parametrize("lugar", ["Sala Lince", "Sala Los Olivos", "Evento Rikoton", "Proyecto", None])
def test_another_room_is_no_correction(lugar: str | None) -> None:
    appointment = AppointmentFactory(lugar="Sala Beguis")
    before = digest_of(payload_of(appointment))
    appointment.lugar = lugar
    assert digest_of(payload_of(appointment)) == before


def test_what_the_sender_of_the_systems_file_lost_is_said_in_words() -> None:
    lead = LeadFactory(captador="Juan Campos", supervisor="Ana Ruiz", calle_o_modulo=CapturePlace.BOOTH)
    appointment = AppointmentFactory(
        lead=lead, lugar="Sala Lince", observaciones="Viene con\nsu hermana.", estado=AppointmentState.ATTENDED
    )
    payload = payload_of(appointment)
    assert payload["observaciones"] == (
        "Presencia desde CRM. Lugar: Sala Lince. Calle o módulo: Módulo. Supervisor: Ana Ruiz. "
        "Cita: Viene con su hermana. Documento por completar."
    )
    assert payload["asesor_captacion_opc"] == "Juan Campos"
    assert payload["lote_interes_inicial"] is None, "a booth is no lot"
    assert payload["fecha_hora_presencia"] == NOON.isoformat()
