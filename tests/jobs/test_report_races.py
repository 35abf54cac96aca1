"""Reports and counts from several connections at the very same moment, on a real PostgreSQL."""

import pytest
from django.db import transaction

from calls.models import Call
from crm.models import Contact, User
from jobs.choices import JobStatus
from jobs.models import CallAttempt, Count, Job
from jobs.models.counts import Totals
from jobs.results.ending import hear
from jobs.results.reporting import report_due
from tests.crm.racing import at_once
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = pytest.mark.django_db(transaction=True)
PHONE = "+51987654321"


def test_several_at_once_tell_each_once_and_make_one_contact_of_one_person(alice: User) -> None:
    batch = a_batch(created_by=alice)
    rosa = [a_job(a_batch(created_by=alice), name="Rosa", phones=[PHONE]) for _ in range(12)]
    for job in [*rosa, *some_jobs(20, batch)]:
        attempt = an_attempt(job)
        hear(attempt.pk, a_report(attempt))
    results = at_once([report_due] * 4)
    assert sum(results) == 32, results
    assert Call.objects.count() == 32
    assert Contact.objects.filter(mobile=PHONE).count() == 1
    assert not CallAttempt.objects.filter(report_at__isnull=False).exists()
    assert Job.objects.filter(status=JobStatus.COMPLETED).count() == 32


def test_many_connections_at_once() -> None:
    account = an_account()
    batches = [a_batch(account) for _ in range(3)]

    def churn(which: int) -> None:
        for turn in range(5):
            jobs = some_jobs(4, batches[(which + turn) % 3])
            with transaction.atomic():
                Job.objects.filter(pk__in=[job.pk for job in jobs[:2]]).update(status=JobStatus.COMPLETED)
            Job.objects.filter(pk=jobs[3].pk).delete()

    results = at_once([lambda n=number: churn(n) for number in range(8)])
    assert results == [None] * 8
    assert Count.objects.of(account.pk) == Totals(pending=40, completed=80)
    assert_counts_are_exact()
