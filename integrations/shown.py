"""What people may see of a message: the request as it goes out and the answers, never a secret."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson

from integrations.destinations import DESTINATIONS
from integrations.events import EVENTS
from integrations.models import WebhookDelivery

HIDDEN = "••••••"
# Differ from try to try, or are secret: header, in small letters → what is shown instead.
_INSTEAD = {
    "x-crm-webhook-token": HIDDEN,
    "authorization": f"Bearer {HIDDEN}",
    "webhook-signature": f"v1,{HIDDEN}",
    "webhook-timestamp": "(la hora de cada intento)",
}
# Too short to be told from any other word of an answer.
_SHORTEST_SECRET = 6


@dataclass(frozen=True)
class Request:
    """`url` is empty where the destination is unknown or not configured."""

    url: str
    headers: dict[str, str]
    body: str

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> "Request":
        destination = DESTINATIONS.get(delivery.destination)
        if destination is None or not destination.url:
            return cls("", {}, readable(delivery.payload))
        sent = destination.headers_for(delivery, b"")
        headers = {name: _INSTEAD.get(name.lower(), value) for name, value in sent.items()}
        return cls(bare(destination.url_for(delivery)), headers, readable(destination.content_of(delivery)))

    @property
    def head(self) -> str:
        lines = [f"POST {self.url}", *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\n".join(lines) if self.url else ""


def event_title(name: str) -> str:
    """What people call it; the bare name of an event that is announced no more."""
    return EVENTS[name].title if name in EVENTS else name


def destination_title(name: str) -> str:
    return DESTINATIONS[name].title if name in DESTINATIONS else name


def readable(payload: object) -> str:
    return orjson.dumps(payload, option=orjson.OPT_INDENT_2).decode()


def bare(url: str) -> str:
    """An address without what may be secret in it: password and query."""
    parts = urlsplit(url)
    host = (parts.netloc.rpartition("@")[2]) or ""
    return f"{parts.scheme}://{host}{parts.path}" + ("?…" if parts.query else "")


def without_secrets(text: str, destination: str) -> str:
    """An answer may repeat what it was asked with, our token included."""
    for secret in _secrets_of(destination):
        text = text.replace(secret, HIDDEN)
    return text


def _secrets_of(name: str) -> Iterator[str]:
    if destination := DESTINATIONS.get(name):
        yield from (one for one in (destination.token, *destination.secrets) if len(one) >= _SHORTEST_SECRET)
