"""Claims by several processes, imports, and what the counting costs where many rows move at once."""

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import psycopg
from django.core.files.base import ContentFile
from django.test import override_settings
from openpyxl import Workbook

from crm.models import User
from jobs.importing.running import create_batch
from jobs.models import Batch
from tests.load import campaign_floor
from tests.load.campaign_data import a_campaign
from tests.load.processes import ROOT, settle
from tests.load.report import print_columns

WORKERS = (1, 2, 4)
# As many as the dispatcher takes at a time with its usual threads.
AT_ONCE = 20


def claims(environment: dict[str, str], batch: Batch, wanted: int) -> None:
    """Jobs claimed a second by so many processes, each with its attempt on record."""
    surroundings = {**environment, "CALLS_AT_ONCE": "1000000", "CALLS_A_WEEK": "1000000"}
    rows = []
    for name, mode in (("claim", "claim"), ("claim and place", "place")):
        rates = {}
        for workers in WORKERS:
            _release(environment["DATABASE_URL"])
            rates[workers] = _claimed_by(surroundings, mode, workers, wanted)
        rows.append((name, rates))
    grounds = {}
    for workers in WORKERS:
        _release(environment["DATABASE_URL"])
        url = environment["DATABASE_URL"]
        grounds[workers] = campaign_floor.claiming(url, batch, rows=wanted, at_once=AT_ONCE, clients=workers).rate
    _release(environment["DATABASE_URL"])
    print(f"\nJobs claimed a second by so many processes, {AT_ONCE} at a time\n")
    print_columns(
        ["", *map(str, WORKERS), f"floor / it, {WORKERS[0]}", f"floor / it, {WORKERS[-1]}"],
        [
            [name, *(f"{rates[one]:.0f}" for one in WORKERS), *(f"{grounds[one] / rates[one]:.2f}" for one in (1, 4))]
            for name, rates in [*rows, ("SQL floor", grounds)]
        ],
    )


def _claimed_by(environment: dict[str, str], mode: str, workers: int, wanted: int) -> float:
    command = [sys.executable, "-m", "tests.load.claimer", mode, str(wanted // workers), str(AT_ONCE)]
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(workers)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [json.loads(process.communicate(timeout=600)[0]) for process in processes]
    claimed = sum(one["claimed"] for one in told)
    if claimed < wanted // workers * workers:
        raise SystemExit(f"Only {claimed} of {wanted} jobs were claimed.")
    # One clock for all processes of a machine.
    return claimed / (max(one["ended"] for one in told) - min(one["started"] for one in told))


def _release(url: str) -> None:
    """Nobody is being called any more, and nobody was."""
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM jobs_callattempt WHERE state <> 'ended'")
        connection.execute("UPDATE jobs_job SET status = 'pending', attempts = 0 WHERE status = 'in_progress'")
    settle(url)


# --- Imports ----------------------------------------------------------------------------------


def imports(url: str, user: User, rows: int) -> None:
    lines = []
    with tempfile.TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
        for name, file in (("CSV", _csv(rows)), ("XLSX", _xlsx(rows))):
            account = a_campaign(name).account
            settle(url)
            started = time.perf_counter()
            run = create_batch(
                ContentFile(file, f"lista.{name.lower()}"), name=f"lista.{name.lower()}", account=account, by=None,
                seconds=3600,
            )  # fmt: skip
            elapsed = time.perf_counter() - started
            if run.created_jobs != rows:
                raise SystemExit(f"{name}: {run.created_jobs} of {rows} rows became jobs. {run.error}")
            settle(url)
            ground = campaign_floor.copying(url, run.batch_id)
            lines.append([f"{name}, {len(file):,} bytes", f"{rows / elapsed:.0f}", f"{elapsed:.1f}", f"{ground:.0f}",
                          f"{ground * elapsed / rows:.2f}"])  # fmt: skip
    print(f"\nA file of {rows:,} rows, rows a second\n")
    print_columns(["", "ours", "seconds", "COPY", "COPY / ours"], lines)


def _table(rows: int) -> list[list[str]]:
    head = ["documento", "nombre", "telefono", "deuda", "empresa"]
    people = ([f"{10_000_000 + i}", f"Persona {i}", f"9{i:08d}", "45000", "Carga"] for i in range(rows))
    return [head, *people]


def _csv(rows: int) -> bytes:
    return "\n".join(",".join(row) for row in _table(rows)).encode()


def _xlsx(rows: int) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Lista")
    for row in _table(rows):
        sheet.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


# --- What the counting costs ------------------------------------------------------------------


def bulk_updates(url: str, rows: int) -> None:
    """One statement that moves so many jobs, with the triggers and without."""
    timings = {}
    with psycopg.connect(url, autocommit=True) as connection:
        counting, plain = _seconds_of_moving(connection, rows), 0.0
        connection.execute("ALTER TABLE jobs_job DISABLE TRIGGER USER")
        plain = _seconds_of_moving(connection, rows)
        connection.execute("ALTER TABLE jobs_job ENABLE TRIGGER USER")
        timings = {"with the triggers": counting, "without": plain}
    print(f"\nOne UPDATE that moves {rows:,} jobs\n")
    print_columns(
        ["", "seconds", "ratio"],
        [[name, f"{seconds:.2f}", f"{seconds / plain:.2f}"] for name, seconds in timings.items()],
    )


def _seconds_of_moving(connection: "psycopg.Connection[tuple[object, ...]]", rows: int) -> float:
    """There and back, the better of two times; the counts end as they began."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS moved (id text PRIMARY KEY)")
    connection.execute("TRUNCATE moved")
    connection.execute(f"INSERT INTO moved SELECT id FROM jobs_job WHERE status = 'pending' ORDER BY id LIMIT {rows}")
    move: Callable[[str], float] = lambda state: _timed(connection, state)  # noqa: E731
    return min(move("failed"), move("pending"), move("failed"), move("pending"))


def _timed(connection: "psycopg.Connection[tuple[object, ...]]", state: str) -> float:
    connection.execute("VACUUM ANALYZE jobs_job")
    connection.execute("CHECKPOINT")
    started = time.perf_counter()
    connection.execute(f"UPDATE jobs_job SET status = '{state}' WHERE id IN (SELECT id FROM moved)")
    return time.perf_counter() - started
