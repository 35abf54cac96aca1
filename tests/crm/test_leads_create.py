"""POST /api/crm/leads."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from crm.models import Contact, Lead, User
from tests.crm.racing import at_once
from tests.factories import ContactFactory, LeadFactory

AsUser = Callable[[User | None], APIClient]
URL = "/api/crm/leads"


def make(client: APIClient, **body: Any) -> dict[str, Any]:
    response = client.post(URL, {"nombre": "Rosa Peña", "celular": "987654321", **body})
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.sqlite
def test_a_name_and_a_phone_make_a_lead_and_its_contact(as_user: AsUser, bob: User) -> None:
    answer = make(as_user(bob), celular="987 654 321")
    lead = Lead.objects.select_related("contact").get(pk=answer["id"])
    assert answer["celular"] == lead.celular == "+51987654321"
    assert answer["contact_id"] == str(lead.contact_id)
    assert answer["contact"]["name"] == lead.contact.name == "Rosa Peña"
    assert lead.contact.mobile == "+51987654321"
    assert lead.created_by == lead.contact.created_by == bob
    assert answer["status"] == "new"


def test_every_field_comes_back(as_user: AsUser, bob: User, laura: User) -> None:
    sent = {
        "email": "rosa@correo.test",
        "tipo_documento": "CE",
        "numero_documento": "001234567",
        "distrito": "Lince",
        "ubicacion": "MINKA",
        "medio": "Redes Sociales (Facebook)",
        "proyecto_interes": "OASIS 1 (HUACHO 1)",
        "tipificacion": "CITA - SALA",
        "observacion": "Quiere un lote grande",
        "observacion_opc": "Vino con su hermana",
        "captador": "Captador de prueba",
        "supervisor": "Supervisora de prueba",
        "fecha_captacion": "2026-03-01",
        "es_directeo": True,
        "calle_o_modulo": "MODULO",
        "status": "contacted",
        "responsible_user_id": str(laura.pk),
    }
    answer = make(as_user(bob), **sent)
    assert {name: answer[name] for name in sent} == sent
    assert answer["es_lead_opc"] is True  # whoever names a captor was captured in the field


def test_the_names_of_the_crm_client_are_understood_and_answered(as_user: AsUser, bob: User) -> None:
    response = as_user(bob).post(URL, {"name": "Rosa", "phone": "987654321", "source": "Web", "price": 5})
    assert response.status_code == 201
    answer = response.json()
    assert (answer["name"], answer["phone"], answer["source"]) == ("Rosa", "+51987654321", "Web")
    assert (answer["nombre"], answer["celular"], answer["medio"]) == ("Rosa", "+51987654321", "Web")
    assert not {"price", "pipeline_id"} & answer.keys()


@pytest.mark.parametrize(
    ("field", "typed", "stored"),
    [
        ("tipificacion", "YA ASISTIÓ", "YA ASISTIO"),
        ("tipificacion", "ya asistio", "YA ASISTIO"),
        ("tipificacion", "Cita-Sala", "CITA - SALA"),
        ("tipificacion", "información wsp/correo", "INFORMACION WSP/CORREO"),
        ("proyecto_interes", "oasis 1, 2 y 3", "OASIS 1,2 y 3"),
        ("proyecto_interes", "Oasis 2 (Aucallama)", "OASIS 2 (AUCALLAMA)"),
        ("calle_o_modulo", "módulo", "MODULO"),
        ("tipo_documento", "dni", "DNI"),
        ("tipificacion", "", None),
        ("proyecto_interes", None, None),
    ],
)
def test_values_of_closed_lists_are_understood_as_people_write_them(
    as_user: AsUser, bob: User, field: str, typed: str | None, stored: str | None
) -> None:
    assert make(as_user(bob), **{field: typed})[field] == stored


# --- Whose enquiry it is ----------------------------------------------------------------------


def test_a_second_enquiry_of_a_phone_is_a_second_lead_of_the_same_contact(as_user: AsUser, bob: User) -> None:
    first = make(as_user(bob), celular="987654321")
    second = make(as_user(bob), celular="+51 987-654-321", nombre="Rosa P.")
    assert first["id"] != second["id"]
    assert first["contact_id"] == second["contact_id"]
    assert Contact.objects.count() == 1


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("+54 11 2345-6789", "+5491123456789"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("+554187654321", "+5541987654321"),
    ],
)
def test_the_habits_of_a_country_do_not_make_a_second_person(
    as_user: AsUser, bob: User, stored: str, typed: str
) -> None:
    contact = ContactFactory(mobile=stored)
    assert make(as_user(bob), celular=typed)["contact_id"] == str(contact.pk)


def test_the_document_goes_before_the_phone(as_user: AsUser, bob: User) -> None:
    ContactFactory(mobile="987654321")
    by_document = ContactFactory(mobile="911111111", document_number="12345678")
    answer = make(as_user(bob), celular="987654321", numero_documento="12.345.678")
    assert answer["contact_id"] == str(by_document.pk)
    assert by_document.phones.filter(number="+51987654321").exists()


def test_who_shares_the_phone_but_has_another_document_is_somebody_else(as_user: AsUser, bob: User) -> None:
    mother = ContactFactory(mobile="987654321", document_number="1")
    answer = make(as_user(bob), numero_documento="2")
    assert answer["contact_id"] != str(mother.pk)
    assert Contact.objects.get(pk=answer["contact_id"]).document_number == "2"


def test_of_a_family_with_one_phone_the_name_decides(as_user: AsUser, bob: User) -> None:
    eldest, namesake = (
        ContactFactory(name="Luis Peña", mobile="987654321"),
        ContactFactory(name="ROSA PENA", mobile="987654321"),
    )
    assert make(as_user(bob), nombre="Rosa Peña")["contact_id"] == str(namesake.pk)
    assert make(as_user(bob), nombre="Otra Persona")["contact_id"] == str(eldest.pk)


def test_an_enquiry_tells_what_was_not_known_and_changes_nothing_else(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(name="Rosa", mobile="987654321", email="vieja@correo.test", district=None)
    make(as_user(bob), numero_documento="123", tipo_documento="DNI", email="nueva@correo.test", distrito="Lince")
    contact.refresh_from_db()
    assert (contact.document_number, contact.document_type, contact.district) == ("123", "DNI", "Lince")
    assert (contact.name, contact.email) == ("Rosa", "vieja@correo.test")


def test_an_email_that_somebody_else_has_stays_with_the_lead(as_user: AsUser, bob: User) -> None:
    ContactFactory(email="rosa@correo.test", mobile="911111111")
    answer = make(as_user(bob), email="rosa@correo.test")
    assert answer["email"] == "rosa@correo.test"
    assert answer["contact"]["email"] is None


def test_a_deleted_contact_is_not_found_again(as_user: AsUser, bob: User) -> None:
    gone = ContactFactory(mobile="987654321", is_deleted=True)
    assert make(as_user(bob))["contact_id"] != str(gone.pk)


def test_a_named_contact_needs_no_name_or_phone(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(name="Luz", mobile="987654321")
    response = as_user(bob).post(URL, {"contact_id": str(contact.pk), "medio": "Web"})
    assert response.status_code == 201
    answer = response.json()
    assert (answer["contact_id"], answer["nombre"], answer["celular"]) == (str(contact.pk), "Luz", "+51987654321")


def test_a_named_contacts_country_reads_the_phone(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(country="España", mobile=None)
    body = {"contact_id": str(contact.pk), "nombre": "Luz", "celular": "612 345 678"}
    assert as_user(bob).post(URL, body).json()["celular"] == "+34612345678"


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_with_one_new_phone_are_one_person(as_user: AsUser, bob: User) -> None:
    spellings = ["+5491123456789", "+54 11 2345-6789", "+54 9 11 2345 6789", "54 9 11 2345-6789"]

    def send(client: APIClient, celular: str) -> int:
        return int(client.post(URL, {"nombre": "Rosa", "celular": celular}).status_code)

    statuses = at_once([partial(send, as_user(bob), spellings[number % 4]) for number in range(20)])
    assert statuses == [201] * 20
    assert Lead.objects.count() == 20
    assert Contact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_at_once_with_one_new_document_and_different_phones_they_are_one_person(as_user: AsUser, bob: User) -> None:
    def send(client: APIClient, number: int) -> int:
        body = {"nombre": "Rosa", "celular": f"98765432{number}", "numero_documento": "123", "email": "r@x.test"}
        return int(client.post(URL, body).status_code)

    assert at_once([partial(send, as_user(bob), number) for number in range(8)]) == [201] * 8
    contact = Contact.objects.get()
    assert contact.phones.count() == 8


# --- Refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nombre": ""}, "nombre"),
        ({"nombre": None}, "nombre"),
        ({"celular": ""}, "celular"),
        ({"celular": "no tiene"}, "celular"),
        ({"celular": "98765"}, "celular"),
        ({"celular": [1]}, "celular"),
        ({"email": "no es"}, "email"),
        ({"tipificacion": "LO QUE SEA"}, "tipificacion"),
        ({"proyecto_interes": "OASIS 9"}, "proyecto_interes"),
        ({"fecha_captacion": "ayer"}, "fecha_captacion"),
        ({"status": "perdido"}, "status"),
        ({"es_directeo": "quizás"}, "es_directeo"),
        ({"responsible_user_id": str(uuid4())}, "responsible_user_id"),
        ({"contact_id": "yo"}, "contact_id"),
    ],
)
def test_bad_values_are_refused_and_nothing_is_stored(as_user: AsUser, bob: User, body: Any, field: str) -> None:
    response = as_user(bob).post(URL, {"nombre": "Rosa", "celular": "987654321", **body})
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]
    assert not Lead.objects.exists()
    assert not Contact.objects.exists()


def test_without_name_and_phone_both_are_named(as_user: AsUser, bob: User) -> None:
    response = as_user(bob).post(URL, {})
    assert response.status_code == 400
    assert set(response.json()["errors"]) == {"nombre", "celular"}


def test_an_unknown_contact_is_404(as_user: AsUser, bob: User) -> None:
    response = as_user(bob).post(URL, {"contact_id": str(uuid4())})
    assert response.status_code == 404
    assert not Lead.objects.exists()


def test_only_staff_may_be_responsible(as_user: AsUser, bob: User, oscar: User) -> None:
    response = as_user(bob).post(URL, {"nombre": "Rosa", "celular": "987654321", "responsible_user_id": str(oscar.pk)})
    assert response.status_code == 400
    assert "responsible" in response.json()["detail"]


def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User) -> None:
    assert as_user(None).post(URL, {"nombre": "Rosa", "celular": "987654321"}).status_code == 401
    assert as_user(oscar).post(URL, {"nombre": "Rosa", "celular": "987654321"}).status_code == 403
    assert not Lead.objects.exists()


def test_where_agents_see_only_theirs_a_new_lead_is_theirs_and_so_is_its_person(
    as_user: AsUser, bob: User, charlie: User, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    LeadFactory(celular="987654321", responsible_user=charlie)
    answer = make(as_user(bob))
    assert answer["responsible_user_id"] == str(bob.pk)
    assert as_user(bob).get(f"/api/crm/contacts/{answer['contact_id']}").status_code == 200
    other = ContactFactory(responsible_user=charlie)
    assert as_user(bob).post(URL, {"contact_id": str(other.pk)}).status_code == 404
