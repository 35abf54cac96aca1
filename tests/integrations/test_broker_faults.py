"""A broker that is gone, or there and silent, costs no attempt and holds nobody up for long."""

import json
import socket
from collections.abc import Iterator

import pytest

from integrations.choices import DeliveryState
from integrations.models import WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.integrations.receiver import Receiver
from tests.programs import carry_out

# What one commit may wait for a broker, with room for a busy machine.
SOON = 2.5

# A process of its own, as a web worker is: it has never spoken to the broker before.
COMMITS = """
import json, time, django
django.setup()
from django.db import connection, transaction
from integrations.events import PRESENCE_TEST

connection.ensure_connection()
took = []
for number in range(11):
    started = time.monotonic()
    with transaction.atomic():
        PRESENCE_TEST.announce(f"CRM-{number}", {"id_presencia_crm": f"CRM-{number}"})
    took.append(time.monotonic() - started)
print(json.dumps(took))
"""


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def refused() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def seconds_of_commits(port: int) -> list[float]:
    said = carry_out(
        COMMITS,
        seconds=60,
        REDIS_URL=f"redis://127.0.0.1:{port}/0",
        SECRET_KEY="de-prueba-" * 5,
        ALLOWED_HOSTS="127.0.0.1",
    )
    found: list[float] = json.loads(said.splitlines()[-1])
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["silent", "refused"])
def test_a_commit_hardly_waits_for_the_broker_and_the_next_not_at_all(
    kind: str, request: pytest.FixtureRequest, receiver: Receiver
) -> None:
    first, *others = seconds_of_commits(request.getfixturevalue(kind))
    assert first < SOON
    assert sum(others) < SOON, "it is left alone for a while"
    assert WebhookDelivery.objects.filter(state=DeliveryState.PENDING, attempts=0).count() == 11
    assert empty_outbox("comercial") == 11, "the tick finds what nobody woke"
