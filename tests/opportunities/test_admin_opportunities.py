"""Opportunities on the staff pages: bulk assignment by the verb of the API, with its way back."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import AuditEntry, User
from opportunities.choices import OpportunityStatus
from opportunities.models import Assignment, Opportunity
from tests.factories import ContactFactory, OpportunityFactory
from tests.staff_pages import add_to, at_desk, filled, list_of, messages_of, page_of, text_of


def act(client: Any, action: str, rows: Sequence[Opportunity], *, query: str = "", **more: str) -> Any:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(f"{list_of(Opportunity)}{query}", data, follow=True)


@pytest.mark.sqlite
def test_several_are_assigned_after_saying_to_whom(alice: User, bob: User) -> None:
    rows = OpportunityFactory.create_batch(3)
    client = at_desk(alice)
    asked = act(client, "assign", rows)
    assert "3 oportunidades: ¿a quién?" in text_of(asked)
    assert not Assignment.objects.exists()
    done = act(client, "assign", rows, assigned_to=str(bob.pk), notes="Zona norte")
    assert "Asignadas a Bob Salas: 3." in messages_of(done)[0]
    assert set(Opportunity.objects.values_list("assigned_to", "status")) == {(bob.pk, "assigned")}
    lines = Assignment.objects.all()
    assert {(line.to_user_id, line.by_user_id, line.kind, line.notes) for line in lines} == {
        (bob.pk, alice.pk, "bulk", "Zona norte")
    }
    assert AuditEntry.objects.filter(action="opportunity.assign", actor=alice).count() == 1


def test_assigning_one_or_a_hundred_costs_the_same(alice: User, bob: User) -> None:
    client = at_desk(alice)

    def cost(rows: Sequence[Opportunity]) -> int:
        data = {"action": "assign", "_selected_action": [row.pk for row in rows], "assigned_to": str(bob.pk)}
        with CaptureQueriesContext(connection) as queries:
            assert client.post(list_of(Opportunity), data).status_code == 302
        return len(queries)

    one = cost(OpportunityFactory.create_batch(1))
    assert cost(OpportunityFactory.create_batch(100)) == one
    assert one <= 16


def test_the_message_leads_to_undoing_it(alice: User, bob: User, charlie: User) -> None:
    rows = [OpportunityFactory(), OpportunityFactory(assigned_to=charlie, status="assigned")]
    client = at_desk(alice)
    done = act(client, "assign", rows, assigned_to=str(bob.pk))
    bulk_id = Assignment.objects.values_list("bulk_id", flat=True)[0]
    undo = reverse("admin:opportunities_undo_bulk", args=[bulk_id])
    assert undo in messages_of(done)[0]
    asked = text_of(client.get(undo))
    assert "2 asignadas a Bob Salas" in asked
    assert "por Alice Torres" in asked
    assert Opportunity.objects.filter(assigned_to=bob).count() == 2  # asking is not doing
    response = client.post(undo, follow=True)
    assert "Devueltas a como estaban: 2." in messages_of(response)
    assert set(Opportunity.objects.values_list("assigned_to", "status")) == {
        (None, "pending"),
        (charlie.pk, "assigned"),
    }
    again = client.post(undo, follow=True)
    assert "ya se deshizo" in messages_of(again)[0]


def test_what_changed_since_is_not_undone_and_told(alice: User, bob: User) -> None:
    touched, untouched = OpportunityFactory.create_batch(2)
    client = at_desk(alice)
    act(client, "assign", [touched, untouched], assigned_to=str(bob.pk))
    client.post(page_of(touched), filled(client, page_of(touched), notes="Ya hablé con ella"))
    undo = reverse("admin:opportunities_undo_bulk", args=[Assignment.objects.first().bulk_id])
    told = messages_of(client.post(undo, follow=True))
    assert "Devueltas a como estaban: 1." in told
    assert "Cambió después de esta asignación: 1." in told
    touched.refresh_from_db()
    assert touched.assigned_to == bob


def test_several_are_taken_back(alice: User, bob: User) -> None:
    rows = OpportunityFactory.create_batch(2, assigned_to=bob, status="assigned")
    done = act(at_desk(alice), "unassign", rows)
    assert "Sin asignar: 2." in messages_of(done)[0]
    assert set(Opportunity.objects.values_list("assigned_to", "status")) == {(None, "pending")}


def test_only_administrators_are_offered_it_and_only_they_may(bob: User, laura: User) -> None:
    rows = OpportunityFactory.create_batch(2, assigned_to=bob)
    act(at_desk(laura), "assign", rows, assigned_to=str(laura.pk))
    for user in (bob, laura):
        client = at_desk(user)
        for action in ("assign", "unassign"):
            act(client, action, rows, assigned_to=str(user.pk))
        assert "Asignar a…" not in text_of(client.get(list_of(Opportunity)))
        assert client.get(reverse("admin:opportunities_undo_bulk", args=[uuid4()])).status_code == 403
    assert not Assignment.objects.exists()


def test_nobody_without_access_is_chosen(alice: User, oscar: User) -> None:
    rows = OpportunityFactory.create_batch(1)
    client = at_desk(alice)
    assert "Oscar" not in text_of(act(client, "assign", rows))
    response = act(client, "assign", rows, assigned_to=str(oscar.pk))
    assert response.context["form"].errors["assigned_to"]
    assert not Assignment.objects.exists()


def test_more_than_the_limit_is_refused_in_a_sentence(alice: User, bob: User, settings: Any) -> None:
    settings.BULK_ASSIGN_LIMIT = 2
    response = act(at_desk(alice), "assign", OpportunityFactory.create_batch(3), assigned_to=str(bob.pk))
    assert "Se admiten hasta 2" in messages_of(response)[0]
    assert not Assignment.objects.exists()


def test_all_pages_at_once_are_refused_when_they_are_too_many(alice: User, bob: User, settings: Any) -> None:
    settings.BULK_ASSIGN_LIMIT = 2
    rows = OpportunityFactory.create_batch(3)
    act(at_desk(alice), "assign", rows[:1], assigned_to=str(bob.pk), select_across="1")
    assert not Assignment.objects.exists()


def test_what_a_colleague_took_meanwhile_is_left_alone(alice: User, bob: User, charlie: User) -> None:
    """Ticked in the list of those that nobody has; until the second step somebody else got one."""
    taken, free = OpportunityFactory.create_batch(2)
    client = at_desk(alice)
    act(client, "assign", [taken, free], query="?a_cargo=nadie")
    Opportunity.objects.filter(pk=taken.pk).assign_to(charlie, by=None)
    done = act(client, "assign", [taken, free], query="?a_cargo=nadie", assigned_to=str(bob.pk))
    assert "Asignadas a Bob Salas: 1." in messages_of(done)[0]
    taken.refresh_from_db()
    assert taken.assigned_to == charlie


def test_an_unknown_block_cannot_be_undone(alice: User) -> None:
    assert at_desk(alice).post(reverse("admin:opportunities_undo_bulk", args=[uuid4()])).status_code == 404


# --- One by one -------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_another_holder_is_a_line_of_the_ledger(alice: User, bob: User) -> None:
    row = OpportunityFactory()
    client = at_desk(alice)
    client.post(page_of(row), filled(client, page_of(row), assigned_to=str(bob.pk), priority="3"))
    row.refresh_from_db()
    assert (row.assigned_to, row.status, row.priority) == (bob, OpportunityStatus.ASSIGNED, 3)
    line = Assignment.objects.get()
    assert (line.to_user, line.by_user, line.kind) == (bob, alice, "single")


def test_saved_without_another_holder_it_leaves_no_line(alice: User) -> None:
    row = OpportunityFactory()
    client = at_desk(alice)
    client.post(page_of(row), filled(client, page_of(row), notes="Nueva nota"))
    assert not Assignment.objects.exists()


def test_filed_with_a_holder_it_is_assigned_from_the_start(alice: User, bob: User) -> None:
    client = at_desk(alice)
    typed = {"contact": str(ContactFactory().pk), "assigned_to": str(bob.pk)}
    assert client.post(add_to(Opportunity), filled(client, add_to(Opportunity), **typed)).status_code == 302
    row = Opportunity.objects.get()
    assert (row.status, row.created_by, row.detection_reason) == (OpportunityStatus.ASSIGNED, alice, {})
    assert Assignment.objects.get().to_user == bob


def test_an_agent_changes_ones_own_and_only_reads_the_others(bob: User) -> None:
    own, other = OpportunityFactory(assigned_to=bob, status="assigned"), OpportunityFactory()
    client = at_desk(bob)
    assert client.post(page_of(own), filled(client, page_of(own), notes="Mía")).status_code == 302
    assert client.get(page_of(other)).status_code == 200
    assert client.post(page_of(other), {"notes": "Ajena"}).status_code == 403


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"opportunity_score": "101"}, "menor o igual a 100"),
        ({"opportunity_score": "-1"}, "mayor o igual a 0"),
        ({"status": "nada"}, "Escoja una opción válida"),
        ({"priority": "9"}, "Escoja una opción válida"),
    ],
)
def test_what_cannot_be_is_an_error_of_the_form(alice: User, typed: dict[str, str], told: str) -> None:
    row = OpportunityFactory()
    client = at_desk(alice)
    response = client.post(page_of(row), filled(client, page_of(row), **typed))
    assert response.status_code == 200
    assert told in text_of(response)


def test_a_contact_that_was_deleted_takes_its_opportunities_out_of_sight(alice: User) -> None:
    row = OpportunityFactory()
    row.contact.delete_softly(by=alice)
    assert at_desk(alice).get(list_of(Opportunity)).context["cl"].result_count == 0


# --- The ledger -------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_the_ledger_outlives_the_opportunity(alice: User, bob: User) -> None:
    row = OpportunityFactory(contact=ContactFactory(name="Rosa Peña"))
    Opportunity.objects.filter(pk=row.pk).assign_to(bob, by=alice)
    client = at_desk(alice)
    assert "Rosa Peña" in text_of(client.get(list_of(Assignment)))
    Opportunity.objects.all().delete()
    seen = text_of(client.get(list_of(Assignment)))
    assert "una que ya no existe" in seen
    assert "Bob Salas" in seen
    assert client.get(page_of(Assignment.objects.get())).status_code == 200


def test_the_ledger_is_the_administrators(bob: User, laura: User) -> None:
    for user in (bob, laura):
        assert at_desk(user).get(list_of(Assignment)).status_code == 403


def test_attempts_are_told_in_words(alice: User) -> None:
    row = OpportunityFactory(
        first_call_attempts={
            "2": {"status": "green", "call_id": None, "attempted_at": "", "notes": ""},
            "1": {"status": "orange", "call_id": None, "attempted_at": "", "notes": ""},
        }
    )
    assert "1: Sin respuesta · 2: Atendida" in text_of(at_desk(alice).get(page_of(row)))
