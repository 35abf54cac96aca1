"""POST /api/crm/opportunities/{id}/assign."""

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import AuditEntry
from tests.factories import ContactFactory, OpportunityFactory, UserFactory
from tests.opportunities.helpers import NOBODY, everything, ledger_of, one, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def assign(client, opportunity, sent, **more):
    return client.post(one(opportunity, "assign"), {"assigned_to_id": sent, **more})


def test_assigning_answers_the_whole_opportunity_with_its_new_holder(as_user, alice, bob):
    row = OpportunityFactory()
    answer = assign(as_user(alice), row, str(bob.pk))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["status"], body["assigned_to_id"]) == (str(row.pk), "assigned", str(bob.pk))
    assert body["assigned_to"] == {"id": str(bob.pk), "name": "Bob Salas", "email": "bob@puente.test"}
    assert body["contact"]["name"] == row.contact.name
    assert state_of(row) == (bob.pk, "assigned")


@pytest.mark.parametrize("nobody", [None, ""])
@pytest.mark.parametrize("status", ["assigned", "contacted", "lost"])
def test_null_or_empty_takes_it_back_and_it_is_pending_whatever_it_was(as_user, alice, bob, nobody, status):
    row = OpportunityFactory(assigned_to=bob, status=status)
    answer = assign(as_user(alice), row, nobody)
    assert answer.status_code == 200
    assert (answer.json()["assigned_to_id"], answer.json()["assigned_to"]) == (None, None)
    assert state_of(row) == (None, "pending")


def test_each_assignment_leaves_a_row_in_the_ledger_and_they_make_a_chain(as_user, alice, bob, charlie):
    row = OpportunityFactory()
    for holder in (bob, charlie, charlie, None):
        assign(as_user(alice), row, str(holder.pk) if holder else None, notes="Guardia")
    lines = ledger_of(row)
    assert [line.from_user_id for line in lines] == [None, bob.pk, charlie.pk, charlie.pk]
    assert [line.to_user_id for line in lines] == [bob.pk, charlie.pk, charlie.pk, None]
    assert [line.to_status for line in lines] == ["assigned", "assigned", "assigned", "pending"]
    assert {(line.kind, line.bulk_id, line.by_user_id, line.notes) for line in lines} == {
        ("single", None, alice.pk, "Guardia")
    }


def test_an_agent_takes_an_opportunity_also_from_a_colleague(as_user, bob, charlie):
    row = OpportunityFactory(assigned_to=charlie, status="assigned")
    assert assign(as_user(bob), row, str(bob.pk)).status_code == 200
    assert state_of(row) == (bob.pk, "assigned")
    assert ledger_of(row)[0].by_user_id == bob.pk


def test_a_closed_one_is_opened_again_by_assigning_it(as_user, alice, bob):
    row = OpportunityFactory(status="lost")
    assert assign(as_user(alice), row, str(bob.pk)).json()["status"] == "assigned"


def test_the_audit_has_one_entry(as_user, alice, bob):
    row = OpportunityFactory()
    assign(as_user(alice), row, str(bob.pk))
    entry = AuditEntry.objects.get(action="opportunity.assign")
    assert (entry.actor_id, entry.entity_id) == (alice.pk, str(row.pk))
    assign(as_user(alice), row, None)
    assert AuditEntry.objects.filter(action="opportunity.unassign", entity_id=str(row.pk)).count() == 1


@pytest.mark.parametrize("unknown", [NOBODY, "x", "bulk"])
def test_an_unknown_opportunity_is_not_found(as_user, alice, bob, unknown):
    answer = assign(as_user(alice), unknown, str(bob.pk))
    assert (answer.status_code, answer.json()["detail"]) == (404, "Oportunidad no encontrada")


def test_one_of_a_deleted_contact_is_not_found(as_user, alice, bob):
    row = OpportunityFactory(contact=ContactFactory(is_deleted=True))
    assert assign(as_user(alice), row, str(bob.pk)).status_code == 404


@pytest.mark.parametrize("sent", [NOBODY, "x", 0, 7, False, [], {}])
def test_an_unknown_assignee_is_not_found_and_nothing_is_stored(as_user, alice, bob, sent):
    row = OpportunityFactory(assigned_to=bob, status="contacted")
    before = everything()
    answer = assign(as_user(alice), row, sent)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Usuario asignado no encontrado")
    assert everything() == before


def test_an_inactive_assignee_is_not_found_and_another_role_is_refused(as_user, alice, oscar):
    row = OpportunityFactory()
    assert assign(as_user(alice), row, str(UserFactory(is_active=False).pk)).status_code == 404
    answer = assign(as_user(alice), row, str(oscar.pk))
    assert answer.status_code == 400
    assert "agent, lawyer, admin" in answer.json()["detail"]
    assert state_of(row) == (None, "pending")


def test_a_body_that_does_not_say_to_whom_is_refused_and_takes_nothing_away(as_user, alice, bob):
    row = OpportunityFactory(assigned_to=bob, status="assigned")
    answer = as_user(alice).post(one(row, "assign"), {})
    assert answer.status_code == 400
    assert "assigned_to_id" in answer.json()["errors"]
    assert state_of(row) == (bob.pk, "assigned")


def test_outsiders_and_nobody_may_not(as_user, oscar, bob):
    row = OpportunityFactory()
    assert assign(as_user(oscar), row, str(bob.pk)).status_code == 403
    assert assign(as_user(None), row, str(bob.pk)).status_code == 401
    assert state_of(row) == (None, "pending")


def test_with_a_key_it_is_done_once(as_user, alice, bob):
    row = OpportunityFactory()
    for _ in range(2):
        answer = as_user(alice).post(
            one(row, "assign"), {"assigned_to_id": str(bob.pk)}, headers={"Idempotency-Key": "k"}
        )
        assert answer.json()["assigned_to_id"] == str(bob.pk)
    assert len(ledger_of(row)) == 1


def test_it_takes_five_queries(as_user, alice, bob):
    client, row = as_user(alice), OpportunityFactory()
    with CaptureQueriesContext(connection) as queries:
        assign(client, row, str(bob.pk))
    # Caller, assignee, the locked row with its people, the handover (three statements on SQLite), the audit entry.
    work = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert len(work) == (5 if connection.vendor == "postgresql" else 7)


def test_ids_are_answered_as_text(as_user, alice, bob):
    body = assign(as_user(alice), OpportunityFactory(), str(bob.pk)).json()
    for name in ("id", "contact_id", "assigned_to_id", "pipeline_stage_id"):
        assert UUID(body[name])
