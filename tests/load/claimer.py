"""A worker that claims jobs, as a process of its own: `python -m tests.load.claimer claim|place JOBS AT_ONCE`.

It says "ready", waits for a line, works until it has claimed so many or nothing is left, and says how many and when.
"""

import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.providers.base import CallReport, CallRequest


class Instant:
    """A provider that answers at once, so that only our side is measured."""

    name = "instant"
    is_configured = True

    def place(self, request: CallRequest) -> str:
        return f"instant_{request.key.hex}"

    def fetch(self, ref: str) -> CallReport | None:
        return CallReport(ref=ref)

    def find(self, key: UUID, *, since: datetime) -> str | None:
        return f"instant_{key.hex}"

    def stop(self, ref: str) -> None: ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> CallReport | None:
        return None

    def capacity(self) -> int | None:
        return None


def work(mode: str, wanted: int, at_once: int) -> dict[str, Any]:
    from jobs.dialling.claiming import claim
    from jobs.dialling.placing import place_all
    from jobs.dialling.side_by_side import a_crew

    claimed, started = 0, time.perf_counter()
    with a_crew() as crew:
        while claimed < wanted:
            attempts = claim("instant", worker=f"carga-{os.getpid()}", limit=min(at_once, wanted - claimed))
            if not attempts:
                break
            if mode == "place":
                place_all(attempts, crew)
            claimed += len(attempts)
    return {"claimed": claimed, "started": started, "ended": time.perf_counter()}


def main() -> None:
    import django

    django.setup()
    from django.db import connection

    from jobs.providers import PROVIDERS

    PROVIDERS["instant"] = "tests.load.claimer.Instant"
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(work(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))), flush=True)


if __name__ == "__main__":
    main()
