"""Standard Webhooks 1.0.0: what a message is signed with, and how a signature is checked."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"
TOLERANCE_SECONDS = 5 * 60
# Bytes of a key, as the standard has it.
SHORTEST_KEY, LONGEST_KEY = 24, 64


def sign(secrets: Iterable[str], *, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature for each secret, so that keys can be changed without a gap."""
    return " ".join(f"v1,{_signature(key, message_id, timestamp, body)}" for key in _keys(secrets))


def is_signed(secrets: Iterable[str], *, message_id: str, timestamp: int, body: bytes, header: str) -> bool:
    """Whether one of the signatures in `header` is by one of `secrets`; compared in constant time."""
    parts = (part.partition(",") for part in header.split())
    given = [signature.encode("utf-8", "replace") for version, _, signature in parts if version == "v1"]
    expected = [_signature(key, message_id, timestamp, body).encode() for key in _keys(secrets)]
    # Every pair is compared, whichever fits: the time taken tells nothing.
    return sum(hmac.compare_digest(one, other) for one in given for other in expected) > 0


def key_of(secret: str) -> bytes:
    """The bytes of `whsec_…`; a secret that is no base64 counts as its own bytes."""
    text = secret.removeprefix(PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return text.encode()


def is_sound(secret: str) -> bool:
    """Whether a secret is base64 of as many bytes as the standard asks for."""
    key, text = key_of(secret), secret.removeprefix(PREFIX)
    return SHORTEST_KEY <= len(key) <= LONGEST_KEY and key != text.encode()


def _keys(secrets: Iterable[str]) -> list[bytes]:
    """Everybody can sign with an empty key, so it is none."""
    return [key for secret in secrets if (key := key_of(secret))]


def _signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
