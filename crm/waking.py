"""Waking a worker after the commit. A row in the database says what must happen; this only says: now."""

import logging
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

# What a broker that is gone, full or silent raises.
BROKER_FAULTS = (OperationalError, RedisError, OSError)

_ask_again_at = 0.0


def wake(task: Task, *, countdown: float = 0.0, **arguments: Any) -> None:
    """Queue `task` when the running transaction commits, to run `countdown` seconds later.

    Without a broker nothing breaks: the tick finds the row.
    """

    def send() -> None:
        global _ask_again_at
        if time.monotonic() < _ask_again_at:
            return
        try:
            task.apply_async(kwargs=arguments, retry=False, countdown=countdown, expires=countdown + STALE_SECONDS)
        except BROKER_FAULTS as error:
            _ask_again_at = time.monotonic() + LEFT_ALONE_SECONDS
            logger.warning("broker unavailable, left alone for %.0f s: %s", LEFT_ALONE_SECONDS, error)

    transaction.on_commit(send, robust=True)
