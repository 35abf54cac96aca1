"""A claimed attempt becomes one call, or none: the write before it is the fence; no answer is no reason to redial."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.phones import parse_phone
from jobs.choices import AttemptState, JobStatus, Outcome, RefusalSource
from jobs.dialling.following import follow_due
from jobs.dialling.placing import place_all
from jobs.dialling.requests import variables_for
from jobs.models import Batch, CallAttempt, DoNotCall
from jobs.providers.base import Refused, Uncertain, Unreachable
from tests.factories import ContactFactory
from tests.jobs.dialling import Told, make_due
from tests.jobs.dialling import told as told
from tests.jobs.retell_server import RetellServer, a_retell_server, answering_only_together, dropping_after, refusing
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def server(settings: Any) -> Iterator[RetellServer]:
    with a_retell_server(settings) as made:
        yield made


def a_claimed(job: Any = None, **values: Any) -> CallAttempt:
    attempt = an_attempt(job or a_job(), AttemptState.CLAIMED, **{"provider": "told", "worker": "w", **values})
    return CallAttempt.objects.select_related("job", "batch", "account").get(pk=attempt.pk)


def _meanwhile(ref: str, **changes: Any) -> Any:
    """While the provider is asked, the row changes; then it says yes."""

    def place(request: Any) -> str:
        CallAttempt.objects.filter(pk=request.key).update(**changes)
        return ref

    return place


def stands(attempt: CallAttempt) -> tuple[str, str, str]:
    attempt.refresh_from_db()
    attempt.job.refresh_from_db()
    return attempt.state, attempt.outcome, attempt.job.status


# --- It goes well -----------------------------------------------------------------------------


def test_each_is_asked_for_once_with_its_own_key(told: Told) -> None:
    attempts = [a_claimed(job) for job in some_jobs(5)]
    place_all(attempts)
    assert {request.key for request in told.placed} == {attempt.pk for attempt in attempts}
    assert len(told.placed) == 5
    for attempt in attempts:
        assert stands(attempt) == (AttemptState.CALLING, "", JobStatus.IN_PROGRESS)
        assert attempt.provider_ref == f"ref_{attempt.pk.hex}"
        assert attempt.placed_at is not None
        assert timezone.now() < attempt.look_at < timezone.now() + timedelta(seconds=16)


def test_the_row_says_that_there_may_be_a_call_before_anybody_is_asked(told: Told) -> None:
    seen: list[str] = []
    told.on_place = lambda request: seen.append(CallAttempt.objects.get(pk=request.key).state)
    place_all([a_claimed()])
    assert seen == [AttemptState.PLACING]


def test_the_campaign_says_how_long_it_rings_and_talks(told: Told) -> None:
    batch = a_batch(call_settings={"ring_timeout": 20, "max_call_duration": 90})
    job = a_job(batch)
    place_all([a_claimed(job)])
    request = told.placed[0]
    assert (request.number, request.ring_seconds, request.max_seconds) == (job.phones[0], 20, 90)
    assert (request.job_id, request.batch_id) == (job.job_id, batch.batch_id)


def test_the_agent_knows_of_the_person_in_texts() -> None:
    payload = {
        "company_name": "Comercial Demo",
        "debt_amount": 45000.0,
        "due_date": "2026-12-01",
        "reference_number": "",
        "additional_info": {"cantidad_cupones": 2, "fecha_maxima": "2026-12-08", "lista": [1], "vacía": None},
    }
    found = variables_for(a_job(name="Persona Ficticia", document="111111111", payload=payload))
    assert all(isinstance(value, str) for value in found.values())
    expected = {
        "tipo_llamada": "cobranza",
        "empresa": "Comercial Demo",
        "monto_total": "45000",
        "fecha_limite": "2026-12-01",
        "fecha_maxima": "2026-12-08",
        "cantidad_cupones": "2",
        "nombre": "Persona Ficticia",
        "RUT": "111111111",
    }
    assert expected.items() <= found.items()
    assert found["current_time"] == found["current_time_America_Lima"]


@pytest.mark.parametrize("payload", [{}, None, [], "texto", {"additional_info": "texto"}, {"debt_amount": {"a": 1}}])
def test_whatever_stands_in_a_payload_somebody_can_be_called(payload: Any) -> None:
    job = a_job()
    job.payload = payload
    found = variables_for(job)
    assert all(isinstance(value, str) for value in found.values())
    assert {"empresa", "monto_total", "fecha_limite", "fecha_maxima", "cantidad_cupones"} <= found.keys()


# --- The fence --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"stop_wanted_at": timezone.now()},
        {"worker": "otro"},
        {"state": AttemptState.PLACING},
        {"state": AttemptState.CALLING, "provider_ref": "x"},
        {"state": AttemptState.ENDED, "outcome": Outcome.STOPPED},
    ],
    ids=["stop wanted", "taken over", "placing", "calling", "ended"],
)
def test_whoever_cannot_make_the_write_does_not_dial(told: Told, change: dict[str, Any]) -> None:
    attempt = a_claimed()
    CallAttempt.objects.filter(pk=attempt.pk).update(**change)
    place_all([attempt])
    assert told.placed == []


@pytest.mark.parametrize("meanwhile", ["everybody", "account", "contact", "paused", "cancelled"])
def test_who_may_not_be_called_since_the_claim_is_not_dialled(told: Told, meanwhile: str) -> None:
    number = "+51987654321"
    attempt = a_claimed(a_job(phones=[number]))
    if meanwhile in ("everybody", "account"):
        account = attempt.account if meanwhile == "account" else None
        DoNotCall.objects.add(parse_phone(number), source=RefusalSource.STAFF, account=account)
    elif meanwhile == "contact":
        ContactFactory(mobile=number, opted_out_of_calls_at=timezone.now())
    else:
        changes = {"is_active": False} if meanwhile == "paused" else {"cancelled_at": timezone.now()}
        Batch.objects.update(**changes)
    place_all([attempt])
    assert told.placed == []
    make_due(attempt)
    follow_due()
    then = JobStatus.CANCELLED if meanwhile == "cancelled" else JobStatus.PENDING
    assert stands(attempt) == (AttemptState.ENDED, Outcome.NOT_PLACED, then)


def test_what_another_account_leaves_alone_is_dialled(told: Told) -> None:
    attempt = a_claimed(a_job(phones=["+51987654321"]))
    DoNotCall.objects.add(parse_phone("+51987654321"), source=RefusalSource.STAFF, account=an_account())
    place_all([attempt])
    assert len(told.placed) == 1


def test_a_removed_job_is_not_dialled(told: Told) -> None:
    attempt = a_claimed()
    CallAttempt.objects.filter(pk=attempt.pk).update(state=AttemptState.ENDED, outcome=Outcome.STOPPED)
    type(attempt.job).objects.filter(pk=attempt.job_id).delete()
    place_all([attempt])
    assert told.placed == []


def test_who_wants_it_stopped_while_it_is_placed_gets_it_hung_up_at_once(told: Told) -> None:
    attempt = a_claimed()
    told.on_place = _meanwhile("r", stop_wanted_at=timezone.now())
    place_all([attempt])
    assert told.stopped == ["r"]
    assert stands(attempt)[0] == AttemptState.CALLING
    assert attempt.look_at <= timezone.now()


def test_one_that_cannot_be_hung_up_at_once_is_looked_at_at_once(told: Told) -> None:
    attempt = a_claimed()
    told.on_stop = Unreachable("no")
    told.on_place = _meanwhile("r", stop_wanted_at=timezone.now())
    place_all([attempt])
    assert stands(attempt)[0] == AttemptState.CALLING
    assert attempt.look_at <= timezone.now()


def test_a_call_that_nobody_waits_for_any_more_is_hung_up(told: Told) -> None:
    """The worker stood still for minutes; meanwhile its attempt was given up."""
    attempt = a_claimed()
    told.on_place = _meanwhile("tarde", state=AttemptState.ENDED, outcome=Outcome.NOT_PLACED)
    place_all([attempt])
    assert told.stopped == ["tarde"]
    assert stands(attempt)[:2] == (AttemptState.ENDED, Outcome.NOT_PLACED)


def test_a_webhook_that_was_faster_than_the_answer_is_left_as_it_is(told: Told) -> None:
    attempt = a_claimed()
    told.on_place = _meanwhile("r", state=AttemptState.CALLING, provider_ref="r")
    place_all([attempt])
    assert stands(attempt)[0] == AttemptState.CALLING
    assert (attempt.provider_ref, told.stopped) == ("r", [])


# --- It goes badly ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status", "counted"),
    [
        (Outcome.CAPACITY, JobStatus.PENDING, 0),
        (Outcome.CREDIT, JobStatus.PENDING, 0),
        (Outcome.PROVIDER, JobStatus.PENDING, 1),
        (Outcome.BAD_NUMBER, JobStatus.FAILED, 1),
    ],
)
def test_a_refused_start_does_not_stay_in_progress(
    told: Told, outcome: Outcome, status: JobStatus, counted: int
) -> None:
    attempt = a_claimed()
    told.on_place = Refused(outcome, "No.")
    place_all([attempt])
    assert stands(attempt) == (AttemptState.ENDED, outcome, status)
    assert (attempt.error, attempt.job.attempts, attempt.look_at) == ("No.", counted, None)


def test_with_a_second_phone_a_bad_number_is_followed_by_it(told: Told) -> None:
    attempt = a_claimed(a_job(phones=["+51900000001", "+51900000002"]))
    told.on_place = Refused(Outcome.BAD_NUMBER, "No.")
    place_all([attempt])
    assert stands(attempt)[2] == JobStatus.PENDING
    assert attempt.job.next_phone == "+51900000002"


@pytest.mark.parametrize("trouble", [Uncertain("No respondió."), RuntimeError("x"), KeyError("call_id")])
def test_without_a_clear_answer_there_may_be_a_call(told: Told, trouble: Exception) -> None:
    attempt = a_claimed()
    told.on_place = trouble
    place_all([attempt])
    assert stands(attempt) == (AttemptState.PLACING, "", JobStatus.IN_PROGRESS)
    assert attempt.look_at < timezone.now() + timedelta(seconds=10)
    place_all([attempt])
    assert len(told.placed) == 1


def test_one_that_goes_wrong_costs_no_other(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = [a_claimed(job) for job in some_jobs(3)]

    def on_place(request: Any) -> None:
        if request.key == attempts[0].pk:
            raise RuntimeError

    told.on_place = on_place
    place_all(attempts)
    assert [stands(attempt)[0] for attempt in attempts] == ["placing", "calling", "calling"]


def test_a_call_that_is_placed_is_written_down_in_three_statements(told: Told) -> None:
    """The fence before the provider is asked, whether the circuit hears of it, and the reference."""
    attempts = [a_claimed(job) for job in some_jobs(2)]
    place_all(attempts[:1])
    with CaptureQueriesContext(connection) as asked:
        place_all(attempts[1:])
    told_to = [query["sql"].split(" ", 2)[:2] for query in asked]
    assert told_to == [
        ["UPDATE", '"jobs_callattempt"'],
        ["UPDATE", '"jobs_providercircuit"'],
        ["UPDATE", '"jobs_callattempt"'],
    ]
    assert [stands(attempt)[0] for attempt in attempts] == ["calling", "calling"]


# --- At Retell --------------------------------------------------------------------------------


def test_a_start_that_fails_at_retell_frees_the_job(server: RetellServer) -> None:
    server.always = refusing(400, "to_number must be in E.164 format.")
    attempt = a_claimed(provider="retell")
    place_all([attempt])
    assert stands(attempt) == (AttemptState.ENDED, Outcome.BAD_NUMBER, JobStatus.FAILED)
    assert not server.dials


def test_a_dropped_connection_rings_once(server: RetellServer) -> None:
    server.always = dropping_after
    attempt = a_claimed(provider="retell")
    place_all([attempt])
    place_all([attempt])
    assert stands(attempt)[0] == AttemptState.PLACING
    assert server.dials[attempt.number] == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer, and so one call at a time")
@pytest.mark.django_db(transaction=True)
def test_several_at_a_time(server: RetellServer, settings: Any) -> None:
    settings.CALL_THREADS = 4
    server.always = answering_only_together(4)
    attempts = [a_claimed(job, provider="retell") for job in some_jobs(8)]
    place_all(attempts)
    assert {stands(attempt)[0] for attempt in attempts} == {"calling"}
    assert set(server.dials.values()) == {1}
