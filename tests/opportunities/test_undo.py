"""POST /api/crm/opportunities/bulk-assign/{bulk_id}/undo."""

import pytest

from crm.models import AuditEntry
from opportunities.models import Assignment, Opportunity
from tests.factories import ContactFactory, OpportunityFactory
from tests.opportunities.helpers import (
    NOBODY,
    PATH,
    bulk_assign,
    everything,
    ids_of,
    ledger_of,
    one,
    state_of,
)

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def undo(client, bulk_id, **headers):
    return client.post(f"{PATH}/bulk-assign/{bulk_id}/undo", **headers)


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


def test_each_goes_back_to_who_had_it_with_its_status(admin, bob, charlie, laura):
    rows = [
        OpportunityFactory(),
        OpportunityFactory(assigned_to=charlie, status="contacted"),
        OpportunityFactory(assigned_to=laura, status="lost"),
    ]
    before = [state_of(row) for row in rows]
    bulk_id = bulk_assign(admin, ids_of(rows), bob).json()["bulk_id"]

    answer = undo(admin, bulk_id)

    assert answer.status_code == 200
    body = answer.json()
    assert (body["success"], body["restored_count"], body["failed_count"], body["errors"]) == (True, 3, 0, [])
    assert body["undone_bulk_id"] == bulk_id
    assert body["bulk_id"] != bulk_id
    assert [state_of(row) for row in rows] == before
    assert {(item["id"], item["assigned_to_id"], item["status"]) for item in body["opportunities"]} == {
        (str(row.pk), str(row.assigned_to_id) if row.assigned_to_id else None, row.status) for row in rows
    }


def test_undoing_is_on_the_ledger_itself(admin, alice, bob, charlie):
    row = OpportunityFactory(assigned_to=charlie, status="contacted")
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]

    body = undo(admin, bulk_id).json()

    given, undone = ledger_of(row)
    assert (undone.from_user_id, undone.to_user_id, undone.by_user_id) == (bob.pk, charlie.pk, alice.pk)
    assert (undone.from_status, undone.to_status, undone.kind) == ("assigned", "contacted", "undo")
    assert (undone.reverts_id, str(undone.bulk_id)) == (given.pk, body["bulk_id"])
    row.refresh_from_db()
    assert row.updated_at == undone.created_at
    entry = AuditEntry.objects.get(action="opportunity.undo")
    assert (entry.actor_id, entry.entity_id, entry.details["count"]) == (alice.pk, body["bulk_id"], 1)


def touch_by_assigning(admin, row, charlie):
    admin.post(one(row, "assign"), {"assigned_to_id": str(charlie.pk)})


def touch_by_assigning_to_the_same(admin, row, charlie):
    admin.post(one(row, "assign"), {"assigned_to_id": str(row.assigned_to_id)})


def touch_by_editing(admin, row, charlie):
    admin.patch(one(row), {"notes": "Llamar por la tarde"})


def touch_by_an_attempt(admin, row, charlie):
    admin.post(one(row, "first-call-attempt"), {"attempt_number": 1, "status": "orange"})


@pytest.mark.parametrize(
    "touch", [touch_by_assigning, touch_by_assigning_to_the_same, touch_by_editing, touch_by_an_attempt]
)
def test_what_somebody_has_touched_since_stays_and_is_reported(admin, bob, charlie, touch):
    touched, untouched = OpportunityFactory.create_batch(2)
    bulk_id = bulk_assign(admin, ids_of([touched, untouched]), bob).json()["bulk_id"]
    touched.refresh_from_db()
    touch(admin, touched, charlie)
    after_touch = state_of(touched)

    answer = undo(admin, bulk_id)

    assert answer.status_code == 207
    body = answer.json()
    assert (body["success"], body["restored_count"], body["failed_count"]) == (True, 1, 1)
    [error] = body["errors"]
    assert (error["opportunity_id"], error["code"]) == (str(touched.pk), "modificada")
    assert error["error"] == "Cambió después de esta asignación"
    assert state_of(touched) == after_touch
    assert state_of(untouched) == (None, "pending")


def test_looking_and_patching_nothing_is_no_touch(admin, bob):
    row = OpportunityFactory()
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]
    admin.get(one(row))
    admin.patch(one(row), {})
    admin.patch(one(row), {"status": "assigned", "assigned_to_id": str(bob.pk)})
    assert undo(admin, bulk_id).json()["restored_count"] == 1


