"""Threads for what waits for another system instead of computing."""

import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any, Self, TypeVar

from django.db import connection, connections

_Row = TypeVar("_Row")
_Result = TypeVar("_Result")


class Crew:
    """Up to `threads` acts side by side, as often as asked: `with Crew(8, name="calls") as crew: crew.do(call, rows)`.

    Each thread keeps its connection to the database until the crew is dismissed: PostgreSQL makes a process for each,
    which takes longer than most acts. What is alone is done by whoever asks for it.
    """

    def __init__(self, threads: int, *, name: str) -> None:
        self._threads = threads
        self._connections: list[Any] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=self._join)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """What was begun is finished first."""
        self._pool.shutdown(wait=True)
        for left in self._connections:
            left.inc_thread_sharing()  # its own thread is gone
            left.close()

    def do(self, act: Callable[[_Row], _Result], rows: Sequence[_Row]) -> list[_Result]:
        """`act` on each row; the results in their order, once all are there. What an act raises is raised then."""
        if self._threads == 1 or len(rows) == 1:
            return [act(row) for row in rows]
        acts = [self._pool.submit(contextvars.copy_context().run, _done_by_thread, act, row) for row in rows]
        wait(acts)
        return [act.result() for act in acts]

    def _join(self) -> None:
        self._connections.append(connections[connection.alias])


def _done_by_thread(act: Callable[[_Row], _Result], row: _Row) -> _Result:
    try:
        return act(row)
    finally:
        if connection.errors_occurred:  # one that the server has closed is not for the next act
            connection.close_if_unusable_or_obsolete()
