"""Is it alive, and is everything it needs there?"""

import time
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from config import process
from config.api.renderers import to_json
from config.celery import app


def alive(request: HttpRequest) -> HttpResponse:
    """`{"status", "timestamp", "database"}`; 503 while the database does not answer."""
    database = _database()
    return _answer(database == "ok", {"database": database})


def ready(request: HttpRequest) -> HttpResponse:
    """Database, broker and a worker that answers: what has to be there before traffic comes."""
    parts = {"database": _database(), "broker": _broker()}
    parts["worker"] = _worker() if parts["broker"] == "ok" else "error"
    return _answer(all(state == "ok" for state in parts.values()), parts)


def _answer(healthy: bool, parts: dict[str, Any]) -> HttpResponse:
    body = {"status": "ok" if healthy else "error", "timestamp": timezone.now(), **parts}
    return HttpResponse(to_json(body), status=200 if healthy else 503, content_type="application/json")


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return "ok"
    except Error:
        return "error"


def _broker() -> str:
    try:
        with app.connection_for_write(connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1, timeout=1)
        return "ok"
    except Exception:  # noqa: BLE001  each transport has errors of its own
        return "error"


def _worker() -> str:
    if settings.DEMONSTRATION:
        return "ok" if process.has_running_background() else "error"
    return _Worker.state()


class _Worker:
    """Anybody may ask `/health/ready`, and the question takes a second where no worker answers: so one
    request asks, the others share its answer, and it holds for a second."""

    _asking = Lock()
    _answer = "error"
    _known_until = 0.0

    @classmethod
    def state(cls) -> str:
        with cls._asking:
            if time.monotonic() > cls._known_until:
                cls._answer = cls._ask()
                cls._known_until = time.monotonic() + 1
            return cls._answer

    @staticmethod
    def _ask() -> str:
        try:
            # The first answer will do; without the limit every question takes the whole second.
            return "ok" if app.control.inspect(timeout=1, limit=1).ping() else "error"
        except Exception:  # noqa: BLE001  the broker went away between the two questions
            return "error"
