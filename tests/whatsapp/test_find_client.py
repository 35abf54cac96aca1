"""GET /api/v1/conversaciones-whatsapp/buscar-cliente/{numero}: whose number it is, surely."""

from typing import Any

import pytest

from crm.models import User
from tests.factories import ContactFactory
from tests.whatsapp.rows import LIST, AsUser

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

FIND = f"{LIST}/buscar-cliente"
NOBODY = {"cliente_encontrado": False, "cliente": None, "candidatos": []}


@pytest.mark.parametrize(
    "written", ["+51987654321", "%2B51987654321", "51987654321", "987654321", "987%20654%20321", "(51)%20987.654.321"]
)
def test_one_who_has_it_is_told_in_the_words_of_the_client(as_user: AsUser, bob: User, written: str) -> None:
    contact = ContactFactory(name="Luisa Prueba", mobile="987 654 321", document_number="12345678", email="l@demo.test")
    assert as_user(bob).get(f"{FIND}/{written}").json() == {
        "cliente_encontrado": True,
        "cliente": {
            "id": str(contact.pk),
            "cedula": "12345678",
            "nombres": "Luisa Prueba",
            "telefono": "+51987654321",
            "email": "l@demo.test",
        },
        "candidatos": [],
    }


@pytest.mark.parametrize("part", ["8765", "98765432", "+5198765432", "1", "hola", "+", "%20"])
def test_part_of_a_number_is_nobodys(as_user: AsUser, bob: User, part: str) -> None:
    ContactFactory(mobile="+51987654321")
    assert as_user(bob).get(f"{FIND}/{part}").json() == NOBODY


def test_the_number_that_matched_is_the_one_told(as_user: AsUser, bob: User) -> None:
    ContactFactory(mobile="+51987654321", phone="+51912345678")
    assert as_user(bob).get(f"{FIND}/51912345678").json()["cliente"]["telefono"] == "+51912345678"


def test_of_several_none_is_chosen_and_all_are_candidates(as_user: AsUser, bob: User) -> None:
    family = {str(ContactFactory(mobile="+51987654321").pk) for _ in range(2)}
    found = as_user(bob).get(f"{FIND}/51987654321").json()
    assert (found["cliente_encontrado"], found["cliente"]) == (False, None)
    assert {row["id"] for row in found["candidatos"]} == family


@pytest.mark.parametrize(
    ("stored", "written"),
    [("+5215512345678", "525512345678"), ("+541123456789", "5491123456789"), ("+5511987654321", "551187654321")],
)
def test_national_habits_of_writing_a_number_are_forgiven(
    as_user: AsUser, bob: User, stored: str, written: str
) -> None:
    ContactFactory(mobile=stored)
    assert as_user(bob).get(f"{FIND}/{written}").json()["cliente_encontrado"] is True


def test_deleted_contacts_and_those_of_colleagues_are_not_found(
    as_user: AsUser, alice: User, bob: User, charlie: User, settings: Any
) -> None:
    ContactFactory(mobile="+51911111111").delete_softly(by=alice)
    assert as_user(bob).get(f"{FIND}/51911111111").json() == NOBODY
    settings.CRM_AGENT_SCOPE = "own"
    ContactFactory(mobile="+51922222222", responsible_user=charlie)
    assert as_user(bob).get(f"{FIND}/51922222222").json() == NOBODY
    assert as_user(charlie).get(f"{FIND}/51922222222").json()["cliente_encontrado"] is True
