"""GET /api/crm/calls, GET /api/crm/contacts/{id}/calls."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calls.models import Call
from tests.calls.helpers import CALLS
from tests.factories import NOBODYS_ID, NOON, CallFactory, CallTypeFactory, ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["items"]]


@pytest.mark.sqlite
def test_the_newest_come_first_in_the_envelope(as_user, bob):
    calls = [CallFactory() for _ in range(3)]
    said = as_user(bob).get(CALLS, {"limit": 2}).json()
    assert [item["id"] for item in said.pop("items")] == [str(calls[2].pk), str(calls[1].pk)]
    assert said == {"total": 3, "skip": 0, "limit": 2, "page": 1, "total_pages": 2}
    assert ids(as_user(bob).get(CALLS, {"limit": 2, "page": 2})) == [str(calls[0].pk)]
    assert ids(as_user(bob).get(CALLS, {"limit": 2, "skip": 1, "page": 1})) == [str(calls[1].pk), str(calls[0].pk)]


def test_an_empty_list_is_an_empty_envelope(as_user, bob):
    empty = {"items": [], "total": 0, "skip": 0, "limit": 50, "page": 1, "total_pages": 0}
    assert as_user(bob).get(CALLS).json() == empty


@pytest.mark.sqlite
def test_each_item_is_what_one_call_answers(as_user, bob):
    for call in (CallFactory(), CallFactory(contact=None, lead=LeadFactory())):
        item = next(item for item in as_user(bob).get(CALLS).json()["items"] if item["id"] == str(call.pk))
        assert item == as_user(bob).get(f"{CALLS}/{call.pk}").json()
        assert item["contact_name"] == call.person_name
        assert item["contact_id"] == str(call.person_id)


@pytest.mark.parametrize("entity_type", ["contacts", "contact", None])
def test_the_calls_of_one_contact(as_user, bob, entity_type):
    mine = CallFactory()
    CallFactory()
    CallFactory(contact=None, lead=LeadFactory(contact=mine.contact))
    query = {"entity_id": str(mine.contact_id), "limit": 100}
    if entity_type:
        query["entity_type"] = entity_type
    assert ids(as_user(bob).get(CALLS, query)) == [str(mine.pk)]


def test_the_calls_of_one_lead_and_of_all_leads(as_user, bob):
    call = CallFactory(contact=None, lead=LeadFactory())
    CallFactory()
    assert ids(as_user(bob).get(CALLS, {"entity_id": str(call.lead_id), "entity_type": "leads"})) == [str(call.pk)]
    assert ids(as_user(bob).get(CALLS, {"entity_type": "lead"})) == [str(call.pk)]
    assert ids(as_user(bob).get(CALLS, {"entity_id": str(call.lead_id), "entity_type": "contacts"})) == []


@pytest.mark.parametrize("name", ["entity_id", "responsible_user_id"])
@pytest.mark.parametrize("value", ["new", "1", "undefined", NOBODYS_ID])
def test_an_id_that_nobody_has_finds_nothing(as_user, bob, name, value):
    CallFactory(responsible_user=bob)
    assert ids(as_user(bob).get(CALLS, {name: value})) == []


def test_filters_narrow_the_list(as_user, bob, charlie):
    kind = CallTypeFactory(code="cobro")
    wanted = CallFactory(direction="inbound", call_status="missed", call_type=kind, responsible_user=charlie)
    CallFactory()
    for query in (
        {"direction": "inbound"},
        {"call_status": "missed"},
        {"call_type": "cobro"},
        {"responsible_user_id": str(charlie.pk)},
        {"direction": "inbound", "call_status": "missed", "call_type": ""},
    ):
        assert ids(as_user(bob).get(CALLS, query)) == [str(wanted.pk)], query
    assert ids(as_user(bob).get(CALLS, {"direction": "outbound", "call_status": "missed"})) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"date_from": "2026-03-02T12:00:00Z"}, True),
        ({"date_from": "2026-03-02T12:00:01Z"}, False),
        ({"date_to": "2026-03-02T12:00:00Z"}, True),
        ({"date_to": "2026-03-02T11:59:59Z"}, False),
        ({"date_from": "2026-03-02", "date_to": "2026-03-02"}, True),
        ({"date_from": "2026-03-03"}, False),
        ({"date_from": "2026-03-02T07:00:00 05:00"}, True),
        ({"date_to": "2026-03-02T07:00:00-05:00"}, True),
        ({"date_from": ""}, True),
    ],
)
def test_dates_are_those_of_the_call_and_inclusive(as_user, bob, query, found):
    CallFactory(started_at=NOON)
    assert bool(ids(as_user(bob).get(CALLS, query))) is found


def test_within_dates_the_latest_calls_come_first(as_user, bob):
    late, early = CallFactory(started_at=NOON + timedelta(hours=2)), CallFactory(started_at=NOON)
    assert ids(as_user(bob).get(CALLS, {"date_from": "2026-03-01"})) == [str(late.pk), str(early.pk)]
    assert ids(as_user(bob).get(CALLS)) == [str(early.pk), str(late.pk)]


def test_search_finds_who_was_called(as_user, bob):
    contact = CallFactory(contact=ContactFactory(name="Luz Peña", mobile="+51987654321"))
    lead = CallFactory(contact=None, lead=LeadFactory(nombre="Ramón Ñahui", celular="+51912345678"))
    assert ids(as_user(bob).get(CALLS, {"search": "pena luz"})) == [str(contact.pk)]
    assert ids(as_user(bob).get(CALLS, {"search": "987 654 321"})) == [str(contact.pk)]
    assert ids(as_user(bob).get(CALLS, {"search": "ñahui"})) == [str(lead.pk)]
    assert ids(as_user(bob).get(CALLS, {"search": "nadie"})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("direction", "sideways"),
        ("call_status", "perhaps"),
        ("entity_type", "companies"),
        ("date_from", "ayer"),
        ("date_from", "2026-99-01"),
        ("date_to", "0001-01-01"),
        ("call_type", "a\x00b"),
        ("search", "a\x00b"),
    ],
)
def test_a_filter_that_makes_no_sense_is_400(as_user, bob, name, value):
    answer = as_user(bob).get(CALLS, {name: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]
    assert isinstance(answer.json()["detail"], str)


def test_unknown_parameters_and_odd_paging_are_forgiven(as_user, bob):
    CallFactory()
    query = {"view": "x", "limit": "muchos", "skip": "-3", "page": "0"}
    assert len(ids(as_user(bob).get(CALLS, query))) == 1
    assert as_user(bob).get(CALLS, {"limit": 5000}).json()["limit"] == 1000


def test_agents_see_every_call_unless_the_scope_is_limited(as_user, bob, charlie, settings):
    mine = CallFactory(contact=ContactFactory(responsible_user=bob))
    of_my_lead = CallFactory(contact=None, lead=LeadFactory(contact=mine.contact))
    CallFactory(contact=ContactFactory(responsible_user=charlie))
    assert len(ids(as_user(bob).get(CALLS))) == 3
    settings.CRM_AGENT_SCOPE = "own"
    assert ids(as_user(bob).get(CALLS)) == [str(of_my_lead.pk), str(mine.pk)]


def test_without_token_401_and_without_role_403(as_user, oscar):
    assert as_user(None).get(CALLS).status_code == 401
    assert as_user(oscar).get(CALLS).status_code == 403


# --- The calls of a contact's page ------------------------------------------------------------


def of_contact(contact):
    return f"/api/crm/contacts/{contact.pk}/calls"


def test_a_contacts_page_has_the_calls_of_its_leads_too(as_user, bob, charlie):
    contact = ContactFactory()
    calls = [
        CallFactory(contact=contact, responsible_user=charlie),
        CallFactory(contact=None, lead=LeadFactory(contact=contact)),
        CallFactory(contact=None, lead=LeadFactory(contact=contact)),
    ]
    CallFactory()
    assert ids(as_user(bob).get(of_contact(contact), {"limit": 50})) == [str(call.pk) for call in reversed(calls)]
    assert as_user(bob).get(of_contact(contact), {"limit": 2}).json()["total"] == 3


def test_the_id_of_a_lead_stands_for_its_contact(as_user, bob):
    call = CallFactory()
    lead = LeadFactory(contact=call.contact)
    assert ids(as_user(bob).get(of_contact(lead))) == [str(call.pk)]


@pytest.mark.parametrize("contact_id", ["new", NOBODYS_ID])
def test_an_unknown_contact_has_no_page(as_user, bob, contact_id):
    answer = as_user(bob).get(f"/api/crm/contacts/{contact_id}/calls")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Contacto no encontrado"


def test_nor_has_one_out_of_reach(as_user, bob, charlie, settings):
    settings.CRM_AGENT_SCOPE = "own"
    contact = ContactFactory(responsible_user=charlie)
    assert as_user(bob).get(of_contact(contact)).status_code == 404
    assert as_user(charlie).get(of_contact(contact)).status_code == 200


# --- Cost -------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [CALLS, "/api/crm/calls/calendar", "contact"])
def test_a_thousand_rows_cost_the_queries_of_ten(as_user, alice, address):
    contact = ContactFactory()
    lead = LeadFactory(contact=contact)
    address = of_contact(contact) if address == "contact" else address

    def queries_with(rows):
        Call.objects.bulk_create(
            Call(contact=None if number % 2 else contact, lead=lead if number % 2 else None, direction="inbound",
                 call_status="missed", started_at=NOON) for number in range(rows)
        )  # fmt: skip
        client = as_user(alice)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            answer = client.get(address, {"limit": 1000})
        rows = answer.json()
        return len(asked), len(rows if isinstance(rows, list) else rows["items"])

    few, ten = queries_with(10)
    many, thousand = queries_with(990)
    assert (ten, thousand) == (10, 1000)
    assert many <= few + 1  # a full page is counted, one that is not tells its total itself
    assert many <= 5


# --- The calendar -----------------------------------------------------------------------------

CALENDAR = "/api/crm/calls/calendar"


def recorded(moment, **fields):
    with time_machine.travel(moment, tick=False):
        return CallFactory(**fields)


@pytest.fixture
def june(db):
    """Calls put on record on the edges of June 10th in Lima, and in its middle."""
    start = datetime(2026, 6, 10, 5, tzinfo=UTC)
    moments = [start - timedelta(seconds=1), start, start + timedelta(hours=12),
               start + timedelta(hours=23, minutes=59, seconds=59), start + timedelta(hours=24)]  # fmt: skip
    return [recorded(moment) for moment in moments]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"start_date": "2026-06-10", "end_date": "2026-06-10"}, [3, 2, 1]),
        ({"start_date": "2026-06-10T05:00:00Z", "end_date": "2026-06-11T05:00:00Z"}, [4, 3, 2, 1]),
        ({"start_date": "2026-06-10T05:00:00.000Z", "end_date": "2026-06-11T04:59:59.000Z"}, [3, 2, 1]),
        ({"start_date": "2026-06-10T00:00:00", "end_date": "2026-06-10T23:59:59"}, [3, 2, 1]),
        ({"start_date": "2026-06-11"}, [4]),
        ({"end_date": "2026-06-09"}, [0]),
        ({}, [4, 3, 2, 1, 0]),
    ],
)
def test_the_calendar_is_a_bare_array_by_the_moment_of_recording(as_user, alice, june, query, found):
    answer = as_user(alice).get(CALENDAR, query)
    assert answer.status_code == 200
    assert [item["id"] for item in answer.json()] == [str(june[position].pk) for position in found]


def test_each_day_has_names_in_it(as_user, alice, june):
    assert {item["contact_name"] for item in as_user(alice).get(CALENDAR).json()} == {
        call.contact.name for call in june
    }


def test_an_agents_calendar_is_their_own(as_user, bob, charlie, laura):
    own = [CallFactory(responsible_user=bob), CallFactory(created_by=bob, responsible_user=charlie)]
    CallFactory(responsible_user=charlie)
    assert {item["id"] for item in as_user(bob).get(CALENDAR).json()} == {str(call.pk) for call in own}
    assert len(as_user(laura).get(CALENDAR).json()) == 3


def test_the_calendar_is_narrowed_by_responsible_and_type(as_user, alice, bob):
    call = CallFactory(contact=None, lead=LeadFactory(), responsible_user=bob)
    CallFactory()
    for query in ({"responsible_user_id": str(bob.pk)}, {"entity_type": "leads"}):
        assert [item["id"] for item in as_user(alice).get(CALENDAR, query).json()] == [str(call.pk)]


@pytest.mark.parametrize("name", ["start_date", "end_date"])
def test_a_date_that_is_none_is_400(as_user, bob, name):
    answer = as_user(bob).get(CALENDAR, {name: "hoy"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]


def test_the_calendar_asks_for_a_token(as_user, oscar):
    assert as_user(None).get(CALENDAR).status_code == 401
    assert as_user(oscar).get(CALENDAR).status_code == 403
