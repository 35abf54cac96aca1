"""What tests of calls and tasks share: bodies as the client sends them, and requests that race."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Barrier, Thread
from typing import Any

from django.db import connection
from rest_framework.response import Response

CALLS = "/api/crm/calls"
TASKS = "/api/crm/tasks"

STARTED = "2026-01-20T10:00:00.000Z"
NEXT = "2026-01-27T09:00:00.000Z"
LATER = "2026-02-03T16:30:00.000Z"

STARTED_AT = datetime(2026, 1, 20, 10, tzinfo=UTC)
NEXT_AT = datetime(2026, 1, 27, 9, tzinfo=UTC)
LATER_AT = datetime(2026, 2, 3, 16, 30, tzinfo=UTC)


def call_body(subject: Any, **fields: Any) -> dict[str, Any]:
    """A call as the client's form sends it: empty texts and all."""
    return {
        "entity_type": f"{subject._meta.model_name}s",
        "entity_id": str(subject.pk),
        "direction": "outbound",
        "phone": "+34911222333",
        "duration": 0,
        "call_status": "completed",
        "call_type": "",
        "call_result": "",
        "record_url": "",
        "responsible_user_id": "",
        "resumen_llamada": "[SEGUIMIENTO]\nquiere cita",
        "started_at": STARTED,
        **fields,
    }


def task_body(subject: Any, **fields: Any) -> dict[str, Any]:
    """The follow-up as today's client still files it itself."""
    return {
        "text": "Llamada de seguimiento programada",
        "task_type": "call",
        "entity_type": f"{subject._meta.model_name}s",
        "entity_id": str(subject.pk),
        "complete_till": NEXT,
        **fields,
    }


def at_once(requests: list[Callable[[], Response]]) -> list[Response]:
    """Send all requests at the same moment, each from a thread and database connection of its own."""
    start = Barrier(len(requests))
    answers: list[Response | None] = [None] * len(requests)

    def send(position: int) -> None:
        try:
            start.wait()
            answers[position] = requests[position]()
        finally:
            connection.close()

    threads = [Thread(target=send, args=(position,)) for position in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in answers, "a request raised instead of answering"
    return [answer for answer in answers if answer is not None]
