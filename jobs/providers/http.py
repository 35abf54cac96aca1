"""One request to a provider's API: limited in time and size, never repeated, and sure of whether it left.

What `requests` does not have is added here: a limit on the whole exchange, and the moment from which on the request may
have arrived. Each goes over a connection of its own: a kept one that the other side closes just then would leave a
call of which nobody knows.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError

CONNECT_SECONDS = 3.0
# Looking up the name and trying each of its addresses; the lookup alone may take minutes, and nobody can end it.
FIND_SECONDS = 6.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 15.0
# A call of two hours with every word of its transcript has a few megabytes.
LARGEST_ANSWER = 16 * 1024 * 1024
PIECE = 64 * 1024


class NotSent(Exception):
    """There was no connection: surely nothing arrived."""


class NotAnswered(Exception):
    """The request left, and what became of it is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body`: the JSON that came; None where none did, or none that can be read."""

    status: int
    body: Any
    retry_after: float | None = None

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """What the provider says of an error, in its own words, shortened."""
        told = self.body if isinstance(self.body, dict) else {}
        text = told.get("message") or told.get("error_message") or told.get("error") or told.get("detail") or ""
        return " ".join(str(text).replace("\x00", "").split())[:200]


def ask(method: str, url: str, *, headers: Mapping[str, str], json: Any = None) -> Answer:
    """The answer, whatever its status; `NotSent` or `NotAnswered`, nothing else."""
    wire = _Wire()
    try:
        with _session(wire) as session, _limited(wire):
            return _exchange(session, method, url, headers=dict(headers), json=json)
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        sentence = _sentence_for(error, was_cut=wire.was_cut)
        raise (NotAnswered if wire.is_connected else NotSent)(sentence) from error


def _exchange(session: requests.Session, method: str, url: str, *, headers: dict[str, str], json: Any) -> Answer:
    body = None if json is None else orjson.dumps(json)
    usual = {"Accept-Encoding": "identity", "Connection": "close", "User-Agent": "Puente-CRM/1"}
    if body is not None:
        usual["Content-Type"] = "application/json"
    with session.request(
        method,
        url,
        data=body,
        headers={**usual, **headers},
        timeout=(CONNECT_SECONDS, READ_SECONDS),
        allow_redirects=False,
        stream=True,
    ) as response:
        return Answer(response.status_code, _read(response), _seconds(response.headers.get("Retry-After")))


def _read(response: requests.Response) -> Any:
    """Unpacked by nobody: a small packed answer can be huge."""
    kept = bytearray()
    while piece := response.raw.read1(PIECE, decode_content=False):
        kept += piece
        if len(kept) > LARGEST_ANSWER:
            raise ValueError("too large")
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:18]) != len(kept):
        raise ValueError("cut short")
    try:
        return orjson.loads(kept) if kept else None
    except orjson.JSONDecodeError:
        return None


def _seconds(text: str | None) -> float | None:
    """`Retry-After` as seconds; its other form, a date, is rare, and a usual pause does for it."""
    return float(text) if text and text.isascii() and text.isdecimal() and len(text) < 7 else None


# --- The connection ---------------------------------------------------------------------------


class _Wire:
    """Whether there is a connection, and how to end what takes too long on it."""

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.is_connected = False
        self.was_cut = False

    def cut(self) -> None:
        self.was_cut = True
        if (sock := self.sock) is not None:
            with suppress(OSError):  # closed already
                # Not the method of a TLS socket: it forgets its keys, and the reader would get what is encrypted.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Watched:
    """A connection that tells its wire when it stands; with TLS, after the certificate was found good."""

    wire: _Wire

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        if self.wire.was_cut:  # while there was nothing to cut yet: too late to send anything
            raise TimeoutError
        self.wire.sock, self.wire.is_connected = self.sock, True

    def _new_conn(self: Any) -> socket.socket:
        made: Future[socket.socket] = Future()
        connect = super()._new_conn  # type: ignore[misc]
        threading.Thread(target=_settle, args=(made, connect), name="connecting", daemon=True).start()
        try:
            return made.result(timeout=FIND_SECONDS)
        except TimeoutError as error:
            made.add_done_callback(_close)
            raise ConnectTimeoutError(self, "no connection in time") from error


def _settle(made: "Future[socket.socket]", connect: Callable[[], socket.socket]) -> None:
    try:
        made.set_result(connect())
    except Exception as error:
        made.set_exception(error)


def _close(made: "Future[socket.socket]") -> None:
    """What came when nobody waited for it any more."""
    if made.exception() is None:
        made.result().close()


class _Adapter(HTTPAdapter):
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        watched = {"wire": self._wire}
        http = type("Http", (_Watched, HTTPConnection), watched)
        https = type("Https", (_Watched, HTTPSConnection), watched)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }


@contextmanager
def _session(wire: _Wire) -> Iterator[requests.Session]:
    with requests.Session() as session:
        # The machine's environment would put its own passwords (.netrc) in the place of the key.
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter(wire))
        yield session


@contextmanager
def _limited(wire: _Wire) -> Iterator[None]:
    """`timeout` of requests counts from byte to byte; this is the limit on all of it."""
    limit = threading.Timer(TOTAL_SECONDS, wire.cut)
    limit.daemon = True
    limit.start()
    try:
        yield
        if wire.was_cut:
            # http.client takes a head, and a body without a length, that was cut short for a whole one.
            raise TimeoutError
    finally:
        limit.cancel()


def _sentence_for(error: Exception, *, was_cut: bool) -> str:
    if was_cut:
        return f"tardó más de {TOTAL_SECONDS:g} segundos en total"
    if isinstance(error, requests.exceptions.SSLError):
        return "su certificado no es válido desde aquí"
    if isinstance(error, requests.ConnectTimeout):
        return "no aceptó la conexión a tiempo"
    if isinstance(error, requests.Timeout | TimeoutError):
        return "no respondió a tiempo"
    if isinstance(error, requests.exceptions.InvalidHeader | UnicodeError):
        return "la clave tiene caracteres que no se pueden enviar"
    return "la conexión no se pudo establecer o se cortó"
