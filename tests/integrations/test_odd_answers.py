"""Odd but right answers count as what they are."""

import socket
import time
from collections.abc import Callable

import pytest

from integrations.choices import AttemptOutcome
from integrations.sending.answers import LONGEST_WAIT, Answer
from tests.integrations.limits import Start
from tests.integrations.talking import OK, Talking, saying

DELIVERED = AttemptOutcome.DELIVERED


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_is_success(start: Start, send: Callable[[], Answer], status: int) -> None:
    start(saying(b"HTTP/1.1 %d X\r\n%s\r\n" % (status, b"" if status == 204 else b"Content-Length: 0\r\n")))
    answer = send()
    assert (answer.outcome, answer.status, answer.is_success) == (DELIVERED, status, True)


@pytest.mark.parametrize("status", [100, 102, 103, 199])
def test_an_announcement_is_not_the_answer(start: Start, send: Callable[[], Answer], status: int) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        while receiver.hear(conn):
            conn.sendall(b"HTTP/1.1 %d Espere\r\nLink: </a>\r\n\r\n" % status)
            time.sleep(0.05)
            conn.sendall(OK)

    receiver = start(script)
    assert [send().status, send().status] == [200, 200]
    assert receiver.connections == 1


@pytest.mark.parametrize(
    ("status", "in_trouble", "is_final"),
    [(400, False, False), (404, False, False), (410, False, True), (429, True, False), (500, True, False)]
    + [(503, True, False), (301, False, False)],
)
def test_what_a_refusal_means(
    start: Start, send: Callable[[], Answer], status: int, in_trouble: bool, is_final: bool
) -> None:
    start(saying(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status))
    answer = send()
    assert (answer.outcome, answer.status) == (AttemptOutcome.REFUSED, status)
    assert (answer.is_trouble, answer.is_final) == (in_trouble, is_final)
    assert answer.error.endswith(".")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"120", 120.0),
        (b" 7 ", 7.0),
        (b"1.5", 1.5),
        (b"0", 0.0),
        (b"999999999", LONGEST_WAIT),
        (b"9" * 500, LONGEST_WAIT),
        (b"Wed, 21 Oct 2099 07:28:00 GMT", LONGEST_WAIT),
        (b"Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        (b"-5", None),
        (b"NaN", None),
        (b"inf", None),
        (b"1e9", None),
        (b"pronto", None),
        (b"", None),
        (b"Wed, 99 Oct 2015", None),
        (b"\xff\xfe", None),
        ("١٢".encode(), None),
    ],
)
def test_retry_after_in_every_spelling(
    start: Start, send: Callable[[], Answer], said: bytes, seconds: float | None
) -> None:
    start(saying(b"HTTP/1.1 503 X\r\nRetry-After: " + said + b"\r\nContent-Length: 0\r\n\r\n"))
    assert send().retry_after == seconds
