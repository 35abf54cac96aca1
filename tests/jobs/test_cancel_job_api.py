"""PUT (and POST) /api/v1/jobs/{id}/cancel: marked, and the row stays; what today's client does for "Eliminar"."""

import pytest

from crm.models import User
from jobs.choices import JobStatus
from jobs.models import Job
from tests.jobs.asking import BATCHES, JOBS, AsUser, error_of, ids
from tests.jobs.companies import in_place_of_the_provider
from tests.jobs.rows import a_job, an_attempt

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize("method", ["put", "post"])
@pytest.mark.parametrize("named_by", ["pk", "job_id"])
@pytest.mark.parametrize("status", ["pending", "failed", "suspended"])
def test_it_is_marked_and_kept(as_user: AsUser, bob: User, method: str, named_by: str, status: str) -> None:
    job = a_job(status=status)
    client = as_user(bob)
    answer = getattr(client, method)(f"{JOBS}/{getattr(job, named_by)}/cancel")
    assert (answer.status_code, answer.json()) == (200, {"success": True, "message": "Job cancelled"})
    assert Job.objects.get().status == JobStatus.CANCELLED
    assert ids(client.get(JOBS)) == []
    batch = client.get(f"{BATCHES}/{job.batch_id}").json()
    assert (batch["cancelled_jobs"], batch["pending_jobs"], batch["total_jobs"]) == (1, 0, 1)


def test_without_a_body_and_a_content_type_as_the_client_sends_it(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).generic("PUT", f"{JOBS}/{a_job().pk}/cancel", b"", content_type="")
    assert answer.status_code == 200


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_what_is_over_is_a_409(as_user: AsUser, bob: User, status: str) -> None:
    job = a_job(status=status)
    assert error_of(as_user(bob).put(f"{JOBS}/{job.pk}/cancel"))[0] == 409
    assert Job.objects.get().status == status


def test_an_unknown_one_is_404(as_user: AsUser, bob: User) -> None:
    assert error_of(as_user(bob).put(f"{JOBS}/job_nada/cancel")) == (404, "Job job_nada no encontrado")


def test_a_live_call_is_hung_up_or_nothing_changes(as_user: AsUser, bob: User, monkeypatch: pytest.MonkeyPatch) -> None:
    company = in_place_of_the_provider(monkeypatch)
    attempt = an_attempt(a_job())
    company.is_away = True
    assert error_of(as_user(bob).put(f"{JOBS}/{attempt.job_id}/cancel"))[0] == 409
    assert Job.objects.get().status == JobStatus.IN_PROGRESS
    company.is_away = False
    assert as_user(bob).put(f"{JOBS}/{attempt.job_id}/cancel").status_code == 200
    assert (Job.objects.get().status, company.stopped) == (JobStatus.CANCELLED, [attempt.provider_ref])
