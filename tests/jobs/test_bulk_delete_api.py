"""POST /api/v1/jobs/bulk-delete: many at once, each with its own answer."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from crm.models import IdempotencyKey, User
from jobs.models import Job
from tests.jobs.asking import JOBS, AsUser, error_of, pks
from tests.jobs.companies import in_place_of_the_provider
from tests.jobs.rows import a_job, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

BULK = f"{JOBS}/bulk-delete"


def test_all_of_them_by_either_id(as_user: AsUser, bob: User) -> None:
    jobs = some_jobs(5)
    answer = as_user(bob).post(BULK, {"job_ids": [*pks(jobs[:3]), jobs[3].job_id]})
    assert (answer.status_code, answer.json()) == (
        200, {"success": True, "deleted_count": 4, "failed_count": 0, "errors": []},
    )  # fmt: skip
    assert pks(Job.objects.all()) == [jobs[4].pk]


def test_what_is_not_found_is_told_of_each_and_the_others_go(as_user: AsUser, bob: User) -> None:
    job = a_job()
    answer = as_user(bob).post(BULK, {"job_ids": ["0" * 24, job.pk, 7, None, {"a": 1}]})
    told = answer.json()
    assert (answer.status_code, told["success"], told["deleted_count"], told["failed_count"]) == (207, True, 1, 4)
    assert told["errors"][0] == {
        "job_id": "0" * 24, "error": f"Job {'0' * 24} no encontrado", "code": "no_encontrado",
    }  # fmt: skip
    assert [error["job_id"] for error in told["errors"]] == ["0" * 24, "7", "null", '{"a":1}']
    assert not Job.objects.exists()


def test_none_of_them_is_no_success(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).post(BULK, {"job_ids": ["nada"]})
    assert (answer.status_code, answer.json()["success"], answer.json()["deleted_count"]) == (207, False, 0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([], "Lista de IDs de jobs vacía"),
        (["a", "b", "a"], "La lista contiene IDs de jobs repetidos"),
        ([str(n) for n in range(1001)], "Se admiten hasta 1000 jobs por petición; llegaron 1001"),
        ("a", "Jobs: Debe ser una lista."),
        (None, "Jobs: Este campo es requerido."),
    ],
)
def test_a_list_that_is_none_is_a_400(as_user: AsUser, bob: User, wrong: Any, sentence: str) -> None:
    a_job()
    assert error_of(as_user(bob).post(BULK, {"job_ids": wrong})) == (400, sentence)
    assert Job.objects.count() == 1


def test_a_call_that_cannot_be_hung_up_keeps_its_job_and_says_so(
    as_user: AsUser, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place_of_the_provider(monkeypatch).is_away = True
    live, waiting = an_attempt(a_job()).job, a_job()
    answer = as_user(bob).post(BULK, {"job_ids": [live.pk, waiting.pk]})
    assert (answer.status_code, answer.json()["deleted_count"]) == (207, 1)
    [error] = answer.json()["errors"]
    assert (error["job_id"], error["code"]) == (live.pk, "proveedor_no_responde")
    assert pks(Job.objects.all()) == [live.pk]


# --- Asked twice ------------------------------------------------------------------------------


def keyed(client: Any, job_ids: list[str], key: str = "borrado-1") -> Any:
    return client.post(BULK, {"job_ids": job_ids}, headers={"Idempotency-Key": key})


@pytest.mark.django_db(transaction=True)
def test_the_same_key_gives_the_first_answer_again_also_when_calls_were_hung_up(
    as_user: AsUser, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls are hung up side by side: in the transaction of the key they would wait for it, and it for them."""
    if connection.vendor == "sqlite":
        pytest.skip("a database in memory has no second connection that may wait for the first")
    company = in_place_of_the_provider(monkeypatch)
    jobs = [an_attempt(job).job for job in some_jobs(3)]
    client = as_user(bob)
    first, again = keyed(client, pks(jobs)), keyed(client, pks(jobs))
    assert (first.status_code, first.json()["deleted_count"]) == (200, 3)
    assert (again.status_code, again.json()) == (200, first.json())
    assert again["Idempotency-Replayed"] == "true"
    assert len(company.stopped) == 3
    assert keyed(client, ["otro"]).json()["code"] == "clave_reutilizada"


def test_a_refusal_leaves_the_key_free(as_user: AsUser, bob: User) -> None:
    client, job = as_user(bob), a_job()
    assert keyed(client, []).status_code == 400
    assert keyed(client, [job.pk]).status_code == 200


def test_a_key_in_somebody_s_hands_is_a_409_until_they_are_surely_gone(as_user: AsUser, bob: User) -> None:
    client, job = as_user(bob), a_job()
    assert keyed(client, ["nada"]).status_code == 207
    IdempotencyKey.objects.update(status=None, answer=None)
    assert keyed(client, ["nada"]).json()["code"] == "en_curso"
    row = IdempotencyKey.objects.get()
    IdempotencyKey.objects.update(created_at=row.created_at - timedelta(minutes=6))
    assert keyed(client, [job.pk]).status_code == 200
