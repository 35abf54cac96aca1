"""GET /api/v1/jobs/{id}/why: always a sentence, a code, and when."""

import pytest

from crm.models import User
from tests.jobs.asking import JOBS, AsUser, error_of
from tests.jobs.rows import a_batch, a_job

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize("named_by", ["pk", "job_id"])
def test_a_paused_campaign_is_named_as_the_reason(as_user: AsUser, bob: User, named_by: str) -> None:
    waiting, paused = a_job(), a_job(a_batch(is_active=False))
    found = [as_user(bob).get(f"{JOBS}/{getattr(job, named_by)}/why").json() for job in (waiting, paused)]
    for answer in found:
        assert set(answer) == {"reason", "code", "next_try_at"}
        assert answer["reason"].endswith(".")
        assert "!" not in answer["reason"]
    assert found[0]["code"] != found[1]["code"]


@pytest.mark.parametrize("status", ["in_progress", "completed", "failed", "suspended", "cancelled"])
def test_every_state_has_an_answer(as_user: AsUser, bob: User, status: str) -> None:
    answer = as_user(bob).get(f"{JOBS}/{a_job(status=status).pk}/why")
    assert (answer.status_code, bool(answer.json()["reason"])) == (200, True)


def test_an_unknown_one_is_404(as_user: AsUser, bob: User) -> None:
    assert error_of(as_user(bob).get(f"{JOBS}/job_nada/why")) == (404, "Job job_nada no encontrado")
