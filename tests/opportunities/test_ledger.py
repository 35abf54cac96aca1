"""The ledger: GET /api/crm/opportunities/{id}/assignments, and what it outlives."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from opportunities.models import Assignment, Opportunity
from opportunities.signals import assigned
from tests.factories import OpportunityFactory
from tests.opportunities.helpers import NOBODY, PATH, bulk_assign, ids_of, ledger_of, one

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_the_history_of_one_is_answered_newest_first(as_user, alice, bob, charlie):
    row = OpportunityFactory()
    client = as_user(alice)
    bulk_id = bulk_assign(client, ids_of([row]), bob, notes="Reparto").json()["bulk_id"]
    client.post(one(row, "assign"), {"assigned_to_id": str(charlie.pk)})

    body = client.get(one(row, "assignments")).json()

    assert (body["total"], body["limit"], body["skip"]) == (2, 50, 0)
    newest, oldest = body["items"]
    person = {"id": str(bob.pk), "name": "Bob Salas", "email": "bob@puente.test"}
    assert (
        oldest
        | {
            "opportunity_id": str(row.pk),
            "from_user_id": None,
            "from_user": None,
            "to_user_id": str(bob.pk),
            "to_user": person,
            "by_user_id": str(alice.pk),
            "from_status": "pending",
            "to_status": "assigned",
            "kind": "bulk",
            "bulk_id": bulk_id,
            "notes": "Reparto",
            "reverts_id": None,
        }
        == oldest
    )
    assert isinstance(oldest["id"], str)
    assert oldest["created_at"].endswith("Z")
    assert (newest["from_user"], newest["to_user"]["name"], newest["kind"]) == (person, "Charlie Núñez", "single")


def test_any_crm_user_who_sees_the_opportunity_sees_its_history(as_user, bob, oscar):
    row = OpportunityFactory()
    assert as_user(bob).get(one(row, "assignments")).json()["items"] == []
    assert as_user(oscar).get(one(row, "assignments")).status_code == 403
    assert as_user(bob).get(one(NOBODY, "assignments")).status_code == 404
    assert as_user(bob).get(one("x", "assignments")).status_code == 404


def test_it_takes_the_same_queries_for_two_lines_and_for_forty(as_user, alice, bob, django_assert_max_num_queries):
    row, client = OpportunityFactory(), as_user(alice)
    for times in (2, 38):
        for _ in range(times):
            bulk_assign(client, ids_of([row]), bob)
        with django_assert_max_num_queries(3):
            client.get(one(row, "assignments"))


# --- It outlives ------------------------------------------------------------------------------


def test_a_deleted_opportunity(as_user, alice, bob):
    row = OpportunityFactory()
    bulk_assign(as_user(alice), ids_of([row]), bob)
    opportunity_id = row.pk
    row.delete()
    assert [line.to_user_id for line in ledger_of(opportunity_id)] == [bob.pk]
    [line] = as_user(alice).get(one(opportunity_id, "assignments")).json()["items"]
    assert (line["opportunity_id"], line["to_user"]["name"]) == (str(opportunity_id), "Bob Salas")
    assert as_user(bob).get(one(opportunity_id, "assignments")).status_code == 404


def test_a_deleted_contact(as_user, alice, bob):
    row = OpportunityFactory()
    bulk_assign(as_user(alice), ids_of([row]), bob)
    row.contact.delete()
    assert not Opportunity.objects.filter(pk=row.pk).exists()
    assert len(ledger_of(row.pk)) == 1


def test_a_contact_that_is_only_hidden(as_user, alice, bob):
    row = OpportunityFactory()
    bulk_assign(as_user(alice), ids_of([row]), bob)
    row.contact.is_deleted = True
    row.contact.save()
    assert as_user(alice).get(one(row)).status_code == 404
    assert as_user(alice).get(one(row, "assignments")).json()["total"] == 1


def test_the_people_whom_it_names(as_user, alice, bob, charlie):
    row = OpportunityFactory(assigned_to=charlie, status="assigned")
    bulk_assign(as_user(alice), ids_of([row]), bob)
    left = charlie.pk
    charlie.delete()
    [line] = as_user(alice).get(one(row, "assignments")).json()["items"]
    assert (line["from_user_id"], line["from_user"]) == (str(left), None)


# --- The database says no ---------------------------------------------------------------------


def line_of(opportunity, **fields):
    usual = {
        "opportunity": opportunity,
        "from_status": "pending",
        "to_status": "assigned",
        "kind": "single",
        "created_at": timezone.now(),
    }
    return Assignment.objects.create(**{**usual, **fields})


@pytest.mark.parametrize("wrong", [{"kind": "gift"}, {"from_status": "x"}, {"to_status": "x"}])
def test_lists_are_closed_in_the_database(wrong):
    row = OpportunityFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        line_of(row, **wrong)


def test_a_line_is_undone_once():
    row = OpportunityFactory()
    line = line_of(row)
    line_of(row, reverts=line, kind="undo")
    with pytest.raises(IntegrityError), transaction.atomic():
        line_of(row, reverts=line, kind="undo")


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "x"},
        {"priority": 4},
        {"current_stage": "x"},
        {"opportunity_score": 101},
        {"opportunity_score": -1},
        {"first_call_successful_attempt": 6},
    ],
)
def test_so_are_those_of_an_opportunity(wrong):
    row = OpportunityFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        Opportunity.objects.filter(pk=row.pk).update(**wrong)


# --- Others are told --------------------------------------------------------------------------


@pytest.fixture
def heard():
    told = []

    def listen(sender, **what):
        told.append((what, ledger_of(what["ids"][0])[-1]))

    assigned.connect(listen)
    yield told
    assigned.disconnect(listen)


def test_listeners_are_told_once_for_all_after_the_write(as_user, alice, bob, heard):
    rows = OpportunityFactory.create_batch(3)
    body = bulk_assign(as_user(alice), ids_of(rows), bob).json()
    [(what, line)] = heard
    assert {str(found) for found in what["ids"]} == set(ids_of(rows))
    assert (str(what["bulk_id"]), what["to_user_id"], what["by"], what["kind"]) == (
        body["bulk_id"],
        bob.pk,
        alice,
        "bulk",
    )
    assert line.created_at == what["at"]


def test_they_are_told_of_each_way_to_change_hands(as_user, alice, bob, heard):
    client = as_user(alice)
    row = OpportunityFactory()
    client.post(one(row, "assign"), {"assigned_to_id": str(bob.pk)})
    client.post(f"{PATH}/bulk-unassign", {"opportunity_ids": ids_of([row])})
    bulk_id = client.post(f"{PATH}/assign-random", {"assigned_to_id": str(bob.pk), "count": 1}).json()["bulk_id"]
    client.post(f"{PATH}/bulk-assign/{bulk_id}/undo")
    client.post(PATH, {"contact_id": str(row.contact_id), "assigned_to_id": str(bob.pk)})
    assert [what["kind"] for what, _ in heard] == ["single", "bulk", "random", "undo", "single"]
    assert [what["to_user_id"] for what, _ in heard] == [bob.pk, None, bob.pk, None, bob.pk]


@pytest.mark.parametrize("act", ["bulk", "single"])
def test_a_listener_that_fails_leaves_nothing_done(as_user, alice, bob, act):
    row = OpportunityFactory()

    def fail(sender, **what):
        raise RuntimeError("no")

    assigned.connect(fail)
    client = as_user(alice)
    client.raise_request_exception = False
    try:
        with transaction.atomic():
            if act == "bulk":
                answer = bulk_assign(client, ids_of([row]), bob)
            else:
                answer = client.post(one(row, "assign"), {"assigned_to_id": str(bob.pk)})
            assert answer.status_code == 500
            transaction.set_rollback(True)
    finally:
        assigned.disconnect(fail)
    assert ledger_of(row) == []
