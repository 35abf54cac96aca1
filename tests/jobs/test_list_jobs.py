"""GET /api/v1/jobs: a bare array, newest first, the total in a header, in the shape that the client reads."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import Job
from tests.factories import ContactFactory
from tests.jobs.asking import BATCHES, JOBS, AsUser, error_of, ids, pks
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

REQUIRED = {"_id", "job_id", "batch_id", "status", "contact", "attempts", "max_attempts", "created_at"}
ENDED = {
    "outcome": Outcome.ANSWERED,
    "seconds": 42,
    "cost_micros": 145_000,
    "summary": "Acuerda pagar.",
    "sentiment": "Positive",
    "successful": True,
    "transcript": "Hola. Hola, dígame.",
    "reason": "user_hangup",
    "collected": {"fecha_pago_cliente": "2025-12-05", "monto_pago_cliente": "45000"},
    "promised_on": date(2025, 12, 5),
    "promised_micros": 45_000_000_000,
    "recording_url": "https://example.invalid/r.wav",
}


def called(job: Job, **values: Any) -> Job:
    """A job whose last call is over."""
    an_attempt(job, AttemptState.ENDED, **{**ENDED, "ended_at": timezone.now(), **values})
    Job.objects.filter(pk=job.pk).update(status=JobStatus.COMPLETED)
    return job


# --- The list ---------------------------------------------------------------------------------


def test_an_empty_list_is_an_empty_array(as_user: AsUser, bob: User) -> None:
    answer = as_user(bob).get(JOBS)
    assert (answer.status_code, answer.json(), answer["X-Total-Count"]) == (200, [], "0")


def test_the_newest_come_first(as_user: AsUser, bob: User) -> None:
    jobs = some_jobs(5)
    assert ids(as_user(bob).get(JOBS)) == pks(reversed(jobs))


def test_a_thousand_are_answered_when_nobody_says_how_many(as_user: AsUser, bob: User) -> None:
    some_jobs(1_003)
    answer = as_user(bob).get(JOBS)
    assert len(answer.json()) == 1_000
    assert answer["X-Total-Count"] == "1003"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"limit": 2}, slice(0, 2)),
        ({"limit": 2, "skip": 3}, slice(3, 5)),
        ({"limit": "5000"}, slice(0, 7)),
        ({"limit": "0"}, slice(0, 1)),
        ({"limit": "-3"}, slice(0, 1)),
        ({"limit": "muchos"}, slice(0, 7)),
        ({"skip": "-1"}, slice(0, 7)),
        ({"skip": "9" * 30}, slice(7, 7)),
        ({"limit": "", "skip": ""}, slice(0, 7)),
    ],
)
def test_odd_limits_are_clamped_and_never_refused(
    as_user: AsUser, bob: User, parameters: dict[str, Any], expected: slice
) -> None:
    newest_first = pks(reversed(some_jobs(7)))
    answer = as_user(bob).get(JOBS, parameters)
    assert ids(answer) == newest_first[expected]
    assert answer["X-Total-Count"] == "7"


def test_far_down_the_list_nobody_is_lost_or_repeated(as_user: AsUser, bob: User) -> None:
    newest_first = pks(reversed(some_jobs(2_450)))
    client = as_user(bob)
    found = [pk for skip in range(0, 2_450, 200) for pk in ids(client.get(JOBS, {"limit": 200, "skip": skip}))]
    assert found == newest_first
    assert ids(client.get(JOBS, {"limit": 200, "skip": 2_200})) == newest_first[2_200:2_400]


# --- Filters ----------------------------------------------------------------------------------


@pytest.fixture
def one_of_each() -> dict[str, Job]:
    """A job of each state in one campaign, the newest cancelled."""
    batch = a_batch()
    found = {status: a_job(batch, status=status) for status in JobStatus.values}
    found["scheduled"] = a_job(batch, next_try_at=timezone.now() + timedelta(hours=3))
    return found


def test_cancelled_ones_come_only_when_asked_for(as_user: AsUser, bob: User, one_of_each: dict[str, Job]) -> None:
    client = as_user(bob)
    everything = set(pks(one_of_each.values()))
    batch_id = one_of_each["pending"].batch_id
    for answer in (client.get(JOBS), client.get(JOBS, {"batch_id": batch_id})):
        assert set(ids(answer)) == everything - {one_of_each["cancelled"].pk}
        assert answer["X-Total-Count"] == str(len(everything) - 1)
    assert ids(client.get(JOBS, {"status": "cancelled"})) == [one_of_each["cancelled"].pk]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("pending", ["scheduled", "pending"]),
        ("scheduled", ["scheduled"]),
        ("in_progress", ["in_progress"]),
        ("completed", ["completed"]),
        ("done", ["completed"]),
        ("failed", ["failed"]),
        ("suspended", ["suspended"]),
        (" Pending ", ["scheduled", "pending"]),
    ],
)
def test_each_tab_of_the_client_has_its_jobs(
    as_user: AsUser, bob: User, one_of_each: dict[str, Job], asked: str, expected: list[str]
) -> None:
    answer = as_user(bob).get(JOBS, {"status": asked})
    assert ids(answer) == [one_of_each[name].pk for name in expected]
    total = as_user(bob).get(JOBS, {"status": asked, "limit": 1})["X-Total-Count"]
    assert total == str(len(expected))


def test_an_unknown_state_is_said_to_be_none(as_user: AsUser, bob: User) -> None:
    status, sentence = error_of(as_user(bob).get(JOBS, {"status": "lost"}))
    assert status == 400
    assert sentence.startswith("Estado: No es un valor permitido. Use uno de estos: pending, in_progress")
    assert as_user(bob).get(JOBS, {"status": ""}).status_code == 200


@pytest.mark.parametrize("named_by", ["pk", "batch_id"])
def test_the_jobs_of_a_campaign_by_either_id(as_user: AsUser, bob: User, named_by: str) -> None:
    mine, _other = some_jobs(3), some_jobs(2)
    name = getattr(mine[0].batch, named_by)
    answer = as_user(bob).get(JOBS, {"batch_id": name, "limit": 2})
    assert (ids(answer), answer["X-Total-Count"]) == (pks(reversed(mine))[:2], "3")
    answer = as_user(bob).get(f"{BATCHES}/{name}/jobs", {"status": "failed"})
    assert (ids(answer), answer["X-Total-Count"]) == ([], "0")
    assert ids(as_user(bob).get(f"{BATCHES}/{name}/jobs")) == pks(reversed(mine))


@pytest.mark.parametrize("named_by", ["pk", "account_id"])
def test_the_jobs_of_an_account_by_either_id(as_user: AsUser, bob: User, named_by: str) -> None:
    account = an_account()
    mine = [*some_jobs(2, a_batch(account)), *some_jobs(1, a_batch(account))]
    some_jobs(2)
    answer = as_user(bob).get(JOBS, {"account_id": getattr(account, named_by), "limit": 2})
    assert (ids(answer), answer["X-Total-Count"]) == (pks(reversed(mine))[:2], "3")


def test_a_campaign_of_another_account_has_nothing_in_this_one(as_user: AsUser, bob: User) -> None:
    job = a_job()
    other = an_account()
    client = as_user(bob)
    assert ids(client.get(JOBS, {"batch_id": job.batch_id, "account_id": other.pk})) == []
    assert ids(client.get(JOBS, {"batch_id": job.batch_id, "account_id": job.account_id})) == [job.pk]


@pytest.mark.parametrize("filter", ["batch_id", "account_id"])
def test_an_id_that_nobody_has_finds_nothing(as_user: AsUser, bob: User, filter: str) -> None:
    a_job()
    for unknown in ("undefined", "0" * 24, "batch-1"):
        assert ids(as_user(bob).get(JOBS, {filter: unknown})) == []


def test_the_jobs_of_a_campaign_that_nobody_knows_are_404(as_user: AsUser, bob: User) -> None:
    assert error_of(as_user(bob).get(f"{BATCHES}/nada/jobs")) == (404, "Campaña no encontrada")


@pytest.mark.parametrize("typed", ["núñez", "nunez ros", "12.345.678-k", "987 654 321", "54321", "CODIGO-7"])
def test_people_are_found_by_name_document_phone_and_code(as_user: AsUser, bob: User, typed: str) -> None:
    batch = a_batch()
    wanted = a_job(batch, name="Rosa Núñez", document="12345678K", phones=["+51987654321"], job_id="codigo-7")
    some_jobs(3, batch)
    assert ids(as_user(bob).get(JOBS, {"q": typed})) == [wanted.pk]


# --- The rows ---------------------------------------------------------------------------------


def test_a_job_that_nobody_has_called_has_all_that_the_client_needs(as_user: AsUser, bob: User) -> None:
    job = a_job(payload={"debt_amount": 45000, "company_name": "Comercial Demo"}, document="111111111")
    [row] = as_user(bob).get(JOBS).json()
    assert row.keys() >= REQUIRED
    assert (row["_id"], row["job_id"], row["status"]) == (job.pk, job.job_id, "pending")
    assert (row["batch_id"], row["account_id"]) == (job.batch.batch_id, job.account.account_id)
    assert row["contact"] == {
        "name": job.name, "dni": "111111111", "phones": job.phones, "next_phone_index": 0,
    }  # fmt: skip
    assert (row["attempts"], row["max_attempts"], row["mode"]) == (0, 3, "single")
    assert (row["to_number"], row["monto_total"], row["estimated_cost"]) == (job.phones[0], 45000, 0.47)
    assert row["payload"] == {"debt_amount": 45000, "company_name": "Comercial Demo"}
    for name in ("call_result", "call_duration_seconds", "call_id", "fecha_pago_cliente", "started_at"):
        assert row[name] is None, name
    assert row["is_calling"] is False
    assert row["next_try_at"].endswith("Z")


def test_a_call_that_is_over_stands_where_the_client_reads_it(as_user: AsUser, bob: User) -> None:
    called(a_job())
    [row] = as_user(bob).get(JOBS).json()
    result = row["call_result"]
    assert (result["success"], result["status"], result["outcome"]) == (True, "ended", "answered")
    assert row["call_duration_seconds"] == 42
    assert (row["fecha_pago_cliente"], row["monto_pago_cliente"]) == ("2025-12-05", 45000.0)
    assert (row["call_started_at"][-1], row["call_ended_at"][-1]) == ("Z", "Z")
    assert result["summary"] == {
        "call_status": "ended",
        "disconnection_reason": "user_hangup",
        "duration_ms": 42_000,
        "call_cost": {"total_duration_seconds": 42, "combined_cost": 0.145},
        "call_analysis": {"call_summary": "Acuerda pagar.", "user_sentiment": "Positive", "call_successful": True},
        "recording_url": "https://example.invalid/r.wav",
        "public_log_url": None,
        "collected_dynamic_variables": {"fecha_pago_cliente": "2025-12-05", "monto_pago_cliente": "45000"},
    }
    assert "details" not in result


@pytest.mark.parametrize(
    ("outcome", "success", "status"),
    [
        (Outcome.VOICEMAIL, False, "ended"),
        (Outcome.NO_ANSWER, False, "not_connected"),
        (Outcome.BUSY, False, "not_connected"),
        (Outcome.PROVIDER, False, "error"),
        (Outcome.CALL_BACK, True, "ended"),
    ],
)
def test_only_a_person_on_the_line_is_a_success(
    as_user: AsUser, bob: User, outcome: Outcome, success: bool, status: str
) -> None:
    called(a_job(), outcome=outcome)
    [row] = as_user(bob).get(JOBS).json()
    assert (row["call_result"]["success"], row["call_result"]["status"]) == (success, status)


def test_a_call_that_goes_on_has_no_duration_and_no_result(as_user: AsUser, bob: User) -> None:
    attempt = an_attempt(a_job())
    [row] = as_user(bob).get(JOBS).json()
    assert (row["status"], row["is_calling"], row["call_id"]) == ("in_progress", True, attempt.provider_ref)
    assert (row["call_result"], row["call_duration_seconds"], row["next_try_at"]) == (None, None, None)
    assert row["call_started_at"]


@pytest.mark.parametrize(
    ("payload", "debt"),
    [
        ({}, None),
        ({"deuda": "1200.50"}, 1200.5),
        ({"monto_total": 7}, 7),
        ({"debt_amount": 0, "deuda": 9}, 9),
        ({"debt_amount": "mucho"}, None),
        ({"debt_amount": [1]}, None),
    ],
)
def test_the_debt_is_a_number_at_the_root(
    as_user: AsUser, bob: User, payload: dict[str, Any], debt: float | None
) -> None:
    a_job(payload=payload)
    assert as_user(bob).get(JOBS).json()[0]["monto_total"] == debt


def test_somebody_without_a_phone_has_an_empty_array(as_user: AsUser, bob: User) -> None:
    a_job(phones=[])
    [row] = as_user(bob).get(JOBS).json()
    assert (row["contact"]["phones"], row["to_number"]) == ([], None)


def test_the_campaign_s_attempts_are_the_job_s_and_what_was_granted(as_user: AsUser, bob: User) -> None:
    a_job(a_batch(call_settings={"max_attempts": 5}), attempts=4, granted_attempts=4)
    assert as_user(bob).get(JOBS).json()[0]["max_attempts"] == 9


def test_a_cancelled_one_says_why(as_user: AsUser, bob: User) -> None:
    a_job(a_batch(cancel_reason="Fin de mes"), status=JobStatus.CANCELLED)
    [row] = as_user(bob).get(JOBS, {"status": "cancelled"}).json()
    assert row["cancellation_reason"] == "Fin de mes"


def test_the_contact_of_the_crm_is_named_where_it_is_known(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()
    a_job(contact=contact)
    assert as_user(bob).get(JOBS).json()[0]["contact_id"] == str(contact.pk)


def test_the_transcript_is_not_in_lists(as_user: AsUser, bob: User) -> None:
    called(a_job())
    assert "Hola, dígame" not in as_user(bob).get(JOBS).content.decode()
