"""A receiver that is no web server: it says byte by byte what a test tells it to."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Talk = Callable[[socket.socket], None]
Script = Callable[["Talking", socket.socket], None]

# Seconds between two bytes of an answer that trickles.
TRICKLE = 0.05
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbien"


class Talking:
    """Listens on loopback; each connection is given to `talk`, in a thread of its own, and then closed."""

    def __init__(self, talk: Talk, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.over = threading.Event()
        self._talk, self._tls = talk, tls
        self._listening = socket.create_server((host, 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/presencias"

    def hear(self, conn: socket.socket) -> bytes:
        """One whole request; empty when the other side has closed."""
        heard = b""
        while b"\r\n\r\n" not in heard:
            if not (piece := conn.recv(65536)):
                return b""
            heard += piece
        head, _, body = heard.partition(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        while len(body) < length:
            body += conn.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        return self.requests[-1]

    def close(self) -> None:
        self.over.set()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                conn, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._converse, args=(conn,), daemon=True).start()

    def _converse(self, conn: socket.socket) -> None:
        with suppress(OSError), conn:
            if self._tls is None:
                self._talk(conn)
            else:
                with self._tls.wrap_socket(conn, server_side=True) as safe:
                    self._talk(safe)


@contextmanager
def talking(talk: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[Talking]:
    found: Talking

    def converse(conn: socket.socket) -> None:
        talk(found, conn)

    found = Talking(converse, tls=tls)
    try:
        yield found
    finally:
        found.close()


def reset(conn: socket.socket) -> None:
    """End a connection with RST instead of FIN."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def saying(*pieces: bytes) -> Script:
    """Hear the request, say this, close."""

    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        for piece in pieces:
            conn.sendall(piece)

    return script


def trickling(head: bytes, drops: bytes) -> Script:
    """Hear the request, say `head`, then one byte at a time for as long as anybody listens."""

    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        conn.sendall(head)
        while not receiver.over.is_set():
            for drop in drops:
                conn.sendall(bytes([drop]))
                time.sleep(TRICKLE)  # the fault itself

    return script


def headers_of(request: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in request.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b": ")
        yield name, value
