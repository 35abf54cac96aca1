"""The proof that a webhook comes from Retell: `x-retell-signature: v=<ms>,d=<hex>`, with the API key, five minutes."""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping

from jobs.providers.base import BadSignature

HEADER = "x-retell-signature"
FRESH_MS = 5 * 60 * 1000
_SHAPE = re.compile(r"v=(\d{1,15}),d=([0-9a-f]{64})", re.ASCII)


def check_signature(headers: Mapping[str, str], body: bytes, *, key: str) -> None:
    """`BadSignature` unless `body` was signed with `key` within five minutes, either way of the clock."""
    given = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    match = _SHAPE.fullmatch(given.strip())
    if not key or match is None:
        raise BadSignature("La firma falta o no es válida.")
    is_right = hmac.compare_digest(match[2], signature_of(body, match[1], key=key))
    if not is_right or abs(time.time() * 1000 - int(match[1])) > FRESH_MS:
        raise BadSignature("La firma no es válida o ha caducado.")


def signature_of(body: bytes, moment: str, *, key: str) -> str:
    return hmac.new(key.encode(), body + moment.encode(), hashlib.sha256).hexdigest()
