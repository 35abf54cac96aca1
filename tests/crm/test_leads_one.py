"""GET, PUT, PATCH, DELETE /api/crm/leads/{id}, its conversion and its first conversation."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from calls.models import Call
from crm.models import Appointment, AuditEntry, Lead, Note, Task, User
from tests.crm.racing import at_once
from tests.factories import (
    NOBODYS_ID,
    AppointmentFactory,
    CallFactory,
    ContactFactory,
    LeadFactory,
    NoteFactory,
    TaskFactory,
)

AsUser = Callable[[User | None], APIClient]
URL = "/api/crm/leads"
WRITES = pytest.mark.parametrize("method", ["put", "patch"])


def url(lead: Lead, verb: str = "") -> str:
    return f"{URL}/{lead.pk}{'/' if verb else ''}{verb}"


@pytest.mark.sqlite
def test_one_lead(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory(nombre="Rosa", medio="Web")
    answer = as_user(bob).get(url(lead)).json()
    assert (answer["id"], answer["nombre"], answer["medio"]) == (str(lead.pk), "Rosa", "Web")
    assert answer["contact"]["id"] == answer["contact_id"] == str(lead.contact_id)


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
@pytest.mark.parametrize("lead_id", ["x", NOBODYS_ID])
def test_an_id_that_nobody_has_is_404(as_user: AsUser, alice: User, method: str, lead_id: str) -> None:
    response = getattr(as_user(alice), method)(f"{URL}/{lead_id}")
    assert response.status_code == 404
    assert response.json()["detail"] == "Lead no encontrado"


@WRITES
@pytest.mark.sqlite
def test_what_is_not_sent_stays(as_user: AsUser, bob: User, method: str) -> None:
    lead = LeadFactory(nombre="Rosa", distrito="Lince", tipificacion="APAGADO")
    response = getattr(as_user(bob), method)(url(lead), {"tipificacion": "Ya asistió", "observacion": "vino"})
    assert response.status_code == 200
    assert response.json()["tipificacion"] == "YA ASISTIO"
    lead.refresh_from_db()
    assert (lead.nombre, lead.distrito, lead.observacion) == ("Rosa", "Lince", "vino")


def test_what_the_answer_said_can_be_sent_back_whole(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory(nombre="Rosa", celular="987654321", tipificacion="APAGADO", medio="Web", captador="Eva")
    answer = as_user(bob).get(url(lead)).json()
    assert as_user(bob).put(url(lead), answer).json() == answer


def test_another_phone_keeps_the_person_who_gains_the_number(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory(celular="987654321")
    stranger = ContactFactory(mobile="912345678")
    answer = as_user(bob).patch(url(lead), {"celular": "912 345 678"}).json()
    assert answer["celular"] == "+51912345678"
    assert answer["contact_id"] == str(lead.contact_id) != str(stranger.pk)
    numbers = lead.contact.phones.order_by("id").values_list("number", flat=True)
    assert list(numbers) == ["+51987654321", "+51912345678"]


def test_an_unreadable_phone_of_an_import_does_not_stop_a_correction(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory(celular="no sabe")
    response = as_user(bob).put(url(lead), {"celular": "no sabe", "distrito": "Lince"})
    assert response.status_code == 200
    assert as_user(bob).put(url(lead), {"celular": "tampoco"}).status_code == 400


def test_a_lead_may_be_given_to_another_person(as_user: AsUser, bob: User) -> None:
    lead, other = LeadFactory(), ContactFactory()
    assert as_user(bob).patch(url(lead), {"contact_id": str(other.pk)}).json()["contact"]["id"] == str(other.pk)
    assert as_user(bob).patch(url(lead), {"contact_id": str(uuid4())}).status_code == 404


@WRITES
@pytest.mark.parametrize(
    "body",
    [
        {"nombre": ""},
        {"celular": "12"},
        {"tipificacion": "X"},
        {"status": "x"},
        {"responsible_user_id": str(uuid4())},
        {"fecha_captacion": "2026-02-31"},
    ],
)
def test_a_bad_value_changes_nothing(as_user: AsUser, bob: User, method: str, body: Any) -> None:
    lead = LeadFactory(distrito="Lince")
    response = getattr(as_user(bob), method)(url(lead), {"distrito": "Breña", **body})
    assert response.status_code == 400
    lead.refresh_from_db()
    assert lead.distrito == "Lince"


@pytest.mark.django_db(transaction=True)
def test_different_fields_written_at_once_are_all_kept(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory()
    texts = ("distrito", "ubicacion", "medio", "observacion", "supervisor", "celular")
    changes = {name: "912345678" if name == "celular" else name for name in texts}

    def send(client: APIClient, name: str) -> int:
        return int(client.patch(url(lead), {name: changes[name]}).status_code)

    assert at_once([partial(send, as_user(bob), name) for name in texts]) == [200] * len(texts)
    lead.refresh_from_db()
    assert {name: getattr(lead, name) for name in texts} == {**changes, "celular": "+51912345678"}


# --- Deleting ---------------------------------------------------------------------------------


def test_deleting_takes_the_appointments_and_leaves_the_history_with_the_person(as_user: AsUser, alice: User) -> None:
    lead = LeadFactory(nombre="Rosa")
    person = lead.contact
    AppointmentFactory(lead=lead)
    rows = [
        CallFactory(contact=None, lead=lead),
        TaskFactory(contact=None, lead=lead),
        NoteFactory(contact=None, lead=lead),
    ]
    response = as_user(alice).delete(url(lead))
    assert response.status_code == 204
    assert not Lead.objects.exists()
    assert not Appointment.objects.exists()
    for model, row in zip((Call, Task, Note), rows, strict=True):
        assert model.objects.get(pk=row.pk).contact == person
    assert AuditEntry.objects.get(action="lead.delete").actor == alice


def test_only_administrators_delete(as_user: AsUser, bob: User, laura: User) -> None:
    lead = LeadFactory(responsible_user=bob)
    for user in (bob, laura):
        assert as_user(user).delete(url(lead)).status_code == 403
    assert Lead.objects.exists()


# --- Conversion and first conversation --------------------------------------------------------


def test_converting_wins_the_lead_and_answers_the_contact(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory()
    for _ in range(2):
        response = as_user(bob).post(url(lead, "convert"))
        assert response.status_code == 200
        answer = response.json()
        assert answer["success"] is True
        assert answer["lead"]["status"] == "won"
        assert answer["contact"]["id"] == answer["contact_id"] == str(lead.contact_id)


def test_a_first_conversation_is_done_when_it_found_out_what_it_must(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(mobile="987654321", city="Lima", state="Lima", nacionalidad=None)
    lead = LeadFactory(contact=contact)
    answer = as_user(bob).post(url(lead, "mark-initial-contact-completed")).json()
    assert answer["success"] is False
    assert answer["missing_fields"] == ["nacionalidad"]
    assert "empadronado" in answer["recommended_missing"]
    contact.refresh_from_db()
    lead.refresh_from_db()
    assert not contact.initial_contact_completed
    assert lead.status == "new"

    contact.edit({"nacionalidad": "Peruana", "empadronado": False}, by=None)
    answer = as_user(bob).post(url(lead, "mark-initial-contact-completed")).json()
    assert (answer["success"], answer["missing_fields"]) == (True, [])
    assert "empadronado" not in answer["recommended_missing"]
    contact.refresh_from_db()
    lead.refresh_from_db()
    assert contact.initial_contact_completed
    assert lead.status == "contacted"


def test_the_id_of_a_contact_will_do_for_the_first_conversation(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(mobile="987654321", city="Lima", state="Lima", nacionalidad="Peruana")
    answer = as_user(bob).post(f"{URL}/{contact.pk}/mark-initial-contact-completed").json()
    assert answer["success"] is True
    assert as_user(bob).post(f"{URL}/{uuid4()}/mark-initial-contact-completed").status_code == 404


def test_a_lead_that_is_further_on_stays_there(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(mobile="987654321", city="Lima", state="Lima", nacionalidad="Peruana")
    lead = LeadFactory(contact=contact, status="negotiation")
    as_user(bob).post(url(lead, "mark-initial-contact-completed"))
    lead.refresh_from_db()
    assert lead.status == "negotiation"


# --- Who sees what ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "verb"),
    [("get", ""), ("put", ""), ("patch", ""), ("post", "convert"), ("post", "mark-initial-contact-completed")],
)
def test_other_peoples_leads_are_404_where_agents_see_only_theirs(
    as_user: AsUser, bob: User, charlie: User, laura: User, method: str, verb: str, settings: Any
) -> None:
    lead = LeadFactory(responsible_user=charlie)
    assert getattr(as_user(bob), method)(url(lead, verb)).status_code == 200
    settings.CRM_AGENT_SCOPE = "own"
    assert getattr(as_user(bob), method)(url(lead, verb)).status_code == 404
    assert getattr(as_user(charlie), method)(url(lead, verb)).status_code == 200
    assert getattr(as_user(laura), method)(url(lead, verb)).status_code == 200


@pytest.mark.parametrize(("method", "verb"), [("get", ""), ("put", ""), ("delete", ""), ("post", "convert")])
def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User, method: str, verb: str) -> None:
    lead = LeadFactory()
    assert getattr(as_user(None), method)(url(lead, verb)).status_code == 401
    assert getattr(as_user(oscar), method)(url(lead, verb)).status_code == 403
