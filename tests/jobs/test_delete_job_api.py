"""DELETE /api/v1/jobs/{id}: the job is removed, a live call hung up first (contract section 5)."""

import pytest

from crm.models import User
from jobs.choices import JobStatus
from jobs.models import CallAttempt, Count, Job
from tests.jobs.asking import BATCHES, JOBS, AsUser, error_of
from tests.jobs.companies import Company, in_place_of_the_provider
from tests.jobs.rows import a_job, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Company:
    return in_place_of_the_provider(monkeypatch)


@pytest.mark.parametrize("named_by", ["pk", "job_id"])
@pytest.mark.parametrize("status", [status for status in JobStatus if status != JobStatus.IN_PROGRESS])
def test_the_answer_is_the_contract_s_and_the_job_is_gone(
    as_user: AsUser, bob: User, named_by: str, status: JobStatus
) -> None:
    job = a_job(status=status)
    client, path = as_user(bob), f"{JOBS}/{getattr(job, named_by)}"
    answer = client.delete(path)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "message": "Job cancelled"})
    assert not Job.objects.exists()
    assert error_of(client.delete(path)) == (404, f"Job {getattr(job, named_by)} no encontrado")
    assert client.get(f"{BATCHES}/{job.batch.batch_id}").json()["total_jobs"] == 0


def test_an_unknown_one_is_404_in_one_shape(as_user: AsUser, bob: User) -> None:
    body = as_user(bob).delete(f"{JOBS}/job_nada/").json()
    sentence = "Job job_nada no encontrado"
    assert body == {"detail": sentence, "message": sentence, "code": "no_encontrado"}


@pytest.mark.parametrize("nonsense", ["%00", "a%00b", "%F0%9F%92%A5", "%2e%2e", "x" * 3000])
def test_what_can_be_no_id_is_as_unknown(as_user: AsUser, bob: User, nonsense: str) -> None:
    a_job()
    for method, ending in (("delete", ""), ("get", ""), ("put", "/cancel"), ("put", "/retry"), ("get", "/why")):
        assert getattr(as_user(bob), method)(f"{JOBS}/{nonsense}{ending}").status_code == 404, (method, ending)
    assert Job.objects.count() == 1


def test_a_live_call_is_hung_up_first(as_user: AsUser, bob: User, company: Company) -> None:
    attempt = an_attempt(a_job())
    assert as_user(bob).delete(f"{JOBS}/{attempt.job_id}").status_code == 200
    assert company.stopped == [attempt.provider_ref]
    assert not Job.objects.exists()
    assert CallAttempt.objects.get().outcome == "stopped"


def test_a_provider_that_is_away_is_a_409_and_nothing_changes(as_user: AsUser, bob: User, company: Company) -> None:
    company.is_away = True
    attempt = an_attempt(a_job())
    before = Job.objects.values().get(), CallAttempt.objects.exclude(updated_at=None).values("state", "outcome").get()
    status, sentence = error_of(as_user(bob).delete(f"{JOBS}/{attempt.job_id}"))
    assert (status, sentence) == (
        409, "No se pudo colgar la llamada: el proveedor no responde. No se ha cambiado nada.",
    )  # fmt: skip
    assert (Job.objects.values().get(), CallAttempt.objects.values("state", "outcome").get()) == before


def test_many_deletes_leave_the_counts_exact(as_user: AsUser, bob: User) -> None:
    jobs = some_jobs(30)
    client = as_user(bob)
    for job in jobs[:20]:
        assert client.delete(f"{JOBS}/{job.pk}").status_code == 200
    totals = Count.objects.of(jobs[0].batch_id)
    assert (totals.pending, totals.jobs) == (10, 10)
