"""Messages share a connection; one that was closed meanwhile costs nothing."""

import os
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from integrations.choices import AttemptOutcome
from integrations.destinations import COMERCIAL
from integrations.sending.answers import Answer
from integrations.sending.client import Sender
from tests.integrations.limits import AT_MOST, Start, a_message
from tests.integrations.talking import OK, Talking, headers_of, reset, saying, talking, trickling

UNANSWERED = AttemptOutcome.UNANSWERED


def test_messages_share_a_connection(start: Start, send: Callable[[], Answer]) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        while receiver.hear(conn):
            conn.sendall(OK)

    receiver = start(script)
    assert [send().status for _ in range(5)] == [200] * 5
    assert receiver.connections == 1


def test_a_kept_connection_that_was_closed_meanwhile_costs_nothing(start: Start, send: Callable[[], Answer]) -> None:
    receiver = start(saying(OK))
    assert send().is_success
    time.sleep(0.1)
    assert send().is_success
    assert (receiver.connections, len(receiver.requests)) == (2, 2)


@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
def test_a_kept_connection_that_closes_under_the_request_costs_nothing(
    start: Start, send: Callable[[], Answer], is_reset: bool
) -> None:
    """The receiver closes what it thinks is idle at the moment the next message is on its way."""

    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        conn.sendall(OK)
        if receiver.hear(conn) and is_reset:
            reset(conn)

    receiver = start(script)
    answers = [send(), send()]
    assert [answer.is_success for answer in answers] == [True, True]
    assert receiver.connections == 2
    lost, again = (dict(headers_of(request)) for request in receiver.requests[1:])
    assert lost[b"webhook-id"] == again[b"webhook-id"], "the receiver can tell that it is the same message"


def test_it_is_tried_again_at_once_only_once(start: Start, send: Callable[[], Answer]) -> None:
    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        if receiver.connections == 1:
            conn.sendall(OK)
            receiver.hear(conn)

    receiver = start(script)
    assert send().is_success
    assert send().error == "El destino cerró la conexión sin responder."
    assert (receiver.connections, len(receiver.requests)) == (2, 3)


def test_the_limit_cuts_the_connection_that_is_in_use(settings: Any, sender: Sender) -> None:
    """One sender, two destinations with a kept connection each: the second is used last and the first hangs."""

    def obedient(receiver: Talking, conn: socket.socket) -> None:
        while receiver.hear(conn):
            conn.sendall(OK)

    def weary(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        conn.sendall(OK)
        trickling(b"HTTP/1.1 200 OK\r\nX-A: ", b"a")(receiver, conn)

    with talking(weary) as first, talking(obedient) as second:
        for receiver in (first, second):
            settings.COMERCIAL_WEBHOOK_URL = receiver.url
            assert sender.send(COMERCIAL, a_message()).is_success
        settings.COMERCIAL_WEBHOOK_URL = first.url
        started = time.monotonic()
        answer = sender.send(COMERCIAL, a_message())
        assert answer.error == "El destino tardó más de 0.6 segundos en total."
        assert time.monotonic() - started < AT_MOST


def test_a_worker_that_was_forked_has_a_limit_of_its_own(start: Start, send: Callable[[], Answer]) -> None:
    """The thread that watches stays behind in the parent."""
    start(trickling(b"HTTP/1.1 200 OK\r\nX-A: ", b"a"))
    assert send().outcome == UNANSWERED
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.write(writing, Sender().send(COMERCIAL, a_message()).error.encode())
        os._exit(0)
    os.close(writing)
    started = time.monotonic()
    with open(reading, "rb") as told:
        assert told.read().decode() == "El destino tardó más de 0.6 segundos en total."
    assert time.monotonic() - started < AT_MOST
    os.waitpid(child, 0)
