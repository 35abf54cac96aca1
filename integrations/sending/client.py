"""One message over HTTP, and whatever may come back: a receiver can be slow, endless, hostile or gone.

What `requests` does not have is added here: a limit on the whole exchange, a limit on the answer, and a check of the
address that is really connected to (research in docs/webhooks.md).
"""

import http.client
import logging
import math
import os
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from requests.utils import check_header_validity
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
)

from integrations.choices import AttemptOutcome
from integrations.sending.addresses import is_public, refusal_of
from integrations.sending.signing import sign

if TYPE_CHECKING:
    from integrations.destinations import Destination
    from integrations.models import WebhookDelivery

logger = logging.getLogger("puente.webhooks")

KEPT_BYTES = 4_096
GONE = 410
# What says that the receiver as a whole is in trouble, as opposed to this message.
_IN_TROUBLE = frozenset({429, *range(500, 600)})
LONGEST_WAIT = 10 * 3600
# Receivers close what has been silent for a minute or so. A message that comes just then could have been taken or not.
LONGEST_REST = 15.0


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


class AddressRefused(NewConnectionError):
    """The name leads to an address that messages may not go to."""


class NotEncrypted(AddressRefused):
    """The address is on the open Internet and the connection would not be encrypted."""


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
                answer = _unanswered(_sentence_for(error, is_late=self._wire.is_late), started)
            else:
                answer = _answered(status, head, retry_after, started)
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
            if not may_repeat or self._wire.is_new or self._wire.is_late or not _was_closed(error):
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


# --- What came back ---------------------------------------------------------------------------


def _answered(status: int, head: str, retry_after: str | None, started: float) -> Answer:
    is_success = 200 <= status < 300
    return Answer(
        outcome=AttemptOutcome.DELIVERED if is_success else AttemptOutcome.REFUSED,
        duration_ms=_since(started),
        status=status,
        head=head,
        error="" if is_success else _refusal(status),
        retry_after=_seconds(retry_after),
    )


def _unanswered(sentence: str, started: float) -> Answer:
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


def _sentence_for(error: Exception, *, is_late: bool) -> str:
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


def _was_closed(error: BaseException) -> bool:
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


# --- Where it may go --------------------------------------------------------------------------


class GuardedAdapter(HTTPAdapter):
    def __init__(self, wire: "Wire") -> None:
        self._wire = wire
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        one = self._wire

        class Http(_Guarded, HTTPConnection):
            is_encrypted = False
            wire = one

        class Https(_Guarded, HTTPSConnection):
            is_encrypted = True
            wire = one

        self.poolmanager.pool_classes_by_scheme = {
            "http": type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": Http}),
            "https": type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": Https}),
        }


class _FinalResponse(http.client.HTTPResponse):
    """The answer after all announcements (1xx). http.client takes an announcement other than 100 for the answer,
    and would then read the real one as the answer to the next message."""

    def _read_status(self) -> Any:
        while True:
            found = super()._read_status()  # type: ignore[misc]
            if found[1] >= http.client.OK or found[1] == http.client.CONTINUE:
                return found
            http.client.parse_headers(self.fp)


class _Guarded:
    """Resolves the name once and connects to one of the very addresses that were checked."""

    is_encrypted: bool
    wire: "Wire"
    response_class: Any = _FinalResponse

    def connect(self: Any) -> None:
        self.wire.is_new = True
        super().connect()  # type: ignore[misc]
        self.wire.sock = self.sock

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        # A sender that serves two destinations has a connection to each.
        self.wire.sock = self.sock
        super().request(*args, **kwargs)  # type: ignore[misc]

    def send(self: Any, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.wire.has_left = True
        super().send(data)  # type: ignore[misc]

    def _new_conn(self: Any) -> socket.socket:
        try:
            found = resolve(self._dns_host, self.port, seconds=self.wire.seconds_left)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"{self.host} was not resolved in time") from error
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        allowed = [row for row in found if may_connect(str(row[4][0]), is_encrypted=self.is_encrypted)]
        if not allowed:
            is_only_plain = any(is_public(str(row[4][0])) for row in found)
            refused = NotEncrypted if is_only_plain else AddressRefused
            raise refused(self, f"{self.host} leads to {[row[4][0] for row in found]}")
        return _connected(self, allowed)


def resolve(host: str, port: int, *, seconds: float) -> list[Any]:
    """The addresses of a name. `getaddrinfo` has no limit of its own: a silent name server holds it for minutes.

    TimeoutError after `seconds`; socket.gaierror or UnicodeError for a name that leads nowhere.
    """
    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="webhook-resolver", daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return list(found)


def _connected(connection: Any, addresses: list[Any]) -> socket.socket:
    problem: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or []:
                sock.setsockopt(*option)
            # Stays in force for the TLS handshake, which Python limits as a whole.
            sock.settimeout(min(settings.WEBHOOK_CONNECT_SECONDS, connection.wire.seconds_left))
            sock.connect(address)
            return sock
        except OSError as error:
            problem = error
            sock.close()
    if isinstance(problem, TimeoutError):
        raise ConnectTimeoutError(connection, f"{problem}") from problem
    raise NewConnectionError(connection, f"{problem}") from problem


def may_connect(address: str, *, is_encrypted: bool) -> bool:
    """Public addresses over TLS. Private ones where the setting allows, also without TLS: nobody is in between."""
    if is_public(address):
        return is_encrypted or settings.DEMONSTRATION
    return bool(settings.WEBHOOK_ALLOW_PRIVATE)


# --- How long it may take ---------------------------------------------------------------------


class Wire:
    """The connection a sender is using, and until when the exchange on it may last."""

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.ends_at = math.inf
        self.was_cut = False
        # Whether the exchange opened the connection, as opposed to finding one that was kept.
        self.is_new = False
        # Whether the first byte of the message was handed to the connection.
        self.has_left = False

    @property
    def seconds_left(self) -> float:
        """Never nothing: a timeout of 0 would mean not to wait at all, and of None to wait for ever."""
        return max(self.ends_at - time.monotonic(), 0.001)

    @property
    def is_late(self) -> bool:
        return self.was_cut or time.monotonic() >= self.ends_at

    def cut(self) -> None:
        self.was_cut = True
        if (sock := self.sock) is not None:
            with suppress(OSError):  # closed already
                # Not the method of a TLS socket: it forgets its keys, and the reader would get what is encrypted.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Watchdog:
    """Cuts connections that take too long, whatever they are at.

    `timeout` of requests counts from byte to byte: an answer of one byte a second held a sender for a minute. One
    thread watches all; starting one for each message would cost more than sending it.
    """

    CHECK_SECONDS = 0.2

    def __init__(self) -> None:
        self.forget()
        # The thread stays behind in the parent, and what the parent is sending is none of a child's business.
        os.register_at_fork(after_in_child=self.forget)

    def forget(self) -> None:
        self._wires: dict[int, Wire] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @contextmanager
    def over(self, wire: Wire, seconds: float) -> Iterator[None]:
        """Watch one exchange."""
        wire.sock, wire.was_cut, wire.ends_at = None, False, time.monotonic() + seconds
        self._wires[id(wire)] = wire
        self._watch()
        try:
            yield
        finally:
            del self._wires[id(wire)]

    def _watch(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="webhook-watchdog", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(self.CHECK_SECONDS)  # the rhythm in which limits are looked at; nobody waits for it
            for wire in list(self._wires.values()):
                if time.monotonic() > wire.ends_at:
                    wire.cut()


watchdog = Watchdog()
