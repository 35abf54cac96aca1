"""Who the destination is, its certificate says; greetings are over in time, too."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from integrations.choices import AttemptOutcome
from integrations.sending.answers import Answer
from tests.integrations.limits import Start
from tests.integrations.talking import OK, TRICKLE, Talking, headers_of, saying, trickling

UNANSWERED = AttemptOutcome.UNANSWERED


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, settings: Any, tmp_path: Any) -> trustme.CA:
    """An authority that the installation trusts."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    settings.WEBHOOK_CA_FILE = str(path)
    return authority


def serving(certificate: trustme.LeafCert) -> Any:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def test_a_good_certificate_is_accepted(start: Start, send: Callable[[], Answer], trusted: trustme.CA) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        while receiver.hear(conn):
            conn.sendall(OK)

    receiver = start(script, tls=serving(trusted.issue_cert("127.0.0.1")))
    assert [send().status, send().status] == [200, 200]
    assert receiver.connections == 1


def test_an_expired_certificate_is_refused(start: Start, send: Callable[[], Answer], trusted: trustme.CA) -> None:
    from datetime import UTC, datetime

    past = {"not_before": datetime(2020, 1, 1, tzinfo=UTC), "not_after": datetime(2021, 1, 1, tzinfo=UTC)}
    receiver = start(saying(OK), tls=serving(trusted.issue_cert("127.0.0.1", **past)))
    assert send().error == "El certificado del destino no es válido: está caducado."
    assert receiver.requests == []


@pytest.mark.parametrize("name", ["otro.example", "127.0.0.2", "*.0.0.1"])
def test_a_certificate_of_somebody_else_is_refused(
    start: Start, send: Callable[[], Answer], trusted: trustme.CA, name: str
) -> None:
    receiver = start(saying(OK), tls=serving(trusted.issue_cert(name)))
    error = send().error
    assert error.startswith("El certificado del destino no es válido: es de otr")
    assert receiver.requests == []


def test_a_certificate_that_nobody_known_signed_is_refused(
    start: Start, send: Callable[[], Answer], trusted: trustme.CA, settings: Any
) -> None:
    receiver = start(saying(OK), tls=serving(trustme.CA().issue_cert("127.0.0.1")))
    sentence = "El certificado del destino no es válido: no lo firma ninguna autoridad conocida."
    assert send().error == sentence
    settings.WEBHOOK_CA_FILE = ""
    assert send().error == sentence
    assert receiver.requests == []


def test_a_name_is_checked_against_the_certificate_though_an_address_is_connected(
    start: Start, send: Callable[[], Answer], trusted: trustme.CA, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = start(saying(OK), tls=serving(trusted.issue_cert("ventas.example")))
    found = socket.getaddrinfo("127.0.0.1", receiver.port, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    settings.COMERCIAL_WEBHOOK_URL = f"https://ventas.example:{receiver.port}/presencias"
    assert send().is_success
    assert dict(headers_of(receiver.requests[0]))[b"host"] == b"ventas.example:%d" % receiver.port
    settings.COMERCIAL_WEBHOOK_URL = f"https://compras.example:{receiver.port}/presencias"
    assert send().error == "El certificado del destino no es válido: es de otro nombre."


def test_a_receiver_without_tls_says_so(start: Start, send: Callable[[], Answer], settings: Any) -> None:
    receiver = start(lambda receiver, conn: conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    settings.COMERCIAL_WEBHOOK_URL = receiver.url.replace("http://", "https://")
    assert send().error == "El destino no habla TLS en esta dirección."


def test_a_greeting_that_hangs_is_left(start: Start, send: Callable[[], Answer], settings: Any) -> None:
    receiver = start(lambda receiver, conn: bool(receiver.over.wait(5)) and None)
    settings.COMERCIAL_WEBHOOK_URL = receiver.url.replace("http://", "https://")
    assert send().outcome == UNANSWERED


def test_a_greeting_that_trickles_is_left(start: Start, send: Callable[[], Answer], settings: Any) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        conn.recv(65536)
        for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03" + b"\x00" * 16000:
            conn.sendall(bytes([byte]))
            time.sleep(TRICKLE)  # the fault itself

    receiver = start(script)
    settings.COMERCIAL_WEBHOOK_URL = receiver.url.replace("http://", "https://")
    assert send().outcome == UNANSWERED


def test_an_encrypted_answer_that_trickles_is_cut_and_stays_secret(
    start: Start, send: Callable[[], Answer], trusted: trustme.CA
) -> None:
    certificate = trusted.issue_cert("127.0.0.1")
    start(trickling(b"HTTP/1.1 200 OK\r\n\r\n", b"a"), tls=serving(certificate))
    answer = send()
    assert answer.is_success
    assert set(answer.head) == {"a"}, "what is cut is not read as if it were not encrypted"
