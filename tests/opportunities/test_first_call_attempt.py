"""POST /api/crm/opportunities/{id}/first-call-attempt: what a person says came of an attempt."""

from uuid import uuid4

import pytest
from django.utils.dateparse import parse_datetime

from crm.models import AuditEntry
from tests.factories import OpportunityFactory
from tests.opportunities.helpers import NOBODY, everything, one

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def note(client, opportunity, number, status, **more):
    body = {"attempt_number": number, "status": status, **more}
    return client.post(one(opportunity, "first-call-attempt"), body)


def test_an_attempt_is_noted_under_its_number(as_user, bob):
    row, call_id = OpportunityFactory(), str(uuid4())
    answer = note(as_user(bob), row, 2, "orange", call_id=call_id, notes="Buzón de voz")
    assert answer.status_code == 200
    body = answer.json()
    [(number, attempt)] = body["first_call_attempts"].items()
    assert (number, attempt["status"], attempt["call_id"], attempt["notes"]) == ("2", "orange", call_id, "Buzón de voz")
    assert attempt["attempted_at"].endswith("Z")
    assert parse_datetime(attempt["attempted_at"]) == parse_datetime(body["last_contact_attempt_at"])
    assert (body["first_call_completed"], body["first_call_successful_attempt"]) == (False, None)


def test_the_first_attempt_makes_a_pending_one_contacted_and_leaves_an_assigned_one(as_user, bob):
    assert note(as_user(bob), OpportunityFactory(), 1, "orange").json()["status"] == "contacted"
    held = OpportunityFactory(assigned_to=bob, status="assigned")
    assert note(as_user(bob), held, 1, "orange").json()["status"] == "assigned"


def test_green_completes_the_first_call(as_user, bob):
    row = OpportunityFactory()
    note(as_user(bob), row, 1, "orange")
    body = note(as_user(bob), row, 3, "green").json()
    assert (body["first_call_completed"], body["first_call_successful_attempt"]) == (True, 3)
    assert set(body["first_call_attempts"]) == {"1", "3"}


def test_overwriting_the_green_one_takes_the_completion_back(as_user, bob):
    row = OpportunityFactory()
    note(as_user(bob), row, 1, "green")
    body = note(as_user(bob), row, 1, "orange").json()
    assert (body["first_call_completed"], body["first_call_successful_attempt"]) == (False, None)
    assert body["first_call_attempts"]["1"]["status"] == "orange"


def test_red_gives_the_opportunity_up_as_lost(as_user, bob):
    assert note(as_user(bob), OpportunityFactory(), 1, "red").json()["status"] == "lost"


@pytest.mark.parametrize("status", ["orange", "green"])
def test_correcting_that_red_opens_it_again(as_user, bob, status):
    row = OpportunityFactory()
    note(as_user(bob), row, 1, "red")
    assert note(as_user(bob), row, 1, status).json()["status"] == "contacted"


def test_a_lost_one_stays_lost_when_another_attempt_is_noted(as_user, bob):
    row = OpportunityFactory()
    note(as_user(bob), row, 1, "red")
    assert note(as_user(bob), row, 2, "orange").json()["status"] == "lost"


@pytest.mark.parametrize("empty", [None, ""])
def test_call_and_notes_may_be_empty(as_user, bob, empty):
    body = note(as_user(bob), OpportunityFactory(), 1, "orange", call_id=empty, notes=empty).json()
    assert (body["first_call_attempts"]["1"]["call_id"], body["first_call_attempts"]["1"]["notes"]) == (None, "")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"attempt_number": 0}, "attempt_number"),
        ({"attempt_number": 6}, "attempt_number"),
        ({"attempt_number": "dos"}, "attempt_number"),
        ({"attempt_number": None}, "attempt_number"),
        ({"status": "pending"}, "status"),
        ({"status": "blue"}, "status"),
        ({"status": ""}, "status"),
        ({"call_id": "x"}, "call_id"),
        ({"notes": ["x"]}, "notes"),
        ({"notes": "a\0b"}, "notes"),
    ],
)
def test_wrong_input_is_refused_and_nothing_stored(as_user, bob, wrong, field):
    row = OpportunityFactory()
    before = everything()
    answer = as_user(bob).post(one(row, "first-call-attempt"), {"attempt_number": 1, "status": "orange", **wrong})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert everything() == before


def test_number_and_status_are_required(as_user, bob):
    answer = as_user(bob).post(one(OpportunityFactory(), "first-call-attempt"), {})
    assert answer.status_code == 400
    assert {"attempt_number", "status"} <= answer.json()["errors"].keys()


def test_unknown_opportunities_and_outsiders(as_user, bob, oscar):
    assert note(as_user(bob), NOBODY, 1, "orange").status_code == 404
    assert note(as_user(bob), "x", 1, "orange").status_code == 404
    assert note(as_user(oscar), OpportunityFactory(), 1, "orange").status_code == 403
    assert note(as_user(None), OpportunityFactory(), 1, "orange").status_code == 401


def test_the_audit_says_who_noted_it(as_user, bob):
    row = OpportunityFactory()
    note(as_user(bob), row, 4, "green")
    entry = AuditEntry.objects.get(action="opportunity.first_call")
    assert (entry.actor_id, entry.entity_id) == (bob.pk, str(row.pk))
    assert entry.details == {"attempt": 4, "status": "green"}
