"""Whatever a receiver does, a message is over in time, keeps no more than 4 KiB and goes nowhere else."""

import gzip
import os
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme

from integrations.choices import AttemptOutcome
from integrations.destinations import COMERCIAL
from integrations.models import WebhookDelivery
from integrations.sending.answers import LONGEST_WAIT, Answer
from integrations.sending.client import KEPT_BYTES, Sender
from tests.integrations.talking import OK, Talking, reset, talking

TOTAL = 0.6
# The watchdog looks every 0.2 s; the machine may be busy.
AT_MOST = TOTAL + 1.0
TRICKLE = 0.05
UNANSWERED = AttemptOutcome.UNANSWERED
DELIVERED = AttemptOutcome.DELIVERED

Script = Callable[[Talking, socket.socket], None]
Start = Callable[..., Talking]


@pytest.fixture(autouse=True)
def _limits(settings: Any) -> None:
    settings.COMERCIAL_WEBHOOK_TOKEN = "ficha-de-prueba"
    settings.WEBHOOK_SIGNING_SECRETS = ["whsec_" + "QUJD" * 8]
    settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.DEMONSTRATION = False
    settings.WEBHOOK_CONNECT_SECONDS = 0.3
    settings.WEBHOOK_READ_SECONDS = 0.4
    settings.WEBHOOK_TOTAL_SECONDS = TOTAL


@pytest.fixture
def start(settings: Any) -> Iterator[Start]:
    """Start a receiver that talks as told, and make it the destination."""
    with ExitStack() as stack:

        def begin(script: Script, **options: Any) -> Talking:
            receiver = stack.enter_context(talking(script, **options))
            settings.COMERCIAL_WEBHOOK_URL = receiver.url
            return receiver

        yield begin


@pytest.fixture
def sender() -> Iterator[Sender]:
    found = Sender()
    yield found
    found.close()


@pytest.fixture
def send(sender: Sender) -> Callable[[], Answer]:
    """Send one message; it must be over in time, whatever comes of it."""

    def once() -> Answer:
        started = time.monotonic()
        answer = sender.send(COMERCIAL, a_message())
        assert time.monotonic() - started < AT_MOST
        return answer

    return once


def a_message() -> WebhookDelivery:
    payload = {"id_presencia_crm": "CRM-1"}
    return WebhookDelivery(event="presence.test", destination="comercial", subject="CRM-1", sequence=1, payload=payload)


def saying(*pieces: bytes) -> Script:
    """Hear the request, say this, close."""

    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        for piece in pieces:
            conn.sendall(piece)

    return script


def trickling(head: bytes, drops: bytes) -> Script:
    """Hear the request, say `head`, then one byte at a time for as long as anybody listens."""

    def script(receiver: Talking, conn: socket.socket) -> None:
        receiver.hear(conn)
        conn.sendall(head)
        while not receiver.over.is_set():
            for drop in drops:
                conn.sendall(bytes([drop]))
                time.sleep(TRICKLE)

    return script


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- Slow -------------------------------------------------------------------------------------


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


# --- Large ------------------------------------------------------------------------------------


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


# --- Broken -----------------------------------------------------------------------------------


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


# --- Odd but right ----------------------------------------------------------------------------


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


# --- A connection that is kept ----------------------------------------------------------------


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
    lost, again = (dict(_headers(request)) for request in receiver.requests[1:])
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


def _headers(request: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in request.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b": ")
        yield name, value


# --- Elsewhere --------------------------------------------------------------------------------


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


# --- TLS --------------------------------------------------------------------------------------


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
    assert dict(_headers(receiver.requests[0]))[b"host"] == b"ventas.example:%d" % receiver.port
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
            time.sleep(TRICKLE)

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
