"""Our sender speaks to our receiver over HTTP, as in the demonstration: signed, in order, once."""

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.events import PRESENCE, PRESENCE_CORRECTED
from integrations.models import Presencia, Recepcion, WebhookDelivery
from integrations.sending import rounds
from integrations.sending.rounds import empty_outbox
from tests.integrations.sender import SECRET, TOKEN, message

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _connected(settings: Any, live_server: Any) -> Iterator[None]:
    settings.COMERCIAL_WEBHOOK_URL = f"{live_server.url}/api/webhook-presencia-crm/"
    settings.COMERCIAL_WEBHOOK_TOKEN = settings.CRM_WEBHOOK_TOKEN = TOKEN
    settings.WEBHOOK_SIGNING_SECRETS = [SECRET]
    settings.WEBHOOK_ALLOW_PRIVATE = True
    yield
    # Connections that senders keep open keep a thread of the server, and its database, busy.
    while not rounds._resting.empty():
        rounds._resting.get_nowait().close()


def states() -> list[str]:
    return list(WebhookDelivery.objects.order_by("sequence").values_list("state", flat=True))


def test_a_presence_and_its_correction_arrive_in_order() -> None:
    PRESENCE.announce("CRM-31", message())
    PRESENCE_CORRECTED.announce("CRM-31", message(proyecto_interes="OASIS 2 (AUCALLAMA)"))
    empty_outbox("comercial")
    assert states() == ["delivered", "delivered"]
    assert Presencia.objects.get().proyecto_interes == "OASIS 2 (AUCALLAMA)"


def test_a_replay_by_hand_arrives_and_brings_nothing_old_back() -> None:
    [first] = PRESENCE.announce("CRM-31", message())
    PRESENCE_CORRECTED.announce("CRM-31", message(modalidad="virtual"))
    empty_outbox("comercial")
    assert WebhookDelivery.objects.filter(pk=first.pk).replay(also_outdated=True) == 1
    empty_outbox("comercial")
    assert states() == ["delivered", "delivered"]
    assert (Presencia.objects.get().modalidad, Recepcion.objects.count()) == ("virtual", 2)


def test_tokens_that_differ_are_a_refusal_and_nothing_is_stored(settings: Any) -> None:
    settings.COMERCIAL_WEBHOOK_TOKEN = "otra"
    PRESENCE.announce("CRM-31", message())
    empty_outbox("comercial")
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state == "delivered", delivery.last_status) == (False, 401)
    assert not Presencia.objects.exists()
