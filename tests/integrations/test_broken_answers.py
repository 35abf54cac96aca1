"""A receiver that breaks off, or speaks no HTTP, is told in a sentence."""

import socket
from collections.abc import Callable
from typing import Any

import pytest

from integrations.choices import AttemptOutcome
from integrations.sending.answers import Answer
from tests.integrations.limits import Start
from tests.integrations.talking import Talking, reset, saying

UNANSWERED = AttemptOutcome.UNANSWERED


def test_a_connection_that_is_closed_without_an_answer_says_so(start: Start, send: Callable[[], Answer]) -> None:
    receiver = start(saying())
    answer = send()
    assert (answer.outcome, answer.error) == (UNANSWERED, "El destino cerró la conexión sin responder.")
    assert receiver.connections == 1, "a new connection that is closed is not tried again at once"


def test_a_connection_that_is_reset_says_so(start: Start, send: Callable[[], Answer]) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        reset(conn)

    start(script)
    assert send().error == "El destino cortó la conexión sin responder."


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_a_body_that_ends_early_leaves_the_status_standing(
    start: Start, send: Callable[[], Answer], framing: bytes
) -> None:
    start(saying(b"HTTP/1.1 500 X\r\n" + framing + b"\r\n\r\n4\r\nroto"))
    answer = send()
    assert (answer.outcome, answer.status) == (AttemptOutcome.REFUSED, 500)
    assert "roto" in answer.head


@pytest.mark.parametrize("said", [b"\x00\xff\x00\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\r\n\r\n"])
def test_what_is_not_http_says_so(start: Start, send: Callable[[], Answer], said: bytes) -> None:
    start(saying(said))
    assert send().error == "El destino respondió algo que no es HTTP."


def test_nobody_listening_says_so(send: Callable[[], Answer], settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    settings.COMERCIAL_WEBHOOK_URL = f"http://127.0.0.1:{port}/"
    assert send().error == "El destino no acepta conexiones."


def test_headers_and_body_that_are_no_utf8_are_kept_readable(start: Start, send: Callable[[], Answer]) -> None:
    start(saying(b"HTTP/1.1 400 \xff\xfe\r\nX-\xe1: \xff\x80\r\nSet-Cookie: \xff=\x80\r\n\r\na\x00b\xff\xfec"))
    answer = send()
    assert (answer.status, answer.head) == (400, "ab��c")
