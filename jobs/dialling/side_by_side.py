"""Several rows at a time, each in a thread of its own: another system is waited for, not computed."""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.conf import settings
from django.db import connection

logger = logging.getLogger("puente.calls")

_Row = TypeVar("_Row")


def do_each(act: Callable[[_Row], None], rows: Sequence[_Row]) -> None:
    """`act` on each row. One that fails is logged and costs no other: its lease runs out, and it is looked at again."""
    if settings.CALL_THREADS == 1 or len(rows) == 1:
        for row in rows:
            _guarded(act, row)
        return
    waiting = deque(rows)
    threads = min(settings.CALL_THREADS, len(rows))
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="calls") as pool:
        for _ in range(threads):
            pool.submit(_work, act, waiting)


def _work(act: Callable[[_Row], None], waiting: deque[_Row]) -> None:
    """One after the other until none is left, all over one connection: PostgreSQL makes a process for each."""
    try:
        while True:
            _guarded(act, waiting.popleft())
    except IndexError:
        return
    finally:
        connection.close()  # of this thread, which nobody uses again


def _guarded(act: Callable[[_Row], None], row: _Row) -> None:
    try:
        act(row)
    except Exception:  # logged; whatever came of it, the row says where to go on
        logger.exception("%s: %s", act.__name__, row)
