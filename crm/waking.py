"""Waking a worker after the commit. A row in the database says what must happen; this only says: now."""

import logging
import threading
import time
from typing import Any

from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger("puente.waking")

# A message that nobody took in this time is worth nothing: the tick has found the row long since.
STALE_SECONDS = 60
# A broker that accepts and stays silent costs a request one second; those after it nothing, for this long.
LEFT_ALONE_SECONDS = 5.0

# How long a webhook waits for others before a worker hears of it.
GATHERED_SECONDS = 0.05

# What a broker that is gone, full or silent raises.
BROKER_FAULTS = (OperationalError, RedisError, OSError)

_ask_again_at = 0.0


def wake(task: Task, *, countdown: float = 0.0, **arguments: Any) -> None:
    """Queue `task` when the running transaction commits, to run `countdown` seconds later.

    Without a broker nothing breaks: the tick finds the row.
    """

    transaction.on_commit(lambda: _send(task, arguments, countdown), robust=True)


def wake_for_many(task: Task) -> None:
    """Like `wake`, for what comes in hundreds a second: one message to the broker tells of all that came meanwhile.

    A thread of this process sends it. Publishing took half the time of a webhook that only stores its body.
    """
    transaction.on_commit(lambda: _gathering.want(task), robust=True)


def _send(task: Task, arguments: dict[str, Any], countdown: float = 0.0) -> None:
    global _ask_again_at
    if time.monotonic() < _ask_again_at:
        return
    try:
        task.apply_async(kwargs=arguments, retry=False, countdown=countdown, expires=countdown + STALE_SECONDS)
    except BROKER_FAULTS as error:
        _ask_again_at = time.monotonic() + LEFT_ALONE_SECONDS
        logger.warning("broker unavailable, left alone for %.0f s: %s", LEFT_ALONE_SECONDS, error)


class _Gathering:
    """Tasks that are wanted, and the thread that sends each of them once in a while."""

    def __init__(self) -> None:
        self._wanted: dict[str, Task] = {}
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._thread: threading.Thread | None = None

    def want(self, task: Task) -> None:
        """After the commit: whoever is woken from now on finds the row."""
        with self._lock:
            self._wanted[task.name] = task
            # One that was forked away with its parent is not alive here.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="waking", daemon=True)
                self._thread.start()
        self._something.set()

    def _run(self) -> None:
        while True:
            self._something.wait()
            time.sleep(GATHERED_SECONDS)  # others that come in this time are told of by the same message
            self._something.clear()
            with self._lock:
                wanted, self._wanted = self._wanted, {}
            for task in wanted.values():
                _send(task, {})


_gathering = _Gathering()
