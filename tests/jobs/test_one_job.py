"""GET /api/v1/jobs/{id}: by either id, with the transcript."""

import pytest

from crm.models import User
from tests.jobs.asking import JOBS, AsUser, error_of
from tests.jobs.rows import a_job
from tests.jobs.test_list_jobs import called

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize("named_by", ["pk", "job_id"])
def test_either_id_finds_it_also_in_capitals_and_with_a_slash(as_user: AsUser, bob: User, named_by: str) -> None:
    job = a_job()
    client = as_user(bob)
    assert client.get(f"{JOBS}/{getattr(job, named_by)}").json()["_id"] == job.pk
    assert client.get(f"{JOBS}/{getattr(job, named_by)}/").json()["_id"] == job.pk
    assert client.get(f"{JOBS}/{job.pk.upper()}").json()["_id"] == job.pk


def test_it_is_the_row_of_the_list_and_the_transcript(as_user: AsUser, bob: User) -> None:
    job = called(a_job())
    client = as_user(bob)
    one, [row] = client.get(f"{JOBS}/{job.pk}").json(), client.get(JOBS).json()
    assert one["call_result"]["summary"].pop("transcript") == "Hola. Hola, dígame."
    assert one == row


@pytest.mark.parametrize("unknown", ["0" * 24, "job_nada", "undefined", "null", "ñ", "9" * 200])
def test_an_unknown_one_is_404_in_the_words_of_the_contract(as_user: AsUser, bob: User, unknown: str) -> None:
    assert error_of(as_user(bob).get(f"{JOBS}/{unknown}")) == (404, f"Job {unknown} no encontrado")


def test_a_wrong_method_is_said_so(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).patch(f"{JOBS}/{a_job().pk}", {})
    assert (answer.status_code, answer.json()["code"]) == (405, "metodo_no_permitido")
