"""Requests at the same moment, with real threads on a real PostgreSQL."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction

from crm.models import IdempotencyKey, User
from crm.signals import call_recorded
from opportunities.models import Assignment, Opportunity
from tests.factories import NOON, ContactFactory, OpportunityFactory, UserFactory
from tests.opportunities.helpers import PATH, bulk_assign, ids_of, ledger_of, one

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run each act in a thread of its own, all let go together; their results in order."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            gate.wait(timeout=30)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        running = [pool.submit(run, act) for act in acts]
        return [future.result(timeout=60) for future in running]


def administrators(number: int) -> list[User]:
    return [UserFactory(admin=True) for _ in range(number)]


def assert_ledger_adds_up(opportunities: Sequence[Opportunity]) -> None:
    """Each line begins where the one before ended, and the last is how things are."""
    for opportunity in opportunities:
        lines = ledger_of(opportunity)
        opportunity.refresh_from_db()
        for before, after in zip(lines, lines[1:], strict=False):
            assert (after.from_user_id, after.from_status) == (before.to_user_id, before.to_status)
            assert after.created_at > before.created_at
        last = lines[-1]
        assert (opportunity.assigned_to_id, opportunity.status) == (last.to_user_id, last.to_status)
        assert opportunity.updated_at == last.created_at


def test_two_administrators_assign_the_same_hundred_to_two_agents(as_user, bob, charlie):
    rows = OpportunityFactory.create_batch(100, contact=ContactFactory())
    ids = ids_of(rows)
    first, second = map(as_user, administrators(2))
    for turn in range(1, ROUNDS + 1):
        answers = at_once(
            lambda: bulk_assign(first, ids, bob),
            lambda: bulk_assign(second, list(reversed(ids)), charlie),
        )
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [answer.json()["assigned_count"] for answer in answers] == [100, 100]
        assert Assignment.objects.count() == turn * 200
        assert_ledger_adds_up(rows)
        # Whoever came second has all of them: a bulk is one transaction.
        assert len(set(Opportunity.objects.values_list("assigned_to_id", flat=True))) == 1


def test_overlapping_bulks_in_any_order_do_not_lock_each_other_out(as_user, bob, charlie, laura):
    rows = OpportunityFactory.create_batch(60, contact=ContactFactory())
    ids = ids_of(rows)
    clients = [as_user(user) for user in administrators(3)]
    for _ in range(ROUNDS):
        answers = at_once(
            lambda: bulk_assign(clients[0], ids[:40], bob),
            lambda: bulk_assign(clients[1], ids[59:19:-1], charlie),
            lambda: bulk_assign(clients[2], ids[10:50], laura, atomic=True),
            lambda: clients[0].post(one(rows[30], "assign"), {"assigned_to_id": str(laura.pk)}),
        )
        assert [answer.status_code for answer in answers] == [200] * 4
    assert Assignment.objects.count() == ROUNDS * 121
    assert_ledger_adds_up(rows)


def test_a_bulk_and_the_undo_of_another(as_user, bob, charlie):
    contact = ContactFactory()
    undoer, assigner = map(as_user, administrators(2))
    for _ in range(ROUNDS):
        rows = OpportunityFactory.create_batch(40, contact=contact)
        ids = ids_of(rows)
        bulk_id = bulk_assign(undoer, ids, bob).json()["bulk_id"]
        undone, given = at_once(
            lambda bulk_id=bulk_id: undoer.post(f"{PATH}/bulk-assign/{bulk_id}/undo"),
            lambda ids=ids: bulk_assign(assigner, ids, charlie),
        )
        assert given.status_code == 200
        # Either all were given back before Charlie got them, or Charlie has touched them all.
        assert (undone.status_code, undone.json()["restored_count"]) in [(200, 40), (207, 0)]
        assert set(Opportunity.objects.filter(pk__in=ids).values_list("assigned_to_id", flat=True)) == {charlie.pk}
        assert_ledger_adds_up(rows)


def test_two_undos_of_the_same_bulk(as_user, alice, bob):
    rows = OpportunityFactory.create_batch(20, contact=ContactFactory())
    bulk_id = bulk_assign(as_user(alice), ids_of(rows), bob).json()["bulk_id"]
    clients = [as_user(user) for user in administrators(3)]
    answers = at_once(*(lambda c=client: c.post(f"{PATH}/bulk-assign/{bulk_id}/undo") for client in clients))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert Assignment.objects.filter(kind="undo").count() == 20
    assert_ledger_adds_up(rows)


def test_four_draws_at_once_never_get_the_same_one(as_user):
    contact = ContactFactory()
    agents = [UserFactory() for _ in range(4)]
    clients = [as_user(user) for user in administrators(4)]
    for _ in range(ROUNDS):
        rows = OpportunityFactory.create_batch(50, contact=contact)
        answers = at_once(
            *(
                lambda c=client, a=agent: c.post(f"{PATH}/assign-random", {"assigned_to_id": str(a.pk), "count": 20})
                for client, agent in zip(clients, agents, strict=True)
            )
        )
        assert {answer.status_code for answer in answers} == {200}
        drawn = [drawn for answer in answers for drawn in answer.json()["opportunity_ids"]]
        assert len(drawn) == len(set(drawn))
        assert_ledger_adds_up([row for row in rows if str(row.pk) in drawn])
        assert Assignment.objects.filter(opportunity__in=rows).count() == len(drawn)
        Opportunity.objects.all().delete()


def test_draws_that_leave_some_for_the_others_all_get_theirs(as_user):
    OpportunityFactory.create_batch(60, contact=ContactFactory())
    clients = [as_user(user) for user in administrators(4)]
    agents = [UserFactory() for _ in range(4)]
    answers = at_once(
        *(
            lambda c=client, a=agent: c.post(f"{PATH}/assign-random", {"assigned_to_id": str(a.pk), "count": 15})
            for client, agent in zip(clients, agents, strict=True)
        )
    )
    assert [answer.json()["assigned_count"] for answer in answers] == [15] * 4


def test_two_at_once_with_the_same_key_have_one_effect_and_one_answer(as_user, alice, bob):
    rows = OpportunityFactory.create_batch(30, contact=ContactFactory())
    for turn in range(1, ROUNDS + 1):
        answers = at_once(
            *(lambda t=turn: bulk_assign(as_user(alice), ids_of(rows), bob, key=f"k{t}") for _ in range(3))
        )
        assert [answer.status_code for answer in answers] == [200] * 3
        assert answers[0].json() == answers[1].json() == answers[2].json()
        assert Assignment.objects.count() == turn * 30
    assert IdempotencyKey.objects.count() == ROUNDS


def test_many_single_assignments_of_one_opportunity(as_user):
    row = OpportunityFactory()
    agents = [UserFactory() for _ in range(8)]
    clients = [as_user(agent) for agent in agents]
    for _ in range(3):
        at_once(
            *(
                lambda c=client, a=agent: c.post(one(row, "assign"), {"assigned_to_id": str(a.pk)})
                for client, agent in zip(clients, agents, strict=True)
            )
        )
    assert len(ledger_of(row)) == 24
    assert_ledger_adds_up([row])


def test_calls_and_a_bulk_of_the_same_contacts_opportunities(as_user, alice, bob):
    contact = ContactFactory()
    rows = OpportunityFactory.create_batch(20, contact=contact)
    client = as_user(alice)

    def call() -> None:
        with transaction.atomic():
            call_recorded.send(
                sender=None,
                contact_id=contact.pk,
                call_id=contact.pk,
                direction="outbound",
                call_status="no_answer",
                at=NOON,
                notes="",
            )

    for _ in range(ROUNDS):
        _, _, given = at_once(call, call, lambda: bulk_assign(client, ids_of(rows)[::-1], bob))
        assert given.json()["assigned_count"] == 20
    # The same call twice at once, five times over, is one attempt of one opportunity.
    attempts = [row.first_call_attempts for row in Opportunity.objects.all() if row.first_call_attempts]
    assert [list(found) for found in attempts] == [["1"]]


def test_calls_at_once_are_different_attempts(alice):
    row = OpportunityFactory()

    def call(call_id: Any) -> None:
        with transaction.atomic():
            call_recorded.send(
                sender=None,
                contact_id=row.contact_id,
                call_id=call_id,
                direction="outbound",
                call_status="busy",
                at=NOON,
                notes="",
            )

    at_once(*(lambda c=user.pk: call(c) for user in administrators(4)))
    row.refresh_from_db()
    assert sorted(row.first_call_attempts) == ["1", "2", "3", "4"]
    assert len({attempt["call_id"] for attempt in row.first_call_attempts.values()}) == 4
