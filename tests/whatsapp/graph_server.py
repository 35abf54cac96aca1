"""A Graph API on loopback: it has files, templates and a number, and behaves as badly as it is told."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

TOKEN = "ficha-de-meta"
NUMBER_ID = "105500000000001"
ACCOUNT_ID = "205500000000001"
Behaviour = Callable[[BaseHTTPRequestHandler], None]

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 8 + b"\xff\xd9"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
OGG = b"OggS\x00\x02" + bytes(200)
HTML = b"<!DOCTYPE html>\n<html><script>alert(1)</script></html>"


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    @property
    def has_token(self) -> bool:
        return self.headers.get("authorization") == f"Bearer {TOKEN}"


def answering(status: int, body: Any, **headers: str) -> Behaviour:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in {"Date": formatdate(usegmt=True), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return behave


def refusing(status: int, code: int, message: str = "No.", **more: Any) -> Behaviour:
    return answering(status, {"error": {"message": message, "type": "OAuthException", "code": code, **more}})


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Never says how long it is, and never ends."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    while True:
        handler.wfile.write(JPEG[:16] + bytes(65_536))


def trickling(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then: no pause is long enough for a limit on pauses."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.close_connection = True
    for _ in range(600):
        handler.wfile.write(b"\xff")
        time.sleep(0.05)  # the fault itself: slower than any limit allows


def mumbling(handler: BaseHTTPRequestHandler) -> None:
    """Never comes to the end of its headers."""
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(600):
        handler.wfile.write(b"a")
        time.sleep(0.05)  # the fault itself


def promising(body: bytes, length: int) -> Behaviour:
    """Says one length and sends another."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return behave


@dataclass
class File:
    body: bytes
    sha256: str = ""
    url: str = ""
    behaviour: Behaviour | None = None
    size: int | None = None

    @property
    def digest(self) -> str:
        return self.sha256 or base64.b64encode(hashlib.sha256(self.body).digest()).decode()


@dataclass
class GraphServer:
    """`behaviours` by path come first; then what it has; then Meta's "there is no such thing"."""

    files: dict[str, File] = field(default_factory=dict)
    templates: list[dict[str, Any]] = field(default_factory=list)
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    page: int = 2

    def __post_init__(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._serve(self, b"")

            def do_POST(self) -> None:
                server._serve(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def log_message(self, *args: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:
                """A client that had enough and hung up is what some tests are about."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{self.host}/v25.0"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]

    def _serve(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in handler.headers.items()}
        one = Asked(handler.command, parts.path.removeprefix("/v25.0"), query, headers, body)
        self.asked.append(one)
        self._behaviour(one)(handler)

    def _behaviour(self, one: Asked) -> Behaviour:
        name = one.path.strip("/")
        if name in self.behaviours:
            return self.behaviours[name]
        if not one.has_token:
            return refusing(401, 190, "Invalid OAuth access token.")
        if name.startswith("archivos/"):
            file = self.files[name.removeprefix("archivos/")]
            return file.behaviour or answering(200, file.body, Content_Type="application/octet-stream")
        if name in self.files:
            return answering(200, self._told(name))
        if name == f"{ACCOUNT_ID}/message_templates":
            return answering(200, self._templates(one))
        if name == f"{NUMBER_ID}/media" and one.method == "POST":
            return answering(200, {"id": "7001"})
        return refusing(400, 100, f"Object with ID '{name}' does not exist", error_subcode=33)

    def _told(self, name: str) -> dict[str, Any]:
        file = self.files[name]
        return {
            "messaging_product": "whatsapp",
            "url": file.url or f"{self.host}/archivos/{name}",
            "mime_type": "image/jpeg",
            "sha256": file.digest,
            "file_size": str(len(file.body) if file.size is None else file.size),
            "id": name,
        }

    def _templates(self, one: Asked) -> dict[str, Any]:
        first = int(one.query.get("after", 0))
        end = first + self.page
        paging: dict[str, Any] = {"cursors": {"before": str(first), "after": str(end)}}
        if end < len(self.templates):
            paging["next"] = f"{self.url}/{one.path}?after={end}&access_token={TOKEN}"
        return {"data": self.templates[first:end], "paging": paging}


@contextmanager
def a_graph_server(settings: Any) -> Iterator[GraphServer]:
    """A server that runs, and settings that lead to it."""
    server = GraphServer()
    settings.WHATSAPP_GRAPH_URL = server.url
    settings.WHATSAPP_ACCESS_TOKEN = TOKEN
    settings.WHATSAPP_PHONE_NUMBER_ID = NUMBER_ID
    settings.WHATSAPP_BUSINESS_ACCOUNT_ID = ACCOUNT_ID
    try:
        yield server
    finally:
        server.close()
