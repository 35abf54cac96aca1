"""What the web server refuses itself, before Django sees it, is read by browsers as Django's own refusals are."""

import socket
import threading
from typing import Any

import pytest
import requests
from django.test import Client

from config import process


@pytest.fixture
def small_server() -> str:
    """The address of a server that takes no more than a thousand bytes."""
    holder = process.reserve_address("127.0.0.1", 0)
    server = process.web_server(lambda *call: [b""], holder, trusted_proxies=0, largest_body=1000)
    threading.Thread(target=server.run, daemon=True).start()
    return process.url_of(holder)


# The same headers as Django's own answers: asked of both, of one origin that is allowed and of one that is not.
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "origin", "allowed"),
    [
        ("/api/v1/batches/excel/create", "https://panel.test", True),
        ("/crm/contacts", "https://panel.test", True),
        ("/api/crm/contacts", "https://otra.test", False),
        ("/api/crm/contacts", "https://panel.test.otra.test", False),
        ("/api/crm/contacts", "", False),
        ("/admin/", "https://panel.test", False),
    ],
)
def test_a_browser_reads_the_refusal_of_the_server_where_it_would_read_djangos(
    small_server: str, settings: Any, path: str, origin: str, allowed: bool
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://panel.test"]
    headers = {"Origin": origin} if origin else {}
    answer = requests.post(small_server + path, data=b"x" * 2000, headers=headers, timeout=10)
    djangos = Client().post(path, b"{", content_type="application/json", headers=headers)
    assert answer.status_code == 413
    assert answer.headers.get("Access-Control-Allow-Origin") == ("https://panel.test" if allowed else None)
    for name in ("Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Allow-Credentials"):
        assert answer.headers.get(name) == djangos.headers.get(name)
    assert ("origin" in answer.headers.get("Vary", "")) is ("origin" in djangos.headers.get("Vary", ""))


@pytest.mark.parametrize("length", ["muchos", "-1", "9" * 5000])
def test_a_length_that_is_none_is_refused_by_the_server_in_a_sentence(
    small_server: str, settings: Any, length: str
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://panel.test"]
    host, port = small_server.removeprefix("http://").split(":")
    head = f"POST /api/crm/calls HTTP/1.1\r\nHost: x\r\nOrigin: https://panel.test\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(head.encode())
        told = b"".join(iter(lambda: wire.recv(4096), b"")).decode()
    assert told.startswith("HTTP/1.1 400 ")
    assert '"code":"peticion_invalida"' in told
    assert "access-control-allow-origin: https://panel.test" in told.lower()


def test_the_refusal_of_a_head_has_no_body(small_server: str) -> None:
    host, port = small_server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(b"HEAD /api/crm/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n")
        head, _, body = b"".join(iter(lambda: wire.recv(4096), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"Content-Type: application/json" in head
    assert body == b""
