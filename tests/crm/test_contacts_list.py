"""GET /api/crm/contacts and /count."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from crm.models import Contact, User
from tests.factories import NOON, ContactFactory, LeadFactory, OpportunityFactory, TaskFactory

AsUser = Callable[[User | None], APIClient]
URL = "/api/crm/contacts"


def names(client: APIClient, **parameters: Any) -> list[str]:
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.content
    return [item["name"] for item in response.json()["items"]]


def total(client: APIClient, **parameters: Any) -> int:
    answer = client.get(f"{URL}/count", parameters).json()
    assert list(answer) == ["total"]
    return int(answer["total"])


def at(contact: Contact, **times: datetime) -> Contact:
    Contact.objects.filter(pk=contact.pk).update(**times)
    return contact


@pytest.mark.sqlite
def test_the_newest_come_first_in_the_envelope(as_user: AsUser, bob: User) -> None:
    for number in range(5):
        ContactFactory(name=f"C{number}")
    ContactFactory(name="eliminado", is_deleted=True)
    answer = as_user(bob).get(URL, {"skip": 1, "limit": 2}).json()
    assert [item["name"] for item in answer.pop("items")] == ["C3", "C2"]
    assert answer == {"total": 5, "skip": 1, "limit": 2, "page": 1, "total_pages": 3}
    assert total(as_user(bob)) == 5


def test_every_contact_is_on_exactly_one_page(as_user: AsUser, bob: User) -> None:
    """Rows of one moment are told apart by their id."""
    moment = timezone.now()
    made = Contact.objects.create_many([Contact(name=f"C{number}") for number in range(25)])
    Contact.objects.update(created_at=moment)
    pages = [as_user(bob).get(URL, {"page": page, "limit": 10}).json()["items"] for page in (1, 2, 3)]
    ids = [item["id"] for page in pages for item in page]
    assert len(ids) == 25
    assert set(ids) == {str(contact.pk) for contact in made}


def test_the_other_prefix_and_a_final_slash_answer_the_same(as_user: AsUser, bob: User) -> None:
    ContactFactory(name="Luz")
    for url in ("/api/crm/contacts/", "/crm/contacts", "/crm/contacts/"):
        assert as_user(bob).get(url).json()["total"] == 1


# --- Filters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value", "fields", "others"),
    [
        ("grading_llamada", "B+", {"grading_llamada": "B+"}, {"grading_llamada": "B-"}),
        ("grading_situacion", "A", {"grading_situacion": "A"}, {}),
        ("nacionalidad", "peruana", {"nacionalidad": "Peruana"}, {"nacionalidad": "Peruana (doble)"}),
        ("empadronado", "true", {"empadronado": True}, {"empadronado": None}),
        ("empadronado", "false", {"empadronado": False}, {"empadronado": None}),
        ("tiene_ingresos", "true", {"tiene_ingresos": True}, {"tiene_ingresos": False}),
    ],
)
def test_each_filter_keeps_only_what_it_names(
    as_user: AsUser, bob: User, parameter: str, value: str, fields: Any, others: Any
) -> None:
    ContactFactory(name="sí", **fields)
    ContactFactory(name="no", **others)
    assert names(as_user(bob), **{parameter: value}) == ["sí"]
    assert total(as_user(bob), **{parameter: value}) == 1


def test_a_plus_that_the_address_lost_is_understood(as_user: AsUser, bob: User) -> None:
    ContactFactory(name="sí", grading_llamada="B+")
    assert as_user(bob).get(f"{URL}?grading_llamada=B+").json()["total"] == 1


def test_by_responsible_is_strict(as_user: AsUser, bob: User, laura: User) -> None:
    ContactFactory(name="de Laura", responsible_user=laura)
    ContactFactory(name="de nadie")
    assert names(as_user(bob), responsible_user_id=str(laura.pk)) == ["de Laura"]


@pytest.mark.parametrize("which", ["ultima_llamada", "proxima_llamada"])
def test_days_are_those_of_the_installation_both_included(
    as_user: AsUser, bob: User, which: str, settings: Any
) -> None:
    """TIME_ZONE is America/Lima: its 10 March ends at 05:00 of the 11th in UTC."""
    column = f"{which}_fecha"
    for name, moment in (
        ("víspera", datetime(2026, 3, 10, 4, 59, tzinfo=UTC)),
        ("primera hora", datetime(2026, 3, 10, 5, 0, tzinfo=UTC)),
        ("última hora", datetime(2026, 3, 11, 4, 59, 59, tzinfo=UTC)),
        ("día siguiente", datetime(2026, 3, 11, 5, 0, tzinfo=UTC)),
    ):
        at(ContactFactory(name=name), **{column: moment})
    ContactFactory(name="sin fecha")
    day = {f"{which}_desde": "2026-03-10", f"{which}_hasta": "2026-03-10"}
    assert set(names(as_user(bob), **day)) == {"primera hora", "última hora"}
    assert names(as_user(bob), **{f"{which}_desde": "2026-03-11T05:00:00.000Z"}) == ["día siguiente"]


def test_parameters_nobody_knows_are_ignored(as_user: AsUser, bob: User) -> None:
    ContactFactory(name="Luz")
    assert names(as_user(bob), view="kanban", search="", responsible_user_id="") == ["Luz"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"responsible_user_id": "yo"},
        {"grading_llamada": "E"},
        {"ultima_llamada_desde": "ayer"},
        {"proxima_llamada_hasta": "2026-02-31"},
        {"sort_by": "search_words"},
        {"search": "a\x00b", "nacionalidad": "a\x00b"},
    ],
)
def test_a_filter_that_means_nothing_is_refused(as_user: AsUser, bob: User, parameters: Any) -> None:
    for path in (URL, f"{URL}/count"):
        response = as_user(bob).get(path, parameters)
        assert response.status_code == 400
        assert isinstance(response.json()["detail"], str)


# --- Order ------------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("sort_by", "column", "values"),
    [
        ("name", "name", ["Ábalos", "abarca", "Zoe"]),
        ("email", "email", ["a@x.test", "b@x.test", None]),
        ("phone", "phone", ["+511", "+512", None]),
        ("grading_llamada", "grading_llamada", ["A", "C", None]),
        ("grading_situacion", "grading_situacion", ["B+", "D", None]),
        ("nacionalidad", "nacionalidad", ["Chilena", "Peruana", None]),
        ("ultima_llamada", "ultima_llamada_fecha", [NOON, NOON + timedelta(days=1), None]),
        ("proxima_llamada", "proxima_llamada_fecha", [NOON, NOON + timedelta(days=1), None]),
        ("created_at", "created_at", [NOON, NOON + timedelta(days=1), NOON + timedelta(days=2)]),
        ("updated_at", "updated_at", [NOON, NOON + timedelta(days=1), NOON + timedelta(days=2)]),
    ],
)
def test_each_order_in_both_directions_with_the_empty_last(
    as_user: AsUser, bob: User, sort_by: str, column: str, values: list[Any]
) -> None:
    made = {}
    for position in (1, 2, 0):
        name = values[position] if column == "name" else f"C{position}"
        made[position] = at(ContactFactory(name=name), **({column: values[position]} if column != "name" else {}))
    ascending = [Contact.objects.get(pk=made[position].pk).name for position in range(3)]
    empties = [name for name, value in zip(ascending, values, strict=True) if value is None]
    descending = [name for name in reversed(ascending) if name not in empties] + empties
    assert names(as_user(bob), sort_by=sort_by, sort_order="asc") == ascending
    assert names(as_user(bob), sort_by=sort_by, sort_order="desc") == descending


# --- What an item holds -----------------------------------------------------------------------


def test_the_closest_task_is_the_next_open_one_also_of_a_lead(as_user: AsUser, bob: User) -> None:
    busy, quiet = ContactFactory(name="con tareas"), ContactFactory(name="sin tareas")
    TaskFactory(contact=busy, complete_till=NOON + timedelta(days=3))
    TaskFactory(contact=busy, complete_till=NOON, is_completed=True)
    TaskFactory(contact=busy, complete_till=None)
    TaskFactory(contact=None, lead=LeadFactory(contact=busy), complete_till=NOON + timedelta(days=2))
    TaskFactory(contact=quiet, complete_till=NOON, is_completed=True)
    found = {item["name"]: item["closest_task_at"] for item in as_user(bob).get(URL).json()["items"]}
    assert found == {"con tareas": "2026-03-04T12:00:00Z", "sin tareas": None}


def test_a_list_item_is_no_lead(as_user: AsUser, bob: User) -> None:
    ContactFactory()
    (item,) = as_user(bob).get(URL).json()["items"]
    assert not {"price", "pipeline_id"} & item.keys()
    assert {"notes", "custom_fields", "initial_contact_completed", "closest_task_at"} <= item.keys()


# --- Who sees what ----------------------------------------------------------------------------


def test_in_an_open_installation_agents_see_every_contact(as_user: AsUser, bob: User, charlie: User) -> None:
    ContactFactory(name="de Charlie", responsible_user=charlie)
    assert names(as_user(bob)) == ["de Charlie"]


def test_agents_see_only_what_is_theirs_where_the_installation_says_so(
    as_user: AsUser, bob: User, charlie: User, laura: User, alice: User, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    ContactFactory(name="de nadie")
    ContactFactory(name="de Charlie", responsible_user=charlie)
    ContactFactory(name="de Bob", responsible_user=bob)
    OpportunityFactory(contact=ContactFactory(name="oportunidad de Bob"), assigned_to=bob)
    LeadFactory(contact=ContactFactory(name="lead de Bob"), responsible_user=bob)
    assert set(names(as_user(bob))) == {"de Bob", "oportunidad de Bob", "lead de Bob"}
    assert total(as_user(bob)) == 3
    assert names(as_user(charlie)) == ["de Charlie"]
    assert total(as_user(laura)) == total(as_user(alice)) == 5


def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User) -> None:
    for path in (URL, f"{URL}/count"):
        assert as_user(None).get(path).status_code == 401
        assert as_user(oscar).get(path).status_code == 403


# --- Cost -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["open", "own"])
def test_a_page_costs_the_same_for_ten_contacts_and_a_thousand(
    as_user: AsUser, bob: User, scope: str, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = scope
    client = as_user(bob)
    plain, searched = [], []
    for size in (10, 990):
        Contact.objects.create_many(
            [Contact(name=f"Luz {n}", mobile=f"+519{n:08d}", responsible_user=bob) for n in range(size)]
        )
        for asked, parameters in ((plain, {}), (searched, {"search": "luz"})):
            with CaptureQueriesContext(connection) as captured:
                assert len(client.get(URL, {"limit": 10, **parameters}).json()["items"]) == 10
            asked.append(len(captured))
    # Who asks, the page, its total, the next tasks of these people; a search asks first how common the word is.
    assert plain == [4, 4]
    assert searched == [5, 5]
