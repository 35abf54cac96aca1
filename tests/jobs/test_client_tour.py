"""What today's client does on a tour of its pages, with the bearer that is built into it."""

from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from crm.models import User
from tests.jobs.asking import ACCOUNTS, BATCHES, JOBS
from tests.jobs.rows import a_batch, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

MOCK = "mock-jwt-token-12345"
ORIGIN = "http://localhost:5173"


@pytest.fixture
def client_program(alice: User, settings: Any) -> APIClient:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    call_command("create_api_token", "--user", alice.email, "--value", MOCK, "--name", "SpeechAI")
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {MOCK}", HTTP_ORIGIN=ORIGIN)
    return program


def test_the_whole_tour_works_with_the_built_in_bearer(client_program: APIClient) -> None:
    batch = a_batch()
    jobs = some_jobs(3, batch)
    for path in ("/batches", "/jobs", "/accounts", "/dashboard/stats", "/use-cases", f"/jobs?batch_id={batch.pk}"):
        answer = client_program.get(f"/api/v1{path}")
        assert answer.status_code == 200, path
        assert answer["Access-Control-Allow-Origin"] == ORIGIN
    for tab in ("pending", "in_progress", "completed", "done", "failed"):
        assert client_program.get(f"{JOBS}?status={tab}").status_code == 200
    steps: list[tuple[str, str, Any]] = [
        ("patch", f"{BATCHES}/{batch.batch_id}", {"is_active": False}),
        ("patch", f"{BATCHES}/{batch.pk}", {"is_active": True}),
        ("put", f"{JOBS}/{jobs[0].pk}/cancel", None),
        ("delete", f"{JOBS}/{jobs[1].pk}", None),
        ("post", f"{BATCHES}/{batch.pk}/cancel", None),
        ("post", BATCHES, {"account_id": "default-account-id", "name": "Del asistente", "priority": 2}),
        ("delete", f"{BATCHES}/{batch.batch_id}?delete_jobs=false", None),
        ("post", ACCOUNTS, {"account_name": "Nueva", "plan_type": "minutes_based", "initial_minutes": 10}),
        ("patch", f"{ACCOUNTS}/{batch.account.account_id}", {"is_active": False}),
        ("get", f"{ACCOUNTS}/{batch.account.account_id}/batches", None),
        ("get", f"{ACCOUNTS}/{batch.account.account_id}/transactions", None),
    ]
    for method, path, body in steps:
        answer = getattr(client_program, method)(path, body)
        assert 200 <= answer.status_code < 300, (method, path, answer.content)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_browser_may_send_each_method_and_read_the_total(client_program: APIClient, method: str) -> None:
    asks = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization,content-type"}
    answer = APIClient().options(f"{JOBS}/{'0' * 24}/cancel", headers={"Origin": ORIGIN, **asks})
    assert answer.status_code == 200
    assert method in answer["Access-Control-Allow-Methods"]
    assert int(answer["Access-Control-Max-Age"]) > 0
    assert "x-total-count" in client_program.get(JOBS)["Access-Control-Expose-Headers"]
