"""`Count`: exact after whatever is written to jobs and attempts, and as cheap for a million of them as for ten."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from jobs.choices import JobStatus
from jobs.models import CallAttempt, Count, Job
from jobs.models.counts import SHARDS, Totals
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.rows import a_batch, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_nothing_at_all_is_nothing() -> None:
    assert Count.objects.of("0" * 24) == Totals()
    assert Count.objects.of_each([]) == {}


def test_one_statement_over_two_campaigns_is_counted_for_each() -> None:
    account = an_account()
    first, second = a_batch(account), a_batch(account)
    some_jobs(3, first)
    some_jobs(2, second)
    Job.objects.update(status=JobStatus.FAILED)
    assert (Count.objects.of(first.pk).failed, Count.objects.of(second.pk).failed) == (3, 2)
    assert Count.objects.of(account.pk) == Totals(failed=5)
    assert_counts_are_exact()


def test_a_job_that_changes_campaign_is_counted_where_it_is() -> None:
    first, second = a_batch(), a_batch()
    some_jobs(4, first)
    Job.objects.filter(batch=first).update(batch=second, account=second.account)
    assert (Count.objects.of(first.pk).jobs, Count.objects.of(second.pk).jobs) == (0, 4)
    assert Count.objects.of(first.account_id).jobs == 0
    assert_counts_are_exact()


def test_what_is_taken_back_was_never_counted() -> None:
    batch = a_batch()
    with transaction.atomic():
        some_jobs(3, batch)
        transaction.set_rollback(True)
    assert Count.objects.of(batch.pk).jobs == 0


def test_raw_statements_are_counted_too() -> None:
    batch = a_batch()
    job = some_jobs(2, batch)[0]
    an_attempt(job)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_callattempt SET seconds = seconds + 7, cost_micros = 11")
        cursor.execute("DELETE FROM jobs_job WHERE status = 'pending'")
    assert Count.objects.of(batch.pk) == Totals(in_progress=1, seconds=7, cost_micros=11)
    CallAttempt.objects.all().delete()
    assert Count.objects.of(batch.pk) == Totals(in_progress=1)
    assert_counts_are_exact()


@pytest.mark.parametrize("number", [1, 300])
def test_reading_costs_one_query_and_few_rows_whatever_the_size(number: int) -> None:
    batches = [a_batch() for _ in range(3)]
    for batch in batches:
        some_jobs(number, batch)
    with CaptureQueriesContext(connection) as queries:
        totals = Count.objects.of_each([batch.pk for batch in batches])
    assert [total.pending for total in totals.values()] == [number] * 3
    assert len(queries) == 1
    assert Count.objects.count() <= 6 * SHARDS
