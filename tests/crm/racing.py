"""Real threads that start at the same moment, each with its own connection."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.urls import get_resolver


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act returned, or the exception it raised, in the order given."""
    # The routes import half the product; threads that import it all at once trip over each other.
    _ = get_resolver().url_patterns
    together = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(position: int) -> None:
        try:
            together.wait()
            results[position] = acts[position]()
        except Exception as error:  # noqa: BLE001  the test looks at it
            results[position] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[position]) for position in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
