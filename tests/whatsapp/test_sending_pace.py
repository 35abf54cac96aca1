"""How fast messages leave: never more in a second than the number may, however many workers there are."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.models import Circuit, DeliveryAttempt, WebhookDelivery
from tests.crm.racing import at_once
from tests.whatsapp.meta import Meta, refusing, saying
from tests.whatsapp.people import crowd, deliver, delivery_of, fresh, make_due, somebody, written
from tests.whatsapp.processes import StartWorker
from tests.whatsapp.processes import start_worker as start_worker
from whatsapp.choices import MessageStatus
from whatsapp.models import BusinessNumber, Thread

pytestmark = pytest.mark.django_db


def most_in_a_second(moments: Sequence[datetime]) -> int:
    ordered = sorted(moments)
    return max(sum(0 <= (other - one).total_seconds() < 1 for other in ordered) for one in ordered)


def begun() -> list[datetime]:
    return list(DeliveryAttempt.objects.values_list("started_at", flat=True))


@pytest.mark.django_db(transaction=True)
def test_no_second_sees_more_than_the_limit_with_several_workers(
    meta: Meta, number: BusinessNumber, start_worker: StartWorker
) -> None:
    for thread in crowd(number, 70):
        written(thread)
    for _ in range(3):
        start_worker(seconds=40, WHATSAPP_MESSAGES_PER_SECOND="20")
    meta.wait_until_asked(70, seconds=40)
    assert most_in_a_second(begun()) == 20, "all that is allowed, and no more"
    assert len({one.key for one in meta.asked}) == 70
    times = sorted(one.at for one in meta.asked)
    assert times[-1] - times[0] < 8, "the limit is used"


@pytest.mark.sqlite
def test_one_worker_waits_for_room_and_goes_on(meta: Meta, number: BusinessNumber, settings: Any) -> None:
    settings.WHATSAPP_MESSAGES_PER_SECOND = 5
    for thread in crowd(number, 12):
        written(thread)
    assert deliver() == 12
    assert most_in_a_second(begun()) <= 5


@pytest.mark.django_db(transaction=True)
def test_racing_claims_never_take_more_than_there_is_room_for(number: BusinessNumber, settings: Any) -> None:
    settings.WHATSAPP_MESSAGES_PER_SECOND = 10
    for thread in crowd(number, 40):
        written(thread)
    claims = at_once([lambda: WebhookDelivery.objects.claim("whatsapp", limit=8) for _ in range(10)])
    assert sum(len(claim.deliveries) for claim in claims) == 10
    assert any(claim.wait for claim in claims)


def test_one_number_that_is_at_its_limit_holds_up_no_other(meta: Meta, number: BusinessNumber, settings: Any) -> None:
    settings.WHATSAPP_MESSAGES_PER_SECOND = 3
    other = BusinessNumber.objects.create(phone_number_id="999000111")
    for thread in crowd(number, 6):
        written(thread)
    written(somebody(other, "51999888777"))
    first = WebhookDelivery.objects.claim("whatsapp", limit=8)
    second = WebhookDelivery.objects.claim("whatsapp", limit=8)
    assert [row.lane for row in (*first.deliveries, *second.deliveries)].count("999000111") == 1
    assert len(first.deliveries) + len(second.deliveries) == 4


def test_only_one_worker_waits_for_the_limit(db: None) -> None:
    assert Circuit.objects.take_wait("whatsapp", 30)
    assert not Circuit.objects.take_wait("whatsapp", 30), "another turns to other work"
    Circuit.objects.update(waited_for_until=timezone.now() - timedelta(seconds=1))
    assert Circuit.objects.take_wait("whatsapp", 30)


def test_a_person_with_too_many_waits_longer_each_time_and_nobody_else_does(meta: Meta, number: BusinessNumber) -> None:
    busy, calm = somebody(number, "51911111111"), somebody(number, "51922222222")
    message = written(busy)
    meta.will(*[refusing(131056)] * 3, to="51911111111")
    waits = []
    for _ in range(3):
        make_due()
        deliver()
        waits.append((delivery_of(message).next_try_at - timezone.now()).total_seconds())
    assert [round(wait / 4) * 4 for wait in waits] == [4, 16, 64]
    written(calm)
    assert deliver() == 1, "nobody else waits"
    make_due()
    deliver()
    assert fresh(message).status == MessageStatus.ACCEPTED


def test_a_limit_of_the_number_slows_everything_and_spends_no_try(meta: Meta, number: BusinessNumber) -> None:
    threads = crowd(number, 30)
    messages = [written(thread) for thread in threads]
    meta.usual = refusing(130429, status=429)
    deliver()
    assert len(meta.asked) <= 8
    assert Circuit.objects.get(pk="whatsapp").is_open
    assert deliver() == 0
    assert not WebhookDelivery.objects.filter(failures__gt=0).exists()
    from tests.whatsapp.meta import accepting

    meta.usual = accepting()
    for _ in range(3):
        make_due()
        deliver()
    assert {fresh(message).status for message in messages} == {MessageStatus.ACCEPTED}


def test_meta_is_given_the_time_it_asks_for(meta: Meta, thread: Thread) -> None:
    message = written(thread)
    meta.will(saying(429, {"error": {"code": 80007, "message": "x"}}, Retry_After="120"))
    deliver()
    assert delivery_of(message).next_try_at > timezone.now() + timedelta(seconds=110)


def test_a_message_that_is_to_leave_later_waits_for_its_moment(meta: Meta, number: BusinessNumber) -> None:
    from integrations.events import WHATSAPP

    at = timezone.now() + timedelta(seconds=30)
    WHATSAPP.announce("whatsapp:1", {"phone_number_id": "1", "body": {"type": "text"}}, not_before=at)
    assert WebhookDelivery.objects.get().next_try_at == at
    assert deliver() == 0
