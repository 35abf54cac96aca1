"""Twenty workers get the same first message of somebody new: one thread, one message, one answer, one send."""

import threading
import time
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from integrations.models import WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.crm.racing import at_once
from tests.whatsapp.bot_scenes import only_rule
from tests.whatsapp.meta import Meta
from tests.whatsapp.payloads import CUSTOMER, a_request, text_message
from tests.whatsapp.snapshots import apply_all
from whatsapp.bot.answering import answer_due
from whatsapp.choices import Author, EventState
from whatsapp.models import Alias, BusinessNumber, Message, MessageCount, Thread, WebhookEvent
from whatsapp.receiving.applying import apply_waiting
from whatsapp.receiving.identity import Person, thread_of
from whatsapp.receiving.storing import store

WORKERS = 20


def now() -> int:
    return int(timezone.now().timestamp())


@pytest.mark.django_db(transaction=True)
def test_twenty_workers_with_the_same_first_message_make_one_of_everything(meta: Meta, settings: Any) -> None:
    only_rule("Hola, gracias por escribir")
    body = a_request(text_message("Hola", at=now()))

    def take_and_apply() -> int:
        store(body)
        return apply_waiting()

    done = at_once([take_and_apply] * WORKERS)
    apply_waiting()
    assert all(isinstance(one, int) for one in done), done
    assert WebhookEvent.objects.filter(state=EventState.APPLIED).count() == WORKERS
    thread = Thread.objects.get()
    assert (Message.objects.count(), Alias.objects.filter(thread=thread).count()) == (1, 2)
    assert (thread.unread, MessageCount.objects.totals()["inbound"]) == (1, 1)

    Thread.objects.update(answer_due_at=timezone.now())
    assert sum(at_once([answer_due] * WORKERS)) == 1
    assert Message.objects.filter(author=Author.BOT).count() == 1

    at_once([lambda: empty_outbox("whatsapp")] * 4)
    assert meta.texts(CUSTOMER) == ["Hola, gracias por escribir"]
    assert Message.objects.get(author=Author.BOT).message_id is not None


@pytest.mark.django_db(transaction=True)
def test_twenty_different_first_messages_at_once_are_one_thread(meta: Meta) -> None:
    only_rule("Recibido")
    bodies = [a_request(text_message(f"mensaje {number}", at=now())) for number in range(WORKERS)]

    def take(body: bytes) -> Any:
        def act() -> int:
            store(body)
            return apply_waiting()

        return act

    at_once([take(body) for body in bodies])
    apply_waiting()
    assert Thread.objects.get().unread == WORKERS
    Thread.objects.update(answer_due_at=timezone.now())
    assert sum(at_once([answer_due] * 8)) == 1
    assert WebhookDelivery.objects.filter(event="whatsapp.message").count() == 1


@pytest.mark.django_db(transaction=True)
def test_names_that_arrive_together_from_all_sides_still_make_one_person() -> None:
    """By number, by id, and both at once: whichever worker is first, no name is left in a thread of its own."""
    by_number = a_request(text_message("uno", at=now()))
    by_id = a_request(text_message("dos", wa_id=None, from_user_id="PE.7", at=now()), contacts=[])
    by_both = a_request(text_message("tres", from_user_id="PE.7", at=now()), contacts=[])
    for _ in range(3):
        for body in (by_number, by_id, by_both) * 4:
            WebhookEvent.objects.create(body=body)
        at_once([apply_waiting] * 8)
    apply_waiting()
    thread = Thread.objects.present().get()
    assert Message.objects.filter(thread=thread).count() == 3
    assert Alias.objects.filter(thread=thread).count() == 3


@pytest.mark.django_db(transaction=True)
def test_who_waited_for_a_thread_that_became_another_writes_into_the_living_one() -> None:
    """Two threads become one while a message of one of them waits for its row."""
    apply_all([a_request(text_message("por número"))])
    number = BusinessNumber.objects.get()
    with transaction.atomic():
        older = thread_of(number, Person.known_by(wa_ids=(CUSTOMER,)), at=timezone.now())
        newer = thread_of(number, Person.known_by(user_ids=("PE.8", "PE.9")), at=timezone.now())
    waiting = threading.Event()
    found: list[Thread] = []

    def write() -> None:
        try:
            with transaction.atomic():
                waiting.set()
                found.append(thread_of(number, Person.known_by(user_ids=("PE.9",)), at=timezone.now()))
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    with transaction.atomic():
        united = thread_of(number, Person.known_by(wa_ids=(CUSTOMER,), user_ids=("PE.8",)), at=timezone.now())
        writer.start()
        waiting.wait(10)
        time.sleep(0.5)  # until it has read the names and waits for the row
    writer.join(20)
    assert united == older
    assert Thread.objects.get(pk=newer.pk).merged_into == older
    assert found == [older]
