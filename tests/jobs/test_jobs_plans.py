"""At many thousand jobs each list is read from an index of its own, also by a plan that PostgreSQL keeps."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from crm.models import User
from crm.search import search_in_order
from jobs.api.reading import call_rows, job_rows
from jobs.models import Batch, CallAttempt, Job
from tests.factories import UserFactory
from tests.jobs.asking import JOBS, AsUser, at_most, queries_of
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt

ROWS = 60_000
BATCHES = 20


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Twenty campaigns of four accounts, one after the other as imports make them; the newest two are cancelled, of the
    others one job in ten is of each state but pending. Every tenth job was dialled once."""
    with django_db_blocker.unblock():
        accounts = [an_account() for _ in range(4)]
        batches = [a_batch(accounts[number % 4]) for number in range(BATCHES)]
        like = an_attempt(a_job(batches[0]), "ended", outcome="answered")
        _multiply(Job.objects.get(), ROWS, _jobs_differ(batches))
        _multiply(like, ROWS // 10, _calls_differ(batches))
        with connection.cursor() as cursor:
            for table in ("jobs_job", "jobs_callattempt", "jobs_batch", "jobs_count"):
                cursor.execute(f"VACUUM ANALYZE {table}")
        yield
        with connection.cursor() as cursor:
            tables = (
                "jobs_callattempt, jobs_job, jobs_batch, jobs_account, jobs_count, jobs_dialcount, jobs_transaction"
            )
            cursor.execute(f"TRUNCATE {tables} CASCADE")


def _jobs_differ(batches: list[Batch]) -> dict[str, str]:
    batch_ids, account_ids = (
        "ARRAY[" + ", ".join(f"'{value}'" for value in values) + "]"
        for values in ([batch.pk for batch in batches], [batch.account_id for batch in batches])
    )
    campaign = f"1 + least(i / {ROWS // BATCHES}, {BATCHES - 1})"
    is_new = f"i >= {ROWS - 2 * ROWS // BATCHES}"
    other_state = "(ARRAY['in_progress', 'completed', 'failed', 'suspended', 'cancelled'])[i %% 10 - 4]"
    return {
        "id": "lpad(to_hex(i + 16), 24, '0')",
        "job_id": "'job_' || i",
        "batch_id": f"({batch_ids})[{campaign}]",
        "account_id": f"({account_ids})[{campaign}]",
        "status": f"CASE WHEN {is_new} THEN 'cancelled' WHEN i %% 10 < 5 THEN 'pending' ELSE {other_state} END",
        "person_key": "'tel:' || i",
        "search_words": "'persona ' || i || ' job ' || lpad((i * 7919 %% 100000000)::text, 9, '9')",
        "last_attempt_id": "NULL::uuid",
    }


def _calls_differ(batches: list[Batch]) -> dict[str, str]:
    return {
        "id": "gen_random_uuid()",
        "job_id": "lpad(to_hex(i * 10 + 16), 24, '0')",
        "batch_id": _jobs_differ(batches)["batch_id"].replace("i /", "i * 10 /"),
        "account_id": _jobs_differ(batches)["account_id"].replace("i /", "i * 10 /"),
        "created_at": "now() - i * interval '1 minute'",
        "provider_ref": "'call_' || i",
    }


def _multiply(row: Any, how_many: int, different: dict[str, str]) -> None:
    """So many rows like this one, in one statement."""
    columns = [field.column for field in type(row)._meta.concrete_fields]
    values = ", ".join(different.get(column, f'"{column}"') for column in columns)
    table = row._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)})"
            f" SELECT {values} FROM {table}, generate_series(1, {how_many}) AS i WHERE id = %s",
            [row.pk],
        )


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("filled")]


def jobs(**filters: Any) -> Any:
    return job_rows().filter(**filters)


def one_batch() -> str:
    return Batch.objects.order_by("pk").values_list("pk", flat=True)[5]