def test_when_all_were_touched_nothing_succeeds(admin, bob, charlie):
    row = OpportunityFactory()
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]
    touch_by_assigning(admin, row, charlie)
    answer = undo(admin, bulk_id)
    assert answer.status_code == 207
    assert (answer.json()["success"], answer.json()["bulk_id"]) == (False, None)
    assert not Assignment.objects.filter(kind="undo").exists()


def test_a_deleted_opportunity_is_reported(admin, bob):
    gone, there = OpportunityFactory.create_batch(2)
    bulk_id = bulk_assign(admin, ids_of([gone, there]), bob).json()["bulk_id"]
    gone_id = str(gone.pk)
    gone.delete()
    body = undo(admin, bulk_id).json()
    assert [(error["opportunity_id"], error["code"]) for error in body["errors"]] == [(gone_id, "no_encontrada")]
    assert body["restored_count"] == 1


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "user"}])
def test_who_may_no_longer_have_opportunities_gets_none_back(admin, bob, charlie, change):
    row = OpportunityFactory(assigned_to=charlie, status="assigned")
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]
    for name, value in change.items():
        setattr(charlie, name, value)
    charlie.save()
    [error] = undo(admin, bulk_id).json()["errors"]
    assert error["code"] == "anterior_no_disponible"
    assert state_of(row) == (bob.pk, "assigned")


def test_nor_does_who_no_longer_exists(admin, bob, charlie):
    row = OpportunityFactory(assigned_to=charlie, status="assigned")
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]
    charlie.delete()
    [error] = undo(admin, bulk_id).json()["errors"]
    assert error["code"] == "anterior_no_disponible"
    assert state_of(row) == (bob.pk, "assigned")


def test_a_second_undo_is_a_conflict_and_changes_nothing(admin, bob):
    row = OpportunityFactory()
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]
    undo(admin, bulk_id)
    before = everything()
    answer = undo(admin, bulk_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "ya_deshecha")
    assert everything() == before


def test_what_was_undone_can_be_done_again_by_undoing_the_undoing(admin, bob, charlie):
    row = OpportunityFactory(assigned_to=charlie, status="contacted")
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]
    undoing_id = undo(admin, bulk_id).json()["bulk_id"]
    assert undo(admin, undoing_id).status_code == 200
    assert state_of(row) == (bob.pk, "assigned")


def test_a_bulk_unassign_is_undone_the_same_way(admin, bob):
    row = OpportunityFactory(assigned_to=bob, status="contacted")
    body = admin.post(f"{PATH}/bulk-unassign", {"opportunity_ids": ids_of([row])}).json()
    assert undo(admin, body["bulk_id"]).status_code == 200
    assert state_of(row) == (bob.pk, "contacted")


@pytest.mark.parametrize("bulk_id", [NOBODY, "x", "0"])
def test_an_unknown_bulk_is_not_found(admin, bulk_id):
    answer = undo(admin, bulk_id)
    assert (answer.status_code, answer.json()["detail"]) == (404, "Asignación en bloque no encontrada")


@pytest.mark.parametrize("who", ["bob", "laura", "oscar"])
def test_only_administrators_may(as_user, admin, request, bob, who):
    row = OpportunityFactory()
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]
    answer = undo(as_user(request.getfixturevalue(who)), bulk_id)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "Solo administradores pueden deshacer asignaciones en bulk"
    assert state_of(row) == (bob.pk, "assigned")


def test_with_a_key_the_repeat_gets_the_first_answer_instead_of_a_conflict(admin, bob):
    row = OpportunityFactory()
    bulk_id = bulk_assign(admin, ids_of([row]), bob).json()["bulk_id"]
    first, second = (undo(admin, bulk_id, headers={"Idempotency-Key": "u"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()


def test_one_and_a_hundred_take_the_same_queries(admin, bob, django_assert_max_num_queries):
    contact = ContactFactory()
    for size in (1, 100):
        rows = OpportunityFactory.create_batch(size, contact=contact)
        bulk_id = bulk_assign(admin, ids_of(rows), bob).json()["bulk_id"]
        with django_assert_max_num_queries(8):
            assert undo(admin, bulk_id).json()["restored_count"] == size
        assert Opportunity.objects.filter(assigned_to=bob).count() == 0
