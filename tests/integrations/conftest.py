"""A destination that is really there, and an outbox to fill."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrations.events import PRESENCE_TEST
from integrations.models import WebhookDelivery
from tests.integrations.receiver import Receiver, a_receiver


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """The sales application, as far as it is configured: it listens on loopback and keeps what it gets."""
    with a_receiver() as found:
        settings.COMERCIAL_WEBHOOK_URL = found.url
        settings.COMERCIAL_WEBHOOK_TOKEN = "ficha-de-prueba"
        settings.WEBHOOK_SIGNING_SECRETS = ["whsec_" + "QUJD" * 8]
        settings.WEBHOOK_ALLOW_PRIVATE = True
        yield found


@pytest.fixture
def announced(db: None) -> Callable[..., WebhookDelivery]:
    """Writes one delivery into the outbox."""

    def announce(subject: str = "CRM-1", **payload: object) -> WebhookDelivery:
        [delivery] = PRESENCE_TEST.announce(subject, {"id_presencia_crm": subject, **payload})
        return delivery

    return announce
