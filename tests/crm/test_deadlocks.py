"""A merge that waits in a circle with somebody else's work is done again; nobody is told to try again."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from rest_framework.test import APIClient

from crm import locks
from crm.locks import again_after_deadlock
from crm.models import Contact, ContactMerge, ContactPhone, Note, Task, User
from crm.services import merge_contacts
from tests.crm.racing import at_once
from tests.factories import ContactFactory, NoteFactory, TaskFactory

AsUser = Callable[[User | None], APIClient]


def wait_until_waiting(sessions: int) -> None:
    """Until so many sessions of this database wait for a lock."""
    with connection.cursor() as cursor:
        for _ in range(2000):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0] >= sessions:
                return
            cursor.execute("SELECT pg_sleep(0.005)")
    raise AssertionError("nobody came to wait")


def wait_until_all_have_looked() -> None:
    """Who waits looks for a circle once, so long after it began; of two in one, the later to look is not ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2 * extract(epoch FROM current_setting('deadlock_timeout')::interval))")


def in_a_circle(absorbed: Contact, task: Task, act: Callable[[], Any]) -> list[Any]:
    """`act` has the contact and wants its task; who works on the task wants the contact. `act` is the one to be ended.

    A phone that somebody holds lets `act` go no further than the contact until the other has waited for it, and looked.
    """
    ready, working = threading.Event(), threading.Event()

    def hold_the_phone() -> None:
        with transaction.atomic():
            list(ContactPhone.objects.filter(contact=absorbed).select_for_update())
            ready.set()
            assert working.wait(20)
            wait_until_waiting(2)
            wait_until_all_have_looked()

    def work_on_the_task() -> None:
        assert ready.wait(20)
        wait_until_waiting(1)  # `act`, for the phone
        with transaction.atomic():
            Task.objects.filter(pk=task.pk).update(text="Llamar mañana")
            working.set()
            NoteFactory(contact=Contact(pk=absorbed.pk))

    def act_meanwhile() -> Any:
        assert ready.wait(20)
        return act()

    return at_once([hold_the_phone, work_on_the_task, act_meanwhile])


@pytest.fixture
def people(transactional_db: None) -> tuple[Contact, Contact, Task]:
    survivor, absorbed = ContactFactory(), ContactFactory(mobile="987654321")
    return survivor, absorbed, TaskFactory(contact=absorbed)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "fusion-1"}])
def test_a_merge_that_is_ended_in_a_deadlock_is_done_again(
    as_user: AsUser, laura: User, people: tuple[Contact, Contact, Task], headers: dict[str, str]
) -> None:
    survivor, absorbed, task = people

    def merge() -> int:
        client = as_user(laura)
        path = f"/api/crm/contacts/{survivor.pk}/merge"
        return int(client.post(path, {"contact_id": str(absorbed.pk)}, headers=headers).status_code)

    assert in_a_circle(absorbed, task, merge) == [None, None, 200]
    task.refresh_from_db()
    assert (task.contact_id, task.text) == (survivor.pk, "Llamar mañana")
    assert Note.objects.get().contact_id == survivor.pk
    assert ContactMerge.objects.get().moved_counts["crm.task"] == 1


def test_so_is_the_undoing(people: tuple[Contact, Contact, Task], as_user: AsUser, laura: User) -> None:
    survivor, absorbed, task = people
    merge_contacts(survivor_id=survivor.pk, absorbed_id=absorbed.pk, by=None)

    def undo() -> int:
        return int(as_user(laura).post(f"/api/crm/contacts/{survivor.pk}/merge/undo").status_code)

    assert in_a_circle(survivor, task, undo) == [None, None, 200]
    task.refresh_from_db()
    assert (task.contact_id, task.text) == (absorbed.pk, "Llamar mañana")
    assert Note.objects.get().contact_id == survivor.pk
    assert ContactMerge.objects.get().undone_at is not None


def test_the_scene_is_a_deadlock_and_tries_are_counted(
    as_user: AsUser, laura: User, people: tuple[Contact, Contact, Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "MOST_TRIES", 1)
    survivor, absorbed, task = people

    def merge() -> int:
        path = f"/api/crm/contacts/{survivor.pk}/merge"
        return int(as_user(laura).post(path, {"contact_id": str(absorbed.pk)}).status_code)

    assert in_a_circle(absorbed, task, merge) == [None, None, 503]
    task.refresh_from_db()
    assert task.contact_id == absorbed.pk
    assert not ContactMerge.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_what_is_no_deadlock_is_not_done_again() -> None:
    tries = []

    @again_after_deadlock
    def fail() -> None:
        tries.append(1)
        raise OperationalError("the database is away")

    with pytest.raises(OperationalError):
        fail()
    assert len(tries) == 1
