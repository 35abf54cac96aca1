"""One message over HTTP, and whatever may come back: a receiver can be slow, endless, hostile or gone.

What `requests` does not have is added here: a limit on the whole exchange, a limit on the answer, and a check of the
address that is really connected to (research in docs/webhooks.md).
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import orjson
import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from integrations.choices import AttemptOutcome
from integrations.sending.addresses import is_public
from integrations.sending.signing import sign

if TYPE_CHECKING:
    from integrations.destinations import Destination
    from integrations.models import WebhookDelivery

KEPT_BYTES = 4_096
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


class AddressRefused(NewConnectionError):
    """The name leads to an address that messages may not go to."""


class Sender:
    """Sends one message at a time over a connection that is kept; one a thread."""

    def __init__(self) -> None:
        self._session = requests.Session()
        # Neither proxies nor passwords of the machine's environment, which also cost a fifth of the rate.
        self._session.trust_env = False
        self._open: list[socket.socket] = []
        adapter = GuardedAdapter(self._open)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def send(self, destination: "Destination", delivery: "WebhookDelivery") -> Answer:
        """POST it, signed anew with the time of this attempt, and read as much of the answer as is kept."""
        started = time.monotonic()
        try:
            with watchdog.limit(self._open, settings.WEBHOOK_TOTAL_SECONDS) as limit:
                try:
                    status, head, retry_after = self._post(destination, delivery)
                except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                    return _unanswered(_sentence_for(error, is_late=limit.is_over), started)
        finally:
            self._session.cookies.clear()
        return _answered(status, head, retry_after, started)

    def close(self) -> None:
        self._session.close()

    def _post(self, destination: "Destination", delivery: "WebhookDelivery") -> tuple[int, str, str | None]:
        body = orjson.dumps(delivery.payload)
        with self._session.post(
            destination.url,
            data=body,
            headers=headers_for(destination, delivery, body),
            timeout=(settings.WEBHOOK_CONNECT_SECONDS, settings.WEBHOOK_READ_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as response:
            # Unpacked by nobody: a small packed answer can be huge.
            kept = response.raw.read(KEPT_BYTES, decode_content=False)
            return (
                response.status_code,
                kept.decode("utf-8", "replace").replace("\x00", ""),
                response.headers.get("Retry-After"),
            )


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
    if destination.secrets:
        headers["webhook-signature"] = sign(
            destination.secrets, message_id=delivery.message_id, timestamp=timestamp, body=body
        )
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
    if not retry_after:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else None  # NaN is no number of seconds


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
    if is_late:
        return f"El destino tardó más de {settings.WEBHOOK_TOTAL_SECONDS:g} segundos en total."
    cause = _innermost(error)
    if isinstance(cause, AddressRefused):
        return "La dirección del destino es de una red privada o no usa HTTPS, y no está permitida."
    if isinstance(cause, NameResolutionError):
        return "El nombre del destino no existe."
    if isinstance(error, requests.exceptions.SSLError):
        return f"El certificado del destino no es válido: {cause}"
    if isinstance(error, requests.ConnectTimeout):
        return "El destino no aceptó la conexión a tiempo."
    if isinstance(error, requests.Timeout):
        return "El destino aceptó la conexión y no respondió a tiempo."
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema | ValueError):
        return "La dirección del destino no es válida."
    if isinstance(cause, NewConnectionError | ConnectionRefusedError):
        return "El destino no acepta conexiones."
    return f"La conexión con el destino se cortó: {type(cause).__name__}."


def _innermost(error: Exception) -> BaseException:
    found: BaseException = error
    while True:
        deeper = getattr(found, "reason", None) or (found.args[0] if found.args else None)
        if not isinstance(deeper, BaseException) or deeper is found:
            return found
        found = deeper


# --- Where it may go --------------------------------------------------------------------------


class GuardedAdapter(HTTPAdapter):
    def __init__(self, opened: list[socket.socket]) -> None:
        self._opened = opened
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        opened = self._opened

        class Http(_Guarded, HTTPConnection):
            is_encrypted = False
            sockets = opened

        class Https(_Guarded, HTTPSConnection):
            is_encrypted = True
            sockets = opened

        self.poolmanager.pool_classes_by_scheme = {
            "http": type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": Http}),
            "https": type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": Https}),
        }


class _Guarded:
    """Resolves the name once and connects to one of the very addresses that were checked."""

    is_encrypted: bool
    sockets: list[socket.socket]

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        # What the watchdog may cut; an earlier connection of this thread is over by now.
        self.sockets[:] = [self.sock]

    def _new_conn(self: Any) -> socket.socket:
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, error) from error  # type: ignore[arg-type]
        allowed = [row for row in found if may_connect(str(row[4][0]), is_encrypted=self.is_encrypted)]
        if not allowed:
            raise AddressRefused(self, f"{self.host} leads to {[row[4][0] for row in found]}")
        return _connected(self, allowed)


def _connected(connection: Any, addresses: list[Any]) -> socket.socket:
    problem: OSError | None = None
    for family, kind, protocol, _, address in addresses:
        sock = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or []:
                sock.setsockopt(*option)
            sock.settimeout(settings.WEBHOOK_CONNECT_SECONDS)
            sock.connect(address)
            return sock
        except OSError as error:
            problem = error
            sock.close()
    if isinstance(problem, TimeoutError):
        raise problem
    raise NewConnectionError(connection, f"{problem}")


def may_connect(address: str, *, is_encrypted: bool) -> bool:
    """Public addresses over TLS. Private ones where the setting allows, also without TLS: nobody is in between."""
    if is_public(address):
        return is_encrypted or settings.DEMONSTRATION
    return bool(settings.WEBHOOK_ALLOW_PRIVATE)


# --- How long it may take ---------------------------------------------------------------------


class Limit:
    """One exchange under watch."""

    def __init__(self, sockets: list[socket.socket], seconds: float) -> None:
        self.sockets = sockets
        self.ends_at = time.monotonic() + seconds
        self.is_over = False

    def cut(self) -> None:
        self.is_over = True
        for sock in list(self.sockets):
            with suppress(OSError):  # closed already
                sock.shutdown(socket.SHUT_RDWR)


class Watchdog:
    """Cuts connections that take too long, whatever they are at.

    `timeout` of requests counts from byte to byte: an answer of one byte a second held a sender for a minute. One
    thread watches all; starting one for each message would cost more than sending it.
    """

    CHECK_SECONDS = 0.2

    def __init__(self) -> None:
        self._limits: dict[int, Limit] = {}
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    @contextmanager
    def limit(self, sockets: list[socket.socket], seconds: float) -> Iterator[Limit]:
        one = Limit(sockets, seconds)
        self._limits[id(one)] = one
        self._watch()
        try:
            yield one
        finally:
            del self._limits[id(one)]

    def _watch(self) -> None:
        # A worker that was forked has no threads of its parent's.
        if self._thread is None or not self._thread.is_alive():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="webhook-watchdog", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(self.CHECK_SECONDS)
            now = time.monotonic()
            for one in list(self._limits.values()):
                if now > one.ends_at:
                    one.cut()


watchdog = Watchdog()
