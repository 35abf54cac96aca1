"""Meta's Graph API on loopback: keeps what it is asked and answers in Meta's shapes, as well or badly as it is told."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import orjson
import pytest

from tests.whatsapp.payloads import sample

TOKEN = "token-de-acceso-de-prueba"  # noqa: S105


@dataclass
class Asked:
    """One request to /messages."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)

    @property
    def to(self) -> str:
        """The recipient as it was written, without the plus."""
        return str(self.body.get("to") or self.body.get("recipient") or "").removeprefix("+")

    @property
    def key(self) -> str:
        return str(self.body.get("biz_opaque_callback_data") or "")

    @property
    def text(self) -> str:
        return str((self.body.get("text") or {}).get("body") or "")


# What an answer does with a request; it writes the HTTP answer itself.
Says = Callable[[BaseHTTPRequestHandler, Asked], None]


def saying(status: int, body: Any, **headers: str) -> Says:
    """`body` as JSON, or as it is where it is bytes."""
    sent = body if isinstance(body, bytes) else orjson.dumps(body)

    def say(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(sent)))
        handler.end_headers()
        handler.wfile.write(sent)

    return say


def accepting(wamid: str = "", *, wa_id: str = "", message_status: str = "") -> Says:
    """200 with an id; `wa_id`: Meta knows the person by another number than the one that was written."""

    def say(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        if asked.body.get("status") == "read":
            saying(200, {"success": True})(handler, asked)
            return
        message = {"id": wamid or wamid_of(asked)}
        if message_status:
            message["message_status"] = message_status
        contact = {"input": asked.body.get("to") or asked.body.get("recipient")}
        contact |= {"wa_id": wa_id or asked.to} if asked.body.get("to") else {"user_id": asked.to}
        answer = {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]}
        saying(200, answer)(handler, asked)

    return say


def slowly(seconds: float) -> Says:
    """Accepts after a while."""

    def say(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        time.sleep(seconds)
        accepting()(handler, asked)

    return say


_numbers = count(1)


def wamid_of(asked: Asked) -> str:
    return f"wamid.{asked.key or next(_numbers)}"


def refusing(code: int, *, status: int = 400, details: str = "Details of Meta's.", subcode: int = 0) -> Says:
    """Meta's error object with this code."""
    error: dict[str, Any] = {
        "message": f"(#{code}) A sentence of Meta's",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details},
        "fbtrace_id": "Ak6nxJSySLEJz32Ps-QiZ1t",
    }
    if subcode:
        error["error_subcode"] = subcode
    return saying(status, {"error": error})


def as_in(name: str) -> Says:
    """One of the recorded answers (tests/whatsapp/samples/responses)."""
    found = sample(f"responses/{name}")
    body = found["body"]
    return saying(found["http_status"], body.encode() if isinstance(body, str) else body, **found["headers"])


def token_revoked() -> Says:
    return refusing(190, status=401, subcode=463, details="")


def a_page(status: int = 502) -> Says:
    """A machine in between answers, not the Graph API."""
    return saying(status, b"<html><body>Bad Gateway</body></html>")


def empty() -> Says:
    return saying(200, b"")


def dropping(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
    """Reads everything, and ends the connection without a word."""
    handler.close_connection = True


class Meta:
    """Answers by what was scripted for the recipient, then by what was scripted for anybody, then by `usual`."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.usual: Says = accepting()
        self.let_go = threading.Event()
        self._scripts: dict[str, deque[Says]] = defaultdict(deque)
        self._lock = threading.Lock()
        meta = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.path, headers, orjson.loads(body))
                with suppress(OSError):  # whoever asked may have been killed
                    meta._take(asked)(self, asked)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v25.0"

    def will(self, *says: Says, to: str = "") -> None:
        """The next answers, one each; `to`: only for this recipient (digits, no plus)."""
        with self._lock:
            self._scripts[to].extend(says)

    def hanging(self, then: Says | None = None, *, seconds: float = 30) -> Says:
        """Reads the request and says nothing until `let_go` is set or `seconds` are over; then perhaps `then`."""

        def say(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
            self.let_go.wait(seconds)
            if then is None:
                handler.close_connection = True
            else:
                then(handler, asked)

        return say

    @property
    def messages(self) -> list[Asked]:
        """Without the marks ("read", "typing")."""
        return [one for one in self.asked if one.body.get("status") != "read"]

    def texts(self, to: str = "") -> list[str]:
        """What was written, in the order it came."""
        return [one.text for one in self.messages if not to or one.to == to]

    def wait_until_asked(self, times: int = 1, *, seconds: float = 20) -> None:
        ends_at = time.monotonic() + seconds
        while len(self.asked) < times:
            assert time.monotonic() < ends_at, f"asked {len(self.asked)} times only"
            time.sleep(0.02)

    def close(self) -> None:
        self.let_go.set()
        self._server.shutdown()
        self._server.server_close()

    def _take(self, asked: Asked) -> Says:
        with self._lock:
            self.asked.append(asked)
            for name in (asked.to, ""):
                if self._scripts.get(name):
                    return self._scripts[name].popleft()
            return self.usual


@contextmanager
def a_meta() -> Iterator[Meta]:
    found = Meta()
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def meta(settings: Any) -> Iterator[Meta]:
    """What messages go to: configured, and reachable although it is on loopback."""
    with a_meta() as found:
        settings.WHATSAPP_GRAPH_URL = found.url
        settings.WHATSAPP_ACCESS_TOKEN = TOKEN
        settings.WEBHOOK_ALLOW_PRIVATE = True
        yield found
