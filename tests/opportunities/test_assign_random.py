"""POST /api/crm/opportunities/assign-random."""

import pytest

from opportunities.models import Assignment, Opportunity
from tests.factories import ContactFactory, OpportunityFactory, UserFactory
from tests.opportunities.helpers import NOBODY, PATH, everything, ids_of, ledger_of, state_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def draw(client, to, **more):
    sent = str(to.pk) if hasattr(to, "pk") else to
    return client.post(f"{PATH}/assign-random", {"assigned_to_id": sent, **more})


def test_it_gives_as_many_as_asked_of_those_nobody_has(as_user, alice, bob):
    rows = OpportunityFactory.create_batch(6)

    answer = draw(as_user(alice), bob, count=4)

    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    assert (body["assigned_count"], body["available_count"], body["requested_count"]) == (4, 6, 4)
    assert (body["assigned_to_id"], body["assigned_to_name"]) == (str(bob.pk), "Bob Salas")
    assert "warning" not in body
    drawn = body["opportunity_ids"]
    assert len(set(drawn)) == 4
    assert set(drawn) <= set(ids_of(rows))
    held = Opportunity.objects.filter(assigned_to=bob, status="assigned")
    assert {str(pk) for pk in held.values_list("pk", flat=True)} == set(drawn)
    assert body["assigned_at"] == held[0].updated_at.isoformat().replace("+00:00", "Z")


def test_each_leaves_a_row_in_the_ledger_under_one_id(as_user, alice, bob):
    OpportunityFactory.create_batch(3)
    body = draw(as_user(alice), bob, count=3).json()
    lines = Assignment.objects.all()
    assert {(line.kind, str(line.bulk_id), line.to_user_id, line.by_user_id) for line in lines} == {
        ("random", body["bulk_id"], bob.pk, alice.pk)
    }
    assert len(lines) == 3


def test_what_is_held_closed_or_of_a_deleted_contact_is_not_drawn(as_user, alice, bob, charlie):
    OpportunityFactory(assigned_to=charlie, status="assigned")
    for status in ("converted", "expired", "lost"):
        OpportunityFactory(status=status)
    OpportunityFactory(contact=ContactFactory(is_deleted=True))
    open_ones = [OpportunityFactory(status=status) for status in ("pending", "assigned", "contacted")]

    body = draw(as_user(alice), bob).json()

    assert set(body["opportunity_ids"]) == set(ids_of(open_ones))
    assert body["available_count"] == 3


def test_without_a_count_it_asks_for_fifty_and_warns_of_fewer(as_user, alice, bob):
    OpportunityFactory.create_batch(2)
    body = draw(as_user(alice), bob).json()
    assert (body["success"], body["requested_count"], body["assigned_count"]) == (True, 50, 2)
    assert isinstance(body["warning"], str)
    assert "50" in body["warning"]
    assert "2" in body["warning"]


def test_with_nothing_left_it_answers_200_without_success_and_with_a_warning(as_user, alice, bob):
    answer = draw(as_user(alice), bob)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["success"], body["assigned_count"], body["available_count"]) == (False, 0, 0)
    assert (body["opportunity_ids"], body["assigned_at"], body["bulk_id"]) == ([], None, None)
    assert body["warning"] == "No hay oportunidades disponibles para asignar"


def test_the_draw_is_by_lot(as_user, alice):
    rows = ids_of(OpportunityFactory.create_batch(12, contact=ContactFactory()))
    drawn = set()
    for _ in range(8):
        Opportunity.objects.update(assigned_to=None, status="pending")
        agent = UserFactory()
        drawn.add(tuple(sorted(draw(as_user(alice), agent, count=6).json()["opportunity_ids"])))
    assert len(drawn) > 1, f"eight draws of 6 of {len(rows)} were all the same"


@pytest.mark.parametrize("count", [0, 101, -1, "muchas", 2.5, []])
def test_a_count_outside_1_to_100_is_refused(as_user, alice, bob, count):
    OpportunityFactory()
    before = everything()
    answer = draw(as_user(alice), bob, count=count)
    assert answer.status_code == 400
    assert "count" in answer.json()["errors"]
    assert everything() == before


@pytest.mark.parametrize("sent", [NOBODY, "x", None, "", 5])
def test_an_unknown_assignee_is_a_bad_request_here(as_user, alice, sent):
    row = OpportunityFactory()
    answer = draw(as_user(alice), sent)
    assert (answer.status_code, answer.json()["detail"]) == (400, "Usuario asignado no encontrado")
    assert state_of(row) == (None, "pending")


def test_so_is_one_that_is_inactive_or_has_another_role(as_user, alice, oscar):
    assert draw(as_user(alice), UserFactory(is_active=False)).status_code == 400
    assert draw(as_user(alice), oscar).status_code == 400


@pytest.mark.parametrize("who", ["bob", "laura", "oscar"])
def test_only_administrators_may(as_user, request, bob, who):
    row = OpportunityFactory()
    answer = draw(as_user(request.getfixturevalue(who)), bob)
    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("Solo administradores")
    assert state_of(row) == (None, "pending")


def test_it_can_be_undone_like_a_bulk(as_user, alice, bob):
    row = OpportunityFactory()
    bulk_id = draw(as_user(alice), bob, count=1).json()["bulk_id"]
    assert as_user(alice).post(f"{PATH}/bulk-assign/{bulk_id}/undo").status_code == 200
    assert state_of(row) == (None, "pending")
    assert [line.kind for line in ledger_of(row)] == ["random", "undo"]


def test_one_and_a_hundred_take_the_same_queries(as_user, alice, bob, django_assert_max_num_queries):
    contact, client = ContactFactory(), as_user(alice)
    for size in (1, 100):
        OpportunityFactory.create_batch(size, contact=contact)
        with django_assert_max_num_queries(8):
            assert draw(client, bob, count=size).json()["assigned_count"] == size
