"""When a presence is reported: the table of contract section 6, free of the faults of presence-systems 3."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from crm.choices import AppointmentState, Project, Typification
from crm.models import Appointment, Lead, User
from integrations.models import WebhookDelivery
from tests.factories import NOON, AppointmentFactory, LeadFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
ATTENDED = AppointmentState.ATTENDED


def reported() -> list[tuple[str, str]]:
    """Subject and event of what waits to be sent, in order."""
    return list(WebhookDelivery.objects.order_by("created_at", "sequence").values_list("subject", "event"))


def set_state(appointment: Appointment, state: str) -> None:
    appointment.estado = state
    appointment.save()


# --- An appointment ---------------------------------------------------------------------------


def test_becoming_realizada_is_reported_once() -> None:
    appointment = AppointmentFactory()
    assert reported() == []
    set_state(appointment, ATTENDED)
    assert reported() == [(appointment.id_presencia_crm, "presence.attended")]


def test_created_as_realizada_is_reported() -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    assert reported() == [(appointment.id_presencia_crm, "presence.attended")]


@pytest.mark.parametrize("method", ["put", "patch"])
def test_the_api_reports_once(method: str, as_user: Callable[[User], APIClient], alice: User) -> None:
    appointment = AppointmentFactory()
    url = f"/api/crm/appointments/{appointment.pk}"
    answer = getattr(as_user(alice), method)(url, {"estado": "Realizada"})
    assert answer.status_code == 200, answer.content
    assert reported() == [(appointment.id_presencia_crm, "presence.attended")]


def test_the_api_reports_what_is_created_realizada(as_user: Callable[[User], APIClient], alice: User) -> None:
    lead = LeadFactory()
    body = {"lead_id": str(lead.pk), "fecha_hora": NOON.isoformat(), "estado": "Realizada"}
    answer = as_user(alice).post("/api/crm/appointments", body)
    assert answer.status_code == 201, answer.content
    assert [event for _, event in reported()] == ["presence.attended"]


def test_the_verb_reports_once_however_often_it_is_called() -> None:
    appointment = AppointmentFactory()
    for _ in range(3):
        appointment.mark_attended()
    assert len(reported()) == 1


def test_an_unrelated_edit_reports_nothing() -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    appointment.observaciones = "Llegó tarde"
    appointment.save()
    appointment.save(update_fields=["observaciones"])
    assert len(reported()) == 1


def test_leaving_reports_nothing_and_coming_back_reports_again() -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    set_state(appointment, AppointmentState.CANCELLED)
    assert len(reported()) == 1
    set_state(appointment, ATTENDED)
    assert reported() == [(appointment.id_presencia_crm, "presence.attended")] * 2


@pytest.mark.parametrize("state", [s for s in AppointmentState.values if s != "Realizada"])
def test_no_other_state_is_reported(state: str) -> None:
    appointment = AppointmentFactory()
    set_state(appointment, state)
    AppointmentFactory(estado=state)
    assert reported() == []


def test_a_corrected_date_goes_out_as_an_update_of_the_same_presence() -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    appointment.fecha_hora += timedelta(hours=3)
    appointment.save()
    assert reported() == [
        (appointment.id_presencia_crm, "presence.attended"),
        (appointment.id_presencia_crm, "presence.corrected"),
    ]
    first, second = WebhookDelivery.objects.order_by("sequence")
    assert first.payload["id_presencia_crm"] == second.payload["id_presencia_crm"]
    assert second.payload["fecha_hora_presencia"] == appointment.fecha_hora.isoformat()
    assert first.payload["fecha_hora_presencia"] != second.payload["fecha_hora_presencia"], "a snapshot"


def test_what_is_rolled_back_reports_nothing() -> None:
    with transaction.atomic():
        AppointmentFactory(estado=ATTENDED)
        assert len(reported()) == 1, "it is in the transaction of its cause"
        transaction.set_rollback(True)
    assert reported() == []


def test_a_stale_copy_that_saves_another_field_reports_nothing() -> None:
    appointment = AppointmentFactory()
    stale = Appointment.objects.get(pk=appointment.pk)
    stale.estado = ATTENDED
    stale.observaciones = "Vino"
    stale.save(update_fields=["observaciones"])
    assert reported() == []


def test_an_appointment_that_did_not_take_place_costs_no_query_more() -> None:
    appointment = AppointmentFactory()
    appointment.observaciones = "Trae a su hermana"
    with CaptureQueriesContext(
        connection,
    ) as queries:
        appointment.save()
    assert not [query for query in queries if "integrations_" in query["sql"]]


# --- A lead -----------------------------------------------------------------------------------


def typify(lead: Lead, value: str = Typification.ATTENDED) -> None:
    lead.tipificacion = value
    lead.save()


def test_ya_asistio_makes_the_newest_open_appointment_take_place() -> None:
    lead = LeadFactory()
    older = AppointmentFactory(lead=lead, fecha_hora=NOON)
    newest = AppointmentFactory(lead=lead, fecha_hora=NOON + timedelta(days=1))
    AppointmentFactory(lead=lead, fecha_hora=NOON + timedelta(days=2), estado=AppointmentState.CANCELLED)
    typify(lead)
    newest.refresh_from_db()
    older.refresh_from_db()
    assert (newest.estado, older.estado) == (ATTENDED, AppointmentState.PENDING)
    assert reported() == [(newest.id_presencia_crm, "presence.attended")]


def test_ya_asistio_without_appointment_makes_one() -> None:
    lead = LeadFactory()
    typify(lead)
    made = Appointment.objects.get(lead=lead)
    assert made.estado == ATTENDED
    assert reported() == [(made.id_presencia_crm, "presence.attended")]


def test_a_lead_created_with_ya_asistio_is_reported() -> None:
    lead = LeadFactory(tipificacion=Typification.ATTENDED)
    assert reported() == [(Appointment.objects.get(lead=lead).id_presencia_crm, "presence.attended")]


def test_the_accent_is_understood_by_the_api(as_user: Callable[[User], APIClient], alice: User) -> None:
    lead = LeadFactory()
    answer = as_user(alice).patch(f"/api/crm/leads/{lead.pk}", {"tipificacion": "YA ASISTIÓ"})
    assert answer.status_code == 200, answer.content
    assert len(reported()) == 1


def test_the_same_lead_saved_again_reports_nothing() -> None:
    lead = LeadFactory(tipificacion=Typification.ATTENDED)
    lead.observacion = "Volverá"
    lead.save()
    Lead.objects.get(pk=lead.pk).save()
    assert len(reported()) == 1


def test_typified_again_after_the_visit_is_the_same_visit() -> None:
    lead = LeadFactory(tipificacion=Typification.ATTENDED)
    typify(lead, Typification.FOLLOW_UP)
    typify(lead)
    assert Appointment.objects.filter(lead=lead).count() == 1
    assert len(reported()) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nombre", "Rosa Quispe de Flores"),
        ("proyecto_interes", Project.OASIS_3),
        ("numero_documento", "45678912"),
        ("celular", "+51900000777"),
    ],
)
def test_a_corrected_fact_of_the_lead_goes_out_as_an_update(field: str, value: str) -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    lead = Lead.objects.get(pk=appointment.lead_id)
    setattr(lead, field, value)
    lead.save()
    lead.save()
    assert [event for _, event in reported()] == ["presence.attended", "presence.corrected"]


@pytest.mark.parametrize("field", ["observacion", "captador", "ubicacion", "distrito", "medio"])
def test_other_fields_of_the_lead_report_nothing(field: str) -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    lead = Lead.objects.get(pk=appointment.lead_id)
    setattr(lead, field, "Otra cosa")
    lead.save()
    assert len(reported()) == 1


def test_a_corrected_lead_whose_appointment_never_took_place_reports_nothing() -> None:
    appointment = AppointmentFactory()
    lead = Lead.objects.get(pk=appointment.lead_id)
    lead.nombre = "Otro Nombre"
    lead.save()
    assert reported() == []


def test_the_deletion_of_an_appointment_keeps_what_was_sent(alice: User) -> None:
    appointment: Any = AppointmentFactory(estado=ATTENDED)
    appointment.remove()
    assert len(reported()) == 1
