"""Waking a worker after the commit. A row in the database says what must happen; this only says: now."""

from typing import Any

from celery import Task
from django.db import transaction

# A message that nobody took in this time is worth nothing: the tick has found the row long since.
STALE_SECONDS = 60


def wake(task: Task, **arguments: Any) -> None:
    """Queue `task` when the running transaction commits. Without a broker nothing breaks: the tick finds the row."""

    def send() -> None:
        task.apply_async(kwargs=arguments, retry=False, expires=STALE_SECONDS)

    transaction.on_commit(send, robust=True)