QUESTIONS: dict[str, tuple[Callable[[], QuerySet[Any]], str]] = {
    "the list": (lambda: jobs().usual().newest_first()[:100], "jobs_job_usual "),
    "of a campaign": (lambda: jobs(batch=one_batch()).usual().newest_first()[:100], "jobs_job_usual_of_batch"),
    "of an account": (
        lambda: jobs(account=Batch.objects.all()[0].account_id).usual().newest_first()[:100],
        "jobs_job_usual_of_account|jobs_job_usual ",  # one account of four: a walk meets its jobs soon
    ),
    "of a campaign by state": (
        lambda: jobs(batch=one_batch(), status="failed").newest_first()[:100],
        "jobs_job_of_batch_by_status",
    ),
    "far down": (
        lambda: Job.objects.usual().newest_first().values_list("pk", flat=True)[40_000:40_100],
        "Index Only Scan Backward using jobs_job_usual|Index Only Scan using jobs_job_usual",
    ),
    "a number": (lambda: search_in_order(jobs().usual().newest_first(), "999087109")[:100], "jobs_job_search"),
    "calls": (lambda: call_rows(User(role="admin")).newest_first()[:100], "jobs_attempt_newest"),
    "calls of a campaign": (
        lambda: CallAttempt.objects.filter(batch=one_batch()).newest_first()[:100],
        "jobs_attempt_of_batch",
    ),
}


@pytest.mark.parametrize("asked", QUESTIONS)
def test_an_index_answers_also_when_the_plan_knows_no_values(asked: str) -> None:
    rows, indexes = QUESTIONS[asked]
    told = generic_plan(rows())
    assert any(index in told for index in indexes.split("|")), told
    assert "Seq Scan on jobs_job" not in told, told


def generic_plan(rows: QuerySet[Any]) -> str:
    sql, values = rows.query.sql_with_params()
    for position in range(1, len(values) + 1):
        sql = sql.replace("%s", f"${position}", 1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    connection.connection.execute(f"PREPARE asked AS {sql}", prepare=False)
    try:
        given = ", ".join("NULL" for _ in values)
        plan = connection.connection.execute(f"EXPLAIN EXECUTE asked{f'({given})' if given else ''}", prepare=False)
        return "\n".join(row[0] for row in plan.fetchall())
    finally:
        connection.connection.execute("DEALLOCATE asked", prepare=False)


# --- What a request reads of it ---------------------------------------------------------------


def read_by(sql: str) -> int:
    """How many blocks a statement touches when it is carried out."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
        plan = cursor.fetchone()[0][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize(
    "path",
    [
        "?limit=100", "?limit=100&status=failed", "?limit=100&status=cancelled", "?limit=100&batch_id={batch}",
        "?limit=100&batch_id={batch}&status=done", "?limit=100&account_id={account}", "?limit=100&q=999087109",
        "?limit=100&q=persona",
    ],
)  # fmt: skip
def test_a_page_touches_a_small_part_of_the_table(as_user: AsUser, path: str) -> None:
    batch = Batch.objects.get(pk=one_batch())
    client: Any = as_user(UserFactory())
    queries = queries_of(client, JOBS + path.format(batch=batch.pk, account=batch.account_id))
    at_most(6, queries)
    touched = {sql[:60]: read_by(sql) for sql in queries if sql.startswith("SELECT")}
    assert sum(touched.values()) < 1_500, touched


def test_the_totals_are_exact_without_counting(as_user: AsUser) -> None:
    client = as_user(UserFactory())
    for path, expected in (
        ("", Job.objects.exclude(status="cancelled").count()),
        ("&status=failed", Job.objects.filter(status="failed").count()),
        (f"&batch_id={one_batch()}", Job.objects.filter(batch=one_batch()).exclude(status="cancelled").count()),
    ):
        assert client.get(f"{JOBS}?limit=1{path}")["X-Total-Count"] == str(expected)
