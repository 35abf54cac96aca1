"""Is it alive, and is everything it needs there?"""

import socket
import time
from collections.abc import Iterator
from datetime import datetime
from threading import Thread
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.db import connection
from rest_framework.test import APIClient

from config import health
from config.celery import app


@pytest.fixture(autouse=True)
def _nothing_known_of_workers() -> None:
    health._Worker._known_until = 0.0


@pytest.fixture
def no_database(transactional_db: None) -> Iterator[None]:
    connection.close()
    there = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = 1
    yield
    connection.close()
    connection.settings_dict["PORT"] = there


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_health_needs_no_token(path: str) -> None:
    answer = APIClient().get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    found = answer.json()
    assert found.keys() == {"status", "timestamp", "database"}
    assert (found["status"], found["database"]) == ("ok", "ok")
    assert found["timestamp"].endswith("Z")
    assert datetime.fromisoformat(found["timestamp"])


@pytest.mark.django_db
def test_health_asks_the_database_once_and_nothing_else(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        APIClient().get("/health")


@pytest.mark.usefixtures("no_database")
def test_without_its_database_it_is_503_and_says_which_part() -> None:
    for path in ("/health", "/health/ready"):
        answer = APIClient().get(path)
        assert answer.status_code == 503
        assert (answer.json()["status"], answer.json()["database"]) == ("error", "error")


@pytest.mark.django_db(transaction=True)
def test_ready_waits_for_a_worker_and_finds_it_quickly() -> None:
    answer = APIClient().get("/health/ready")
    assert answer.status_code == 503
    assert answer.json().items() >= {"database": "ok", "broker": "ok", "worker": "error"}.items()
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="error"):
        answer, fastest = None, 9.0
        for _ in range(3):
            health._Worker._known_until, started = 0.0, time.monotonic()
            answer = APIClient().get("/health/ready")
            fastest = min(fastest, time.monotonic() - started)
        assert fastest < 0.9, "it does not wait its whole second when one has answered"
    assert answer.status_code == 200
    found = answer.json()
    assert found.keys() == {"status", "timestamp", "database", "broker", "worker"}
    assert {found[part] for part in ("status", "database", "broker", "worker")} == {"ok"}


def test_many_who_ask_at_once_share_one_question(monkeypatch: Any) -> None:
    asked: list[float] = []

    def ask() -> str:
        asked.append(time.monotonic())
        time.sleep(0.3)
        return "ok"

    monkeypatch.setattr(health._Worker, "_ask", staticmethod(ask))
    threads = [Thread(target=health._Worker.state) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1


@pytest.mark.django_db
def test_a_broker_that_is_away_or_silent_is_told_within_seconds(monkeypatch: Any) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        for port in (1, silent.getsockname()[1]):
            monkeypatch.setattr(app.conf, "broker_write_url", f"redis://127.0.0.1:{port}/0")
            started = time.monotonic()
            answer = APIClient().get("/health/ready")
            assert time.monotonic() - started < 4
            assert answer.status_code == 503
            assert answer.json().items() >= {"database": "ok", "broker": "error", "worker": "error"}.items()
