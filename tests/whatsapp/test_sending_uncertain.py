"""A message that may have left is never sent again: only Meta's own word says what became of it."""

import time
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from integrations.choices import AttemptOutcome, DeliveryState
from integrations.destinations import META
from integrations.models import WebhookDelivery
from integrations.models.claims import Result
from integrations.sending.answers import Answer
from tests.whatsapp.meta import Meta, accepting, dropping, slowly
from tests.whatsapp.payloads import a_request, status
from tests.whatsapp.people import crowd, deliver, delivery_of, fresh, make_due, written
from tests.whatsapp.processes import StartWorker
from tests.whatsapp.processes import start_worker as start_worker
from whatsapp.choices import MessageStatus
from whatsapp.models import BusinessNumber, Message, Thread
from whatsapp.receiving.applying import apply_waiting
from whatsapp.receiving.storing import store

pytestmark = pytest.mark.django_db


def meta_tells(message: Message, word: str) -> None:
    """A status of Meta's about this message, by what we called it."""
    store(a_request(statuses=[status("wamid.TARDE", word, biz_opaque_callback_data=str(message.key))]))
    apply_waiting(limit=100)


@pytest.fixture
def impatient(settings: Any) -> None:
    settings.WEBHOOK_READ_SECONDS = settings.WEBHOOK_TOTAL_SECONDS = 0.4


@pytest.mark.sqlite
def test_silence_after_the_request_was_read_is_uncertain_until_a_status_settles_it(
    meta: Meta, thread: Thread, impatient: None
) -> None:
    message = written(thread)
    meta.will(meta.hanging())
    deliver()
    assert fresh(message).status == MessageStatus.UNCERTAIN
    assert delivery_of(message).state == DeliveryState.UNCERTAIN
    for _ in range(3):
        make_due()
        deliver()
    assert len(meta.asked) == 1, "never again"
    assert not WebhookDelivery.objects.needing_attention().exists()
    meta_tells(message, "delivered")
    settled = fresh(message)
    assert (settled.status, settled.message_id) == (MessageStatus.DELIVERED, "wamid.TARDE")


def test_an_end_without_a_word_is_uncertain_also_on_a_connection_that_was_kept(meta: Meta, thread: Thread) -> None:
    first, second = written(thread, "uno"), written(thread, "dos")
    meta.will(accepting(), dropping)
    deliver()
    assert meta.texts() == ["uno", "dos"], "a webhook would have gone out again at once"
    assert fresh(first).status == MessageStatus.ACCEPTED
    assert fresh(second).status == MessageStatus.UNCERTAIN


def test_an_uncertain_message_holds_up_no_later_one(meta: Meta, thread: Thread) -> None:
    first, second = written(thread, "uno"), written(thread, "dos")
    meta.will(dropping)
    deliver()
    assert [fresh(one).status for one in (first, second)] == [MessageStatus.UNCERTAIN, MessageStatus.ACCEPTED]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v25.0", "http://no-existe.invalid/v25.0", "https://{host}/v25.0"])
def test_what_surely_did_not_leave_is_sent_later(meta: Meta, thread: Thread, settings: Any, url: str) -> None:
    address = settings.WHATSAPP_GRAPH_URL
    settings.WHATSAPP_GRAPH_URL = url.format(host=address.removeprefix("http://").removesuffix("/v25.0"))
    settings.WEBHOOK_TOTAL_SECONDS = 3
    message = written(thread)
    deliver()
    assert fresh(message).status == MessageStatus.QUEUED
    waiting = delivery_of(message)
    assert (waiting.state, waiting.failures) == (DeliveryState.PENDING, 1)
    settings.WHATSAPP_GRAPH_URL = address
    make_due()
    deliver()
    assert fresh(message).status == MessageStatus.ACCEPTED


@pytest.mark.sqlite
def test_what_a_silent_worker_held_is_uncertain_and_its_late_answer_still_counts(meta: Meta, thread: Thread) -> None:
    message = written(thread)
    claim = WebhookDelivery.objects.claim("whatsapp", limit=8)
    WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert deliver() == 0
    assert fresh(message).status == MessageStatus.UNCERTAIN
    assert delivery_of(message).state == DeliveryState.UNCERTAIN
    [row] = claim.deliveries
    assert row.tries.get().outcome == AttemptOutcome.LOST
    answer = Answer(outcome=AttemptOutcome.DELIVERED, duration_ms=5, status=200, head='{"messages":[{"id":"wamid.X"}]}')
    verdict = META.judge(answer, delivery=row, now=timezone.now())
    WebhookDelivery.objects.finish(claim, [Result(delivery=row, answer=answer, verdict=verdict)])
    assert (fresh(message).status, fresh(message).message_id) == (MessageStatus.ACCEPTED, "wamid.X")
    assert delivery_of(message).state == DeliveryState.DELIVERED
    assert meta.asked == []


