"""Retell knocks: proven by its signature over the raw bytes, taken in at once, as often as it likes."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.models import CallAttempt, Count, ProviderCircuit, Tombstone
from tests.jobs.retell_server import KEY, signed
from tests.jobs.rows import a_job, an_attempt

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
WEBHOOK = "/api/v1/calls/webhook/retell"


@pytest.fixture(autouse=True)
def _retell(settings: Any) -> Iterator[None]:
    settings.RETELL_API_KEY = KEY
    yield
    cache.clear()


@pytest.fixture
def attempt() -> CallAttempt:
    return an_attempt(a_job(), provider="retell", provider_ref="call_1", placed_at=timezone.now())


def a_call(attempt: CallAttempt | None = None, **values: Any) -> dict[str, Any]:
    """Answered, analysed and paid."""
    now = int(time.time() * 1000)
    return {
        "call_id": attempt.provider_ref if attempt else "call_1",
        "call_status": "ended",
        "disconnection_reason": "user_hangup",
        "metadata": {"attempt": str(attempt.pk)} if attempt else {},
        "start_timestamp": now - 42_000,
        "end_timestamp": now,
        "duration_ms": 42_000,
        "transcript": "Agent: Hola.",
        "call_analysis": {"in_voicemail": False, "call_summary": "Acuerda pagar.", "call_successful": True},
        "call_cost": {"combined_cost": 14.5, "total_duration_seconds": 42},
        **values,
    }


def post(client: Client, event: str, call: Any, **headers: str) -> Any:
    body = json.dumps({"event": event, "call": call}).encode()
    return client.post(WEBHOOK, data=body, content_type="application/json", headers={**signed(body), **headers})


def states(attempt: CallAttempt) -> tuple[str, str, str]:
    attempt.refresh_from_db()
    attempt.job.refresh_from_db()
    return attempt.state, attempt.outcome, attempt.job.status


# --- What it tells ----------------------------------------------------------------------------


def test_the_end_of_a_call_is_taken_in(client: Client, attempt: CallAttempt) -> None:
    answer = post(client, "call_analyzed", a_call(attempt))
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    assert states(attempt) == ("ended", Outcome.ANSWERED, JobStatus.COMPLETED)
    assert (attempt.seconds, attempt.cost_micros, attempt.summary) == (42, 145_000, "Acuerda pagar.")
    assert attempt.is_settled


def test_the_same_again_changes_nothing(client: Client, attempt: CallAttempt) -> None:
    call = a_call(attempt)
    for _ in range(3):
        assert post(client, "call_analyzed", call).status_code == 200
    assert states(attempt) == ("ended", Outcome.ANSWERED, JobStatus.COMPLETED)
    totals = Count.objects.of(attempt.batch_id)
    assert (totals.completed, totals.seconds, totals.cost_micros) == (1, 42, 145_000)


def test_a_voicemail_is_told_after_the_end_and_is_still_no_success(client: Client, attempt: CallAttempt) -> None:
    """The end comes first, looks like somebody who answered, and must not complete the job."""
    ended = a_call(attempt, disconnection_reason="agent_hangup", call_analysis=None, call_cost=None)
    post(client, "call_ended", ended)
    assert states(attempt) == ("calling", "", JobStatus.IN_PROGRESS)
    post(client, "call_analyzed", a_call(attempt, call_analysis={"in_voicemail": True}))
    assert states(attempt) == ("ended", Outcome.VOICEMAIL, JobStatus.PENDING)


def test_a_start_is_noted_also_before_the_answer_to_our_own_request(client: Client) -> None:
    attempt = an_attempt(a_job(), AttemptState.PLACING, provider="retell")
    call = {"call_id": "call_9", "call_status": "ongoing", "metadata": {"attempt": str(attempt.pk)}}
    assert post(client, "call_started", call).status_code == 200
    assert states(attempt) == ("calling", "", JobStatus.IN_PROGRESS)
    assert attempt.provider_ref == "call_9"


def test_without_our_key_a_call_is_known_by_its_name(client: Client, attempt: CallAttempt) -> None:
    post(client, "call_analyzed", a_call(attempt, metadata=None))
    assert states(attempt)[:2] == ("ended", Outcome.ANSWERED)


def test_an_attempt_of_another_provider_is_none_of_its_business(client: Client) -> None:
    other = an_attempt(a_job(), provider="simulated", provider_ref="sim_1")
    assert post(client, "call_analyzed", a_call(other)).status_code == 200
    assert states(other)[0] == "calling"


def test_a_removed_job_still_gets_its_costs(client: Client, attempt: CallAttempt) -> None:
    job, batch = attempt.job, attempt.batch_id
    Tombstone.of(job, by=None).save()
    type(job).objects.filter(pk=job.pk).delete()
    assert post(client, "call_analyzed", a_call(attempt)).status_code == 200
    attempt.refresh_from_db()
    assert (attempt.outcome, attempt.cost_micros) == (Outcome.ANSWERED, 145_000)
    totals = Count.objects.of(batch)
    assert (totals.jobs, totals.cost_micros, totals.seconds) == (0, 145_000, 42)


@pytest.mark.parametrize(
    ("event", "call"),
    [
        ("call_analyzed", {"call_id": "call_otra", "call_status": "ended", "metadata": {"attempt": "no"}}),
        ("transcript_updated", {"call_id": "call_1", "call_status": "ended"}),
        ("call_ended", "texto"),
        ("call_ended", None),
        ("call_ended", {}),
        ("call_ended", {"call_id": 7}),
        ("call_ended", {"call_id": ""}),
        ([], {"call_id": "call_1", "call_status": "ended"}),
    ],
)
def test_what_means_nothing_here_is_answered_all_the_same(
    client: Client, attempt: CallAttempt, event: Any, call: Any
) -> None:
    assert post(client, event, call).status_code == 200
    assert states(attempt)[0] == "calling"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"texto"', b"\xff\xfe"])
def test_a_signed_body_that_is_no_event_is_answered_all_the_same(client: Client, body: bytes) -> None:
    answer = client.post(WEBHOOK, data=body, content_type="text/plain", headers=signed(body))
    assert answer.status_code == 200


def test_trouble_at_the_end_of_a_call_counts_against_the_provider_once(client: Client, attempt: CallAttempt) -> None:
    call = a_call(attempt, disconnection_reason="telephony_provider_unavailable", duration_ms=0, call_status="error")
    for _ in range(3):
        post(client, "call_ended", call)
    assert ProviderCircuit.objects.get(pk="retell").troubles == 1


# --- Who knocks -------------------------------------------------------------------------------


def test_nobody_else_is_believed(client: Client, attempt: CallAttempt) -> None:
    body = json.dumps({"event": "call_analyzed", "call": a_call(attempt)}).encode()
    right = signed(body)["x-retell-signature"]
    for given in [
        {},
        {"x-retell-signature": ""},
        {"x-retell-signature": right.partition(",")[2]},
        {"x-retell-signature": right[:-1]},
        {"x-retell-signature": right.replace("d=", "d=0")},
        {"x-retell-signature": "v=ñ,d=ñ"},
        signed(body, key="otra"),
        signed(body, key=""),
        signed(body + b" "),
        signed(body, at=time.time() - 301),
        signed(body, at=time.time() + 301),
        {"x-retell-signature": f"v={int(time.time() * 1000) + 1000},{right.partition(',')[2]}"},
    ]:
        answer = client.post(WEBHOOK, data=body, content_type="application/json", headers=given)
        assert (answer.status_code, answer.json()["code"]) == (403, "firma_invalida"), given
        assert answer.json()["detail"] == "La firma falta o no es válida."
    assert states(attempt)[0] == "calling"


def test_a_clock_that_goes_a_little_wrong_is_forgiven(client: Client, attempt: CallAttempt) -> None:
    body = json.dumps({"event": "call_analyzed", "call": a_call(attempt)}).encode()
    headers = signed(body, at=time.time() - 290)
    assert client.post(WEBHOOK, data=body, content_type="application/json", headers=headers).status_code == 200


def test_without_a_key_of_ours_nobody_is_believed(client: Client, attempt: CallAttempt, settings: Any) -> None:
    settings.RETELL_API_KEY = ""
    body = b"{}"
    answer = client.post(WEBHOOK, data=body, content_type="application/json", headers=signed(body, key=""))
    assert answer.status_code == 403


def test_strangers_are_counted_and_who_signs_is_not(client: Client, attempt: CallAttempt, settings: Any) -> None:
    found = {client.post(WEBHOOK, data=b"{}", content_type="application/json").status_code for _ in range(70)}
    assert found == {403, 429}
    assert post(client, "call_analyzed", a_call(attempt)).status_code == 200


def test_the_simulated_provider_sends_nothing(client: Client) -> None:
    answer = client.post("/api/v1/calls/webhook/simulated", data=b"{}", content_type="application/json")
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/api/v1/calls/webhook/otro", "/api/v1/calls/webhook/otro/"])
def test_an_unknown_provider_is_not_found(client: Client, path: str) -> None:
    answer = client.post(path, data=b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Proveedor no encontrado.")


def test_the_slash_at_the_end_is_optional(client: Client, attempt: CallAttempt) -> None:
    body = json.dumps({"event": "call_analyzed", "call": a_call(attempt)}).encode()
    answer = client.post(f"{WEBHOOK}/", data=body, content_type="application/json", headers=signed(body))
    assert answer.status_code == 200


def test_only_what_is_posted_is_taken(client: Client) -> None:
    answer = client.get(WEBHOOK)
    assert (answer.status_code, answer.json()["code"]) == (405, "metodo_no_permitido")


def test_a_name_that_no_database_takes_means_nothing(client: Client, attempt: CallAttempt) -> None:
    assert post(client, "call_ended", a_call(call_id="call_\x00")).status_code == 200
    assert states(attempt)[0] == AttemptState.CALLING


def test_a_huge_body_is_refused_unread(client: Client) -> None:
    body = b"a" * (4 * 1024 * 1024 + 1)
    answer = client.post(WEBHOOK, data=body, content_type="application/json", headers=signed(body))
    assert answer.status_code == 413


def test_it_costs_few_queries(client: Client, attempt: CallAttempt, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(16):
        post(client, "call_analyzed", a_call(attempt))
