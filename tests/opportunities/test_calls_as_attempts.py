"""An outgoing call is an attempt at the first call (client file 4.3); calls tell it by `crm.signals.call_recorded`."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from crm.signals import call_recorded
from opportunities.models import Opportunity
from tests.factories import ContactFactory, OpportunityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def record(contact, call_status="no_answer", *, call_id=None, direction="outbound", at=NOON, notes=None):
    """What the calls app sends, in the transaction of the call."""
    call_id = call_id or uuid4()
    with transaction.atomic():
        call_recorded.send(
            sender=None,
            contact_id=contact.pk if contact else None,
            call_id=call_id,
            direction=direction,
            call_status=call_status,
            at=at,
            notes=notes,
        )
    return call_id


def attempts_of(opportunity):
    opportunity.refresh_from_db()
    return {number: attempt["status"] for number, attempt in opportunity.first_call_attempts.items()}


@pytest.fixture
def opportunity():
    return OpportunityFactory()


@pytest.mark.parametrize(
    ("call_status", "colour"),
    [
        ("completed", "green"),
        ("answered", "green"),
        ("rejected", "red"),
        ("no_answer", "orange"),
        ("busy", "orange"),
        ("missed", "orange"),
        ("failed", "orange"),
        ("", "orange"),
    ],
)
def test_the_result_of_the_call_is_the_colour_of_the_attempt(opportunity, call_status, colour):
    record(opportunity.contact, call_status)
    assert attempts_of(opportunity) == {"1": colour}


def test_the_attempt_has_the_call_its_time_and_its_notes(opportunity):
    call_id = record(opportunity.contact, at=NOON, notes="No contesta, buzón")
    opportunity.refresh_from_db()
    assert opportunity.first_call_attempts["1"] == {
        "status": "orange",
        "call_id": str(call_id),
        "attempted_at": "2026-03-02T12:00:00Z",
        "notes": "No contesta, buzón",
    }
    assert opportunity.last_contact_attempt_at == NOON


def test_green_completes_the_first_call_and_later_calls_are_no_attempts(opportunity):
    record(opportunity.contact, "no_answer")
    record(opportunity.contact, "completed")
    record(opportunity.contact, "no_answer")
    assert attempts_of(opportunity) == {"1": "orange", "2": "green"}
    assert (opportunity.first_call_completed, opportunity.first_call_successful_attempt) == (True, 2)


def test_a_pending_one_is_contacted_then_an_assigned_one_stays(opportunity, bob):
    record(opportunity.contact)
    opportunity.refresh_from_db()
    assert opportunity.status == "contacted"
    held = OpportunityFactory(assigned_to=bob, status="assigned")
    record(held.contact)
    held.refresh_from_db()
    assert held.status == "assigned"


def test_a_rejected_call_does_not_close_anything_by_itself(opportunity):
    record(opportunity.contact, "rejected")
    opportunity.refresh_from_db()
    assert opportunity.status == "contacted"


def test_five_attempts_are_counted_and_later_calls_only_dated(opportunity):
    for minutes in range(7):
        record(opportunity.contact, at=NOON + timedelta(minutes=minutes))
    assert set(attempts_of(opportunity)) == {"1", "2", "3", "4", "5"}
    assert opportunity.last_contact_attempt_at == NOON + timedelta(minutes=6)


def test_the_next_number_follows_the_highest(opportunity):
    opportunity.first_call_attempts = {
        "3": {"status": "orange", "call_id": None, "attempted_at": "2026-03-01T12:00:00Z", "notes": ""}
    }
    opportunity.save()
    record(opportunity.contact)
    assert set(attempts_of(opportunity)) == {"3", "4"}


def test_the_same_call_corrected_corrects_its_attempt(opportunity):
    call_id = record(opportunity.contact, "no_answer")
    record(opportunity.contact, "completed", call_id=call_id)
    assert attempts_of(opportunity) == {"1": "green"}
    assert opportunity.first_call_completed
    record(opportunity.contact, "rejected", call_id=call_id)
    assert attempts_of(opportunity) == {"1": "red"}
    assert (opportunity.first_call_completed, opportunity.first_call_successful_attempt) == (False, None)


def test_a_corrected_call_is_not_counted_for_another_opportunity_of_the_contact(opportunity):
    older = opportunity
    newer = OpportunityFactory(contact=older.contact)
    call_id = record(older.contact, "completed")
    record(older.contact, "no_answer", call_id=call_id)
    assert attempts_of(newer) == {"1": "orange"}
    assert attempts_of(older) == {}


def test_the_newest_open_opportunity_counts(opportunity):
    newer = OpportunityFactory(contact=opportunity.contact)
    closed = OpportunityFactory(contact=opportunity.contact, status="lost")
    record(opportunity.contact)
    assert [attempts_of(row) for row in (opportunity, newer, closed)] == [{}, {"1": "orange"}, {}]


@pytest.mark.parametrize("status", ["converted", "expired", "lost"])
def test_closed_ones_count_nothing(status):
    row = OpportunityFactory(status=status)
    record(row.contact)
    assert attempts_of(row) == {}
    assert row.last_contact_attempt_at is None


def test_only_outgoing_calls_count_and_only_those_with_a_contact(opportunity):
    record(opportunity.contact, direction="inbound")
    record(None)
    assert attempts_of(opportunity) == {}


def test_an_earlier_call_recorded_late_does_not_turn_the_date_back(opportunity):
    record(opportunity.contact, at=NOON)
    record(opportunity.contact, at=NOON - timedelta(days=1))
    opportunity.refresh_from_db()
    assert opportunity.last_contact_attempt_at == NOON


def test_a_call_costs_one_query_without_and_two_with_an_opportunity(opportunity):
    without = ContactFactory()
    for contact, most in ((without, 1), (opportunity.contact, 2)):
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            record(contact)
        work = [query for query in queries if "SAVEPOINT" not in query["sql"]]
        assert len(work) == most


def test_the_same_call_again_unchanged_writes_nothing(opportunity):
    call_id = record(opportunity.contact)
    before = Opportunity.objects.get(pk=opportunity.pk).updated_at
    record(opportunity.contact, call_id=call_id)
    assert Opportunity.objects.get(pk=opportunity.pk).updated_at == before


def test_a_mistake_in_here_does_not_cost_the_call(opportunity, monkeypatch, caplog):
    monkeypatch.setattr(Opportunity, "note_call", lambda *args, **kwargs: 1 / 0)
    call_id = record(opportunity.contact)
    assert str(call_id) in caplog.text
    assert attempts_of(opportunity) == {}


def test_an_error_of_the_database_ends_the_transaction_that_it_broke(opportunity, monkeypatch):
    def fail(*args, **kwargs):
        raise DatabaseError("deadlock detected")

    monkeypatch.setattr(Opportunity, "note_call", fail)
    with pytest.raises(DatabaseError):
        record(opportunity.contact)


def test_a_call_logged_through_the_api_is_counted(as_user, bob, opportunity):
    body = {
        "entity_type": "contacts",
        "entity_id": str(opportunity.contact_id),
        "direction": "outbound",
        "call_status": "completed",
        "started_at": "2026-03-02T12:00:00Z",
        "resumen_llamada": "Quiere cita",
    }
    call_id = as_user(bob).post("/api/crm/calls", body).json()["id"]
    answered = as_user(bob).get(f"/api/crm/opportunities/{opportunity.pk}").json()
    assert answered["first_call_attempts"] == {
        "1": {"status": "green", "call_id": call_id, "attempted_at": "2026-03-02T12:00:00Z", "notes": "Quiere cita"}
    }
    assert (answered["status"], answered["first_call_completed"]) == ("contacted", True)

    as_user(bob).patch(f"/api/crm/calls/{call_id}", {"call_status": "no_answer"})

    answered = as_user(bob).get(f"/api/crm/opportunities/{opportunity.pk}").json()
    assert answered["first_call_attempts"]["1"]["status"] == "orange"
    assert answered["first_call_completed"] is False
