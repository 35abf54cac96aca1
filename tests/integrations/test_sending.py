"""What is due is sent, signed, once, in the order of its subject, and every try is on record."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.exceptions import Conflict
from integrations.choices import AttemptOutcome, DeliveryState
from integrations.models import Circuit, DeliveryAttempt, WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.integrations.receiver import Receiver, answering, dropping

Announced = Callable[..., WebhookDelivery]
pytestmark = pytest.mark.django_db


def make_due() -> None:
    WebhookDelivery.objects.filter(state=DeliveryState.PENDING).update(next_try_at=timezone.now())
    Circuit.objects.update(open_until=None, troubles=0)


@pytest.mark.sqlite
def test_what_is_due_arrives_once_and_is_on_record(receiver: Receiver, announced: Announced) -> None:
    deliveries = [announced(f"CRM-{n}") for n in range(20)]
    assert empty_outbox("comercial") == 20
    assert sorted(receiver.ids()) == sorted(one.message_id for one in deliveries)
    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {DeliveryState.DELIVERED}
    assert DeliveryAttempt.objects.filter(outcome=AttemptOutcome.DELIVERED, status=200).count() == 20
    assert empty_outbox("comercial") == 0


@pytest.mark.sqlite
def test_a_failure_is_tried_again_later_and_then_arrives(receiver: Receiver, announced: Announced) -> None:
    delivery = announced()
    # A kept connection that is closed is tried again at once, so it takes two to be a failure.
    receiver.behaviours = [answering(500, b"roto"), dropping, dropping]
    for _ in range(3):
        make_due()
        empty_outbox("comercial")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED
    assert delivery.failures == 2
    tries = list(delivery.tries.order_by("number").values_list("outcome", "status", "response_head"))
    assert tries == [
        (AttemptOutcome.REFUSED, 500, "roto"),
        (AttemptOutcome.UNANSWERED, None, ""),
        (AttemptOutcome.DELIVERED, 200, '{"detail":"bien"}'),
    ]
    assert set(receiver.ids()) == {delivery.message_id}


@pytest.mark.sqlite
def test_messages_about_one_appointment_keep_their_order(receiver: Receiver, announced: Announced) -> None:
    first, second = announced("CRM-7", vez=1), announced("CRM-7", vez=2)
    receiver.behaviours = [answering(500)]
    empty_outbox("comercial")
    second.refresh_from_db()
    assert second.state == DeliveryState.PENDING, "it waits for the first"
    make_due()
    empty_outbox("comercial")
    assert [one.json["vez"] for one in receiver.received] == [1, 1, 2]
    assert receiver.ids() == [first.message_id, first.message_id, second.message_id]


@pytest.mark.sqlite
def test_after_its_last_try_a_message_is_dead_and_can_be_replayed(
    receiver: Receiver, announced: Announced, settings: object
) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [1]  # type: ignore[attr-defined]
    delivery = announced()
    receiver.behaviours = [answering(500), answering(400)]
    for _ in range(2):
        make_due()
        empty_outbox("comercial")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DEAD
    delivery.replay()
    empty_outbox("comercial")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED
    assert len(set(receiver.ids())) == 1


@pytest.mark.sqlite
def test_a_worker_that_fell_silent_loses_its_rows(receiver: Receiver, announced: Announced) -> None:
    delivery = announced()
    WebhookDelivery.objects.claim("comercial", limit=10)
    WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert WebhookDelivery.objects.take_back() == 1
    empty_outbox("comercial")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED
    outcomes = list(delivery.tries.order_by("number").values_list("outcome", flat=True))
    assert outcomes == [AttemptOutcome.LOST, AttemptOutcome.DELIVERED]


@pytest.mark.sqlite
def test_what_ends_three_workers_is_set_aside(receiver: Receiver, announced: Announced) -> None:
    delivery = announced()
    for _ in range(3):
        assert WebhookDelivery.objects.claim("comercial", limit=10).deliveries
        WebhookDelivery.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        WebhookDelivery.objects.take_back()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.ASIDE
    assert receiver.received == []


@pytest.mark.sqlite
def test_a_row_that_lost_its_worker_gets_its_turn_before_fresh_ones(receiver: Receiver, announced: Announced) -> None:
    suspect = announced("CRM-0")
    WebhookDelivery.objects.filter(pk=suspect.pk).update(lost_leases=1)
    for number in range(1, 30):
        announced(f"CRM-{number}")
    first = WebhookDelivery.objects.claim("comercial", limit=10)
    assert [row.pk for row in first.deliveries] == [suspect.pk], "alone, and in its turn"
    WebhookDelivery.objects.release(first, first.deliveries)
    assert empty_outbox("comercial") == 30
    assert receiver.ids()[0] == suspect.message_id


@pytest.mark.sqlite
def test_a_row_that_lost_its_worker_comes_after_those_that_were_due_before(announced: Announced) -> None:
    older = [announced(f"CRM-{number}") for number in range(3)]
    suspect = announced("CRM-9")
    WebhookDelivery.objects.filter(pk=suspect.pk).update(lost_leases=1)
    claimed = [WebhookDelivery.objects.claim("comercial", limit=10).deliveries for _ in range(2)]
    assert [[row.pk for row in rows] for rows in claimed] == [[row.pk for row in older], [suspect.pk]]


@pytest.mark.sqlite
def test_a_destination_in_trouble_is_left_alone_and_probed(receiver: Receiver, announced: Announced) -> None:
    for n in range(60):
        announced(f"CRM-{n}")
    receiver.usual = answering(503)
    empty_outbox("comercial")
    sent = len(receiver.received)
    assert sent < 20, "the rest was given back"
    assert Circuit.objects.get(pk="comercial").is_open
    assert empty_outbox("comercial") == 0
    Circuit.objects.update(open_until=timezone.now() - timedelta(seconds=1))
    receiver.usual = answering(200)
    empty_outbox("comercial")
    assert not Circuit.objects.open().exists(), "the probe was answered, so messages flow again"
    make_due()
    empty_outbox("comercial")
    assert not WebhookDelivery.objects.unfinished().exists()


@pytest.mark.sqlite
def test_what_arrived_long_ago_is_forgotten_and_what_failed_is_kept(receiver: Receiver, announced: Announced) -> None:
    old, recent, dead = announced("CRM-1"), announced("CRM-2"), announced("CRM-3")
    long_ago = timezone.now() - timedelta(days=91)
    finished = WebhookDelivery.objects.filter(pk__in=[old.pk, dead.pk])
    finished.update(state=DeliveryState.DELIVERED, finished_at=long_ago)
    WebhookDelivery.objects.filter(pk=dead.pk).update(state=DeliveryState.DEAD)
    WebhookDelivery.objects.filter(pk=recent.pk).update(state=DeliveryState.DELIVERED, finished_at=timezone.now())
    WebhookDelivery.objects.forget_old()
    assert set(WebhookDelivery.objects.values_list("pk", flat=True)) == {recent.pk, dead.pk}


@pytest.mark.sqlite
def test_an_older_message_is_not_replayed_over_a_newer_one(receiver: Receiver, announced: Announced) -> None:
    older, newer = announced("CRM-7", vez=1), announced("CRM-7", vez=2)
    WebhookDelivery.objects.filter(pk=older.pk).update(state=DeliveryState.DEAD)
    empty_outbox("comercial")
    older.refresh_from_db()
    with pytest.raises(Conflict, match="más nuevo"):
        older.replay()
    assert WebhookDelivery.objects.replay() == 1, "only the newer"
    assert receiver.ids() == [newer.message_id]


def test_writing_down_many_results_costs_the_same_few_queries(receiver: Receiver, announced: Announced) -> None:
    def queries_for(count: int) -> int:
        for number in range(count):
            announced(f"CRM-{count}-{number}")
        with CaptureQueriesContext(connection) as captured:
            assert empty_outbox("comercial") == count
        return len(captured)

    assert queries_for(2) == queries_for(40)
