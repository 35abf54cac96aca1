"""Who sends: Meta signs the very bytes with the app's secret (whatsapp-anchors a.6)."""

import hashlib
import hmac
import re
from collections.abc import Iterable

# Exactly as Meta writes it. Anything else, in whatever alphabet, is no signature; nothing is compared then.
_HEADER = re.compile(r"sha256=([0-9a-f]{64})")


def is_signed(body: bytes, header: str | None, secrets: Iterable[str]) -> bool:
    """Whether `body` is signed by one of `secrets`; several count while a secret is being changed.

    Compared in constant time, every secret whichever fits: the time taken tells nothing.
    """
    found = _HEADER.fullmatch(header or "")
    if found is None:
        return False
    given = found[1].encode()
    return sum(hmac.compare_digest(given, sign(body, secret).encode()) for secret in secrets if secret) > 0


def sign(body: bytes, secret: str) -> str:
    """The hex part of the header."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
