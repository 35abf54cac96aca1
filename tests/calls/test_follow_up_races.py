"""Requests that race on one person, with real threads: each finds what the one before it has planned."""

from functools import partial

import pytest

from calls.models import Call
from crm.models import Task
from tests.calls.helpers import CALLS, NEXT, NEXT_AT, TASKS, at_once, call_body, task_body
from tests.factories import CallFactory, ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 20


@pytest.fixture
def contact(transactional_db):
    return ContactFactory()


def test_twenty_corrections_at_once_to_the_same_date_leave_one_task(contact, as_user, bob):
    address = f"{CALLS}/{as_user(bob).post(CALLS, call_body(contact)).json()['id']}"
    methods = ["put", "patch"] * (AT_ONCE // 2)
    answers = at_once(
        [partial(getattr(as_user(bob), method), address, {"proxima_llamada_fecha": NEXT}) for method in methods]
    )
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE
    assert Task.objects.get().complete_till == NEXT_AT


def test_twenty_equal_calls_at_once_are_twenty_calls_and_one_task(contact, as_user, bob):
    body = call_body(contact, proxima_llamada_fecha=NEXT)
    answers = at_once([partial(as_user(bob).post, CALLS, body) for _ in range(AT_ONCE)])
    assert [answer.status_code for answer in answers] == [201] * AT_ONCE
    assert Call.objects.count() == AT_ONCE
    assert Task.objects.get().complete_till == NEXT_AT


@pytest.mark.parametrize("kind", ["contact", "lead"])
def test_calls_racing_with_the_clients_own_tasks_leave_one_task(contact, as_user, bob, kind):
    subject = contact if kind == "contact" else LeadFactory()
    call, task = call_body(subject, proxima_llamada_fecha=NEXT), task_body(subject, text="Llamar a Luz")
    half = range(AT_ONCE // 2)
    answers = at_once(
        [partial(as_user(bob).post, CALLS, call) for _ in half]
        + [partial(as_user(bob).post, TASKS, task) for _ in half]
    )
    calls, tasks = answers[: len(half)], answers[len(half) :]
    assert {answer.status_code for answer in calls} == {201}
    assert {answer.status_code for answer in tasks} <= {200, 201}
    assert sum(answer.status_code == 201 for answer in tasks) <= 1
    assert len({answer.json()["id"] for answer in tasks}) == 1
    assert Task.objects.get().text == "Llamar a Luz"


def test_one_key_twenty_times_at_once_is_one_call(contact, as_user, bob):
    body, key = call_body(contact, proxima_llamada_fecha=NEXT), {"Idempotency-Key": "una-vez"}
    answers = at_once([partial(as_user(bob).post, CALLS, body, headers=key) for _ in range(AT_ONCE)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Call.objects.count() == Task.objects.count() == 1


def test_different_dates_at_once_are_each_planned(contact, as_user, bob):
    bodies = [call_body(contact, proxima_llamada_fecha=f"2026-02-{day:02}T09:00:00Z") for day in range(1, 21)]
    at_once([partial(as_user(bob).post, CALLS, body) for body in bodies])
    assert Task.objects.count() == 20


def test_calls_saved_outside_the_api_wait_for_each_other_too(contact):
    def save():
        return Call.objects.get(pk=CallFactory(contact=contact, proxima_llamada_fecha=NEXT_AT).pk)

    at_once([save] * 8)
    assert Task.objects.get().complete_till == NEXT_AT


def test_calls_moving_both_ways_at_once_do_not_wait_in_a_circle(contact, as_user, bob):
    other = ContactFactory()
    moves = [(CallFactory(contact=contact), other) for _ in range(6)]
    moves += [(CallFactory(contact=other), contact) for _ in range(6)]
    answers = at_once(
        [
            partial(as_user(bob).patch, f"{CALLS}/{call.pk}", {"entity_type": "contacts", "entity_id": str(to.pk)})
            for call, to in moves
        ]
    )
    assert {answer.status_code for answer in answers} == {200}
    assert Call.objects.filter(contact=contact).count() == Call.objects.filter(contact=other).count() == 6


def test_a_call_deleted_while_it_is_corrected_answers_one_way_or_the_other(contact, as_user, bob):
    call = CallFactory(contact=contact, created_by=bob)
    address = f"{CALLS}/{call.pk}"
    answers = at_once(
        [partial(as_user(bob).patch, address, {"proxima_llamada_fecha": NEXT}) for _ in range(6)]
        + [partial(as_user(bob).delete, address) for _ in range(2)]
    )
    assert {answer.status_code for answer in answers} <= {200, 204, 404}
    assert not Call.objects.exists()


def test_a_task_completed_and_changed_and_deleted_at_once_never_fails(contact, as_user, bob):
    address = f"{TASKS}/{as_user(bob).post(TASKS, task_body(contact)).json()['id']}"
    answers = at_once(
        [partial(as_user(bob).put, f"{address}/complete", {}) for _ in range(4)]
        + [partial(as_user(bob).put, address, {"text": "Otra cosa"}) for _ in range(4)]
        + [partial(as_user(bob).delete, address) for _ in range(2)]
    )
    assert {answer.status_code for answer in answers} <= {200, 204, 404}
    assert not Task.objects.exists()
