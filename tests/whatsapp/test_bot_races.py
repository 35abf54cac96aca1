"""Twenty workers, a worker that dies, two that overtake each other: always exactly one answer."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from tests.crm.racing import at_once
from tests.programs import programs
from tests.whatsapp.bot_scenes import bot_messages, end_leases, only_rule, write
from tests.whatsapp.payloads import a_request, text_message
from whatsapp.bot import answering
from whatsapp.models import Message, OpeningHours, Thread
from whatsapp.receiving.applying import apply_waiting
from whatsapp.receiving.storing import store

pytestmark = pytest.mark.django_db(transaction=True)

# Stops where the test says: "claimed" before the provider is asked, "storing" just before the commit.
WORKER = """
import sys, time
import django
django.setup()
from whatsapp.bot import answering
place = sys.argv[1]
def hang(*args, **kwargs):
    print("here", flush=True)
    time.sleep(60)
if place == "claimed":
    answering.answer_to = hang
elif place == "storing":
    answering._note_heard = hang
answering.answer_due()
"""


@pytest.fixture(autouse=True)
def _one_rule() -> None:
    OpeningHours.objects.all().delete()
    only_rule()


def all_due() -> None:
    Thread.objects.filter(answer_due_at__isnull=False).update(answer_due_at=timezone.now())


def test_twenty_workers_give_one_answer():
    thread = write("Hola", "¿hay alguien?")
    all_due()
    outcomes = at_once([answering.answer_due] * 20)
    assert sorted(outcomes) == [0] * 19 + [1]
    assert len(bot_messages(thread)) == 1


def test_twenty_workers_share_forty_threads():
    threads = [write("Hola", wa_id=f"519{90_000_000 + number}") for number in range(40)]
    all_due()
    outcomes = at_once([answering.answer_due] * 20)
    assert sum(outcomes) == 40
    assert [len(bot_messages(thread)) for thread in threads] == [1] * 40


def test_twenty_first_messages_at_once_are_one_thread_with_one_answer():
    now = int(timezone.now().timestamp())
    for _ in range(20):
        store(a_request({**text_message("Hola", at=now), "id": "wamid.UNO"}))
    at_once([apply_waiting] * 20)
    all_due()
    at_once([answering.answer_due] * 20)
    thread = Thread.objects.get()
    assert Message.objects.inbound().count() == 1
    assert len(bot_messages(thread)) == 1


def test_a_person_and_the_bot_at_once_never_leave_a_bot_answer_after_the_persons(bob):
    for number in range(10):
        thread = write("Hola", wa_id=f"5198{number:07d}")
        all_due()
        at_once([answering.answer_due, lambda thread=thread: Thread.objects.get(pk=thread.pk).take_over(bob)])
        thread.refresh_from_db()
        assert thread.is_bot_silent
        assert not any(message.status == "queued" for message in bot_messages(thread))


# --- Real workers, real deaths ------------------------------------------------------------------


@pytest.fixture
def start_worker() -> Iterator[Callable[[str], "subprocess.Popen[bytes]"]]:
    """Starts a process of its own that answers what is due, on this test's database, and stops at a place."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's test database is in this process alone")
    with programs(stdout=subprocess.PIPE) as start:
        yield partial(start, WORKER)


@pytest.mark.parametrize("place", ["claimed", "storing"])
def test_a_worker_killed_at_any_place_leaves_exactly_one_answer(start_worker, place):
    thread = write("Hola")
    all_due()
    process = start_worker(place)
    assert process.stdout is not None
    assert process.stdout.readline() == b"here\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until_unlocked(thread)
    assert bot_messages(thread) == []
    assert answering.answer_due() == 0, "its lease still holds"
    end_leases()
    assert answering.answer_due() == 1
    assert answering.answer_due() == 0
    assert len(bot_messages(thread)) == 1
    assert Message.objects.inbound().count() == 1


def wait_until_unlocked(thread: Thread) -> None:
    """PostgreSQL needs a moment to see that a client is gone."""
    from django.db import DatabaseError, transaction

    deadline = time.monotonic() + 20
    while True:
        try:
            with transaction.atomic():
                Thread.objects.select_for_update(nowait=True).get(pk=thread.pk)
            return
        except DatabaseError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
