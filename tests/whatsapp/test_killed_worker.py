"""A worker is killed anywhere between the stored request and the answer: one inbound row and one answer come of it."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from django.utils import timezone

from integrations.models import WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.programs import ROOT, surroundings
from tests.whatsapp.bot_scenes import end_leases, only_rule
from tests.whatsapp.meta import TOKEN, Meta
from tests.whatsapp.payloads import CUSTOMER, a_request, status, text_message
from whatsapp.bot.answering import answer_due
from whatsapp.choices import Author, MessageStatus
from whatsapp.models import Message, Thread, WebhookEvent
from whatsapp.receiving.applying import apply_waiting

# Does the work of a worker, and ends like a killed one as soon as the named function is reached: nothing of its
# transaction, its cleaning up or its connection is left.
DOOMED = """
import os, signal, sys
import django
django.setup()
from importlib import import_module
module, name, when = sys.argv[1].rsplit(":", 2)
owner = import_module(module)
*path, last = name.split(".")
for step in path:
    owner = getattr(owner, step)
usual = getattr(owner, last)
def doomed(*args, **kwargs):
    if when == "after":
        usual(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, last, doomed)
from whatsapp.receiving.applying import apply_waiting
from whatsapp.bot.answering import answer_due
from whatsapp.models import Thread
from django.utils import timezone
from integrations.sending.rounds import empty_outbox
apply_waiting()
Thread.objects.filter(answer_due_at__isnull=False).update(answer_due_at=timezone.now())
answer_due()
empty_outbox("whatsapp")
"""
PLACES = [
    "whatsapp.receiving.applying:items_of:before",
    "whatsapp.receiving.messages:thread_of:after",
    "whatsapp.receiving.messages:_insert:after",
    "whatsapp.receiving.messages:recognise:after",
    "whatsapp.receiving.applying:_note_applied:before",
    "whatsapp.models.events:WebhookEvent.settle:before",
    "whatsapp.models.events:WebhookEvent.settle:after",
    "whatsapp.bot.answering:_store:before",
    "whatsapp.bot.answering:_send:before",
    "whatsapp.bot.answering:_send:after",
    "whatsapp.bot.answering:_store:after",
    "integrations.models.deliveries:WebhookDeliveryQuerySet.claim:before",
]


def killed_at(place: str, meta: Meta) -> None:
    environment = surroundings(WHATSAPP_GRAPH_URL=meta.url, WHATSAPP_ACCESS_TOKEN=TOKEN, WEBHOOK_ALLOW_PRIVATE="true")
    done = subprocess.run([sys.executable, "-c", DOOMED, place], cwd=ROOT, env=environment, timeout=60, check=False)
    assert done.returncode == -9, place


def go_on() -> None:
    """What the next workers do when the leases of the dead one have run out."""
    WebhookEvent.objects.filter(lease_until__isnull=False).update(lease_until=timezone.now())
    end_leases()
    apply_waiting()
    Thread.objects.filter(answer_due_at__isnull=False).update(answer_due_at=timezone.now())
    answer_due()
    empty_outbox("whatsapp")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", PLACES)
def test_a_worker_that_dies_leaves_one_message_and_one_answer_to_the_next(place: str, meta: Meta) -> None:
    only_rule("Hola, gracias por escribir")
    WebhookEvent.objects.create(body=a_request(text_message("Hola", at=int(timezone.now().timestamp()))))
    killed_at(place, meta)
    go_on()
    assert Message.objects.inbound().count() == 1
    assert Message.objects.filter(author=Author.BOT).count() == 1
    assert meta.texts(CUSTOMER) == ["Hola, gracias por escribir"]
    go_on()
    assert meta.texts(CUSTOMER) == ["Hola, gracias por escribir"]


@pytest.mark.django_db(transaction=True)
def test_one_that_dies_while_meta_holds_the_answer_sent_once_and_a_status_settles_it(
    meta: Meta, start_worker: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    only_rule("Hola, gracias por escribir")
    WebhookEvent.objects.create(body=a_request(text_message("Hola", at=int(timezone.now().timestamp()))))
    apply_waiting()
    Thread.objects.update(answer_due_at=timezone.now())
    answer_due()
    meta.will(meta.hanging(seconds=5))
    worker = start_worker(lease=1)
    meta.wait_until_asked()
    worker.kill()
    worker.wait()
    time.sleep(1.2)
    WebhookDelivery.objects.take_back()
    empty_outbox("whatsapp")
    answer = Message.objects.get(author=Author.BOT)
    assert (answer.status, len(meta.messages)) == (MessageStatus.UNCERTAIN, 1)

    told = status("wamid.DE_META", "sent", biz_opaque_callback_data=meta.messages[0].key)
    WebhookEvent.objects.create(body=a_request(statuses=[told]))
    apply_waiting()
    answer.refresh_from_db()
    assert (answer.status, answer.message_id) == (MessageStatus.SENT, "wamid.DE_META")
    assert Message.objects.inbound().get().respuesta_enviada
    assert len(meta.messages) == 1
