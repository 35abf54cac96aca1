"""A worker empties the outbox of one destination: claim, send side by side, write down, again.

Nothing is held in the database while anything is sent. A round claims few enough rows to be done well within the
lease, which is renewed while it lasts.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from integrations.choices import DeliveryState
from integrations.destinations import DESTINATIONS, Destination
from integrations.models import Circuit, WebhookDelivery
from integrations.models.circuits import OPENS_AFTER
from integrations.models.deliveries import Claim, Result
from integrations.sending.client import Answer, Sender
from integrations.sending.schedule import what_next

logger = logging.getLogger("puente.webhooks")

ROWS_A_ROUND = 100
# How many results may wait to be written down: the most that can be sent again after a crash.
RESULTS_TOGETHER = 50
RENEW_SECONDS = 10.0
# Held for one destination by all workers together. One that hangs keeps two workers busy, and never all.
MOST_IN_FLIGHT = 2 * ROWS_A_ROUND
# A worker turns to other work after this long; whoever is woken goes on.
SECONDS_A_TURN = 60.0
# How long a result waits for a database that is restarting, before it is left to the lease.
PATIENCE_SECONDS = 20.0


def empty_outbox(name: str, *, seconds: float = SECONDS_A_TURN) -> int:
    """Send what is due to this destination until nothing is, or `seconds` have passed; how many were tried."""
    destination = DESTINATIONS.get(name)
    if destination is None or not destination.is_configured:
        return 0
    tried, ends_at = 0, time.monotonic() + seconds
    with _crew(destination) as crew:
        while time.monotonic() < ends_at:
            room = MOST_IN_FLIGHT - WebhookDelivery.objects.in_flight(name)
            limit = min(Circuit.objects.allowance(name, usual=ROWS_A_ROUND), room) if room > 0 else 0
            claim = WebhookDelivery.objects.claim(name, limit=limit) if limit else None
            if claim is None or not claim.deliveries:
                break
            tried += Round(destination, claim, crew).run()
    return tried


class Round:
    """The rows of one claim on their way."""

    def __init__(self, destination: Destination, claim: Claim, crew: "Crew") -> None:
        self._destination = destination
        self._claim = claim
        self._crew = crew
        self._waiting = deque(claim.deliveries)
        self._troubles = 0

    def run(self) -> int:
        """Send all, unless the destination turns out to be in trouble: then the rest is given back untried."""
        under_way, done = 0, 0
        results: list[Result] = []
        renew_at = time.monotonic() + RENEW_SECONDS
        while self._waiting or under_way:
            while self._waiting and under_way < settings.WEBHOOK_THREADS and self._troubles < OPENS_AFTER:
                self._crew.send(self._waiting.popleft())
                under_way += 1
            if not under_way:
                break
            finished = self._crew.take(timeout=1.0)
            under_way -= len(finished)
            results += [self._result(row, answer) for row, answer in finished]
            if len(results) >= RESULTS_TOGETHER or not (under_way or self._waiting):
                done += self._write(results)
                results = []
            if time.monotonic() > renew_at:
                WebhookDelivery.objects.renew(self._claim)
                renew_at = time.monotonic() + RENEW_SECONDS
        if results:
            done += self._write(results)
        if self._waiting:
            WebhookDelivery.objects.release(self._claim, list(self._waiting))
        return done

    def _result(self, row: WebhookDelivery, answer: Answer) -> Result:
        self._troubles = self._troubles + 1 if answer.is_trouble else 0
        state, next_try_at = what_next(answer, failures=row.failures, now=timezone.now())
        if state == DeliveryState.DEAD:
            logger.error("webhook %s to %s is dead: %s", row, self._destination.name, answer.error)
        return Result(delivery=row, answer=answer, state=state, next_try_at=next_try_at)

    def _write(self, results: Sequence[Result]) -> int:
        """Write down, patiently: a database that restarts must not make us send again what has arrived."""
        _patiently(lambda: WebhookDelivery.objects.finish(self._claim, results))
        self._tell_circuit(results)
        return len(results)

    def _tell_circuit(self, results: Sequence[Result]) -> None:
        troubles = [result.answer for result in results if result.answer.is_trouble]
        if len(troubles) < len(results):
            Circuit.objects.note_success(self._destination.name)
        if troubles and self._troubles:
            waits = [answer.retry_after for answer in troubles if answer.retry_after]
            Circuit.objects.note_trouble(
                self._destination.name,
                count=min(self._troubles, len(troubles)),
                error=troubles[-1].error,
                wait=max(waits, default=None),
            )


def _patiently(write: Callable[[], None]) -> None:
    """Again and again while the database is away; what it refuses is an error at once."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if time.monotonic() > ends_at:
                raise
            connection.close()
            time.sleep(0.5)  # a restarting database is asked again twice a second, not hammered


# --- Those who send ---------------------------------------------------------------------------

# Senders rest here between rounds with their connections open; a process that was forked starts without.
_resting: "queue.LifoQueue[Sender]" = queue.LifoQueue()


class Crew:
    """Threads that send; they never touch the database."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._tasks: queue.SimpleQueue[WebhookDelivery | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[WebhookDelivery, Answer]] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def send(self, row: WebhookDelivery) -> None:
        if len(self._threads) < settings.WEBHOOK_THREADS:
            thread = threading.Thread(target=self._work, name="webhook-sender", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._tasks.put(row)

    def take(self, *, timeout: float) -> list[tuple[WebhookDelivery, Answer]]:
        """What is finished; waits for the first, then takes what is there."""
        found = []
        try:
            found.append(self._done.get(timeout=timeout))
            while True:
                found.append(self._done.get_nowait())
        except queue.Empty:
            return found

    def dismiss(self) -> None:
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        try:
            sender = _resting.get_nowait()
        except queue.Empty:
            sender = Sender()
        while (row := self._tasks.get()) is not None:
            self._done.put((row, sender.send(self._destination, row)))
        _resting.put(sender)


@contextmanager
def _crew(destination: Destination) -> Iterator[Crew]:
    crew = Crew(destination)
    try:
        yield crew
    finally:
        crew.dismiss()
