"""A receiver that is slow anywhere is left in time."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from integrations.choices import AttemptOutcome
from integrations.sending.answers import Answer
from tests.integrations.limits import TOTAL, Start
from tests.integrations.talking import OK, Talking, trickling

UNANSWERED = AttemptOutcome.UNANSWERED
DELIVERED = AttemptOutcome.DELIVERED


def test_a_receiver_that_hangs_after_the_request_is_left(start: Start, send: Callable[[], Answer]) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        receiver.over.wait(5)

    start(script)
    answer = send()
    assert (answer.outcome, answer.status) == (UNANSWERED, None)
    assert answer.error == "El destino aceptó la conexión y no respondió a tiempo."
    assert answer.is_trouble


def test_a_receiver_that_accepts_and_never_reads_is_left(start: Start, send: Callable[[], Answer]) -> None:
    start(lambda receiver, conn: bool(receiver.over.wait(5)) and None)
    assert send().error == "El destino aceptó la conexión y no respondió a tiempo."


def test_a_head_that_trickles_is_cut_at_the_total_limit(start: Start, send: Callable[[], Answer]) -> None:
    start(trickling(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"))
    answer = send()
    assert (answer.outcome, answer.status) == (UNANSWERED, None)
    assert answer.error == "El destino tardó más de 0.6 segundos en total."


def test_a_status_line_that_trickles_is_cut_at_the_total_limit(start: Start, send: Callable[[], Answer]) -> None:
    start(trickling(b"", b"HTTP/1.1 200 OK"))
    assert send().error == "El destino tardó más de 0.6 segundos en total."


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 1000000\r\n", b"", b"Transfer-Encoding: chunked\r\n"],
    ids=["length", "none", "chunks"],
)
def test_a_body_that_trickles_is_cut_and_the_status_counts(
    start: Start, send: Callable[[], Answer], framing: bytes
) -> None:
    drops = b"1\r\na\r\n" if framing.startswith(b"Transfer") else b"a"
    start(trickling(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n", drops))
    answer = send()
    assert (answer.outcome, answer.status, answer.error) == (DELIVERED, 200, "")
    assert answer.head.startswith("a")


def test_an_answer_after_the_total_limit_comes_too_late(
    start: Start, send: Callable[[], Answer], settings: Any
) -> None:
    settings.WEBHOOK_READ_SECONDS = 10

    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        time.sleep(TOTAL + 0.5)
        conn.sendall(OK)

    start(script)
    assert send().error == "El destino tardó más de 0.6 segundos en total."


def test_after_a_late_answer_the_next_message_gets_its_own(start: Start, send: Callable[[], Answer]) -> None:
    turns = iter([b"HTTP/1.1 500 Tarde\r\nContent-Length: 0\r\n\r\n", OK])
    turn = threading.Lock()

    def script(receiver: Talking, conn: socket.socket) -> None:
        while receiver.hear(conn):
            with turn:
                said = next(turns)
            if said != OK:
                time.sleep(0.5)
            conn.sendall(said)

    start(script)
    assert send().outcome == UNANSWERED
    time.sleep(0.3)
    assert send().status == 200


def test_announcements_without_end_are_cut_at_the_total_limit(start: Start, send: Callable[[], Answer]) -> None:
    start(trickling(b"", b"HTTP/1.1 100 Continue\r\n\r\n"))
    assert send().error == "El destino tardó más de 0.6 segundos en total."

    def flood(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        while True:
            conn.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 100)

    start(flood)
    assert send().error == "El destino tardó más de 0.6 segundos en total."


def test_a_receiver_whose_queue_is_full_is_left_after_the_connect_limit(
    send: Callable[[], Answer], settings: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening, ExitStack() as stack:
        address = listening.getsockname()
        for _ in range(4):  # nobody accepts: when the queue is full, the kernel answers no more
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        settings.COMERCIAL_WEBHOOK_URL = f"http://127.0.0.1:{address[1]}/"
        answer = send()
    assert answer.error == "El destino no aceptó la conexión a tiempo."
    assert answer.duration_ms < TOTAL * 1000


def test_a_name_server_that_is_silent_is_left_at_the_total_limit(
    send: Callable[[], Answer], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.COMERCIAL_WEBHOOK_URL = "https://ventas.example/"
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: time.sleep(3))
    answer = send()
    assert (answer.outcome, answer.error) == (UNANSWERED, "El destino tardó más de 0.6 segundos en total.")
