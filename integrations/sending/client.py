"""One message over HTTP, and whatever may come back: a receiver can be slow, endless, hostile or gone.

What `requests` does not have is added here and beside: a limit on the whole exchange (crm/wires.py), a limit on the
answer, and a check of the address that is really connected to (connections.py; research in docs/webhooks.md).
"""

import math
import time
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import requests
from django.conf import settings
from requests.utils import check_header_validity
from urllib3.exceptions import HTTPError

from crm.wires import Wire, watchdog
from integrations.sending.addresses import refusal_of
from integrations.sending.answers import Answer, UrlRefused, answered, sentence_for, unanswered, was_closed
from integrations.sending.connections import GuardedAdapter
from integrations.sending.signing import sign

if TYPE_CHECKING:
    from integrations.destinations import Destination
    from integrations.models import WebhookDelivery

KEPT_BYTES = 4_096
# Receivers close what has been silent for a minute or so. A message that comes just then could have been taken or not.
LONGEST_REST = 15.0


class Sender:
    """Sends one message at a time over a connection that is kept; one a thread.

    Through the adapter of requests, without its session: that would merge settings anew for each message, follow
    redirects, keep cookies, and ask the machine's environment for proxies and passwords, at a fifth of the rate.
    """

    def __init__(self) -> None:
        self._wire = Wire()
        self._adapter = GuardedAdapter(self._wire)
        self._used_at: dict[str, float] = {}

    def send(self, destination: "Destination", delivery: "WebhookDelivery") -> Answer:
        """POST it, with the headers of this attempt, and read as much of the answer as is kept.

        Never raises: whoever waits for the result of a message must get one.
        """
        started, self._sends, self._wire.has_left = time.monotonic(), 1, False
        with watchdog.over(self._wire, settings.WEBHOOK_TOTAL_SECONDS):
            try:
                status, head, retry_after = self._post(destination, delivery)
            except Exception as error:  # noqa: BLE001
                answer = unanswered(sentence_for(error, is_late=self._wire.is_late), started)
            else:
                answer = answered(status, head, retry_after, started)
        self._used_at[destination.name] = time.monotonic()
        return replace(answer, sends=self._sends, may_have_left=self._wire.has_left)

    def close(self) -> None:
        self._adapter.close()

    def _post(self, destination: "Destination", delivery: "WebhookDelivery") -> tuple[int, str, str | None]:
        """A receiver may close a kept connection at the moment it is used again; that is nobody's failure.

        So the message goes out again at once, over a new connection, with the same `webhook-id`: where the receiver
        knows a repeat. Where it does not, a connection that rested for long is not used again.
        """
        may_repeat = destination.may_repeat(delivery)
        if not may_repeat and time.monotonic() - self._used_at.get(destination.name, -math.inf) > LONGEST_REST:
            self._adapter.close()
        try:
            return self._post_once(destination, delivery)
        except requests.ConnectionError as error:
            if not may_repeat or self._wire.is_new or self._wire.is_late or not was_closed(error):
                raise
            self._sends = 2
            return self._post_once(destination, delivery)

    def _post_once(self, destination: "Destination", delivery: "WebhookDelivery") -> tuple[int, str, str | None]:
        url = destination.url_for(delivery)
        if refusal := refusal_of(url):
            raise UrlRefused(refusal)
        body = destination.body_of(delivery)
        self._wire.is_new = False
        with self._adapter.send(
            _prepared(url, body, destination.headers_for(delivery, body)),
            timeout=(settings.WEBHOOK_CONNECT_SECONDS, settings.WEBHOOK_READ_SECONDS),
            verify=settings.WEBHOOK_CA_FILE or True,
            stream=True,
        ) as response:
            if self._wire.was_cut:
                # http.client takes a head that was cut short for a whole one.
                raise TimeoutError
            kept = _beginning(response.raw)
            return (
                response.status_code,
                kept.decode("utf-8", "replace").replace("\x00", ""),
                response.headers.get("Retry-After"),
            )


@lru_cache(maxsize=100)
def _request_to(url: str) -> requests.PreparedRequest:
    """An address that is taken apart once, not for each message."""
    return requests.Request("POST", url).prepare()


def _prepared(url: str, body: bytes, headers: dict[str, str]) -> requests.PreparedRequest:
    prepared = _request_to(url).copy()
    prepared.body = body
    for header in headers.items():
        check_header_validity(header)
    prepared.headers.update(headers)
    prepared.headers["Content-Length"] = str(len(body))
    return prepared


def _beginning(raw: Any) -> bytes:
    """What is kept of the answer. The status has told already, so however the rest ends, it counts.

    Unpacked by nobody: a small packed answer can be huge.
    """
    kept = bytearray()
    with suppress(HTTPError, OSError):
        while len(kept) < KEPT_BYTES and (piece := raw.read1(KEPT_BYTES - len(kept), decode_content=False)):
            kept += piece
    return bytes(kept)


def headers_for(destination: "Destination", delivery: "WebhookDelivery", body: bytes) -> dict[str, str]:
    """The header of contract section 6 and the three of Standard Webhooks; the time is this attempt's."""
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "Accept-Encoding": "identity",
        "User-Agent": "Puente-CRM/1",
        "X-CRM-Webhook-Token": destination.token,
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(timestamp),
    }
    if signature := sign(destination.secrets, message_id=delivery.message_id, timestamp=timestamp, body=body):
        headers["webhook-signature"] = signature
    return headers