def test_an_uncertain_message_is_not_replayed_by_hand(meta: Meta, thread: Thread) -> None:
    message = written(thread)
    meta.will(dropping)
    deliver()
    assert WebhookDelivery.objects.replay() == 0
    assert delivery_of(message).state == DeliveryState.UNCERTAIN


def test_a_status_settles_a_message_that_still_waits_for_another_try(meta: Meta, thread: Thread) -> None:
    from tests.whatsapp.meta import refusing

    message = written(thread)
    meta.will(refusing(131000, status=500))
    deliver()
    meta_tells(message, "sent")
    make_due()
    deliver()
    assert len(meta.asked) == 1, "it had left after all"
    assert fresh(message).status == MessageStatus.SENT
    assert delivery_of(message).state == DeliveryState.WITHDRAWN


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_meta_holds_the_answer_has_asked_once_for_all(
    meta: Meta, number: BusinessNumber, start_worker: StartWorker
) -> None:
    [thread] = crowd(number, 1)
    message, later = written(thread, "uno"), written(thread, "dos")
    meta.will(meta.hanging(accepting()))
    worker = start_worker(lease=2)
    meta.wait_until_asked()
    worker.kill()
    worker.wait()
    meta.let_go.set()
    deadline = timezone.now() + timedelta(seconds=20)
    while delivery_of(message).state == DeliveryState.SENDING and timezone.now() < deadline:
        WebhookDelivery.objects.take_back()
    for _ in range(3):
        make_due()
        deliver()
    assert [one.key for one in meta.asked] == [str(message.key), str(later.key)], "one request each"
    assert fresh(message).status == MessageStatus.UNCERTAIN
    assert fresh(later).status == MessageStatus.ACCEPTED
    meta_tells(message, "read")
    assert fresh(message).status == MessageStatus.READ


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_message_once_and_each_thread_in_order(
    meta: Meta, number: BusinessNumber, start_worker: StartWorker
) -> None:
    threads = crowd(number, 12)
    for position in range(4):
        for thread in threads:
            written(thread, f"mensaje {position}")
    for _ in range(2):
        start_worker(seconds=40)
    meta.wait_until_asked(48, seconds=40)
    ends_at = timezone.now() + timedelta(seconds=10)
    while WebhookDelivery.objects.unfinished().exists() and timezone.now() < ends_at:
        pass
    assert len({one.key for one in meta.asked}) == len(meta.asked) == 48
    for thread in threads:
        assert meta.texts(thread.address) == [f"mensaje {position}" for position in range(4)]
    assert set(Message.objects.outbound().values_list("status", flat=True)) == {MessageStatus.ACCEPTED}


@pytest.mark.django_db(transaction=True)
def test_workers_that_are_killed_again_and_again_send_nothing_twice_and_lose_nothing(
    meta: Meta, number: BusinessNumber, start_worker: StartWorker
) -> None:
    messages = [written(thread) for thread in crowd(number, 60)]
    meta.usual = slowly(0.4)
    kills = 3
    for _ in range(kills):
        asked = len(meta.asked)
        worker = start_worker(lease=2)
        meta.wait_until_asked(asked + 3)
        worker.kill()
        worker.wait()
        time.sleep(2.1)  # the lease runs out, and the tick comes
        WebhookDelivery.objects.take_back()
    ends_at = time.monotonic() + 60
    while WebhookDelivery.objects.unfinished().exists() and time.monotonic() < ends_at:
        make_due()
        deliver()
        time.sleep(0.1)
    keys = [one.key for one in meta.asked]
    assert len(keys) == len(set(keys)), "nobody reads it twice"
    statuses = Counter(fresh(message).status for message in messages)
    assert set(statuses) <= {MessageStatus.ACCEPTED, MessageStatus.UNCERTAIN}
    assert statuses[MessageStatus.UNCERTAIN] <= kills * META.rows_a_round
    assert {message.key for message in messages if fresh(message).status == MessageStatus.ACCEPTED} <= {
        UUID(key) for key in keys
    }
