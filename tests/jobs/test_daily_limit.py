"""How many calls an account has made today is read from counts that the database keeps, not from the calls."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.choices import AttemptState, Outcome
from jobs.dialling.claiming import claim
from jobs.dialling.facts import Facts, day_of
from jobs.models import Account, CallAttempt, DialCount, Job
from jobs.results.ending import end_unplaced, hear
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def today(account: Account) -> int:
    return Facts.about([a_batch(account)]).today_of[account.pk]


def counted_anew(account: Account) -> int:
    begins = day_of(account, timezone.now())[0]
    return CallAttempt.objects.filter(account=account, created_at__gte=begins, is_counted=True).count()


def test_nothing_is_nothing() -> None:
    assert DialCount.objects.since({}) == {}
    assert today(an_account()) == 0


def test_claims_count_and_what_turns_out_not_to_count_is_taken_off() -> None:
    account = an_account()
    some_jobs(5, a_batch(account))
    claimed = claim("simulated", worker="w1", limit=5)
    assert today(account) == 5
    end_unplaced(claimed[0].pk, Outcome.NOT_PLACED)
    end_unplaced(claimed[1].pk, Outcome.BAD_NUMBER)
    assert today(account) == 4
    assert_counts_are_exact()


def test_a_limit_holds_at_just_so_many() -> None:
    some_jobs(5, a_batch(an_account(daily_call_limit=3)))
    claimed = claim("simulated", worker="w1", limit=5)
    assert len(claimed) == 3
    assert claim("simulated", worker="w1", limit=5) == []
    end_unplaced(claimed[0].pk, Outcome.NOT_PLACED)
    assert len(claim("simulated", worker="w1", limit=5)) == 1


def test_calls_outlive_their_jobs_and_what_is_taken_back_was_never_made() -> None:
    account = an_account()
    attempt = an_attempt(a_job(a_batch(account)))
    hear(attempt.pk, a_report(attempt))
    Job.objects.all().delete()
    with transaction.atomic():
        an_attempt(a_job(a_batch(account)))
        transaction.set_rollback(True)
    assert today(account) == 1


def test_raw_statements_over_two_accounts_are_counted_for_each() -> None:
    first, second = an_account(), an_account()
    for account in (first, first, second):
        an_attempt(a_job(a_batch(account)), AttemptState.ENDED, outcome=Outcome.BUSY)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_callattempt SET account_id = %s WHERE account_id = %s", [second.pk, first.pk])
        assert (today(first), today(second)) == (0, 3)
        cursor.execute("UPDATE jobs_callattempt SET is_counted = NOT is_counted")
        assert today(second) == 0
        cursor.execute("UPDATE jobs_callattempt SET is_counted = NOT is_counted")
    assert_counts_are_exact()
    CallAttempt.objects.all().delete()
    assert today(second) == 0
    assert_counts_are_exact()


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("America/Lima", datetime(2026, 3, 2, 5, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 3, 1, 18, 30, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 3, 1, 18, 15, tzinfo=UTC)),
        ("Australia/Eucla", datetime(2026, 3, 2, 15, 15, tzinfo=UTC)),
    ],
)
def test_a_day_is_the_accounts_own_to_the_microsecond(zone: str, begins: datetime) -> None:
    account = an_account(timezone=zone)
    attempt = an_attempt(a_job(a_batch(account)))
    with time_machine.travel(begins + timedelta(hours=1), tick=False):
        for late, calls in ((timedelta(0), 1), (-timedelta(microseconds=1), 0), (timedelta(minutes=59), 1)):
            CallAttempt.objects.filter(pk=attempt.pk).update(created_at=begins + late)
            assert today(account) == counted_anew(account) == calls
    assert_counts_are_exact()


def test_accounts_with_several_midnights_are_one_question() -> None:
    batches = [a_batch(an_account(timezone=zone)) for zone in ("America/Lima", "Europe/Madrid", "Asia/Kolkata")]
    for batch in batches:
        an_attempt(a_job(batch))
    with CaptureQueriesContext(connection) as asked:
        facts = Facts.about(batches)
    assert facts.today_of == {batch.account_id: counted_anew(batch.account) for batch in batches}
    assert sum("jobs_dialcount" in query["sql"] for query in asked) == 1


def test_no_claim_counts_the_calls_of_the_day() -> None:
    some_jobs(3, a_batch())
    with CaptureQueriesContext(connection) as asked:
        claim("simulated", worker="w1", limit=2)
    of_calls = [query["sql"] for query in asked if 'FROM "jobs_callattempt"' in query["sql"]]
    assert of_calls
    assert not [sql for sql in of_calls if "COUNT(" in sql]


def test_a_change_of_anything_else_touches_no_count() -> None:
    an_attempt(a_job())
    DialCount.objects.all().delete()
    CallAttempt.objects.update(state=AttemptState.CALLING, seconds=5)
    assert not DialCount.objects.exists()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite alters no table within a transaction")
def test_calls_of_before_the_counts_are_counted_when_they_are_made() -> None:
    account = an_account()
    for counts in (True, True, False):
        an_attempt(a_job(a_batch(account)), AttemptState.ENDED, outcome=Outcome.BUSY, is_counted=counts)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    MigrationExecutor(connection).migrate([("jobs", "0006_dials_of_a_person")])
    MigrationExecutor(connection).migrate(MigrationExecutor(connection).loader.graph.leaf_nodes("jobs"))
    assert today(account) == 2
    assert_counts_are_exact()
