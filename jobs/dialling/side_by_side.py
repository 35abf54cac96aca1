"""Several rows at a time, each in a thread of its own: another system is waited for, not computed."""

import logging
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
    with ThreadPoolExecutor(max_workers=min(settings.CALL_THREADS, len(rows)), thread_name_prefix="calls") as pool:
        list(pool.map(lambda row: _in_thread(act, row), rows))


def _in_thread(act: Callable[[_Row], None], row: _Row) -> None:
    try:
        _guarded(act, row)
    finally:
        connection.close()  # of this thread, which nobody uses again


def _guarded(act: Callable[[_Row], None], row: _Row) -> None:
    try:
        act(row)
    except Exception:  # logged; whatever came of it, the row says where to go on
        logger.exception("%s: %s", act.__name__, row)
