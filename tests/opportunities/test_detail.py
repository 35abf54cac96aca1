"""GET, PATCH and PUT /api/crm/opportunities/{id}, and the two acts that nobody stands behind."""

import pytest

from crm.models import AuditEntry
from opportunities.models import Opportunity
from tests.factories import ContactFactory, OpportunityFactory
from tests.opportunities.helpers import NOBODY, PATH, everything, ledger_of, one, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def row(bob):
    return OpportunityFactory(assigned_to=bob, status="assigned", notes="Primera nota")


def test_one_is_answered_as_in_the_list(as_user, charlie, row):
    client = as_user(charlie)
    assert client.get(one(row)).json() == client.get(PATH).json()["items"][0]
    assert client.get(f"/crm/opportunities/{row.pk}/").status_code == 200


@pytest.mark.parametrize("unknown", [NOBODY, "x", "0"])
def test_unknown_ones_are_not_found(as_user, bob, unknown):
    for answer in (as_user(bob).get(one(unknown)), as_user(bob).patch(one(unknown), {})):
        assert (answer.status_code, answer.json()["detail"]) == (404, "Oportunidad no encontrada")


def test_one_takes_two_queries(as_user, bob, row, django_assert_num_queries):
    client = as_user(bob)
    with django_assert_num_queries(2):
        client.get(one(row))


# --- Changing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["patch", "put"])
def test_both_verbs_change_only_what_is_sent(as_user, bob, row, verb):
    notes = "Primera nota\n\n[Descarte] no le interesa"
    answer = getattr(as_user(bob), verb)(one(row), {"status": "lost", "notes": notes})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["notes"]) == ("lost", notes)
    assert (body["assigned_to_id"], body["opportunity_score"]) == (str(bob.pk), 50)
    stored = Opportunity.objects.get(pk=row.pk)
    assert (stored.status, stored.notes) == ("lost", notes)
    assert stored.updated_at > row.updated_at


def test_every_field_can_be_changed(as_user, bob, row):
    given = {
        "opportunity_score": 0,
        "detection_reason": "Ahora con motivo",
        "priority": "low",
        "detected_at": "2026-01-15T08:00:00Z",
        "status": "converted",
    }
    body = as_user(bob).patch(one(row), given).json()
    assert {name: body[name] for name in given} == given
    assert as_user(bob).get(one(row)).json() == body


def test_an_empty_body_changes_nothing(as_user, bob, row):
    before = everything()
    assert as_user(bob).patch(one(row), {}).status_code == 200
    assert as_user(bob).put(one(row), {}).status_code == 200
    assert everything() == before
    assert not AuditEntry.objects.filter(entity_type="opportunities").exists()


def test_sending_back_what_was_read_changes_nothing(as_user, bob, row):
    client = as_user(bob)
    before = everything()
    assert client.put(one(row), client.get(one(row)).json()).status_code == 200
    assert everything() == before


def test_administrators_may_and_so_may_who_has_it(as_user, alice, bob, row):
    for user in (alice, bob):
        assert as_user(user).patch(one(row), {"opportunity_score": 60}).status_code == 200


@pytest.mark.parametrize("who", ["charlie", "laura"])
def test_nobody_else_may(as_user, request, who, row):
    before = everything()
    answer = as_user(request.getfixturevalue(who)).patch(one(row), {"status": "lost"})
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("No tiene permiso")
    assert everything() == before


def test_one_that_nobody_has_is_changed_by_administrators_only(as_user, alice, bob):
    row = OpportunityFactory()
    assert as_user(bob).patch(one(row), {"notes": "x"}).status_code == 403
    assert as_user(alice).patch(one(row), {"notes": "x"}).status_code == 200


def test_a_new_holder_is_an_assignment_like_any_other(as_user, alice, charlie, bob, row):
    body = as_user(alice).patch(one(row), {"assigned_to_id": str(charlie.pk), "notes": "Para Charlie"}).json()
    assert (body["assigned_to"]["name"], body["status"], body["notes"]) == ("Charlie Núñez", "assigned", "Para Charlie")
    [line] = ledger_of(row)
    assert (line.from_user_id, line.to_user_id, line.by_user_id) == (bob.pk, charlie.pk, alice.pk)


@pytest.mark.parametrize("nobody", [None, ""])
def test_null_takes_it_back(as_user, bob, row, nobody):
    body = as_user(bob).patch(one(row), {"assigned_to_id": nobody}).json()
    assert (body["assigned_to_id"], body["status"]) == (None, "pending")
    assert len(ledger_of(row)) == 1


def test_a_status_sent_with_a_new_holder_wins(as_user, alice, charlie, row):
    as_user(alice).patch(one(row), {"assigned_to_id": str(charlie.pk), "status": "contacted"})
    assert state_of(row) == (charlie.pk, "contacted")


@pytest.mark.parametrize(("sent", "status"), [(NOBODY, 404), ("x", 404), (7, 404)])
def test_an_unknown_holder_changes_nothing_at_all(as_user, bob, row, sent, status):
    before = everything()
    answer = as_user(bob).patch(one(row), {"notes": "otra", "assigned_to_id": sent})
    assert (answer.status_code, answer.json()["detail"]) == (status, "Usuario asignado no encontrado")
    assert everything() == before


def test_a_holder_who_has_become_inactive_can_stay_in_a_full_put(as_user, alice, bob, row):
    bob.is_active = False
    bob.save()
    client = as_user(alice)
    answer = client.put(one(row), {**client.get(one(row)).json(), "notes": "Sigue a nombre de Bob"})
    assert answer.status_code == 200
    assert state_of(row) == (bob.pk, "assigned")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"status": "discarded"}, "status"),
        ({"status": None}, "status"),
        ({"priority": "x"}, "priority"),
        ({"opportunity_score": 101}, "opportunity_score"),
        ({"opportunity_score": None}, "opportunity_score"),
        ({"detection_reason": [1]}, "detection_reason"),
        ({"detected_at": "32/13/2026"}, "detected_at"),
        ({"notes": 7.5, "status": "x"}, "status"),
    ],
)
def test_wrong_input_is_refused_and_nothing_stored(as_user, bob, row, wrong, field):
    before = everything()
    answer = as_user(bob).patch(one(row), {"priority": "high", **wrong})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert everything() == before


def test_the_contact_of_an_opportunity_stays(as_user, bob, row):
    as_user(bob).patch(one(row), {"contact_id": str(ContactFactory().pk), "id": NOBODY})
    assert Opportunity.objects.get(pk=row.pk).contact_id == row.contact_id


def test_the_audit_names_the_changed_fields(as_user, bob, row):
    as_user(bob).patch(one(row), {"status": "lost", "notes": "No contesta", "priority": "medium"})
    entry = AuditEntry.objects.get(action="opportunity.update")
    assert (entry.actor_id, entry.entity_id) == (bob.pk, str(row.pk))
    assert entry.details == {"fields": ["notes", "status"]}


def test_there_is_no_deleting_here(as_user, alice, row):
    assert as_user(alice).delete(one(row)).status_code == 405


# --- Out of scope -----------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["call", "analyze"])
def test_telephony_and_analysis_say_that_they_are_not_there(as_user, bob, row, act):
    answer = as_user(bob).post(one(row, act), {})
    assert answer.status_code == 501
    assert isinstance(answer.json()["detail"], str)
    assert as_user(bob).post(one(NOBODY, act), {}).status_code == 404
