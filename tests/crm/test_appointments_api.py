"""The endpoints of /api/crm/appointments."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from crm.models import Appointment, AppointmentNumber, AuditEntry, Contact, Lead, User
from crm.services import merge_contacts
from tests.crm.racing import at_once
from tests.factories import NOBODYS_ID, NOON, AppointmentFactory, ContactFactory, LeadFactory

AsUser = Callable[[User | None], APIClient]
URL = "/api/crm/appointments"
WRITES = pytest.mark.parametrize("method", ["put", "patch"])


def url(appointment: Appointment) -> str:
    return f"{URL}/{appointment.pk}"


def make(client: APIClient, **body: Any) -> dict[str, Any]:
    response = client.post(URL, {"fecha_hora": "2026-03-10T10:00:00-05:00", **body})
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


def states(client: APIClient, **parameters: Any) -> list[str]:
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.content
    return [item["estado"] for item in response.json()["items"]]


# --- Creating ---------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_an_appointment_of_a_lead(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory()
    answer = make(as_user(bob), lead_id=str(lead.pk), lugar="Sala Lince", observaciones="Viene con su hermana")
    assert (answer["lead_id"], answer["contact_id"]) == (str(lead.pk), str(lead.contact_id))
    assert answer["lead"]["nombre"] == lead.nombre
    assert answer["fecha_hora"] == "2026-03-10T15:00:00Z"
    assert (answer["lugar"], answer["observaciones"]) == ("Sala Lince", "Viene con su hermana")
    assert answer["estado"] == "Pendiente"
    assert answer["id_presencia_crm"] == f"CRM-{answer['numero']}"
    assert answer["attended_at"] is None
    assert answer["responsible_user_id"] == answer["created_by"] == str(bob.pk)


def test_a_time_without_a_zone_is_one_of_the_installation(as_user: AsUser, bob: User) -> None:
    answer = make(as_user(bob), lead_id=str(LeadFactory().pk), fecha_hora="2026-03-10T10:00:00")
    assert answer["fecha_hora"] == "2026-03-10T15:00:00Z"


@pytest.mark.parametrize(
    ("typed", "stored"), [("no asistio", "No asistió"), ("REALIZADA", "Realizada"), ("", "Pendiente")]
)
def test_a_state_is_understood_as_people_write_it(as_user: AsUser, bob: User, typed: str, stored: str) -> None:
    answer = make(as_user(bob), lead_id=str(LeadFactory().pk), estado=typed)
    assert answer["estado"] == stored
    assert (answer["attended_at"] is not None) is (stored == "Realizada")


def test_of_a_contact_it_hangs_on_the_newest_lead(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()
    LeadFactory(contact=contact)
    newest = LeadFactory(contact=contact)
    assert make(as_user(bob), contact_id=str(contact.pk))["lead_id"] == str(newest.pk)


def test_a_contact_without_a_lead_gets_one(as_user: AsUser, bob: User, laura: User) -> None:
    contact = ContactFactory(name="Luz", mobile="987654321", email="luz@x.test", responsible_user=laura)
    answer = make(as_user(bob), contact_id=str(contact.pk))
    lead = Lead.objects.get(pk=answer["lead_id"])
    assert (lead.contact, lead.nombre, lead.celular) == (contact, "Luz", "+51987654321")
    assert (lead.email, lead.responsible_user, lead.created_by) == ("luz@x.test", laura, bob)
    assert Contact.objects.count() == 1


def test_a_contact_without_a_phone_may_come_too(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(name="Luz", mobile=None)
    answer = make(as_user(bob), contact_id=str(contact.pk))
    assert answer["lead"]["celular"] == ""
    assert Contact.objects.count() == 1


def test_a_merged_contact_means_who_took_over(as_user: AsUser, bob: User) -> None:
    survivor, gone = ContactFactory(), ContactFactory()
    merge_contacts(survivor_id=survivor.pk, absorbed_id=gone.pk, by=None)
    assert make(as_user(bob), contact_id=str(gone.pk))["contact_id"] == str(survivor.pk)


@pytest.mark.django_db(transaction=True)
def test_created_at_once_each_has_its_own_number(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()
    answers = at_once([partial(make, as_user(bob), contact_id=str(contact.pk)) for _ in range(12)])
    assert len({answer["numero"] for answer in answers}) == 12
    assert Lead.objects.filter(contact=contact).count() == 1


def test_a_number_is_never_used_twice(as_user: AsUser, bob: User, alice: User) -> None:
    lead_id = str(LeadFactory().pk)
    first = make(as_user(bob), lead_id=lead_id)
    assert as_user(alice).delete(f"{URL}/{first['id']}").status_code == 204
    assert make(as_user(bob), lead_id=lead_id)["numero"] > first["numero"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"lead_id": None}, "lead_id"),
        ({"lead_id": ""}, "lead_id"),
        ({"lead_id": "x"}, "lead_id"),
        ({"fecha_hora": None}, "fecha_hora"),
        ({"fecha_hora": ""}, "fecha_hora"),
        ({"fecha_hora": "mañana"}, "fecha_hora"),
        ({"fecha_hora": "2026-02-31T10:00:00Z"}, "fecha_hora"),
        ({"estado": "Agendada"}, "estado"),
        ({"lugar": "x" * 256}, "lugar"),
        ({"responsible_user_id": str(uuid4())}, "responsible_user_id"),
    ],
)
def test_bad_values_are_refused_and_no_number_is_spent(as_user: AsUser, bob: User, body: Any, field: str) -> None:
    sent = {"lead_id": str(LeadFactory().pk), "fecha_hora": "2026-03-10T10:00:00Z", **body}
    response = as_user(bob).post(URL, sent)
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]
    assert not Appointment.objects.exists()
    assert not AppointmentNumber.objects.exists()


@pytest.mark.parametrize("name", ["lead_id", "contact_id"])
def test_a_lead_or_contact_that_is_not_there_is_404(as_user: AsUser, bob: User, name: str) -> None:
    response = as_user(bob).post(URL, {"fecha_hora": "2026-03-10T10:00:00Z", name: str(uuid4())})
    assert response.status_code == 404


# --- Lists ------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_the_latest_date_comes_first_unless_asked_otherwise(as_user: AsUser, bob: User) -> None:
    for days, state in ((1, "Confirmada"), (3, "Pendiente"), (2, "Cancelada")):
        AppointmentFactory(fecha_hora=NOON + timedelta(days=days), estado=state)
    assert states(as_user(bob)) == ["Pendiente", "Cancelada", "Confirmada"]
    assert states(as_user(bob), sort_by="fecha_hora", sort_order="asc") == ["Confirmada", "Cancelada", "Pendiente"]
    assert states(as_user(bob), sort_by="numero") == ["Confirmada", "Pendiente", "Cancelada"]
    answer = as_user(bob).get(URL, {"limit": 2}).json()
    del answer["items"]
    assert answer == {"total": 3, "skip": 0, "limit": 2, "page": 1, "total_pages": 2}


def test_each_filter_keeps_only_what_it_names(as_user: AsUser, bob: User, laura: User) -> None:
    wanted = AppointmentFactory(estado="No asistió", responsible_user=laura, lead__nombre="Rosa Peña")
    AppointmentFactory(estado="Pendiente", lead__nombre="Eva Rosas")
    for parameters in (
        {"estado": "no asistio"},
        {"lead_id": str(wanted.lead_id)},
        {"contact_id": str(wanted.lead.contact_id)},
        {"responsible_user_id": str(laura.pk)},
        {"search": "pena rosa"},
    ):
        assert states(as_user(bob), **parameters) == ["No asistió"]
    assert states(as_user(bob), responsible_user_id="null") == ["Pendiente"]


def test_days_are_those_of_the_installation_both_included(as_user: AsUser, bob: User) -> None:
    """TIME_ZONE is America/Lima: its 10 March ends at 05:00 of the 11th in UTC."""
    for state, moment in (
        ("Cancelada", datetime(2026, 3, 10, 4, 59, tzinfo=UTC)),
        ("Pendiente", datetime(2026, 3, 10, 5, 0, tzinfo=UTC)),
        ("Confirmada", datetime(2026, 3, 11, 4, 59, 59, tzinfo=UTC)),
        ("Realizada", datetime(2026, 3, 11, 5, 0, tzinfo=UTC)),
    ):
        AppointmentFactory(estado=state, fecha_hora=moment)
    day = {"fecha_hora_gte": "2026-03-10", "fecha_hora_lte": "2026-03-10"}
    assert states(as_user(bob), **day) == ["Confirmada", "Pendiente"]


@pytest.mark.parametrize("parameters", [{"estado": "x"}, {"fecha_hora_gte": "x"}, {"lead_id": "x"}])
def test_a_filter_that_means_nothing_is_refused(as_user: AsUser, bob: User, parameters: Any) -> None:
    assert as_user(bob).get(URL, parameters).status_code == 400


def test_a_page_costs_the_same_for_ten_appointments_and_a_thousand(as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    asked, number = [], 0
    for size in (10, 990):
        people = Contact.objects.create_many([Contact(name=f"Luz {n}") for n in range(size)])
        leads = Lead.objects.bulk_create([Lead(contact=person, nombre=person.name) for person in people])
        numbers = range(number, number := number + size)
        Appointment.objects.bulk_create(
            [Appointment(lead=lead, numero=n, fecha_hora=NOON) for lead, n in zip(leads, numbers, strict=True)]
        )
        with CaptureQueriesContext(connection) as captured:
            assert len(client.get(URL, {"limit": 10}).json()["items"]) == 10
        asked.append(len(captured))
    # Who asks, the page, its total.
    assert asked == [3, 3]


# --- One --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("appointment_id", ["x", NOBODYS_ID])
def test_an_id_that_nobody_has_is_404(as_user: AsUser, bob: User, method: str, appointment_id: str) -> None:
    response = getattr(as_user(bob), method)(f"{URL}/{appointment_id}")
    assert response.status_code == 404
    assert response.json()["detail"] == "Cita no encontrada"


@WRITES
def test_what_is_not_sent_stays(as_user: AsUser, bob: User, method: str) -> None:
    appointment = AppointmentFactory(lugar="Sala Lince")
    response = getattr(as_user(bob), method)(url(appointment), {"estado": "Confirmada"})
    assert response.status_code == 200
    answer = response.json()
    assert (answer["estado"], answer["lugar"], answer["has_ever_been_confirmed"]) == ("Confirmada", "Sala Lince", True)
    answer = getattr(as_user(bob), method)(url(appointment), {"estado": "Cancelada"}).json()
    assert answer["has_ever_been_confirmed"] is True


def test_realizada_remembers_when_and_forgets_when_taken_back(as_user: AsUser, bob: User) -> None:
    appointment = AppointmentFactory()
    first = as_user(bob).patch(url(appointment), {"estado": "Realizada"}).json()
    assert first["attended_at"]
    again = as_user(bob).patch(url(appointment), {"estado": "Realizada", "lugar": "Proyecto"}).json()
    assert again["attended_at"] == first["attended_at"]
    assert as_user(bob).patch(url(appointment), {"estado": "Reprogramada"}).json()["attended_at"] is None


def test_what_the_answer_said_can_be_sent_back_whole(as_user: AsUser, bob: User) -> None:
    appointment = AppointmentFactory(estado="Realizada")
    answer = as_user(bob).get(url(appointment)).json()
    assert as_user(bob).put(url(appointment), answer).json() == answer


def test_it_may_be_moved_to_another_lead_or_contact(as_user: AsUser, bob: User) -> None:
    appointment, lead, contact = AppointmentFactory(), LeadFactory(), ContactFactory()
    assert as_user(bob).patch(url(appointment), {"lead_id": str(lead.pk)}).json()["lead"]["nombre"] == lead.nombre
    moved = as_user(bob).patch(url(appointment), {"contact_id": str(contact.pk)}).json()
    assert moved["contact_id"] == str(contact.pk)
    assert as_user(bob).patch(url(appointment), {"lead_id": str(uuid4())}).status_code == 404


@WRITES
@pytest.mark.parametrize("body", [{"estado": "x"}, {"fecha_hora": None}, {"responsible_user_id": NOBODYS_ID}])
def test_a_bad_value_changes_nothing(as_user: AsUser, bob: User, method: str, body: Any) -> None:
    appointment = AppointmentFactory(lugar="Sala Lince")
    assert getattr(as_user(bob), method)(url(appointment), {"lugar": "Proyecto", **body}).status_code == 400
    appointment.refresh_from_db()
    assert appointment.lugar == "Sala Lince"


def test_deleting_leaves_a_trace(as_user: AsUser, bob: User) -> None:
    appointment = AppointmentFactory()
    assert as_user(bob).delete(url(appointment)).status_code == 204
    assert not Appointment.objects.exists()
    entry = AuditEntry.objects.get(action="appointment.delete")
    assert (entry.actor, entry.details["numero"]) == (bob, appointment.numero)


# --- Verb -------------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.django_db
def test_marking_attended_twice_is_once() -> None:
    appointment = AppointmentFactory()
    appointment.mark_attended()
    assert appointment.estado == "Realizada"
    attended_at = appointment.attended_at
    assert attended_at is not None
    appointment.mark_attended()
    assert appointment.attended_at == attended_at


# --- Who sees what ----------------------------------------------------------------------------


def test_other_peoples_appointments_are_404_where_agents_see_only_theirs(
    as_user: AsUser, bob: User, charlie: User, laura: User, settings: Any
) -> None:
    appointment = AppointmentFactory(lead__responsible_user=charlie)
    body = {"fecha_hora": "2026-03-10T10:00:00Z", "lead_id": str(appointment.lead_id)}
    for user, found in ((bob, 1), (charlie, 1), (laura, 1)):
        assert as_user(user).get(URL).json()["total"] == found
    settings.CRM_AGENT_SCOPE = "own"
    for user, found, status in ((bob, 0, 404), (charlie, 1, 200), (laura, 1, 200)):
        assert as_user(user).get(URL).json()["total"] == found
        assert as_user(user).get(url(appointment)).status_code == status
        assert as_user(user).patch(url(appointment), {}).status_code == status
    assert as_user(bob).post(URL, body).status_code == 404
    assert as_user(bob).delete(url(appointment)).status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User, method: str) -> None:
    appointment = AppointmentFactory()
    for path in (URL, url(appointment)):
        assert as_user(None).get(path).status_code == 401
        assert as_user(oscar).get(path).status_code == 403
    assert getattr(as_user(oscar), method)(url(appointment)).status_code == 403
    assert as_user(oscar).post(URL, {}).status_code == 403
