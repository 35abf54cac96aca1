"""Of an answer no more than 4 KiB is kept, however large it is."""

import gzip
import socket
from collections.abc import Callable

import pytest

from integrations.choices import AttemptOutcome
from integrations.sending.answers import Answer
from integrations.sending.client import KEPT_BYTES
from tests.integrations.limits import Start, peak_megabytes
from tests.integrations.talking import Talking, saying

UNANSWERED = AttemptOutcome.UNANSWERED


def test_an_endless_body_is_read_to_4_kib(start: Start, send: Callable[[], Answer]) -> None:
    megabyte = b"x" * 2**20

    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (400 * 2**20))
        for _ in range(400):
            conn.sendall(megabyte)

    start(script)
    before = peak_megabytes()
    answer = send()
    assert (answer.status, answer.head) == (200, "x" * KEPT_BYTES)
    assert peak_megabytes() - before < 30


@pytest.mark.parametrize("status", [200, 302, 500])
def test_a_packed_answer_is_unpacked_by_nobody(start: Start, send: Callable[[], Answer], status: int) -> None:
    bomb = gzip.compress(b"0" * (200 * 2**20), compresslevel=1)
    assert len(bomb) < 2**20
    head = b"HTTP/1.1 %d X\r\nLocation: /otra\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % (
        status,
        len(bomb),
    )
    start(saying(head, bomb))
    before = peak_megabytes()
    assert send().status == status
    assert peak_megabytes() - before < 30


def test_the_body_of_a_redirect_is_not_read_to_its_end(start: Start, send: Callable[[], Answer]) -> None:
    megabyte = b"x" * 2**20

    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        conn.sendall(b"HTTP/1.1 307 X\r\nLocation: /otra\r\nContent-Length: %d\r\n\r\n" % (400 * 2**20))
        for _ in range(400):
            conn.sendall(megabyte)

    start(script)
    before = peak_megabytes()
    assert send().status == 307
    assert peak_megabytes() - before < 30


def test_headers_without_end_are_not_kept(start: Start, send: Callable[[], Answer]) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            conn.sendall(b"X-A: a\r\n" * 1000)

    start(script)
    before = peak_megabytes()
    answer = send()
    assert (answer.outcome, answer.error) == (UNANSWERED, "El destino respondió algo que no es HTTP.")
    assert peak_megabytes() - before < 30


def test_one_header_without_end_is_not_kept(start: Start, send: Callable[[], Answer]) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        conn.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
        while True:
            conn.sendall(b"a" * 65536)

    start(script)
    before = peak_megabytes()
    assert send().outcome == UNANSWERED
    assert peak_megabytes() - before < 30
