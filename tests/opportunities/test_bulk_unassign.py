"""POST /api/crm/opportunities/bulk-unassign."""

import pytest

from crm.models import AuditEntry
from tests.factories import ContactFactory, OpportunityFactory
from tests.opportunities.helpers import NOBODY, PATH, everything, ids_of, ledger_of, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def bulk_unassign(client, ids, **more):
    return client.post(f"{PATH}/bulk-unassign", {"opportunity_ids": ids, **more})


def test_nobody_has_them_any_more_and_only_assigned_ones_are_pending_again(as_user, alice, bob):
    statuses = ["assigned", "contacted", "converted", "lost", "expired", "pending"]
    rows = [OpportunityFactory(assigned_to=bob, status=status) for status in statuses]

    answer = bulk_unassign(as_user(alice), ids_of(rows))

    assert answer.status_code == 200
    body = answer.json()
    assert (body["success"], body["unassigned_count"], body["failed_count"], body["errors"]) == (True, 6, 0, [])
    after = ["pending", *statuses[1:]]
    assert [(item["assigned_to_id"], item["status"]) for item in body["opportunities"]] == [(None, s) for s in after]
    assert [state_of(row) for row in rows] == [(None, status) for status in after]


def test_each_leaves_a_row_in_the_ledger(as_user, alice, bob):
    row = OpportunityFactory(assigned_to=bob, status="assigned")
    body = bulk_unassign(as_user(alice), ids_of([row]), notes="Baja de Bob").json()
    [line] = ledger_of(row)
    assert (line.from_user_id, line.to_user_id, line.by_user_id) == (bob.pk, None, alice.pk)
    assert (line.from_status, line.to_status, line.kind) == ("assigned", "pending", "bulk")
    assert (str(line.bulk_id), line.notes) == (body["bulk_id"], "Baja de Bob")
    assert AuditEntry.objects.get(action="opportunity.unassign").entity_id == body["bulk_id"]


def test_it_succeeds_only_when_none_fails(as_user, alice, bob):
    row = OpportunityFactory(assigned_to=bob, status="assigned")
    answer = bulk_unassign(as_user(alice), [NOBODY, str(row.pk), "x"])
    assert answer.status_code == 207
    body = answer.json()
    assert (body["success"], body["unassigned_count"], body["failed_count"]) == (False, 1, 2)
    assert [error["opportunity_id"] for error in body["errors"]] == [NOBODY, "x"]
    assert state_of(row) == (None, "pending")


def test_atomic_takes_nothing_away_when_one_is_missing(as_user, alice, bob):
    row = OpportunityFactory(assigned_to=bob, status="assigned")
    before = everything()
    assert bulk_unassign(as_user(alice), [NOBODY, str(row.pk)], atomic=True).json()["unassigned_count"] == 0
    assert everything() == before


@pytest.mark.parametrize("who", ["bob", "laura", "oscar"])
def test_only_administrators_may(as_user, request, bob, who):
    row = OpportunityFactory(assigned_to=bob, status="assigned")
    answer = bulk_unassign(as_user(request.getfixturevalue(who)), ids_of([row]))
    assert answer.status_code == 403
    assert answer.json()["detail"] == "Solo administradores pueden desasignar oportunidades en bulk"
    assert state_of(row) == (bob.pk, "assigned")


def test_lists_that_are_empty_repeat_or_are_too_long_are_refused(as_user, alice, settings):
    settings.BULK_ASSIGN_LIMIT = 1
    client = as_user(alice)
    assert bulk_unassign(client, []).json()["detail"] == "Lista de IDs de oportunidades vacía"
    assert bulk_unassign(client, [NOBODY, NOBODY.upper()]).status_code == 400
    assert bulk_unassign(client, [NOBODY, "otra"]).status_code == 400
    assert bulk_unassign(client, "x").status_code == 400
    assert client.post(f"{PATH}/bulk-unassign", {}).status_code == 400


def test_one_and_a_hundred_take_the_same_queries(as_user, alice, bob, django_assert_max_num_queries):
    contact, client = ContactFactory(), as_user(alice)
    for size in (1, 100):
        rows = OpportunityFactory.create_batch(size, contact=contact, assigned_to=bob, status="assigned")
        with django_assert_max_num_queries(5):
            assert bulk_unassign(client, ids_of(rows)).json()["unassigned_count"] == size
