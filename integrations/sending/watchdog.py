"""How long an exchange may take as a whole: what requests and urllib3 count only from byte to byte."""

import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


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
