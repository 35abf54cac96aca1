"""Retell's adapter against a server that speaks its documented API: what is sent, and what each answer means."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from crm import wires
from jobs.choices import Outcome
from jobs.providers import http, provider_named, retell, retell_answers
from jobs.providers.base import CallReport, CallRequest, Refused, Uncertain, Unreachable
from jobs.providers.retell import RetellProvider
from tests.jobs.retell_server import (
    AGENT,
    FROM,
    KEY,
    RetellServer,
    a_retell_server,
    answering,
    dropping_after,
    dropping_before,
    failing_after,
    holding,
    mumbling,
    refusing,
)

NUMBER = "+51911111111"


@pytest.fixture
def server(settings: Any) -> Iterator[RetellServer]:
    retell._lines.forget()
    with a_retell_server(settings) as made:
        yield made


@pytest.fixture
def provider(server: RetellServer) -> RetellProvider:
    made = provider_named("retell")
    assert isinstance(made, RetellProvider)
    return made


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_SECONDS", 0.3)
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.6)


def a_request(**values: Any) -> CallRequest:
    usual = {"key": uuid4(), "number": NUMBER, "max_seconds": 300, "ring_seconds": 30}
    return CallRequest(**{**usual, **values})


def fetched(provider: RetellProvider, server: RetellServer, **ended: Any) -> CallReport:
    ref = provider.place(a_request())
    server.end(ref, **ended)
    report = provider.fetch(ref)
    assert report is not None
    return report


# --- Placing ----------------------------------------------------------------------------------


def test_a_call_is_asked_for_by_the_names_that_retell_has(provider: RetellProvider, server: RetellServer) -> None:
    request = a_request(variables={"nombre": "Persona", "monto_total": "45000"}, job_id="job_1", batch_id="batch-1")
    assert provider.place(request) in server.calls
    assert server.bodies == [
        {
            "from_number": FROM,
            "to_number": NUMBER,
            "override_agent_id": AGENT,
            "agent_override": {"agent": {"ring_duration_ms": 30_000, "max_call_duration_ms": 300_000}},
            "retell_llm_dynamic_variables": {"nombre": "Persona", "monto_total": "45000"},
            "metadata": {"attempt": str(request.key), "job_id": "job_1", "batch_id": "batch-1"},
            "idempotency_key": str(request.key),
            "honor_internal_dnc": True,
        }
    ]


@pytest.mark.parametrize(("ring", "talk", "expected"), [(1, 10, (5_000, 60_000)), (900, 90_000, (300_000, 7_200_000))])
def test_limits_are_kept_within_what_retell_takes(
    provider: RetellProvider, server: RetellServer, ring: int, talk: int, expected: tuple[int, int]
) -> None:
    provider.place(a_request(ring_seconds=ring, max_seconds=talk))
    agent = server.bodies[0]["agent_override"]["agent"]
    assert (agent["ring_duration_ms"], agent["max_call_duration_ms"]) == expected


def test_the_same_key_rings_once(provider: RetellProvider, server: RetellServer) -> None:
    request = a_request()
    assert provider.place(request) == provider.place(request)
    assert server.dials[NUMBER] == 1


@pytest.mark.parametrize(
    ("status", "message", "outcome"),
    [
        (429, "Concurrency limit reached.", Outcome.CAPACITY),
        (402, "No valid payment.", Outcome.CREDIT),
        (400, "to_number must be in E.164 format.", Outcome.BAD_NUMBER),
        (422, "Invalid destination phone number.", Outcome.BAD_NUMBER),
        (400, "from_number is not a phone number of yours.", Outcome.PROVIDER),
        (422, "agent_override is not valid.", Outcome.PROVIDER),
        (401, "Invalid API key.", Outcome.PROVIDER),
        (403, "Forbidden.", Outcome.PROVIDER),
        (404, "Agent not found.", Outcome.PROVIDER),
        (302, "Elsewhere.", Outcome.PROVIDER),
    ],
)
def test_a_refusal_is_surely_no_call(
    provider: RetellProvider, server: RetellServer, status: int, message: str, outcome: Outcome
) -> None:
    server.always = refusing(status, message)
    with pytest.raises(Refused) as refused:
        provider.place(a_request())
    assert refused.value.outcome == outcome
    assert str(refused.value).endswith((".", ")."))
    assert len(server.bodies) == 1


def test_how_long_to_wait_is_what_retell_says(provider: RetellProvider, server: RetellServer) -> None:
    server.always = refusing(429, Retry_After="17")
    with pytest.raises(Refused) as refused:
        provider.place(a_request())
    assert refused.value.wait == 17


def test_a_wrong_key_is_named_and_never_shown(
    provider: RetellProvider, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.RETELL_API_KEY = "key_equivocada"
    with caplog.at_level(logging.DEBUG), pytest.raises(Refused) as refused:
        provider.place(a_request())
    assert "RETELL_API_KEY" in str(refused.value)
    assert "key_equivocada" not in caplog.text + str(refused.value)


def test_without_a_connection_there_is_surely_no_call(provider: RetellProvider, server: RetellServer) -> None:
    server.close()
    with pytest.raises(Refused) as refused:
        provider.place(a_request())
    assert refused.value.outcome == Outcome.PROVIDER


def test_a_key_that_cannot_be_sent_is_no_call_either(provider: RetellProvider, settings: Any) -> None:
    settings.RETELL_API_KEY = "con\nsalto"
    with pytest.raises(Refused):
        provider.place(a_request())


@pytest.mark.parametrize("behaviour", [dropping_before, dropping_after, failing_after, refusing(503), refusing(409)])
def test_after_the_request_left_no_answer_is_no_refusal(
    provider: RetellProvider, server: RetellServer, behaviour: Any
) -> None:
    server.always = behaviour
    with pytest.raises(Uncertain):
        provider.place(a_request())
    assert len(server.bodies) == 1


@pytest.mark.parametrize(("owner", "limit", "lasts"), [(wires, "FIND_SECONDS", 10.0), (http, "TOTAL_SECONDS", 0.6)])
def test_a_name_that_is_looked_up_for_too_long_is_no_call_also_later(
    provider: RetellProvider,
    server: RetellServer,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    limit: str,
    lasts: float,
) -> None:
    """Nobody waits for it, and nothing is sent when the address comes after all."""
    released, looked_up, usual = threading.Event(), threading.Event(), socket.getaddrinfo

    def slowly(*args: Any, **kwargs: Any) -> Any:
        released.wait(lasts)
        looked_up.set()
        return usual(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    monkeypatch.setattr(owner, limit, 0.2)
    with pytest.raises(Refused):
        provider.place(a_request())
    assert looked_up.is_set() == (limit == "TOTAL_SECONDS")
    released.set()
    assert looked_up.wait(2)
    time.sleep(0.2)  # a request that was sent all the same would have arrived
    assert server.bodies == []


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("behaviour", [holding(3), mumbling], ids=["silent", "trickling"])
def test_who_takes_too_long_is_not_waited_for(provider: RetellProvider, server: RetellServer, behaviour: Any) -> None:
    server.always = behaviour
    started = time.monotonic()
    with pytest.raises(Uncertain):
        provider.place(a_request())
    assert time.monotonic() - started < 2
    assert (server.dials[NUMBER], len(server.bodies)) == (1, 1)


@pytest.mark.parametrize(
    "body", [{}, [], {"call_id": 7}, {"call_id": ""}, {"call_id": "a" * 121}, {"call_id": "a\x00"}, "texto"]
)
def test_a_yes_without_a_name_for_the_call_is_uncertain(
    provider: RetellProvider, server: RetellServer, body: Any
) -> None:
    server.always = answering(201, body)
    with pytest.raises(Uncertain):
        provider.place(a_request())


def test_an_answer_without_end_is_not_read_to_its_end(
    provider: RetellProvider, server: RetellServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "LARGEST_ANSWER", 1_000)
    server.always = answering(201, {"call_id": "call_1", "transcript": "a" * 2_000})
    with pytest.raises(Uncertain):
        provider.place(a_request())


def test_without_key_number_and_agent_it_is_not_configured(provider: RetellProvider, settings: Any) -> None:
    assert provider.is_configured
    for name in ("RETELL_API_KEY", "RETELL_FROM_NUMBER", "RETELL_AGENT_ID"):
        before = getattr(settings, name)
        setattr(settings, name, "")
        assert not provider.is_configured
        setattr(settings, name, before)


# --- How it stands ----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["registered", "ongoing"])
def test_a_call_goes_on(provider: RetellProvider, server: RetellServer, status: str) -> None:
    request = a_request()
    ref = provider.place(request)
    server.calls[ref]["call_status"] = status
    report = provider.fetch(ref)
    assert report is not None
    assert (report.outcome, report.is_final, report.key, report.status) == (None, False, request.key, status)


def test_what_became_of_a_call_is_told_in_our_words(provider: RetellProvider, server: RetellServer) -> None:
    report = fetched(
        provider,
        server,
        recording_url="https://example.invalid/r.wav",
        public_log_url="https://example.invalid/l.txt",
        collected_dynamic_variables={"fecha_pago_cliente": "2026-12-05", "monto_pago_cliente": "45000"},
    )
    assert (report.outcome, report.is_final, report.reason) == (Outcome.ANSWERED, True, "user_hangup")
    assert (report.seconds, report.cost_micros) == (42, 145_000)  # 14.5 cents
    assert (report.summary, report.sentiment, report.successful) == ("Acuerda pagar.", "Positive", True)
    assert report.collected == {"fecha_pago_cliente": "2026-12-05", "monto_pago_cliente": "45000"}
    assert report.recording_url == "https://example.invalid/r.wav"
    assert report.log_url == "https://example.invalid/l.txt"
    assert report.answered_at is not None
    assert report.ended_at is not None
    assert report.ended_at - report.answered_at == timedelta(seconds=42)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("user_hangup", Outcome.ANSWERED),
        ("agent_hangup", Outcome.ANSWERED),
        ("call_transfer", Outcome.ANSWERED),
        ("inactivity", Outcome.ANSWERED),
        ("max_duration_reached", Outcome.ANSWERED),
        ("voicemail_reached", Outcome.VOICEMAIL),
        ("ivr_reached", Outcome.VOICEMAIL),
        ("dial_no_answer", Outcome.NO_ANSWER),
        ("user_declined", Outcome.NO_ANSWER),
        ("dial_busy", Outcome.BUSY),
        ("invalid_destination", Outcome.BAD_NUMBER),
        ("marked_as_spam", Outcome.BLOCKED),
        ("scam_detected", Outcome.BLOCKED),
        ("user_requested_dnc", Outcome.OPT_OUT),
        ("user_requested_callback", Outcome.CALL_BACK),
        ("concurrency_limit_reached", Outcome.CAPACITY),
        ("no_concurrency_fallback", Outcome.CAPACITY),
        ("no_valid_payment", Outcome.CREDIT),
        ("telephony_provider_unavailable", Outcome.PROVIDER),
        ("telephony_provider_permission_denied", Outcome.PROVIDER),
        ("sip_routing_error", Outcome.PROVIDER),
        ("dial_failed", Outcome.PROVIDER),
        ("error_llm_websocket_open", Outcome.PROVIDER),
        ("registered_call_timeout", Outcome.PROVIDER),
        ("manual_stopped", Outcome.STOPPED),
        ("something_new", Outcome.PROVIDER),
    ],
)
def test_each_reason_has_its_outcome(
    provider: RetellProvider, server: RetellServer, reason: str, outcome: Outcome
) -> None:
    assert fetched(provider, server, reason=reason).outcome == outcome


@pytest.mark.parametrize(
    ("status", "outcome"), [("not_connected", Outcome.NO_ANSWER), ("error", Outcome.PROVIDER), ("ended", None)]
)
def test_an_end_without_a_reason(
    provider: RetellProvider, server: RetellServer, status: str, outcome: Outcome | None
) -> None:
    assert fetched(provider, server, reason="", status=status).outcome == (outcome or Outcome.ANSWERED)


def test_a_machine_that_answered_is_a_voicemail_whoever_hung_up(provider: RetellProvider, server: RetellServer) -> None:
    report = fetched(provider, server, reason="agent_hangup", call_analysis={"in_voicemail": True})
    assert report.outcome == Outcome.VOICEMAIL


def test_until_it_is_analysed_nobody_says_that_somebody_answered(
    provider: RetellProvider, server: RetellServer
) -> None:
    report = fetched(provider, server, reason="agent_hangup", call_analysis=None)
    assert (report.outcome, report.is_final) == (None, False)
    assert report.look_again_in == 5


def test_an_analysis_that_does_not_come_is_not_waited_for_for_ever(
    provider: RetellProvider, server: RetellServer
) -> None:
    long_ago = int((timezone.now() - retell_answers.ANALYSIS_WAIT - timedelta(seconds=1)).timestamp() * 1000)
    report = fetched(provider, server, reason="agent_hangup", call_analysis=None, end_timestamp=long_ago)
    assert (report.outcome, report.is_final) == (Outcome.ANSWERED, False)


@pytest.mark.parametrize(
    ("reason", "seconds", "outcome"),
    [
        ("user_hangup", 7, Outcome.BRIEF),
        ("user_hangup", 8, Outcome.ANSWERED),
        ("agent_hangup", 3, Outcome.ANSWERED),
    ],
)
def test_who_hangs_up_at_once_was_told_nothing(
    provider: RetellProvider, server: RetellServer, reason: str, seconds: int, outcome: Outcome
) -> None:
    assert fetched(provider, server, reason=reason, seconds=seconds).outcome == outcome


def test_a_price_that_is_missing_makes_it_not_final(provider: RetellProvider, server: RetellServer) -> None:
    report = fetched(provider, server, call_cost=None)
    assert (report.outcome, report.is_final, report.cost_micros) == (Outcome.ANSWERED, False, None)


def test_who_did_not_pick_up_is_final_at_once(provider: RetellProvider, server: RetellServer) -> None:
    report = fetched(provider, server, reason="dial_no_answer", status="not_connected")
    assert (report.outcome, report.is_final, report.answered_at) == (Outcome.NO_ANSWER, True, None)


def test_values_of_any_other_type_break_nothing(provider: RetellProvider, server: RetellServer) -> None:
    report = fetched(
        provider,
        server,
        disconnection_reason=["user_hangup"],
        end_timestamp="ayer",
        start_timestamp=-1,
        duration_ms={"ms": 4},
        call_cost={"combined_cost": "mucho", "total_duration_seconds": True},
        call_analysis={"in_voicemail": "quizá", "call_summary": 7, "call_successful": "sí", "custom_analysis_data": []},
        transcript="hola\x00 \ud83d".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
        recording_url="javascript:alert(1)",
        public_log_url="https://" + "a" * 2_000,
        collected_dynamic_variables={"n": 7, "lista": [1], "nada": None, "sí": True},
        metadata="texto",
    )
    assert report.outcome is not None
    assert (report.cost_micros, report.summary, report.successful, report.key) == (None, "", None, None)
    assert (report.recording_url, report.log_url) == ("", "")
    assert "\x00" not in report.transcript
    assert report.collected == {"n": "7", "sí": "True"}


@pytest.mark.parametrize(
    ("status", "message"), [(404, "Call not found."), (422, "Cannot find requested asset under given api key.")]
)
def test_a_call_that_retell_does_not_know(
    provider: RetellProvider, server: RetellServer, status: int, message: str
) -> None:
    server.on_path["/v2/get-call"] = refusing(status, message)
    assert provider.fetch("call_otra") is None


@pytest.mark.parametrize(
    "behaviour", [refusing(401), refusing(429), refusing(500), dropping_before, answering(200, "texto")]
)
def test_a_question_that_is_not_answered_changes_nothing(
    provider: RetellProvider, server: RetellServer, behaviour: Any
) -> None:
    ref = provider.place(a_request())
    for path in ("/v2/get-call", "/v3/list-calls", "/get-concurrency"):
        server.on_path[path] = behaviour
    with pytest.raises(Unreachable):
        provider.fetch(ref)
    with pytest.raises(Unreachable):
        provider.find(uuid4(), since=timezone.now())
    with pytest.raises(Unreachable):
        provider.capacity()


# --- Found by key -----------------------------------------------------------------------------


def test_a_call_is_found_by_the_key_we_gave_along(provider: RetellProvider, server: RetellServer) -> None:
    for _ in range(3):
        provider.place(a_request())
    request = a_request()
    ref = provider.place(request)
    assert provider.find(request.key, since=timezone.now()) == ref
    assert provider.find(uuid4(), since=timezone.now()) is None


def test_a_list_that_ignores_the_filter_is_read_to_its_end(provider: RetellProvider, server: RetellServer) -> None:
    server.filters, server.page = False, 2
    requests = [a_request() for _ in range(5)]
    refs = [provider.place(request) for request in requests]
    assert provider.find(requests[4].key, since=timezone.now()) == refs[4]
    assert provider.find(uuid4(), since=timezone.now()) is None


def test_who_has_too_many_calls_to_look_through_cannot_say_that_there_is_none(
    provider: RetellProvider, server: RetellServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retell, "MOST_PAGES", 2)
    server.filters, server.page = False, 1
    for _ in range(4):
        provider.place(a_request())
    with pytest.raises(Unreachable):
        provider.find(uuid4(), since=timezone.now())


# --- Hanging up, lines ------------------------------------------------------------------------


def test_hanging_up(provider: RetellProvider, server: RetellServer) -> None:
    ref = provider.place(a_request())
    provider.stop(ref)
    report = provider.fetch(ref)
    assert server.stopped == [ref]
    assert report is not None
    assert report.outcome == Outcome.STOPPED


def test_what_is_over_or_unknown_needs_no_hanging_up(provider: RetellProvider, server: RetellServer) -> None:
    ref = provider.place(a_request())
    server.end(ref)
    provider.stop(ref)
    provider.stop("call_otra")
    assert server.stopped == []


@pytest.mark.parametrize("behaviour", [refusing(500), refusing(400, "Try again."), dropping_before])
def test_a_call_that_goes_on_was_not_hung_up(provider: RetellProvider, server: RetellServer, behaviour: Any) -> None:
    ref = provider.place(a_request())
    server.on_path["/v2/stop-call"] = behaviour
    with pytest.raises(Unreachable):
        provider.stop(ref)


def test_its_lines_are_asked_for_once_in_a_while(provider: RetellProvider, server: RetellServer) -> None:
    server.lines = 20
    assert [provider.capacity() for _ in range(3)] == [20, 20, 20]
    assert len(server.paths("/get-concurrency")) == 1


def test_the_key_travels_in_the_header_alone(provider: RetellProvider, server: RetellServer) -> None:
    provider.place(a_request())
    assert KEY not in str(server.asked)
