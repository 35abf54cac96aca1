"""Web server, worker and clock as threads of one process: what `manage.py serve` is made of.

Larger installations run the same three as processes of their own (README, "Deploy").
"""

import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from celery import Celery
from celery.beat import Scheduler
from celery.beat import Service as Clock
from corsheaders.middleware import CorsMiddleware
from django.http import HttpRequest, HttpResponse
from waitress import create_server  # type: ignore[import-untyped]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped]
from waitress.parser import HTTPRequestParser, ParsingError  # type: ignore[import-untyped]
from waitress.task import ErrorTask, ThreadedTaskDispatcher  # type: ignore[import-untyped]

from config.api.errors import error_body
from config.api.renderers import to_json

logger = logging.getLogger("puente.process")

WEB_THREADS = 8
WORKER_THREADS = 4
SECONDS_TO_RESTART = 5.0
# For answers under way, then for tasks under way. What takes longer is cut off: every piece of work is a
# row with a lease, so the next start takes it up again.
SECONDS_TO_STOP = 1.0


# --- The address ------------------------------------------------------------------------------


def reserve_address(host: str, port: int) -> socket.socket:
    """A socket that holds `host` and `port` and does not listen yet; OSError says why it cannot."""
    if not 0 <= port <= 65535:
        raise OSError("un puerto va de 0 a 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError as error:
        raise OSError(str(error)) from error
    # "localhost" is two addresses; everybody can reach the older one.
    family, kind, protocol, _, address = min(found, key=lambda choice: choice[0] != socket.AF_INET)
    holder = socket.socket(family, kind, protocol)
    try:
        # Connections of the last run, still in TIME_WAIT, must not keep the next from starting.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(address)
    except OSError:
        holder.close()
        raise
    return holder


def url_of(holder: socket.socket) -> str:
    """Where a browser on this machine finds the server."""
    host, port = holder.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://{address if address.version == 4 else f'[{address}]'}:{port}"


def is_reachable_from_outside(holder: socket.socket) -> bool:
    return not ipaddress.ip_address(holder.getsockname()[0]).is_loopback


# --- Worker and clock -------------------------------------------------------------------------


class Background:
    """A Celery worker and beat as threads of this process.

    One that ends by itself, say because the broker was away too long, is logged and started again;
    until then `/health/ready` tells that it is missing.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._stopping = threading.Event()
        self._alive: set[str] = set()
        self._worker: Any = None
        self._clock: Any = None
        self._threads = {
            name: threading.Thread(target=self._keep_running, args=(name, run), name=name, daemon=True)
            for name, run in (("worker", self._run_worker), ("clock", self._run_clock))
        }

    @property
    def is_running(self) -> bool:
        return self._alive == set(self._threads)

    def start(self) -> None:
        self._alive.update(self._threads)
        for thread in self._threads.values():
            thread.start()

    def stop(self, seconds: float = SECONDS_TO_STOP) -> bool:
        """Take nothing new and wait `seconds` for the tasks under way; whether they have ended."""
        self._stopping.set()
        if self._clock is not None:
            self._clock.stop()
        ending = [self._threads["worker"]]
        if self._worker is not None:
            # This is what waits for the tasks, however long they take; the worker's own thread may end before.
            ending.append(threading.Thread(target=self._worker.stop, daemon=True))
            ending[-1].start()
        deadline = time.monotonic() + seconds
        for thread in ending:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in ending)

    def _keep_running(self, name: str, run: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            self._alive.add(name)
            try:
                run()
            except Exception:
                logger.exception("The %s failed.", name)
            self._alive.discard(name)
            if not self._stopping.is_set():
                logger.critical("The %s has ended by itself; it starts again in a moment.", name)
                self._stopping.wait(SECONDS_TO_RESTART)

    def _run_worker(self) -> None:
        self._worker = self._app.WorkController(
            hostname=f"serve@{socket.gethostname()}",
            pool="threads",
            concurrency=WORKER_THREADS,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self._worker.start()

    def _run_clock(self) -> None:
        # The plain scheduler keeps its times in memory: no schedule file is left behind.
        self._clock = Clock(self._app, max_interval=1, scheduler_cls=Scheduler)
        self._clock.start()


_background: Background | None = None


def start_background(app: Celery) -> Background:
    """The worker and clock of this process."""
    global _background
    _background = Background(app)
    _background.start()
    return _background


def has_running_background() -> bool:
    """Whether this process has a worker and a clock of its own, both alive."""
    return _background is not None and _background.is_running


# --- The web server ---------------------------------------------------------------------------


_REFUSED = {413: ("La petición es demasiado grande.", "demasiado_grande")}
_MALFORMED = ("La petición no es válida.", "peticion_invalida")


class SpokenErrorTask(ErrorTask):
    """What is refused before Django sees it (too large, no HTTP) is told in the shape of all other errors."""

    def execute(self) -> None:
        error = self.request.error
        sentence, code = _REFUSED.get(error.code, _MALFORMED)
        body = to_json(error_body(sentence, code))
        self.status = f"{error.code} {error.reason}"
        answer = HttpResponse(content_type="application/json")
        _let_browsers_read(answer, self.request)
        self.response_headers.extend(answer.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        # A byte after the headers would be taken for another answer.
        self.write(b"" if getattr(self.request, "command", "") == "HEAD" else body)


def _let_browsers_read(answer: HttpResponse, asked: Any) -> None:
    """The headers that it would have if Django had answered: for whom and where, CorsMiddleware decides.

    What was not understood has no method and no path, and nobody may read its answer.
    """
    request = HttpRequest()
    request.method = getattr(asked, "command", "")
    request.path_info = getattr(asked, "path", "")
    request.META = {f"HTTP_{name}": value for name, value in asked.headers.items()}
    CorsMiddleware(lambda request: answer).add_response_headers(request, answer)


class CarefulParser(HTTPRequestParser):
    """A length of thousands of digits, which `int` does not read, is a bad request and not a failure of the server."""

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            raise ParsingError("Content-Length is invalid") from error


class SpokenChannel(HTTPChannel):
    error_task_class = SpokenErrorTask
    parser_class = CarefulParser


class PromptDispatcher(ThreadedTaskDispatcher):
    """Waits no longer for a slow answer than stopping may take."""

    def shutdown(self, cancel_pending: bool = True, timeout: float = SECONDS_TO_STOP) -> bool:
        return bool(super().shutdown(cancel_pending, timeout))


def web_server(application: Any, holder: socket.socket, *, trusted_proxies: int, largest_body: int) -> Any:
    """A server that listens on the address `holder` keeps; `run()` serves until a signal stops it."""
    dispatcher = PromptDispatcher()
    dispatcher.set_thread_count(WEB_THREADS)
    server = create_server(
        application,
        _dispatcher=dispatcher,
        sockets=[holder],
        # Whom Django may believe about the client's address is decided by TRUSTED_PROXIES alone.
        clear_untrusted_proxy_headers=not trusted_proxies,
        max_request_body_size=largest_body,
        connection_limit=1000,
        asyncore_use_poll=True,
        ident=None,
    )
    server.channel_class = SpokenChannel
    return server


# --- Stopping ---------------------------------------------------------------------------------


def stop_on_signals() -> None:
    """The first SIGINT or SIGTERM interrupts the main thread, the second ends the process at once."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        for later in (signal.SIGINT, signal.SIGTERM):
            signal.signal(later, lambda number, frame: leave())
        raise KeyboardInterrupt

    for first in (signal.SIGINT, signal.SIGTERM):
        signal.signal(first, interrupt)


def leave(code: int = 0) -> NoReturn:
    """End the process now; the interpreter itself would wait for tasks under way."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
