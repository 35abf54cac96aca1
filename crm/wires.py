"""How long an exchange with another system may take as a whole: requests and urllib3 count only from byte to byte."""

import math
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError

# Looking up a name and trying each of its addresses; the lookup alone may take minutes, and nobody can end it.
FIND_SECONDS = 6.0


class Wire:
    """The connection a sender is using, and until when the exchange on it may last."""

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.ends_at = math.inf
        self.was_cut = False
        # Whether the exchange opened the connection, as opposed to finding one that was kept.
        self.is_new = False
        # Whether it stands; with TLS, after the certificate was found good.
        self.is_connected = False
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
    thread watches all; starting one for each message would cost more than sending it. Whoever asks looks at `was_cut`
    afterwards, too: http.client takes a head, and a body without a length, that was cut short for a whole one.
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
                    self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(self.CHECK_SECONDS)  # the rhythm in which limits are looked at; nobody waits for it
            for wire in list(self._wires.values()):
                if time.monotonic() > wire.ends_at:
                    wire.cut()


watchdog = Watchdog()


# --- Connections that tell their wire ---------------------------------------------------------


class Watched:
    """Mixed into a connection of urllib3: its wire knows the socket, and nothing goes out once the time is over."""

    wire: Wire

    def connect(self: Any) -> None:
        super().connect()  # type: ignore[misc]
        if self.wire.was_cut:  # while there was nothing to cut yet
            raise TimeoutError
        self.wire.sock, self.wire.is_connected = self.sock, True

    def request(self: Any, *args: Any, **kwargs: Any) -> None:
        self.wire.sock = self.sock  # that of a kept connection
        super().request(*args, **kwargs)  # type: ignore[misc]

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
    except Exception as error:  # whoever waits raises it
        made.set_exception(error)


def _close(made: "Future[socket.socket]") -> None:
    """What came when nobody waited for it any more."""
    if made.exception() is None:
        made.result().close()


class WatchedAdapter(HTTPAdapter):
    """An adapter that repeats nothing, and whose connections are watched."""

    def __init__(self, wire: Wire, *, pools: int = 1) -> None:
        self._wire = wire
        super().__init__(pool_connections=pools, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        own = {"wire": self._wire}
        http = type("Http", (Watched, HTTPConnection), own)
        https = type("Https", (Watched, HTTPSConnection), own)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
            "https": type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
        }
