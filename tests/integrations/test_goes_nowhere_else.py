"""A message goes to its destination and nowhere else, and takes nothing with it."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from integrations.choices import AttemptOutcome
from integrations.destinations import COMERCIAL
from integrations.sending.answers import Answer
from integrations.sending.client import Sender
from tests.integrations.limits import Start, a_message
from tests.integrations.talking import OK, saying

UNANSWERED = AttemptOutcome.UNANSWERED


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(start: Start, send: Callable[[], Answer], status: int) -> None:
    visited = start(saying(OK))
    receiver = start(saying(b"HTTP/1.1 %d X\r\nLocation: %s\r\n\r\n" % (status, visited.url.encode())))
    answer = send()
    assert (answer.outcome, answer.status) == (AttemptOutcome.REFUSED, status)
    assert "no se siguen desvíos" in answer.error
    assert (receiver.connections, visited.connections) == (1, 0)


@pytest.mark.parametrize(
    "location", [b"http://169.254.169.254/latest/meta-data/", b"file:///etc/passwd", b"//[", b"\xff\xfe", b""]
)
def test_wherever_a_redirect_points_it_is_a_refusal(
    start: Start, send: Callable[[], Answer], location: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = []
    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda sock, to: reached.append(to[0]) or connect(sock, to))
    start(saying(b"HTTP/1.1 302 X\r\nLocation: " + location + b"\r\n\r\n"))
    assert send().status == 302
    assert reached == ["127.0.0.1"]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_ignored(
    start: Start, send: Callable[[], Answer], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    proxy = start(saying(OK))
    start(saying(OK))
    monkeypatch.setenv(name, proxy.url)
    assert send().is_success
    assert proxy.connections == 0


def test_passwords_of_the_environment_are_ignored(
    start: Start, send: Callable[[], Answer], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ana password secreta\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    receiver = start(saying(OK))
    assert send().is_success
    assert b"authorization:" not in receiver.requests[0].lower()


def test_cookies_are_not_kept(start: Start, send: Callable[[], Answer]) -> None:
    said = b"HTTP/1.1 200 OK\r\nSet-Cookie: sesion=1; Path=/\r\nContent-Length: 0\r\n\r\n"
    receiver = start(saying(said))
    assert send().is_success
    assert send().is_success
    assert b"cookie:" not in receiver.requests[1].lower()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://ana:secreta@127.0.0.1/", "La dirección del destino no puede llevar usuario ni contraseña."),
        ("http://ana@127.0.0.1/", "La dirección del destino no puede llevar usuario ni contraseña."),
        ("ftp://127.0.0.1/", "La dirección del destino debe empezar por https:// o http://."),
        ("file:///etc/passwd", "La dirección del destino debe empezar por https:// o http://."),
        ("127.0.0.1:8000/", "La dirección del destino debe empezar por https:// o http://."),
        ("http://", "La dirección del destino no es válida."),
        ("http://127.0.0.1:99999/", "La dirección del destino no es válida."),
        ("http://127.0.0.1:0/", "La dirección del destino no es válida."),
        ("http://[::1/", "La dirección del destino no es válida."),
        ("http://a b/", "La dirección del destino no es válida."),
        ("http://127.0.0.1\n/", "La dirección del destino no es válida."),
        ("http://*.example/", "La dirección del destino no es válida."),
        ("http://" + "a" * 300 + "/", "El nombre del destino no se puede resolver."),
        ("http://nadie.invalid/", "El nombre del destino no se puede resolver."),
    ],
)
def test_an_impossible_address_says_so(
    settings: Any, send: Callable[[], Answer], url: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(host: str, *args: Any, **kwargs: Any) -> Any:
        host.encode("idna")  # as the real one does
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    settings.COMERCIAL_WEBHOOK_URL = url
    answer = send()
    assert (answer.outcome, answer.error) == (UNANSWERED, sentence)
    assert "secreta" not in answer.error


@pytest.mark.parametrize("token", ["ficha\r\nX-Otra: 1", "ficha-日本"])
def test_a_token_that_no_header_can_carry_says_so(
    start: Start, send: Callable[[], Answer], settings: Any, token: str
) -> None:
    receiver = start(saying(OK))
    settings.COMERCIAL_WEBHOOK_TOKEN = token
    assert send().error == "El token o un encabezado tiene caracteres que no se pueden enviar."
    assert receiver.requests == []


def test_what_cannot_be_written_as_json_is_an_attempt_and_no_crash(
    start: Start, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    start(saying(OK))
    message = a_message()
    message.payload = {"número": 2**70}
    answer = sender.send(COMERCIAL, message)
    assert answer.outcome == UNANSWERED
    assert "could not be sent" in caplog.text
