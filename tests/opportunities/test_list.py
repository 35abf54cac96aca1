"""GET /api/crm/opportunities and /api/crm/contacts/{id}/opportunities."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import JSONField, Value
from django.test.utils import CaptureQueriesContext

from opportunities.choices import Priority
from opportunities.models import Opportunity
from tests.factories import NOON, ContactFactory, OpportunityFactory
from tests.opportunities.helpers import NOBODY, PATH, ids_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def found(client, **parameters):
    return [item["id"] for item in client.get(PATH, parameters).json()["items"]]


def test_an_empty_list_is_an_envelope(as_user, bob):
    assert as_user(bob).get(PATH).json() == {
        "items": [],
        "total": 0,
        "skip": 0,
        "limit": 50,
        "page": 1,
        "total_pages": 0,
    }


def test_an_item_is_what_the_client_reads(as_user, bob):
    contact = ContactFactory(name="Luz Vega", email="luz@vega.test", city="Lima", phone="+51987654321")
    row = OpportunityFactory(
        contact=contact,
        assigned_to=bob,
        status="assigned",
        priority=Priority.HIGH,
        opportunity_score=72,
        detected_at=NOON,
        detection_reason={"not_contacted": True},
    )

    [item] = as_user(bob).get(f"{PATH}?").json()["items"]

    assert item["contact"] | {"id": str(contact.pk), "name": "Luz Vega", "email": "luz@vega.test"} == item["contact"]
    assert (item["contact"]["phone"], item["contact"]["city"]) == ("+51987654321", "Lima")
    # Either of these makes the client take the contact for a lead, and crash.
    assert not {"price", "pipeline_id"} & item["contact"].keys()
    assert item["assigned_to"] == {"id": str(bob.pk), "name": "Bob Salas", "email": "bob@puente.test"}
    assert item["pipeline_stage"] == {
        "id": str(row.pipeline_stage_id),
        "entity_id": str(row.pk),
        "entity_type": "leads",
        "current_stage": "agent_initial",
        "is_active": True,
    }
    plain = {
        "id": str(row.pk),
        "contact_id": str(contact.pk),
        "detected_at": "2026-03-02T12:00:00Z",
        "opportunity_score": 72,
        "priority": "high",
        "status": "assigned",
        "detection_reason": {"not_contacted": True},
        "assigned_to_id": str(bob.pk),
        "pipeline_stage_id": str(row.pipeline_stage_id),
        "first_call_attempts": {},
        "first_call_completed": False,
        "first_call_successful_attempt": None,
        "last_contact_attempt_at": None,
        "notes": None,
        "created_by": None,
    }
    assert {name: item[name] for name in plain} == plain
    assert item.keys() == plain.keys() | {"contact", "assigned_to", "pipeline_stage", "created_at", "updated_at"}
    assert item["created_at"].endswith("Z")


@pytest.mark.parametrize("reason", ["Sin situación legal", {}, {"a": [1]}])
def test_the_reason_is_text_or_object_as_it_was_given(as_user, bob, reason):
    OpportunityFactory(detection_reason=reason)
    assert as_user(bob).get(PATH).json()["items"][0]["detection_reason"] == reason


def test_the_reason_is_never_null(as_user, bob):
    OpportunityFactory(detection_reason=Value(None, JSONField()))
    assert as_user(bob).get(PATH).json()["items"][0]["detection_reason"] == {}


def test_the_most_urgent_come_first(as_user, bob):
    contact = ContactFactory()

    def make(priority, score, minutes):
        moment = NOON + timedelta(minutes=minutes)
        return OpportunityFactory(contact=contact, priority=priority, opportunity_score=score, detected_at=moment)

    low = make(Priority.LOW, 100, 9)
    high_20 = make(Priority.HIGH, 20, 0)
    high_90_old = make(Priority.HIGH, 90, 0)
    high_90_new = make(Priority.HIGH, 90, 5)
    medium = make(Priority.MEDIUM, 99, 0)
    twin = make(Priority.MEDIUM, 99, 0)
    assert found(as_user(bob)) == ids_of([high_90_new, high_90_old, high_20, twin, medium, low])


def test_pages_by_page_or_skip_share_the_rows_out(as_user, bob):
    rows = OpportunityFactory.create_batch(5, contact=ContactFactory())
    client = as_user(bob)
    first, second, third = (found(client, page=page, limit=2) for page in (1, 2, 3))
    assert (len(first), len(second), len(third)) == (2, 2, 1)
    assert {*first, *second, *third} == set(ids_of(rows))
    assert found(client, skip=2, limit=2) == second
    body = client.get(PATH, {"page": 2, "limit": 2}).json()
    assert (body["total"], body["total_pages"], body["skip"], body["page"]) == (5, 3, 2, 2)


def test_a_thousand_can_be_asked_for_and_more_is_clamped(as_user, alice):
    assert as_user(alice).get(PATH, {"page": 1, "limit": 1000}).json()["limit"] == 1000
    assert as_user(alice).get(PATH, {"limit": 5000}).json()["limit"] == 1000


def test_filters(as_user, bob, charlie):
    client = as_user(bob)
    low = OpportunityFactory(priority=Priority.LOW, opportunity_score=10, assigned_to=charlie, status="assigned")
    high = OpportunityFactory(priority=Priority.HIGH, opportunity_score=80, status="lost")
    assert found(client, status="assigned") == ids_of([low])
    assert found(client, status="lost") == ids_of([high])
    assert found(client, priority="high") == ids_of([high])
    assert found(client, priority="medium") == []
    assert found(client, assigned_to=str(charlie.pk)) == ids_of([low])
    assert found(client, assigned_to=NOBODY) == []
    assert found(client, unassigned="true") == ids_of([high])
    assert found(client, unassigned="false") == ids_of([low])
    assert found(client, min_score=80) == ids_of([high])
    assert found(client, max_score=10) == ids_of([low])
    assert found(client, min_score=11, max_score=79) == []
    assert found(client, status="lost", priority="low") == []


def test_empty_filters_are_none(as_user, bob):
    row = OpportunityFactory()
    empty = dict.fromkeys(
        ("status", "priority", "assigned_to", "search", "min_score", "max_score", "unassigned", "page", "limit"), ""
    )
    assert found(as_user(bob), **empty) == ids_of([row])


@pytest.mark.parametrize(
    ("contact", "typed"),
    [
        ({"name": "Rocío Peña"}, "roci"),
        ({"name": "Rocío Peña"}, "PEÑA rocio"),
        ({"name": "X", "first_name": "Martina"}, "martina"),
        ({"name": "X", "last_name": "Quispe"}, "quis"),
        ({"name": "X", "email": "luz@vega.test"}, "luz@vega.test"),
        ({"name": "X", "city": "Cuzco"}, "cuzco"),
        ({"name": "X", "mobile": "+51987654321"}, "987 654 321"),
    ],
)
def test_search_looks_at_the_contact(as_user, bob, contact, typed):
    row = OpportunityFactory(contact=ContactFactory(**contact))
    OpportunityFactory(contact=ContactFactory(name="Otra Persona", city="Arequipa"))
    assert found(as_user(bob), search=typed) == ids_of([row])


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"status": "discarded"}, "status"),
        ({"priority": "urgent"}, "priority"),
        ({"min_score": "alto"}, "min_score"),
        ({"max_score": "NaN"}, "max_score"),
        ({"search": "a\0b"}, "search"),
    ],
)
def test_filters_nobody_can_mean_are_refused(as_user, bob, parameters, field):
    answer = as_user(bob).get(PATH, parameters)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


@pytest.mark.parametrize(
    "parameters",
    [{"min_score": "99999999999999999999"}, {"max_score": "-99999999999999999999"}, {"assigned_to": "x"}],
)
def test_what_nothing_can_match_finds_nothing(as_user, bob, parameters):
    OpportunityFactory()
    assert found(as_user(bob), **parameters) == []


@pytest.mark.parametrize("parameters", [{"page": "x"}, {"limit": -5}, {"skip": "1e3"}, {"page": 10**30}, {"other": 1}])
def test_odd_pages_and_unknown_parameters_are_no_error(as_user, bob, parameters):
    assert as_user(bob).get(PATH, parameters).status_code == 200


def test_those_of_a_deleted_contact_are_not_listed(as_user, alice):
    OpportunityFactory(contact=ContactFactory(is_deleted=True))
    assert as_user(alice).get(PATH).json()["total"] == 0


def test_outsiders_and_nobody(as_user, oscar):
    assert as_user(oscar).get(PATH).status_code == 403
    assert as_user(None).get(PATH).status_code == 401


@pytest.mark.parametrize("filters", [{}, {"status": "pending"}, {"search": "luz"}])
def test_ten_and_a_thousand_rows_take_the_same_queries(as_user, bob, filters):
    contact = ContactFactory(name="Luz Vega")
    client = as_user(bob)
    counts = {}
    for size in (10, 1000):
        missing = size - Opportunity.objects.count()
        Opportunity.objects.bulk_create(Opportunity(contact=contact, assigned_to=bob) for _ in range(missing))
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(PATH, {"limit": 1000, **filters}).json()["items"]) == size
        counts[size] = len(queries)
    assert counts[1000] <= counts[10] + 1  # a full page asks for the total besides
    assert counts[1000] <= (4 if "search" in filters else 3)  # a search asks first how common the word is


# --- Of one contact ---------------------------------------------------------------------------


def test_a_contact_has_its_opportunities_most_urgent_first(as_user, bob):
    contact = ContactFactory()
    low = OpportunityFactory(contact=contact, priority=Priority.LOW)
    high = OpportunityFactory(contact=contact, priority=Priority.HIGH)
    OpportunityFactory()
    body = as_user(bob).get(f"/api/crm/contacts/{contact.pk}/opportunities").json()
    assert [item["id"] for item in body["items"]] == ids_of([high, low])
    assert (body["total"], body["limit"]) == (2, 50)


@pytest.mark.parametrize("contact_id", [NOBODY, "x"])
def test_an_unknown_contact_is_not_found(as_user, bob, contact_id):
    answer = as_user(bob).get(f"/api/crm/contacts/{contact_id}/opportunities")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Contacto no encontrado")


def test_nor_is_a_deleted_one(as_user, bob):
    contact = ContactFactory(is_deleted=True)
    assert as_user(bob).get(f"/api/crm/contacts/{contact.pk}/opportunities").status_code == 404
