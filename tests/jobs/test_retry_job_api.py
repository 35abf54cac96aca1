"""PUT (and POST) /api/v1/jobs/{id}/retry: back to the queue with all its attempts."""

import pytest

from crm.models import User
from jobs.models import Job
from tests.jobs.asking import JOBS, AsUser, error_of
from tests.jobs.rows import a_job

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize("method", ["put", "post"])
@pytest.mark.parametrize("named_by", ["pk", "job_id"])
@pytest.mark.parametrize("status", ["failed", "suspended", "cancelled"])
def test_it_waits_again(as_user: AsUser, bob: User, method: str, named_by: str, status: str) -> None:
    job = a_job(status=status, attempts=3, last_error="No contesta")
    client = as_user(bob)
    answer = getattr(client, method)(f"{JOBS}/{getattr(job, named_by)}/retry")
    assert (answer.status_code, answer.json()) == (
        200,
        {"success": True, "message": "Job will be retried", "job_id": job.job_id, "status": "pending"},
    )
    row = client.get(f"{JOBS}/{job.pk}").json()
    assert (row["status"], row["attempts"], row["max_attempts"], row["last_error"]) == ("pending", 3, 6, None)


@pytest.mark.parametrize("status", ["pending", "in_progress", "completed"])
def test_whatever_else_is_a_409_and_stays(as_user: AsUser, bob: User, status: str) -> None:
    job = a_job(status=status)
    before = Job.objects.values().get()
    assert error_of(as_user(bob).put(f"{JOBS}/{job.pk}/retry"))[0] == 409
    assert Job.objects.values().get() == before


def test_an_unknown_one_is_404(as_user: AsUser, bob: User) -> None:
    assert error_of(as_user(bob).put(f"{JOBS}/job_nada/retry")) == (404, "Job job_nada no encontrado")
