"""The floor of campaigns: the same work as plain SQL on the same tables with their triggers, no HTTP, no framework."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import psycopg

from crm.models import User
from jobs.models import Batch
from tests.load.campaign_data import LANE
from tests.load.floor import Work
from tests.load.generator import Measured, summary

_USER = "SELECT * FROM crm_user WHERE id = %s"
_FIND = "SELECT * FROM jobs_job WHERE id = %s FOR UPDATE"
_REMOVE = (
    "WITH gone AS (DELETE FROM jobs_job WHERE id = %s RETURNING *)"
    " INSERT INTO jobs_tombstone (id, job_id, batch_id, account_id, status, attempts, job_created_at, removed_at,"
    " removed_by_id) SELECT id, job_id, batch_id, account_id, status, attempts, created_at, now(), %s FROM gone"
)
_CLAIM = (
    "UPDATE jobs_job SET status = 'in_progress', attempts = attempts + 1, updated_at = now() WHERE id IN"
    " (SELECT id FROM jobs_job WHERE batch_id = %s AND lane = %s AND status = 'pending' AND next_try_at <= now()"
    "  ORDER BY next_try_at, id LIMIT %s FOR UPDATE SKIP LOCKED)"
    " RETURNING id, batch_id, account_id, person_key, phones ->> 0 AS number, attempts"
)
_ATTEMPT = (
    "INSERT INTO jobs_callattempt (id, created_at, updated_at, job_id, batch_id, account_id, number, phone_key,"
    " person_key, position, state, provider, provider_ref, look_at, worker, is_settled, outcome, is_counted, reason,"
    " error, seconds, cost_micros, summary, sentiment, transcript, recording_url, log_url, collected)"
    " VALUES (%s, now(), now(), %s, %s, %s, %s, %s, %s, %s, 'claimed', 'simulated', '', now() + interval '60 s',"
    " 'floor', false, '', true, '', '', 0, 0, '', '', '', '', '', '{}')"
)


def removing(database_url: str, user: User, ids: Sequence[str], *, clients: int) -> Measured:
    """Each of `ids` once, each in its own transaction, over so many connections."""

    def remove(connection: psycopg.Connection[Any], job_id: str) -> None:
        connection.execute(_USER, [user.pk], prepare=True).fetchone()
        connection.execute(_FIND, [job_id], prepare=True).fetchone()
        connection.execute(_REMOVE, [job_id, user.pk], prepare=True)

    return _spend(database_url, remove, ids, clients=clients)


def claiming(database_url: str, batch: Batch, *, rows: int, at_once: int, clients: int) -> Measured:
    """`rows` claims in steps of `at_once`; the rate is of jobs, not of steps."""

    def claim(connection: psycopg.Connection[Any], _: str) -> None:
        claimed = connection.execute(_CLAIM, [batch.pk, LANE, at_once], prepare=True).fetchall()
        attempts = [[uuid4(), job, owner, payer, number, number[1:], person, position]
                    for job, owner, payer, person, number, position in claimed]  # fmt: skip
        connection.cursor().executemany(_ATTEMPT, attempts)

    steps = _spend(database_url, claim, [""] * (rows // at_once), clients=clients)
    return Measured(steps.rate * at_once, steps.p50, steps.p99, steps.statuses)


def copying(database_url: str, batch_id: str) -> float:
    """The rows of a batch out of the table and in again by COPY, in one transaction: rows a second of the way in."""
    with psycopg.connect(database_url) as connection:
        with connection.cursor().copy(
            "COPY (SELECT * FROM jobs_job WHERE batch_id = %s) TO STDOUT", [batch_id]
        ) as rows:
            text = b"".join(map(bytes, rows))
        connection.execute("DELETE FROM jobs_job WHERE batch_id = %s", [batch_id])
        connection.commit()
        started = time.perf_counter()
        with connection.cursor().copy("COPY jobs_job FROM STDIN") as copy:
            copy.write(text)
        connection.commit()
    return text.count(b"\n") / (time.perf_counter() - started)


def listing(user: User, page: str, total: str, parameters: Sequence[Any], *, owner: str) -> Work:
    """A page of jobs with what its rows show of batch and last dial, and how many there are."""
    sql = (
        "SELECT j.*, b.batch_id AS readable, b.call_settings, a.account_id AS payer, t.* FROM jobs_job j"
        " JOIN jobs_batch b ON b.id = j.batch_id JOIN jobs_account a ON a.id = j.account_id"
        f" LEFT JOIN jobs_callattempt t ON t.id = j.last_attempt_id {page}"
    )

    def work(connection: psycopg.Connection[Any], _: int) -> None:
        connection.execute(_USER, [user.pk]).fetchone()
        connection.execute(sql, parameters).fetchall()
        connection.execute(total, [owner]).fetchone()

    return work


def _spend(
    database_url: str, work: Callable[[psycopg.Connection[Any], str], None], given: Sequence[str], *, clients: int
) -> Measured:
    latencies: list[float] = []
    connections = [psycopg.connect(database_url) for _ in range(clients)]

    def spend(client: int) -> None:
        for one in given[client::clients]:
            before = time.perf_counter()
            work(connections[client], one)
            connections[client].commit()
            latencies.append(time.perf_counter() - before)

    threads = [threading.Thread(target=spend, args=(client,)) for client in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    for connection in connections:
        connection.close()
    return summary(latencies, elapsed)
