"""POST /api/crm/contacts."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import Contact, User
from tests.crm.racing import at_once
from tests.factories import ContactFactory, UserFactory

AsUser = Callable[[User | None], APIClient]
URL = "/api/crm/contacts"


@pytest.mark.sqlite
def test_a_name_is_enough(as_user: AsUser, bob: User) -> None:
    response = as_user(bob).post(URL, {"name": "  Luz Vega "})
    assert response.status_code == 201
    answer = response.json()
    contact = Contact.objects.get(pk=answer["id"])
    assert contact.name == answer["name"] == "Luz Vega"
    assert contact.created_by == contact.updated_by == bob
    assert answer["created_by"] == answer["updated_by"] == str(bob.pk)
    assert answer["responsible_user_id"] is None
    assert answer["created_at"].endswith("Z")
    assert answer["custom_fields"] == {}
    assert answer["is_deleted"] is False


def test_every_field_of_the_form_comes_back(as_user: AsUser, bob: User, laura: User) -> None:
    sent = {
        "name": "Rosa Peña Núñez",
        "first_name": "Rosa",
        "last_name": "Peña Núñez",
        "document_type": "Pasaporte",
        "document_number": "AB123456",
        "email": "rosa@correo.test",
        "phone": "+5112345678",
        "mobile": "+51987654321",
        "address": "Calle Los Pinos 12",
        "district": "Lince",
        "city": "Lima",
        "state": "Lima",
        "postal_code": "15046",
        "country": "Perú",
        "company": "Bodega Rosa",
        "company_id": "17",
        "position": "Dueña",
        "responsible_user_id": str(laura.pk),
        "notes": "Prefiere las tardes\ny los sábados",
        "custom_fields": {"fecha_llegada_espana": "2024-05-01", "hijos": 2},
        "grading_llamada": "B+",
        "grading_situacion": "D",
        "nacionalidad": "Peruana",
        "tiempo_espana": "2 años",
        "empadronado": True,
        "lugar_residencia": "Madrid",
        "tiene_ingresos": False,
        "trabaja_b": None,
        "edad": 34,
        "tiene_familiares_espana": True,
        "landing_product": "nacionalidad",
        "initial_contact_completed": True,
    }
    answer = as_user(bob).post(URL, sent).json()
    assert {name: answer[name] for name in sent} == sent
    assert Contact.objects.get(pk=answer["id"]).notes_text == sent["notes"]


def test_a_contact_is_never_taken_for_a_lead(as_user: AsUser, bob: User) -> None:
    """With `price` or `pipeline_id` the client would open its lead page and break down (crm-client 7.1.2)."""
    answer = as_user(bob).post(URL, {"name": "Luz", "price": 10, "pipeline_id": "x"}).json()
    assert not {"price", "pipeline_id"} & answer.keys()


def test_empty_texts_are_nothing(as_user: AsUser, bob: User) -> None:
    blank = ["email", "phone", "mobile", "responsible_user_id", "grading_llamada", "edad", "landing_product", "notes"]
    answer = as_user(bob).post(URL, {"name": "Luz", **dict.fromkeys(blank, "")}).json()
    assert [answer[name] for name in blank] == [None] * len(blank)


def test_what_the_server_knows_better_is_not_read(as_user: AsUser, bob: User, laura: User) -> None:
    sent = {
        "name": "Luz",
        "id": str(laura.pk),
        "created_by": str(laura.pk),
        "is_deleted": True,
        "ultima_llamada_fecha": "2026-01-01T00:00:00Z",
        "closest_task_at": "2026-01-01T00:00:00Z",
        "view": "x",
    }
    answer = as_user(bob).post(URL, sent).json()
    assert answer["id"] != str(laura.pk)
    assert answer["created_by"] == str(bob.pk)
    assert answer["is_deleted"] is False
    assert answer["ultima_llamada_fecha"] is None
    assert answer["closest_task_at"] is None


# --- Phones -----------------------------------------------------------------------------------


def test_phones_are_answered_in_canonical_form(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).post(URL, {"name": "Luz", "mobile": "987 654 321", "phone": "(01) 234-5678"}).json()
    assert (answer["mobile"], answer["phone"]) == ("+51987654321", "+5112345678")
    assert answer["phones"] == [
        {"number": "+51987654321", "label": "mobile", "is_valid": True},
        {"number": "+5112345678", "label": "phone", "is_valid": True},
    ]


def test_a_phone_is_read_as_one_of_the_contacts_country(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).post(URL, {"name": "Luz", "mobile": "612 345 678", "country": "España"}).json()
    assert answer["mobile"] == "+34612345678"


def test_two_numbers_in_one_field_are_both_kept(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).post(URL, {"name": "Luz", "mobile": "987654321 / 912345678"}).json()
    assert answer["mobile"] == "+51987654321"
    assert [phone["number"] for phone in answer["phones"]] == ["+51987654321", "+51912345678"]


def test_further_phones_come_as_texts_or_with_their_label(as_user: AsUser, bob: User) -> None:
    sent = {
        "name": "Luz",
        "mobile": "987654321",
        "phones": ["912345678", {"number": "01 2345678", "label": "landline"}, "987 654 321"],
    }
    answer = as_user(bob).post(URL, sent).json()
    assert [(phone["number"], phone["label"]) for phone in answer["phones"]] == [
        ("+51987654321", "mobile"),
        ("+51912345678", "other"),
        ("+5112345678", "landline"),
    ]


@pytest.mark.parametrize(
    "body", [{"phone": "no tiene"}, {"mobile": "12"}, {"phones": ["12"]}, {"phones": [{"number": None}]}]
)
def test_what_cannot_be_a_phone_is_refused(as_user: AsUser, bob: User, body: dict[str, Any]) -> None:
    response = as_user(bob).post(URL, {"name": "Luz", **body})
    assert response.status_code == 400
    assert response.json()["detail"].startswith("El teléfono no es válido.")
    assert not Contact.objects.exists()


def test_who_else_has_the_phone_is_told(as_user: AsUser, bob: User) -> None:
    """Families share a phone, so it may repeat; the answer helps to see a double."""
    earlier = ContactFactory(name="Luz Vega", mobile="+5491123456789")
    ContactFactory(name="Nadie")
    answer = as_user(bob).post(URL, {"name": "Pedro Vega", "phone": "+54 11 2345-6789"}).json()
    assert [(one["id"], one["name"]) for one in answer["possible_duplicates"]] == [(str(earlier.pk), "Luz Vega")]


def test_nobody_else_is_told_about_nobody(as_user: AsUser, bob: User) -> None:
    assert as_user(bob).post(URL, {"name": "Pedro"}).json()["possible_duplicates"] == []


# --- Who is who -------------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["luz@correo.test", "LUZ@Correo.test "])
def test_an_email_names_one_contact(as_user: AsUser, bob: User, email: str) -> None:
    ContactFactory(email="luz@correo.test")
    response = as_user(bob).post(URL, {"name": "Otra Luz", "email": email})
    assert response.status_code == 400
    assert response.json()["detail"] == "Ya existe un contacto con este correo."
    assert Contact.objects.count() == 1


@pytest.mark.parametrize("number", ["12345678K", "12.345.678-k"])
def test_a_document_names_one_contact(as_user: AsUser, bob: User, number: str) -> None:
    ContactFactory(document_number="12345678K")
    response = as_user(bob).post(URL, {"name": "Otra", "document_number": number})
    assert response.status_code == 400
    assert response.json()["detail"] == "Ya existe un contacto con este documento."


def test_the_email_of_a_deleted_contact_is_free(as_user: AsUser, bob: User) -> None:
    ContactFactory(email="luz@correo.test", document_number="1", is_deleted=True)
    response = as_user(bob).post(URL, {"name": "Luz", "email": "luz@correo.test", "document_number": "1"})
    assert response.status_code == 201


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_with_one_email_one_is_stored(as_user: AsUser, bob: User) -> None:
    def send(client: APIClient) -> int:
        return int(client.post(URL, {"name": "Luz", "email": "luz@correo.test"}).status_code)

    statuses = at_once([partial(send, as_user(bob)) for _ in range(6)])
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 400, 409}
    assert Contact.objects.count() == 1


# --- Refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": ["Luz"]}, "name"),
        ({"name": "Luz", "email": "no es"}, "email"),
        ({"name": "Luz", "grading_llamada": "E"}, "grading_llamada"),
        ({"name": "Luz", "landing_product": "otro"}, "landing_product"),
        ({"name": "Luz", "edad": "mucha"}, "edad"),
        ({"name": "Luz", "edad": -1}, "edad"),
        ({"name": "Luz", "empadronado": "tal vez"}, "empadronado"),
        ({"name": "Luz", "custom_fields": ["a"]}, "custom_fields"),
        ({"name": "Luz", "responsible_user_id": "yo"}, "responsible_user_id"),
        ({"name": "Luz", "city": "a\u0000b"}, "city"),
        ({"name": "Luz", "phones": "987654321"}, "phones"),
    ],
)
def test_bad_values_are_refused_by_their_field(as_user: AsUser, bob: User, body: Any, field: str) -> None:
    response = as_user(bob).post(URL, body)
    assert response.status_code == 400
    assert list(response.json()["errors"]) == [field]
    assert not Contact.objects.exists()


@pytest.mark.parametrize("body", ["[]", '"Luz"', "{", "null", '{"name": "Luz", "custom_fields": {"a": "\\u0000"}}'])
def test_what_is_no_body_is_refused(as_user: AsUser, bob: User, body: str) -> None:
    response = as_user(bob).post(URL, body, content_type="application/json")
    assert response.status_code == 400
    assert isinstance(response.json()["detail"], str)
    assert not Contact.objects.exists()


@pytest.mark.parametrize("role", ["user", "inactive", "missing"])
def test_only_staff_with_access_may_be_responsible(as_user: AsUser, bob: User, oscar: User, role: str) -> None:
    """Today's client recognises the refusal by the word `responsible` (crm-client 2.2)."""
    gone = UserFactory(is_active=False)
    user_id = {"user": oscar.pk, "inactive": gone.pk, "missing": "0198c1e2-7a3b-7c11-9d51-123456789012"}[role]
    response = as_user(bob).post(URL, {"name": "Luz", "responsible_user_id": str(user_id)})
    assert response.status_code == 400
    assert "responsible" in response.json()["detail"]
    assert "agent, lawyer o admin" in response.json()["detail"]
    assert not Contact.objects.exists()


@pytest.mark.django_db
def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User) -> None:
    assert as_user(None).post(URL, {"name": "Luz"}).status_code == 401
    assert as_user(oscar).post(URL, {"name": "Luz"}).status_code == 403
    assert not Contact.objects.exists()


def test_where_agents_see_only_what_is_theirs_a_new_contact_is_theirs(
    as_user: AsUser, bob: User, alice: User, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    assert as_user(bob).post(URL, {"name": "Luz"}).json()["responsible_user_id"] == str(bob.pk)
    assert as_user(alice).post(URL, {"name": "Eva"}).json()["responsible_user_id"] is None
