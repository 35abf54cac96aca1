"""Workers and an import: leases, deaths, cancellations, races, refusals of the database, and what a chunk costs."""

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config import celery_app
from crm import tasks
from crm.choices import Project
from crm.importing import columns, running, storing
from crm.models import Contact, ContactPhone, ImportRow, ImportRun, Lead, User
from crm.models.imports import MOST_ATTEMPTS
from tests.crm import spreadsheets
from tests.crm.importing import IMPORTS, lines
from tests.programs import programs

pytestmark = pytest.mark.usefixtures("own_media")


def people(count: int, *, first: int = 0) -> bytes:
    rows = [f"Persona {number},9{number:08d},{Project.OASIS_1}" for number in range(first, first + count)]
    return lines("Nombre,Celular,Proyecto", *rows)


def queued(content: bytes, by: User | None = None, *, kind: str = "leads", merge: bool = False) -> ImportRun:
    run = running.preview_file(ContentFile(content), name="leads.csv", kind=kind, by=by)
    running.start(run, merge_duplicates=merge, responsible_user=None)
    return run


def expire(run: ImportRun) -> None:
    ImportRun.objects.filter(pk=run.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def assert_every_row_is_accounted_for(run: ImportRun) -> None:
    run.refresh_from_db()
    rows = ImportRow.objects.filter(run=run)
    assert run.processed_rows == run.total_rows == rows.count()
    assert Counter(rows.values_list("outcome", flat=True)) == +Counter(
        {
            "created": run.created_rows,
            "merged": run.merged_rows,
            "duplicate": run.duplicate_rows,
            "failed": run.failed_rows,
        }
    )


# --- Leases -------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_run_that_somebody_works_at_is_left_alone(alice):
    run = queued(people(3), alice)
    assert run.claim()

    tasks.run_import(run_id=str(run.pk))
    tasks.resume_imports()
    assert not ImportRun.objects.get(pk=run.pk).claim()
    assert not Lead.objects.exists()


@pytest.mark.sqlite
def test_a_run_whose_worker_fell_silent_is_taken_over_where_it_stopped(alice, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ROWS", 10)
    run = queued(people(35), alice)
    assert running.carry_out(run, seconds=0).processed_rows == 0
    dying = ImportRun.objects.get(pk=run.pk)

    def die(run: ImportRun) -> None:
        if run.processed_rows == 20:
            raise SystemExit

    with pytest.raises(SystemExit):
        running.carry_out(dying, progress=die)
    assert not ImportRun.objects.stranded().exists()
    expire(run)
    tasks.run_import(run_id=str(run.pk))

    assert_every_row_is_accounted_for(run)
    assert (run.state, run.created_rows, Lead.objects.count()) == ("done", 35, 35)


def test_a_worker_that_overslept_writes_nothing(alice, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ROWS", 10)
    run = queued(people(30), alice)
    other = ImportRun.objects.get(pk=run.pk)

    def oversleep(run: ImportRun) -> None:
        if run.processed_rows == 10:
            expire(run)
            assert other.claim()

    running.carry_out(run, progress=oversleep)

    run.refresh_from_db()
    assert (run.processed_rows, Lead.objects.count(), ImportRow.objects.count()) == (10, 10, 10)
    other.release()
    tasks.run_import(run_id=str(run.pk))
    assert_every_row_is_accounted_for(run)
    assert Lead.objects.count() == 30


def test_a_worker_stops_after_its_time_and_another_goes_on_at_once(alice, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ROWS", 10)
    run = queued(people(30), alice)
    clock = iter([0.0, 1.0, 301.0])
    monkeypatch.setattr(running.time, "monotonic", lambda: next(clock, 1.0))
    running.carry_out(run)

    assert ImportRun.objects.stranded().get().processed_rows == 10
    monkeypatch.setattr(running.time, "monotonic", lambda: 1.0)
    tasks.run_import(run_id=str(run.pk))
    assert_every_row_is_accounted_for(run)


def test_a_run_that_kills_its_workers_is_given_up(alice, monkeypatch):
    run = queued(people(3), alice)
    monkeypatch.setattr(running, "_store_chunk", lambda run, rows: 1 / 0)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(ZeroDivisionError):
            tasks.run_import(run_id=str(run.pk))
        expire(run)
    tasks.run_import(run_id=str(run.pk))

    run.refresh_from_db()
    assert (run.state, run.finished_at is None) == ("failed", False)
    assert run.error == "La importación se interrumpió varias veces en la misma fila. Avise a soporte."
    assert not ImportRun.objects.stranded().exists()


def test_progress_forgives_earlier_deaths(alice, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ROWS", 1)
    run = queued(people(MOST_ATTEMPTS + 3), alice)

    def die(run: ImportRun) -> None:
        raise SystemExit

    for _ in range(MOST_ATTEMPTS + 2):
        with pytest.raises(SystemExit):
            running.carry_out(ImportRun.objects.get(pk=run.pk), progress=die)
        expire(run)
    tasks.run_import(run_id=str(run.pk))

    assert_every_row_is_accounted_for(run)
    assert run.state == "done"


def test_cancelling_in_the_middle_keeps_what_is_done_and_stops(as_user, alice, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ROWS", 10)
    run = queued(people(30), alice)

    def cancel(run: ImportRun) -> None:
        assert as_user(alice).post(f"{IMPORTS}/{run.pk}/cancel").status_code == 200

    running.carry_out(run, progress=cancel)

    run.refresh_from_db()
    assert (run.state, run.processed_rows, run.leased_until) == ("cancelled", 10, None)
    assert Lead.objects.count() == ImportRow.objects.count() == 10
    assert not ImportRun.objects.stranded().exists()


def test_a_file_that_is_gone_or_is_another_fails_the_run_with_a_sentence(alice, own_media):
    gone, changed = queued(people(3), alice), queued(people(3), alice)
    next(own_media.rglob(f"{gone.pk}.csv")).unlink()
    next(own_media.rglob(f"{changed.pk}.csv")).write_bytes(people(2))
    for run in (gone, changed):
        tasks.run_import(run_id=str(run.pk))
        run.refresh_from_db()

    assert (gone.state, gone.error) == ("failed", "El archivo ya no está en el servidor. Súbalo de nuevo.")
    assert (changed.state, changed.error) == ("failed", "El archivo ya no es el de la vista previa. Súbalo de nuevo.")


def test_the_database_holds_that_the_counters_add_up(alice):
    run = queued(people(3), alice)
    with pytest.raises(IntegrityError, match="import_accounts_for_every_row"):
        ImportRun.objects.filter(pk=run.pk).update(processed_rows=1)


# --- Refusals of the database -------------------------------------------------------------------


def test_one_row_that_the_database_refuses_costs_its_neighbours_nothing(alice, monkeypatch):
    """Here a reader that lets a text through which is too long for its column."""
    lax = [
        replace(field, read=lambda cell, around: cell) if field.name == "distrito" else field
        for field in columns.LEAD_FIELDS
    ]
    monkeypatch.setitem(columns.FIELDS, "leads", tuple(lax))
    rows = [f"Persona {number},9{number:08d},{'x' * 101 if number == 17 else 'Lima'}" for number in range(40)]
    run = queued(lines("Nombre,Celular,Distrito", *rows), alice)
    tasks.run_import(run_id=str(run.pk))

    assert_every_row_is_accounted_for(run)
    assert (run.created_rows, run.failed_rows, Lead.objects.count()) == (39, 1, 39)
    failed = ImportRow.objects.get(run=run, outcome="failed")
    assert (failed.number, failed.message) == (19, "Un valor está fuera de lo que se puede guardar.")


@pytest.mark.django_db(transaction=True)
def test_somebody_who_is_stored_at_this_moment_becomes_a_duplicate_not_an_error(alice, monkeypatch):
    """Between the look at who is known and the writing: no phone to wait for, only the rule of the database."""
    load = storing.Book.load
    to_come = [{"name": "Luz", "email": "luz@ejemplo.pe"}]

    def load_while_somebody_comes(book: Any, rows: Any) -> None:
        load(book, rows)
        if to_come:
            in_threads(lambda: Contact.objects.create(**to_come.pop()))

    content = lines("Nombre,Correo", "Ana,ana@ejemplo.pe", "Luz,luz@ejemplo.pe", "Eva,eva@ejemplo.pe")
    run = queued(content, alice, kind="contacts")
    monkeypatch.setattr(storing.Book, "load", load_while_somebody_comes)
    tasks.run_import(run_id=str(run.pk))

    assert_every_row_is_accounted_for(run)
    assert (run.created_rows, run.duplicate_rows, run.failed_rows) == (2, 1, 0)
    assert Contact.objects.count() == 3


# --- What a chunk costs -------------------------------------------------------------------------


@pytest.mark.parametrize("merge", [False, True])
@pytest.mark.parametrize("kind", ["leads", "contacts"])
def test_a_chunk_costs_the_same_number_of_queries_whatever_its_size(alice, kind, merge):
    """Half of each chunk is new, half is known already and has something to be told."""

    def queries_for(size: int, first: int) -> int:
        known = [f"Persona {n},9{n:08d},{Project.OASIS_1},," for n in range(first, first + size, 2)]
        header = "Nombre,Celular,Proyecto,Distrito,Correo"
        tasks.run_import(run_id=str(queued(lines(header, *known), alice, kind=kind).pk))
        rows = [f"Persona {n},9{n:08d},{Project.OASIS_1},Breña,p{n}@ejemplo.pe" for n in range(first, first + size)]
        run = queued(lines(header, *rows), alice, kind=kind, merge=merge)
        with CaptureQueriesContext(
            connection,
        ) as spent:
            tasks.run_import(run_id=str(run.pk))
        run.refresh_from_db()
        assert (run.created_rows, run.merged_rows + run.duplicate_rows) == (size // 2, size // 2)
        assert bool(run.merged_rows) == merge
        return len(spent)

    few, many = queries_for(10, 1_000), queries_for(500, 5_000)
    assert few == many
    assert many <= 36


# --- Real workers, real deaths ------------------------------------------------------------------


WORKER = """
import sys
from dataclasses import replace
from datetime import timedelta
import django
django.setup()
from crm.importing import running
from crm.models import imports
running.CHUNK_ROWS = 50
imports.LEASE = timedelta(seconds=2)
from crm.tasks import run_import
run_import(run_id=sys.argv[1])
"""


@pytest.fixture
def start_worker(own_media: Path) -> Iterator[Callable[[ImportRun], "subprocess.Popen[bytes]"]]:
    """Starts a process of its own that carries a run out, on this test's database."""
    with programs() as start:
        yield lambda run: start(WORKER, str(run.pk), MEDIA_ROOT=str(own_media))


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(alice, start_worker):
    made = spreadsheets.leads(1_500)
    run = queued(spreadsheets.as_csv(made.rows), alice)
    worker = start_worker(run)
    wait_until(lambda: ImportRun.objects.get(pk=run.pk).processed_rows >= 200)
    worker.kill()
    worker.wait()

    run.refresh_from_db()
    assert (run.state, run.total_rows) == ("running", 1_500)
    assert 200 <= run.processed_rows < 1_500
    assert ImportRow.objects.filter(run=run).count() == run.processed_rows
    wait_until(lambda: ImportRun.objects.stranded().exists())
    second = start_worker(run)
    assert second.wait(timeout=120) == 0

    assert_every_row_is_accounted_for(run)
    assert run.state == "done"
    assert (run.created_rows, run.duplicate_rows, run.failed_rows) == (
        made.outcomes["created"],
        made.outcomes["duplicate"],
        made.outcomes["failed"],
    )
    assert Lead.objects.count() == made.outcomes["created"]
    assert Contact.objects.count() == ContactPhone.objects.count() == made.contacts


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_at_one_run_one_works(alice, start_worker):
    run = queued(people(600), alice)
    first, second = start_worker(run), start_worker(run)

    assert {first.wait(timeout=120), second.wait(timeout=120)} == {0}
    assert_every_row_is_accounted_for(run)
    assert (run.state, run.created_rows, Lead.objects.count()) == ("done", 600, 600)


def in_threads(*acts: Callable[[], Any]) -> list[Any]:
    """Run all at the same moment, each with a connection of its own; what they returned."""
    together, found = threading.Barrier(len(acts)), [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        try:
            together.wait()
            found[place] = act()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_one_succeeds(alice):
    run = queued(people(3), alice)
    claims = [ImportRun.objects.get(pk=run.pk).claim for _ in range(8)]

    assert sorted(in_threads(*claims)) == [False] * 7 + [True]


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_one_succeeds(as_user, alice):
    run = running.preview_file(ContentFile(people(3)), name="leads.csv", kind="leads", by=alice)
    clients = [as_user(alice) for _ in range(6)]
    celery_app.conf.task_always_eager = True
    try:
        answers = in_threads(
            *(lambda client=client: client.post(IMPORTS, {"import_id": str(run.pk)}) for client in clients)
        )
    finally:
        celery_app.conf.task_always_eager = False

    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 5
    assert_every_row_is_accounted_for(run)


@pytest.mark.django_db(transaction=True)
def test_an_import_and_the_api_bring_the_same_new_person_once(as_user, alice):
    """Both wait for the phone, whichever comes second finds the contact of the first."""
    run = queued(people(60), alice)
    clients = [as_user(alice) for _ in range(6)]

    def enquire(client: Any, first: int) -> None:
        for number in range(first, 60, 6):
            body = {"nombre": f"Persona {number}", "celular": f"9{number:08d}", "proyecto_interes": Project.OASIS_2}
            assert client.post("/api/crm/leads", body).status_code == 201

    in_threads(
        lambda: tasks.run_import(run_id=str(run.pk)),
        *(lambda client=client, first=first: enquire(client, first) for first, client in enumerate(clients)),
    )

    assert_every_row_is_accounted_for(run)
    assert (run.failed_rows, Lead.objects.count()) == (0, 120)
    assert Contact.objects.count() == 60


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_the_same_file_at_once_store_everybody_once(alice):
    first, second = queued(people(300), alice), queued(people(300), alice)
    in_threads(
        lambda: tasks.run_import(run_id=str(first.pk)),
        lambda: tasks.run_import(run_id=str(second.pk)),
    )

    for run in (first, second):
        assert_every_row_is_accounted_for(run)
    assert (first.created_rows + second.created_rows, first.failed_rows + second.failed_rows) == (300, 0)
    assert Lead.objects.count() == Contact.objects.count() == 300
