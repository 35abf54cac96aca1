"""POST /api/crm/opportunities."""

import pytest

from crm.models import AuditEntry
from opportunities.models import Assignment, Opportunity
from tests.factories import ContactFactory, UserFactory
from tests.opportunities.helpers import NOBODY, PATH, ledger_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def create(client, contact, **more):
    return client.post(PATH, {"contact_id": str(getattr(contact, "pk", contact)), **more})


def test_a_contact_is_enough(as_user, bob):
    contact = ContactFactory()
    answer = create(as_user(bob), contact)
    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["priority"], body["opportunity_score"]) == ("pending", "medium", 50)
    assert (body["detection_reason"], body["assigned_to"], body["created_by"]) == ({}, None, str(bob.pk))
    assert body["contact"]["id"] == str(contact.pk)
    assert body["pipeline_stage"]["id"] == body["pipeline_stage_id"]
    assert as_user(bob).get(f"{PATH}/{body['id']}").json() == body
    assert not Assignment.objects.exists()


def test_everything_can_be_given(as_user, bob):
    given = {
        "opportunity_score": 90,
        "detection_reason": {"has_no_situation": True},
        "priority": "high",
        "notes": "Vino por la web",
        "detected_at": "2026-01-15T08:00:00Z",
        "status": "contacted",
    }
    body = create(as_user(bob), ContactFactory(), **given).json()
    assert {name: body[name] for name in given} == given


def test_with_a_holder_it_is_assigned_and_the_ledger_begins(as_user, bob, charlie):
    body = create(as_user(bob), ContactFactory(), assigned_to_id=str(charlie.pk)).json()
    assert (body["status"], body["assigned_to"]["name"]) == ("assigned", "Charlie Núñez")
    row = Opportunity.objects.get(pk=body["id"])
    [line] = ledger_of(row)
    assert (line.from_user_id, line.to_user_id, line.by_user_id) == (None, charlie.pk, bob.pk)
    assert (line.from_status, line.to_status, line.kind, line.bulk_id) == ("pending", "assigned", "single", None)
    assert line.created_at == row.updated_at


@pytest.mark.parametrize("nobody", [None, ""])
def test_with_nobody_as_holder_it_is_pending(as_user, bob, nobody):
    body = create(as_user(bob), ContactFactory(), assigned_to_id=nobody).json()
    assert (body["status"], body["assigned_to_id"]) == ("pending", None)


def test_a_sentence_is_a_reason_too(as_user, bob):
    body = create(as_user(bob), ContactFactory(), detection_reason="Llamó dos veces").json()
    assert body["detection_reason"] == "Llamó dos veces"


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_reason_is_an_empty_one(as_user, bob, nothing):
    assert create(as_user(bob), ContactFactory(), detection_reason=nothing).json()["detection_reason"] == {}


@pytest.mark.parametrize("contact_id", [NOBODY])
def test_an_unknown_contact_is_not_found(as_user, bob, contact_id):
    answer = create(as_user(bob), contact_id)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Contacto no encontrado")
    assert not Opportunity.objects.exists()


def test_nor_is_a_deleted_one(as_user, bob):
    assert create(as_user(bob), ContactFactory(is_deleted=True)).status_code == 404


@pytest.mark.parametrize("sent", [NOBODY, "x", 5])
def test_an_unknown_holder_is_not_found_and_nothing_is_stored(as_user, bob, sent):
    answer = create(as_user(bob), ContactFactory(), assigned_to_id=sent)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Usuario asignado no encontrado")
    assert not Opportunity.objects.exists()


def test_nor_may_the_holder_be_inactive_or_an_outsider(as_user, bob, oscar):
    assert (
        create(as_user(bob), ContactFactory(), assigned_to_id=str(UserFactory(is_active=False).pk)).status_code == 404
    )
    assert create(as_user(bob), ContactFactory(), assigned_to_id=str(oscar.pk)).status_code == 400
    assert not Opportunity.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"contact_id": None}, "contact_id"),
        ({"contact_id": ""}, "contact_id"),
        ({"contact_id": "x"}, "contact_id"),
        ({"contact_id": ["x"]}, "contact_id"),
        ({"opportunity_score": 101}, "opportunity_score"),
        ({"opportunity_score": -1}, "opportunity_score"),
        ({"opportunity_score": 10**30}, "opportunity_score"),
        ({"opportunity_score": "mucho"}, "opportunity_score"),
        ({"priority": "urgent"}, "priority"),
        ({"priority": 3}, "priority"),
        ({"priority": ["high"]}, "priority"),
        ({"status": "discarded"}, "status"),
        ({"detection_reason": [1]}, "detection_reason"),
        ({"detection_reason": 7}, "detection_reason"),
        ({"detected_at": "ayer"}, "detected_at"),
        ({"notes": {}}, "notes"),
        ({"notes": "a\0b"}, "notes"),
    ],
)
def test_wrong_input_is_refused_and_nothing_stored(as_user, bob, wrong, field):
    answer = as_user(bob).post(PATH, {"contact_id": str(ContactFactory().pk), **wrong})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]
    assert not Opportunity.objects.exists()


def test_a_reason_that_the_database_cannot_hold_is_a_bad_request(as_user, bob):
    answer = create(as_user(bob), ContactFactory(), detection_reason={"a": "x\0y"})
    assert answer.status_code in (201, 400)  # SQLite can hold it
    assert as_user(bob).get(PATH).status_code == 200


def test_a_contact_is_required(as_user, bob):
    assert "contact_id" in as_user(bob).post(PATH, {}).json()["errors"]


def test_the_audit_has_one_entry(as_user, bob, charlie):
    body = create(as_user(bob), ContactFactory(), assigned_to_id=str(charlie.pk)).json()
    entry = AuditEntry.objects.get(entity_type="opportunities")
    assert (entry.action, entry.entity_id, entry.actor_id) == ("opportunity.create", body["id"], bob.pk)


def test_with_a_key_it_is_made_once(as_user, bob):
    body = {"contact_id": str(ContactFactory().pk)}
    first, second = (as_user(bob).post(PATH, body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert Opportunity.objects.count() == 1


def test_outsiders_and_nobody(as_user, oscar):
    assert create(as_user(oscar), ContactFactory()).status_code == 403
    assert create(as_user(None), ContactFactory()).status_code == 401
