"""What a page costs the database: the same for one row as for hundreds."""

from typing import Any

import pytest

from crm.models import User
from jobs.choices import AttemptState, Outcome
from jobs.models import Batch, Job, Tombstone
from tests.jobs.asking import AsUser, at_most, queries_of
from tests.jobs.rows import a_batch, an_account, an_attempt, some_jobs

pytestmark = pytest.mark.django_db

BUDGETS = [
    ("/jobs", 3),  # who asks, the page, its campaigns
    ("/jobs?limit=1", 4),  # and the counts
    ("/jobs?limit=1&status=completed", 4),
    ("/jobs?limit=1&skip=2500", 5),  # far down: ids, then rows
    ("/jobs?batch_id={batch}", 4),  # and which campaign is meant
    ("/jobs?batch_id={batch}&limit=1", 5),
    ("/jobs?account_id={account}&limit=1", 5),
    ("/jobs?q=persona", 4),  # how common the word is, the page, its campaigns
    ("/jobs?q=persona&limit=1", 6),  # and a bounded count
    ("/jobs/{job}", 3),
    ("/batches", 3),  # who asks, the page, the counts
    ("/batches?status=RUNNING", 3),
    ("/batches?limit=1", 4),
    ("/batches/{batch}", 3),
    ("/batches/{batch}/status", 3),
    ("/batches/{batch}/summary", 4),
    ("/batches/{batch}/jobs", 5),
    ("/accounts", 3),
    ("/accounts/{account}", 3),
    ("/accounts/{account}/balance", 3),
    ("/accounts/{account}/stats", 4),
    ("/accounts/{account}/summary", 5),
    ("/accounts/{account}/batches", 4),
    ("/accounts/{account}/transactions", 3),
    ("/accounts/{account}/last-call-settings", 3),
    ("/dashboard/stats", 4),
    ("/dashboard/overview", 7),
    ("/calls/history", 3),  # who asks, the page, whose jobs
    ("/calls/history?limit=1", 4),
    ("/use-cases", 1),
]


@pytest.fixture
def names() -> dict[str, str]:
    """One campaign with one job that was called."""
    batch = a_batch(an_account())
    [job] = some_jobs(1, batch)
    an_attempt(job, AttemptState.ENDED, outcome=Outcome.ANSWERED)
    return {"batch": batch.pk, "account": batch.account_id, "job": job.pk}


def many_more(batch: Batch, bob: User) -> None:
    """Two hundred in this campaign and some in ten others, half of them called, a few gone."""
    for other in [batch, *(a_batch(an_account()) for _ in range(10))]:
        jobs = some_jobs(200 if other is batch else 5, other)
        for job in jobs[::2][:20]:
            an_attempt(job, AttemptState.ENDED, outcome=Outcome.BUSY)
        Tombstone.of(jobs[0], by=bob).save()
        Job.objects.filter(pk=jobs[0].pk).delete()


def test_no_page_costs_more_with_more_rows(as_user: AsUser, bob: User, names: dict[str, str]) -> None:
    client: Any = as_user(bob)
    for path, budget in BUDGETS:
        at_most(budget, queries_of(client, f"/api/v1{path.format(**names)}"))
    many_more(Batch.objects.get(), bob)
    for path, budget in BUDGETS:
        at_most(budget, queries_of(client, f"/api/v1{path.format(**names)}"))


def test_no_statement_reads_what_is_not_answered(as_user: AsUser, bob: User, names: dict[str, str]) -> None:
    for path in ("/jobs", "/calls/history"):
        told = " ".join(queries_of(as_user(bob), f"/api/v1{path}"))
        assert "transcript" not in told
        assert '"jobs_job"."search_words"' not in told
