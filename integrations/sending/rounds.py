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
from datetime import timedelta
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from crm.models.circuits import OPENS_AFTER
from integrations.choices import DeliveryState
from integrations.destinations import DESTINATIONS, Destination
from integrations.models import Circuit, WebhookDelivery
from integrations.models.claims import Claim, Result
from integrations.sending.answers import Answer
from integrations.sending.client import Sender
from integrations.sending.policy import ROWS_A_ROUND

logger = logging.getLogger("puente.webhooks")

RENEW_SECONDS = 10.0
# Of a destination that takes webhooks; one with rules of its own says how many it takes (sending/policy.py).
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
            room = destination.most_in_flight - WebhookDelivery.objects.in_flight(name)
            limit = min(Circuit.objects.allowance(name, usual=destination.rows_a_round), room) if room > 0 else 0
            claim = WebhookDelivery.objects.claim(name, limit=limit) if limit else None
            if claim is not None and claim.wait is not None and Circuit.objects.take_wait(name, claim.wait):
                time.sleep(claim.wait)  # the limit of speed: one worker waits for its end, at most a second
                continue
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
        unwanted = _patiently(lambda: WebhookDelivery.objects.withdraw_unwanted(self._claim))
        self._waiting = deque(row for row in self._waiting if row.pk not in unwanted)
        under_way, done = 0, len(unwanted)
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
            if len(results) >= self._destination.results_together or not (under_way or self._waiting):
                done += self._write_in_parts(results)
                results = []
            if time.monotonic() > renew_at:
                WebhookDelivery.objects.renew(self._claim)
                renew_at = time.monotonic() + RENEW_SECONDS
        if results:
            done += self._write_in_parts(results)
        if self._waiting:
            WebhookDelivery.objects.release(self._claim, list(self._waiting))
        return done

    def _result(self, row: WebhookDelivery, answer: Answer) -> Result:
        verdict = self._destination.judge(answer, delivery=row, now=timezone.now())
        if not row.address:
            self._troubles = self._troubles + 1 if verdict.is_trouble else 0
        result = Result(delivery=row, answer=answer, verdict=verdict)
        if verdict.state == DeliveryState.DEAD:
            logger.error("webhook %s to %s is dead: %s", row, self._destination.name, result.error)
        return result

    def _write_in_parts(self, results: Sequence[Result]) -> int:
        """As many together as the destination allows. Of those by themselves, one that fails costs no other."""
        if self._destination.results_together > 1:
            return self._write(results)
        for result in results:
            try:
                self._write([result])
            except (OperationalError, InterfaceError):
                raise
            except (
                Exception
            ):  # logged; the row keeps its lease, and what becomes of it then is the rule of a lost worker
                logger.exception("what became of %s could not be written down", result.delivery)
        return len(results)

    def _write(self, results: Sequence[Result]) -> int:
        """Write down, patiently: a database that restarts must not make us send again what has arrived."""
        _patiently(lambda: WebhookDelivery.objects.finish(self._claim, results))
        self._tell_circuit(results)
        return len(results)

    def _tell_circuit(self, results: Sequence[Result]) -> None:
        """What another address answered says nothing of the destination."""
        results = [result for result in results if not result.delivery.address]
        troubles = [result for result in results if result.verdict.is_trouble]
        fine = [result.answer.duration_ms for result in results if not result.verdict.is_trouble]
        if fine:
            asked_at = timezone.now() - timedelta(milliseconds=min(fine))
            Circuit.objects.note_success(self._destination.name, asked_at=asked_at)
        # Results that are written one by one are told one by one, whatever came of the others.
        if troubles and (self._troubles or len(results) == 1):
            waits = [result.verdict.pause for result in troubles if result.verdict.pause]
            Circuit.objects.note_trouble(
                self._destination.name,
                count=max(min(self._troubles, len(troubles)), 1),
                error=troubles[-1].error,
                wait=max(waits, default=None),
                is_stopped=any(result.verdict.is_stopped for result in troubles),
            )


_Result = TypeVar("_Result")


def _patiently(write: Callable[[], _Result]) -> _Result:
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
