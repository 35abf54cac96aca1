"""Is it alive, and is everything it needs there?"""

import socket
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.db import connection
from rest_framework.test import APIClient

from config.celery import app


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
        started = time.monotonic()
        answer = APIClient().get("/health/ready")
        assert time.monotonic() - started < 0.9, "it does not wait its whole second when one has answered"
    assert answer.status_code == 200
    found = answer.json()
    assert found.keys() == {"status", "timestamp", "database", "broker", "worker"}
    assert {found[part] for part in ("status", "database", "broker", "worker")} == {"ok"}


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
