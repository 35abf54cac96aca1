"""Another destination is an entry in a table, and one that hangs holds up nobody else."""

import time
from typing import Any

import pytest
from django.utils import timezone

from integrations.choices import DeliveryState
from integrations.destinations import DESTINATIONS, Destination
from integrations.events import Event
from integrations.models import Circuit, WebhookDelivery
from integrations.sending.rounds import MOST_IN_FLIGHT, empty_outbox
from integrations.tasks import deliver_due
from tests.integrations.receiver import Receiver, a_receiver, hanging

pytestmark = pytest.mark.django_db

ANALYTICS = Destination(
    name="analitica", title="Analítica", url_setting="ANALYTICS_URL", token_setting="COMERCIAL_WEBHOOK_TOKEN"
)
BOTH = Event(name="lead.created", title="Lead nuevo", destinations=("comercial", "analitica"))


@pytest.fixture
def analytics(receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setitem(DESTINATIONS, ANALYTICS.name, ANALYTICS)
    with a_receiver() as found:
        settings.ANALYTICS_URL = found.url
        yield found


def states_of(destination: str) -> set[str]:
    return set(WebhookDelivery.objects.filter(destination=destination).values_list("state", flat=True))


def test_an_event_goes_to_each_of_its_destinations(receiver: Receiver, analytics: Receiver) -> None:
    BOTH.announce("lead:1", {"nombre": "Rosa"})
    empty_outbox("comercial")
    empty_outbox("analitica")
    assert [one.json for one in receiver.received] == [one.json for one in analytics.received] == [{"nombre": "Rosa"}]
    assert receiver.ids() != analytics.ids(), "two messages, each with its own tries"


def test_one_that_hangs_is_paused_and_the_other_gets_all(
    receiver: Receiver, analytics: Receiver, settings: Any
) -> None:
    settings.WEBHOOK_READ_SECONDS = settings.WEBHOOK_TOTAL_SECONDS = 0.5
    receiver.usual = hanging(2)
    for number in range(30):
        BOTH.announce(f"lead:{number}", {"numero": number})
    empty_outbox("comercial")
    empty_outbox("analitica")
    assert states_of("analitica") == {DeliveryState.DELIVERED}
    assert states_of("comercial") == {DeliveryState.PENDING}
    assert [circuit.pk for circuit in Circuit.objects.open()] == ["comercial"]
    started = time.monotonic()
    assert empty_outbox("comercial") == 0, "it is not asked again before its pause is over"
    assert time.monotonic() - started < settings.WEBHOOK_READ_SECONDS


def test_one_destination_never_holds_more_rows_than_its_share(receiver: Receiver, analytics: Receiver) -> None:
    for number in range(MOST_IN_FLIGHT + 20):
        BOTH.announce(f"lead:{number}", {"numero": number})
    while WebhookDelivery.objects.in_flight("comercial") < MOST_IN_FLIGHT:
        WebhookDelivery.objects.claim("comercial", limit=100)
    assert empty_outbox("comercial") == 0, "others are at it"
    assert empty_outbox("analitica") == MOST_IN_FLIGHT + 20


def test_the_tick_wakes_a_worker_for_each_destination_with_something_due(
    receiver: Receiver, analytics: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    BOTH.announce("lead:1", {})
    WebhookDelivery.objects.filter(destination="comercial").update(next_try_at=timezone.now().replace(year=2199))
    woken: list[str] = []
    monkeypatch.setattr("integrations.tasks.wake", lambda task, destination: woken.append(destination))
    deliver_due()
    assert woken == ["analitica"]


def test_without_an_address_messages_wait_until_there_is_one(receiver: Receiver, settings: Any) -> None:
    BOTH.announce("lead:1", {})
    address, settings.COMERCIAL_WEBHOOK_URL = settings.COMERCIAL_WEBHOOK_URL, ""
    assert empty_outbox("comercial") == 0
    settings.COMERCIAL_WEBHOOK_URL = address
    assert empty_outbox("comercial") == 1
    assert states_of("comercial") == {DeliveryState.DELIVERED}
