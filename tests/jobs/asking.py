"""What tests of the client's API ask with."""

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from crm.models import User

AsUser = Callable[[User | None], APIClient]
JOBS = "/api/v1/jobs"
BATCHES = "/api/v1/batches"
ACCOUNTS = "/api/v1/accounts"


def ids(answer: Any) -> list[str]:
    """The `_id` of each row of a bare array."""
    assert answer.status_code == 200, answer.content
    return [row["_id"] for row in answer.json()]


def pks(rows: Any) -> list[str]:
    return [row.pk for row in rows]


def error_of(answer: Any) -> tuple[int, str]:
    """Status and sentence; the client shows `message`, today's other programs read `detail`."""
    body = answer.json()
    assert body["detail"] == body["message"]
    assert body["code"]
    return answer.status_code, body["message"]


def queries_of(client: Any, path: str, method: str = "get", body: Any = None, status: int = 200) -> list[str]:
    with CaptureQueriesContext(connection) as asked:
        answer = getattr(client, method)(path, body)
    assert answer.status_code == status, answer.content
    return [query["sql"] for query in asked if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]


def at_most(budget: int, queries: list[str]) -> None:
    listed = "\n".join(f"{number:2} {sql[:170]}" for number, sql in enumerate(queries, start=1))
    assert len(queries) <= budget, f"{len(queries)} queries, budget {budget}:\n{listed}"
