"""The claim: whose turn it is, what it writes down, and what it never does."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.choices import AttemptState, Outcome
from jobs.dialling.claiming import MOST_BATCHES, MOST_JOBS, MOST_QUEUES, claim
from jobs.dialling.queues import HEADS, SPARE, Queue, beginnings, in_turn
from jobs.dialling.why import why
from jobs.models import Batch, CallAttempt, Count, DoNotCall, Job
from jobs.models.attempts import LEASE
from tests.factories import ContactFactory
from tests.jobs.rows import LIMA, a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

MADRID = "ES:Europe/Madrid"


@pytest.fixture(autouse=True)
def _many_lines(settings: Any) -> None:
    settings.CALLS_AT_ONCE = 1000


def claimed(limit: int = 20) -> list[CallAttempt]:
    return claim("simulated", worker="w1", limit=limit)


def batches_of(attempts: list[CallAttempt]) -> Counter[str]:
    return Counter(attempt.batch.name for attempt in attempts)


# --- What it writes ---------------------------------------------------------------------------


def test_a_claimed_job_is_in_progress_with_an_attempt_on_record() -> None:
    job = a_job(phones=["+51987654321", "+51912345678"], next_phone_index=1, attempts=1)
    [attempt] = claimed()
    stored = CallAttempt.objects.get()
    assert stored.pk == attempt.pk
    assert (stored.job_id, stored.batch_id, stored.account_id) == (job.pk, job.batch_id, job.account_id)
    assert (stored.number, stored.phone_key, stored.person_key) == ("+51912345678", "51912345678", job.person_key)
    assert (stored.state, stored.position, stored.provider, stored.worker) == ("claimed", 2, "simulated", "w1")
    assert stored.look_at is not None
    assert abs(stored.look_at - timezone.now() - LEASE) < timedelta(seconds=5)
    job.refresh_from_db()
    assert (job.status, job.attempts, job.last_attempt_id) == ("in_progress", 2, stored.pk)
    assert job.started_at is not None
    assert attempt.job.status == "in_progress"
    assert Count.objects.of(job.batch_id).in_progress == 1


def test_the_first_call_is_told_once_by_job_and_campaign() -> None:
    began = timezone.now() - timedelta(days=1)
    job = a_job(started_at=began)
    claimed()
    job.refresh_from_db()
    assert job.started_at == began
    first = Batch.objects.get().started_at
    assert first is not None
    some_jobs(1, job.batch)
    claimed()
    assert Batch.objects.get().started_at == first


def test_it_claims_no_more_than_asked_and_the_longest_waiting_first() -> None:
    batch = a_batch()
    now = timezone.now()
    jobs = [a_job(batch, next_try_at=now - timedelta(minutes=minute)) for minute in range(1, 8)]
    assert [attempt.job_id for attempt in claimed(limit=3)] == [job.pk for job in jobs[:-4:-1]]
    assert [attempt.job_id for attempt in claimed(limit=0)] == []


def test_nothing_is_claimed_twice() -> None:
    some_jobs(5)
    assert len(claimed()) == 5
    assert claimed() == []
    assert CallAttempt.objects.count() == 5


# --- Whose turn -------------------------------------------------------------------------------


def test_a_higher_priority_goes_first_and_leaves_the_rest_to_the_others() -> None:
    account = an_account()
    some_jobs(10, a_batch(account, name="normal", priority=2))
    some_jobs(4, a_batch(account, name="urgente", priority=4))
    assert batches_of(claimed(limit=6)) == {"urgente": 4, "normal": 2}


def test_of_the_same_priority_the_older_goes_first() -> None:
    older, newer = a_batch(name="vieja"), a_batch(name="nueva")
    some_jobs(3, newer)
    some_jobs(3, older)
    assert batches_of(claimed(limit=4)) == {"vieja": 3, "nueva": 1}


def test_an_account_at_its_cap_does_not_keep_others_waiting() -> None:
    greedy = an_account(max_concurrent_calls=2)
    for _ in range(MOST_BATCHES + 2):
        some_jobs(2, a_batch(greedy, name="llena", priority=4))
    some_jobs(5, a_batch(name="otra"))
    assert batches_of(claimed(limit=4)) == {"llena": 2}
    assert batches_of(claimed(limit=4)) == {"otra": 4}


def test_one_claim_reaches_whoever_stands_behind_a_thousand_who_may_not_be_called() -> None:
    phone = "+51987654321"
    DoNotCall.objects.create(number=phone, key=phone[1:])
    for name in ("larga", "corta"):
        some_jobs(500, a_batch(name=name, priority=4), phones=[phone])
    a_job(a_batch(name="otra"))
    assert batches_of(claimed(limit=1)) == {"otra": 1}


def test_all_lanes_of_a_campaign_get_their_turn() -> None:
    batch = a_batch(lanes=[LIMA, MADRID])
    some_jobs(30, batch)
    spanish = [a_job(batch, lane=MADRID, phones=[f"+3461234567{digit}"]) for digit in range(2)]
    taken = {attempt.job_id for attempt in claimed(limit=40)}
    assert {job.pk for job in spanish} <= taken
    assert len(taken) == 32


def test_a_closed_lane_is_left_alone_and_burns_nothing(open_only_in_lima: dict[str, Any]) -> None:
    batch = a_batch(lanes=[LIMA, MADRID], call_settings=open_only_in_lima)
    at_home = a_job(batch)
    abroad = a_job(batch, lane=MADRID, phones=["+34612345678"])
    for _ in range(3):
        claimed()
    assert [attempt.job_id for attempt in CallAttempt.objects.all()] == [at_home.pk]
    before = abroad.next_try_at
    abroad.refresh_from_db()
    assert (abroad.status, abroad.attempts, abroad.next_try_at) == ("pending", 0, before)


@pytest.fixture
def open_only_in_lima() -> dict[str, Any]:
    """A window of an hour around now by Lima's clock, closed by Madrid's."""
    now = timezone.now().astimezone(ZoneInfo("America/Lima"))
    start, end = now - timedelta(minutes=30), now + timedelta(minutes=30)
    return {"allowed_hours": {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}}


def test_lanes_where_nobody_waits_any_more_hide_nobody() -> None:
    empty = [f"AA:{zone}" for zone in sorted(available_timezones())[:150]]
    waiting = [a_job(a_batch(lanes=[*empty, LIMA])), a_job()]
    assert {attempt.job_id for _ in waiting for attempt in claimed()} == {job.pk for job in waiting}


# --- Caps -------------------------------------------------------------------------------------


@pytest.mark.parametrize("cap", ["campaign", "account", "day", "all", "credit", "minutes", "budget"])
def test_no_cap_is_exceeded(cap: str, settings: Any) -> None:
    account, batch = _with_room_for_three(cap, settings)
    some_jobs(10, batch)
    an_attempt(a_job(batch))
    assert len(claimed()) == 2
    assert claimed() == []
    assert Count.objects.of(batch.pk).in_progress == 3


def _with_room_for_three(cap: str, settings: Any) -> tuple[Any, Batch]:
    if cap == "all":
        settings.CALLS_AT_ONCE = 3
    account = an_account(
        **{
            "account": {"max_concurrent_calls": 3},
            "day": {"daily_call_limit": 3},
            "credit": {"credit_micros": 3 * 470_000 + 100_000},
            "minutes": {"plan_type": "minutes_based", "seconds_purchased": 3 * 180 + 60},
        }.get(cap, {})
    )
    own = {"campaign": {"max_concurrent_calls": 3}, "budget": {"budget": 1.5}}.get(cap, {})
    return account, a_batch(account, call_settings=own)


def test_an_account_without_limit_needs_no_credit() -> None:
    some_jobs(3, a_batch(an_account(plan_type="unlimited", credit_micros=0)))
    assert len(claimed()) == 3


def test_credit_that_is_spent_stops_a_campaign_without_touching_its_jobs() -> None:
    batch = a_batch(an_account(credit_micros=1_000_000))
    spent = an_attempt(a_job(batch), AttemptState.ENDED, outcome=Outcome.ANSWERED, seconds=60, cost_micros=900_000)
    assert spent.cost == 0.9
    waiting = a_job(batch)
    assert {attempt.job_id for attempt in claimed()} == set()
    waiting.refresh_from_db()
    assert waiting.status == "pending"


# --- Who is not called ------------------------------------------------------------------------


def test_two_rows_of_the_same_person_are_called_one_after_the_other() -> None:
    first = a_job(person_key="doc:12345678")
    second = a_job(person_key="doc:12345678")
    [attempt] = claimed()
    assert attempt.job_id == first.pk
    second.refresh_from_db()
    assert (second.status, second.attempts) == ("pending", 0)
    assert second.next_try_at > timezone.now() + timedelta(minutes=1)


def test_two_people_who_share_a_phone_are_called_one_after_the_other() -> None:
    batch = a_batch()
    one, other = (a_job(batch, phones=["+51987654321"]) for _ in range(2))
    assert len(claimed()) == 1
    assert sorted(Job.objects.filter(pk__in=[one.pk, other.pk]).values_list("status", flat=True)) == [
        "in_progress",
        "pending",
    ]


def test_who_must_not_be_called_does_not_stand_in_the_way_of_the_others() -> None:
    batch = a_batch()
    some_jobs(60, batch, attempts=3)
    wanted = some_jobs(5, batch)
    taken: set[str] = set()
    for _ in range(5):
        taken |= {attempt.job_id for attempt in claimed(limit=5)}
    assert taken == {job.pk for job in wanted}
    assert Count.objects.of(batch.pk).failed == 60


def test_hundreds_who_must_not_be_called_do_not_hold_up_a_tick_each() -> None:
    batch = a_batch(call_settings={"requires_consent": True})
    some_jobs(200, batch)
    willing = a_job(batch, phones=["+51987654321"], next_try_at=timezone.now())
    ContactFactory(mobile="+51987654321", consented_to_calls_at=timezone.now())
    assert [attempt.job_id for attempt in claimed()] == [willing.pk]
    assert Count.objects.of(batch.pk).suspended == 200


def test_one_contact_under_two_phones_is_called_once_at_a_time() -> None:
    contact = ContactFactory()
    first, second = (a_job(contact=contact, next_try_at=timezone.now() - timedelta(hours=2 - n)) for n in range(2))
    assert [attempt.job_id for attempt in claimed()] == [first.pk]
    Job.objects.filter(pk=second.pk).update(next_try_at=timezone.now())
    assert claimed() == []
    assert why(second).code == "persona_en_llamada"


def test_what_is_spent_is_read_after_who_is_on_the_phone() -> None:
    """A call that ends in between is counted twice, never not at all."""
    a_job()
    with CaptureQueriesContext(connection) as queries:
        claimed()
    asked = [query["sql"] for query in queries]
    live = next(n for n, sql in enumerate(asked) if 'FROM "jobs_callattempt"' in sql and "'calling'" in sql)
    assert live < next(n for n, sql in enumerate(asked) if 'FROM "jobs_count"' in sql)


# --- What it costs ----------------------------------------------------------------------------


def queries(act: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as asked:
        act()
    return len(asked)


def test_a_claim_asks_the_database_as_often_for_one_job_as_for_fifty() -> None:
    some_jobs(1, a_batch(name="una"))
    claimed()
    Batch.objects.update(is_active=False)
    some_jobs(1, a_batch(name="otra"))
    one = queries(claimed)
    Batch.objects.update(is_active=False)
    some_jobs(50, a_batch(name="grande"))
    fifty = queries(lambda: claimed(limit=50))
    assert Count.objects.of(Batch.objects.get(name="grande").pk).in_progress == 50
    spare = 0 if connection.vendor == "postgresql" else 2  # SQLite takes fewer values in one insert
    assert one <= fifty <= one + spare <= 22


def test_a_claim_asks_the_database_as_often_in_one_campaign_as_among_hundreds() -> None:
    some_jobs(2, a_batch(name="sola"))
    claimed(limit=1)
    one = queries(lambda: claimed(limit=1))
    account, lanes = an_account(), [LIMA, MADRID]
    for number in range(2 * MOST_BATCHES):
        batch = a_batch(account, name=f"otra {number}", lanes=lanes)
        for lane in lanes:
            some_jobs(1, batch, lane=lane)
    claimed(limit=1)  # writes down that the campaign has begun
    many = queries(lambda: claimed(limit=1))
    # SQLite, which has no LATERAL, is asked queue by queue.
    assert many <= one + (0 if connection.vendor == "postgresql" else MOST_QUEUES)
    assert CallAttempt.objects.count() == 4


def test_campaigns_where_nobody_is_due_are_not_even_read() -> None:
    for waits in ({"status": "completed"}, {"next_try_at": timezone.now() + timedelta(hours=1)}):
        some_jobs(3, **waits)
    due = a_job()
    assert [campaign.pk for campaign in in_turn(timezone.now())] == [due.batch_id]


def test_each_queue_with_somebody_due_is_found_once() -> None:
    one, other = a_batch(lanes=[LIMA, MADRID]), a_batch(priority=4)
    some_jobs(3, one)
    some_jobs(2, one, lane=MADRID)
    some_jobs(2, one, lane="CL:America/Santiago", next_try_at=timezone.now() + timedelta(hours=1))
    some_jobs(2, other, next_try_at=timezone.now() + timedelta(hours=1))
    some_jobs(1, other)
    found = [(campaign.pk, campaign.lanes) for campaign in in_turn(timezone.now())]
    assert found == [(other.pk, (LIMA,)), (one.pk, (MADRID, LIMA))]


def test_a_claim_looks_at_no_more_people_than_it_may_need() -> None:
    for _ in range(4):
        some_jobs(60, a_batch())
    with CaptureQueriesContext(connection) as asked:
        assert len(claimed(limit=10)) == 10
    [looked_at] = [query["sql"] for query in asked if '"jobs_job"."job_id"' in query["sql"]]
    assert looked_at.count("'") // 2 <= 10 + SPARE + 3


def test_and_of_many_campaigns_with_little_room_it_locks_no_more_than_the_most() -> None:
    queues = [Queue(batch.pk, LIMA, room=1) for batch in (a_batch() for _ in range(12))]
    for queue in queues:
        some_jobs(SPARE, Batch.objects.get(pk=queue.batch_id))
    looked_at = beginnings(queues, timezone.now(), limit=16, spare=SPARE, most=MOST_JOBS)
    assert len(looked_at) == MOST_JOBS


def test_when_nothing_is_due_it_asks_little() -> None:
    some_jobs(5, next_try_at=timezone.now() + timedelta(hours=1))
    assert queries(claimed) <= 4


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_the_walk_from_queue_to_queue_reads_one_entry_of_each() -> None:
    """Also by a plan that PostgreSQL keeps, and of long queues."""
    batches = [a_batch(lanes=[LIMA, MADRID]) for _ in range(3)]
    for batch in batches:
        some_jobs(150, batch)
        some_jobs(150, batch, lane=MADRID)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job")
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) WITH {HEADS['postgresql']} SELECT * FROM head")
        [plan] = cursor.fetchone()[0]
    scans = [node for node in _nodes(plan["Plan"]) if node.get("Index Name") == "jobs_job_due"]
    # The last of the six finds nobody; newer versions tell the mean of it, older ones round.
    assert [(round(scan["Actual Rows"]), scan["Actual Loops"]) for scan in scans] == [(1, 1), (1, 6)]


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in _nodes(part))]


PLANS: dict[str, tuple[Callable[[Batch], QuerySet[Any]], tuple[str, ...]]] = {
    "the beginning of a queue": (lambda batch: Job.objects.due(batch, LIMA)[:45], ("jobs_job_due",)),
    # Four indexes have just the calls in progress.
    "calls in progress": (lambda batch: CallAttempt.objects.live(), ("jobs_attempt_live", "once_at_a_time")),
}


@pytest.mark.skipif("connection.vendor != 'postgresql'")
@pytest.mark.parametrize("asked", PLANS)
def test_an_index_answers_also_when_the_plan_knows_no_values(asked: str) -> None:
    rows, indexes = PLANS[asked]
    sql, values = rows(a_batch()).query.sql_with_params()
    for position in range(1, len(values) + 1):
        sql = sql.replace("%s", f"${position}", 1)
    with connection.cursor() as cursor:
        for setting in ("enable_seqscan = off", "enable_sort = off", "plan_cache_mode = force_generic_plan"):
            cursor.execute(f"SET LOCAL {setting}")
        given = ", ".join("NULL" for _ in values)
        connection.connection.execute(f"PREPARE asked AS {sql}", prepare=False)
        try:
            plan = connection.connection.execute(f"EXPLAIN EXECUTE asked{f'({given})' if given else ''}", prepare=False)
            told = " ".join(row[0] for row in plan.fetchall())
        finally:
            connection.connection.execute("DEALLOCATE asked", prepare=False)
    assert any(index in told for index in indexes), told
