"""`JobService.delete_jobs`, which is POST /api/v1/jobs/bulk-delete: each id has its answer."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import User
from jobs.models import Count, Job, Tombstone
from jobs.services import JobService, Removed
from tests.jobs.agreeing import assert_counts_are_exact
from tests.jobs.companies import Company, in_place_of_the_provider
from tests.jobs.rows import a_batch, a_job, an_account, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Company:
    return in_place_of_the_provider(monkeypatch)


def test_answers_come_in_the_order_asked_and_a_job_named_twice_once(alice: User) -> None:
    first, second = some_jobs(2)
    asked = [second.job_id, "nada", first.pk, second.pk, "nada", first.pk.upper()]
    assert JobService(alice).delete_jobs(asked) == [
        Removed(second.job_id),
        Removed("nada", "Job nada no encontrado", "no_encontrado"),
        Removed(first.pk),
    ]
    assert not Job.objects.exists()
    assert Tombstone.objects.count() == 2
    assert_counts_are_exact()


def test_braces_in_an_unknown_id_are_only_text(alice: User) -> None:
    assert JobService(alice).delete_jobs(["{0}", "\x00"]) == [
        Removed("{0}", "Job {0} no encontrado", "no_encontrado"),
        Removed("\x00", "Job \x00 no encontrado", "no_encontrado"),
    ]


@pytest.mark.parametrize("number", [2, 200])
def test_the_number_of_jobs_costs_no_more_statements(alice: User, number: int) -> None:
    jobs = some_jobs(number)
    with CaptureQueriesContext(connection) as queries:
        told = JobService(alice).delete_jobs([job.pk for job in jobs])
    assert not any(one.error for one in told)
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    # SQLite takes few values in one statement, so tombstones come in several.
    assert len([sql for sql in statements if not sql.startswith("INSERT")]) == 3
    assert len(statements) <= (4 if connection.vendor == "postgresql" else 10)


def test_jobs_of_several_accounts_go_together(alice: User) -> None:
    batches = [a_batch(an_account()) for _ in range(3)]
    jobs = [a_job(batch) for batch in batches]
    JobService(alice).delete_jobs([job.pk for job in jobs])
    assert all(Count.objects.of(batch.pk).jobs == 0 for batch in batches)
    assert_counts_are_exact()


def test_nobody_deletes_what_they_do_not_see(bob: User, charlie: User, settings) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    job = a_job(a_batch(created_by=charlie))
    assert [one.code for one in JobService(bob).delete_jobs([job.pk])] == ["no_encontrado"]
    assert Job.objects.exists()
