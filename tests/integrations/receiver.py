"""A receiver on loopback that keeps what it gets and behaves as badly as it is told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

# What a behaviour does with a request; it writes the answer itself.
Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


def answering(status: int, body: bytes = b'{"detail":"bien"}', **headers: str) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def hanging(seconds: float) -> Behaviour:
    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return behave


def dropping(handler: BaseHTTPRequestHandler) -> None:
    """Ends the connection without a word."""
    handler.close_connection = True


class Receiver:
    """Behaves as `behaviours` say, one after the other, then as `usual`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.behaviours: list[Behaviour] = []
        self.usual: Behaviour = answering(200)
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with receiver._lock:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    receiver.received.append(Received(self.path, headers, body))
                    behave = receiver.behaviours.pop(0) if receiver.behaviours else receiver.usual
                behave(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/presencias/"

    def ids(self) -> list[str]:
        """The `webhook-id` of each request, in the order they came."""
        return [one.headers["webhook-id"] for one in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def a_receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
