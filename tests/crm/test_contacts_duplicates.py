"""GET /api/crm/contacts/duplicates."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import Contact, User
from crm.services import merge_contacts
from tests.factories import ContactFactory

AsUser = Callable[[User | None], APIClient]
URL = "/api/crm/contacts/duplicates"


def found(client: APIClient, **parameters: str) -> list[str]:
    response = client.get(URL, parameters)
    assert response.status_code == 200
    return [item["name"] for item in response.json()["items"]]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "parameters",
    [
        {"phone": "+54 11 2345-6789"},
        {"phone": "5491123456789"},
        {"document_number": "12.345.678-k"},
        {"email": " LUZ@Correo.test"},
    ],
)
def test_who_has_it_already_however_it_is_written(as_user: AsUser, bob: User, parameters: dict[str, str]) -> None:
    ContactFactory(name="Luz", mobile="+5491123456789", document_number="12345678K", email="luz@correo.test")
    ContactFactory(name="Otra")
    ContactFactory(name="Borrada", mobile="+5491123456789", document_number="12345678K", is_deleted=True)
    assert found(as_user(bob), **parameters) == ["Luz"]


def test_any_of_the_three_is_enough_and_each_contact_stands_once(as_user: AsUser, bob: User) -> None:
    ContactFactory(name="Luz", mobile="987654321", email="luz@correo.test")
    ContactFactory(name="Eva", document_number="55")
    asked = {"phone": "987654321", "email": "luz@correo.test", "document_number": "55"}
    assert found(as_user(bob), **asked) == ["Luz", "Eva"]


@pytest.mark.parametrize("parameters", [{}, {"phone": ""}, {"phone": "no tiene"}, {"document_number": "--"}])
def test_nothing_asked_finds_nobody(as_user: AsUser, bob: User, parameters: dict[str, str]) -> None:
    ContactFactory(phone="no tiene")
    assert found(as_user(bob), **parameters) == []


def test_the_document_of_one_merged_away_finds_who_took_over(as_user: AsUser, bob: User) -> None:
    survivor = ContactFactory(name="Luz", document_number="1")
    absorbed = ContactFactory(document_number="2")
    merge_contacts(survivor_id=survivor.pk, absorbed_id=absorbed.pk, by=None)
    assert found(as_user(bob), document_number="2") == ["Luz"]


def test_agents_who_see_only_theirs_learn_nothing_of_others(
    as_user: AsUser, bob: User, charlie: User, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    ContactFactory(name="de Charlie", mobile="987654321", responsible_user=charlie)
    assert found(as_user(bob), phone="987654321") == []
    assert found(as_user(charlie), phone="987654321") == ["de Charlie"]


def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User) -> None:
    assert as_user(None).get(URL).status_code == 401
    assert as_user(oscar).get(URL).status_code == 403


def test_it_does_not_read_every_contact(db: None) -> None:
    """A union of index lookups: an OR of subqueries would be a walk through the table."""
    sql = Contact.objects.duplicates_of(phones=["987654321"], document="1", email="a@b.test").explain()
    if "Seq Scan on crm_contact" in sql:  # an empty table is always walked; what matters is the shape
        assert "OR" not in sql
    assert "UNION" in str(Contact.objects.duplicates_of(phones=["987654321"], document="1").query)
