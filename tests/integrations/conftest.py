"""A destination that is really there, an outbox to fill, and a sender with short limits."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from integrations.destinations import COMERCIAL
from integrations.events import PRESENCE_TEST
from integrations.models import WebhookDelivery
from integrations.sending.answers import Answer
from integrations.sending.client import Sender
from tests.integrations.limits import AT_MOST, TOTAL, Start, a_message
from tests.integrations.receiver import Receiver, a_receiver
from tests.integrations.talking import Script, Talking, talking


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


@pytest.fixture
def limits(settings: Any) -> None:
    """Short ones, for one message to one receiver."""
    settings.COMERCIAL_WEBHOOK_TOKEN = "ficha-de-prueba"
    settings.WEBHOOK_SIGNING_SECRETS = ["whsec_" + "QUJD" * 8]
    settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.DEMONSTRATION = False
    settings.WEBHOOK_CONNECT_SECONDS = 0.3
    settings.WEBHOOK_READ_SECONDS = 0.4
    settings.WEBHOOK_TOTAL_SECONDS = TOTAL


@pytest.fixture
def start(settings: Any, limits: None) -> Iterator[Start]:
    """Start a receiver that talks as told, and make it the destination."""
    with ExitStack() as stack:

        def begin(script: Script, **options: Any) -> Talking:
            receiver = stack.enter_context(talking(script, **options))
            settings.COMERCIAL_WEBHOOK_URL = receiver.url
            return receiver

        yield begin


@pytest.fixture
def sender(limits: None) -> Iterator[Sender]:
    found = Sender()
    yield found
    found.close()


@pytest.fixture
def send(sender: Sender) -> Callable[[], Answer]:
    """Send one message; it must be over in time, whatever comes of it."""

    def once() -> Answer:
        started = time.monotonic()
        answer = sender.send(COMERCIAL, a_message())
        assert time.monotonic() - started < AT_MOST
        return answer

    return once
