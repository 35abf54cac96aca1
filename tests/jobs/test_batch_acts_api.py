"""POST /api/v1/batches/{id}/cancel and DELETE /batches/{id}: whole campaigns."""

from typing import Any

import pytest

from crm.models import User
from jobs.models import Batch, Job
from tests.jobs.asking import BATCHES, JOBS, AsUser, error_of, ids
from tests.jobs.rows import a_batch, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def mixed() -> Batch:
    batch = a_batch()
    for status, how_many in (("pending", 3), ("failed", 1), ("completed", 2)):
        some_jobs(how_many, batch, status=status)
    return batch


@pytest.mark.parametrize("named_by", ["pk", "batch_id"])
@pytest.mark.parametrize(
    ("query", "body", "reason"),
    [("", None, ""), ("?reason=Fin%20de%20mes", None, "Fin de mes"), ("", {"reason": "Por error"}, "Por error")],
)
def test_cancelling_calls_nobody_else(
    as_user: AsUser, bob: User, named_by: str, query: str, body: Any, reason: str
) -> None:
    batch = mixed()
    name = getattr(batch, named_by)
    client = as_user(bob)
    answer = client.post(f"{BATCHES}/{name}/cancel{query}", body)
    assert (answer.status_code, answer.json()) == (
        200, {"success": True, "message": "Batch cancelled", "batch_id": name, "reason": reason},
    )  # fmt: skip
    row = client.get(f"{BATCHES}/{name}").json()
    assert (row["status"], row["is_active"], row["cancellation_reason"]) == ("CANCELLED", False, reason or None)
    assert (row["pending_jobs"], row["completed_jobs"]) == (0, 2)
    assert row["completed_at"]


def test_twice_is_a_409(as_user: AsUser, bob: User) -> None:
    batch = mixed()
    client = as_user(bob)
    client.post(f"{BATCHES}/{batch.pk}/cancel")
    assert error_of(client.post(f"{BATCHES}/{batch.pk}/cancel"))[0] == 409


@pytest.mark.parametrize("named_by", ["pk", "batch_id"])
@pytest.mark.parametrize("query", ["", "?delete_jobs=false", "?delete_jobs="])
def test_deleting_keeps_the_jobs_and_calls_nobody_else(as_user: AsUser, bob: User, named_by: str, query: str) -> None:
    batch = mixed()
    client = as_user(bob)
    answer = client.delete(f"{BATCHES}/{getattr(batch, named_by)}{query}")
    assert (answer.status_code, answer.json()) == (200, {"success": True, "message": "Batch deleted"})
    assert ids(client.get(BATCHES)) == []
    assert not Job.objects.filter(status="pending").exists()
    left = client.get(JOBS, {"status": "completed"}).json()
    assert [row["batch_id"] for row in left] == [batch.batch_id] * 2
    assert error_of(client.delete(f"{BATCHES}/{batch.pk}")) == (404, "Campaña no encontrada")


@pytest.mark.parametrize("yes", ["true", "1", "True"])
def test_deleting_with_its_jobs_leaves_none(as_user: AsUser, bob: User, yes: str) -> None:
    batch = mixed()
    assert as_user(bob).delete(f"{BATCHES}/{batch.batch_id}?delete_jobs={yes}").status_code == 200
    assert not Job.objects.exists()


def test_an_unknown_one_is_404(as_user: AsUser, bob: User) -> None:
    assert error_of(as_user(bob).post(f"{BATCHES}/nada/cancel")) == (404, "Campaña no encontrada")
    assert error_of(as_user(bob).delete(f"{BATCHES}/nada")) == (404, "Campaña no encontrada")
