"""What comes back from a receiver, and what it means for people: a status, or a sentence why there is none."""

import http.client
import logging
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import requests
from django.conf import settings
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from integrations.choices import AttemptOutcome
from integrations.sending.connections import AddressRefused, NotEncrypted

logger = logging.getLogger("puente.webhooks")

GONE = 410
# What says that the receiver as a whole is in trouble, as opposed to this message.
_IN_TROUBLE = frozenset({429, *range(500, 600)})
LONGEST_WAIT = 10 * 3600


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of one attempt. `status` None: nothing did, and `error` says why in a Spanish sentence."""

    outcome: AttemptOutcome
    duration_ms: int
    status: int | None = None
    head: str = ""
    error: str = ""
    retry_after: float | None = None
    # Two when a kept connection had been closed: the message then went out again at once.
    sends: int = 1
    # Whether a byte of the message may have reached the receiver. Without an answer, nobody knows what it did with it.
    may_have_left: bool = True

    @property
    def is_success(self) -> bool:
        return self.outcome == AttemptOutcome.DELIVERED

    @property
    def is_trouble(self) -> bool:
        """Whether it counts against the destination; a refusal of this one message does not."""
        return self.status is None or self.status in _IN_TROUBLE

    @property
    def is_final(self) -> bool:
        """410: the receiver never wants it."""
        return self.status == GONE


class UrlRefused(requests.exceptions.InvalidURL):
    """Says why, in a sentence for people."""


def answered(status: int, head: str, retry_after: str | None, started: float) -> Answer:
    is_success = 200 <= status < 300
    return Answer(
        outcome=AttemptOutcome.DELIVERED if is_success else AttemptOutcome.REFUSED,
        duration_ms=_since(started),
        status=status,
        head=head,
        error="" if is_success else _refusal(status),
        retry_after=_seconds(retry_after),
    )


def unanswered(sentence: str, started: float) -> Answer:
    return Answer(outcome=AttemptOutcome.UNANSWERED, duration_ms=_since(started), error=sentence[:500])


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _seconds(retry_after: str | None) -> float | None:
    """`Retry-After`: seconds or a date; None for what is neither, never negative, ten hours at most."""
    text = (retry_after or "").strip()
    if _NUMBER.fullmatch(text):
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError, IndexError, OSError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")

_REFUSALS = {
    401: "El destino no reconoce nuestro token.",
    403: "El destino no nos permite enviar.",
    404: "La dirección no existe en el destino.",
    410: "El destino pidió no recibir más este mensaje.",
    429: "El destino pide que enviemos más despacio.",
}


def _refusal(status: int) -> str:
    if 300 <= status < 400:
        return f"El destino quiso mandarnos a otra dirección ({status}); no se siguen desvíos."
    if status >= 500:
        return f"El destino tiene un error propio ({status})."
    return _REFUSALS.get(status, f"El destino rechazó el mensaje ({status}).")


def sentence_for(error: Exception, *, is_late: bool) -> str:
    """What went wrong, for people: the first cause that we know a sentence for."""
    if is_late:
        return f"El destino tardó más de {settings.WEBHOOK_TOTAL_SECONDS:g} segundos en total."
    causes = list(_causes(error))
    for kind, sentence in _SENTENCES:
        for cause in causes:
            if isinstance(cause, kind):
                return sentence.format(cause=_told(cause))
    logger.error("a message could not be sent", exc_info=error)
    return f"El mensaje no se pudo enviar: {type(error).__name__}."


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those it wraps: requests and urllib3 put them into `reason`, into `args` or behind `from`."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        inner = (getattr(found, "reason", None), *found.args, found.__cause__)
        found = next((one for one in inner if isinstance(one, BaseException)), None)


def was_closed(error: BaseException) -> bool:
    """Whether the other side had ended the connection before it answered anything."""
    return any(isinstance(cause, _CLOSED) for cause in _causes(error))


_CLOSED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)

# The first that fits, so the narrower ones come first.
_SENTENCES: list[tuple[type[BaseException] | tuple[type[BaseException], ...], str]] = [
    (NotEncrypted, "La dirección del destino está en Internet y no usa HTTPS; no se envía nada sin cifrar."),
    (AddressRefused, "La dirección del destino es de una red privada, y no está permitida."),
    (NameResolutionError, "El nombre del destino no se puede resolver."),
    (ssl.SSLCertVerificationError, "El certificado del destino no es válido: {cause}."),
    (NewConnectionError, "El destino no acepta conexiones."),
    (ConnectTimeoutError, "El destino no aceptó la conexión a tiempo."),
    ((ReadTimeoutError, TimeoutError, requests.Timeout), "El destino aceptó la conexión y no respondió a tiempo."),
    (requests.exceptions.InvalidHeader, "El token o un encabezado tiene caracteres que no se pueden enviar."),
    (UnicodeEncodeError, "El token o un encabezado tiene caracteres que no se pueden enviar."),
    (UrlRefused, "{cause}"),
    ((requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema), "La dirección del destino no es válida."),
    (http.client.RemoteDisconnected, "El destino cerró la conexión sin responder."),
    ((ConnectionResetError, BrokenPipeError, ssl.SSLEOFError), "El destino cortó la conexión sin responder."),
    (ssl.SSLError, "El destino no habla TLS en esta dirección."),
    (http.client.HTTPException, "El destino respondió algo que no es HTTP."),
    ((requests.ConnectionError, HTTPError, OSError), "La conexión con el destino se cortó."),
]

# OpenSSL's numbers for what is wrong with a certificate.
_CERTIFICATES = {
    9: "todavía no es válido",
    10: "está caducado",
    18: "no lo firma ninguna autoridad conocida",
    19: "no lo firma ninguna autoridad conocida",
    20: "no lo firma ninguna autoridad conocida",
    62: "es de otro nombre",
    64: "es de otra dirección",
}


def _told(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _CERTIFICATES.get(cause.verify_code, cause.verify_message)
    return str(cause)
