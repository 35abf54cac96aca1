"""An import goes on in the background where its request stopped, whoever ended and wherever; nothing is made twice."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.utils import timezone

from jobs import tasks
from jobs.importing import running, storing
from jobs.models import Account, Batch, BatchImport, Count, ImportProblem, Job
from jobs.models.imports import LEASE, MOST_ATTEMPTS
from tests.jobs.importing import CREATE, created, lines, upload
from tests.jobs.rows import an_account

pytestmark = pytest.mark.usefixtures("own_media", "small_chunks")
NUMBERS = range(91_000_000, 91_000_025)


@pytest.fixture
def small_chunks(monkeypatch: Any) -> None:
    monkeypatch.setattr(running, "CHUNK_PEOPLE", 10)


@pytest.fixture
def chile(db) -> Account:
    return an_account(country="CL")


def people(*more: str) -> bytes:
    """Twenty-five people, a row without a phone among them, and `more`."""
    rows = [f"Persona {number},9{number}" for number in NUMBERS]
    return lines("nombre,telefono", *rows[:12], "Sin teléfono,", *rows[12:], *more)


def begun(account: Account, content: bytes | None = None) -> BatchImport:
    """As the request leaves it whose time is over after the first chunk."""
    file = SimpleUploadedFile("lista.csv", content or people())
    return running.create_batch(file, name="lista.csv", account=account, by=None, seconds=0)


def lease_runs_out(run: BatchImport) -> None:
    BatchImport.objects.filter(pk=run.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def everybody_once(run: BatchImport) -> bool:
    numbers = [number for (number,) in Job.objects.filter(batch=run.batch).values_list("phones__0").order_by("id")]
    return numbers == [f"+569{number}" for number in NUMBERS]


@pytest.mark.sqlite
def test_the_request_answers_in_time_and_the_task_does_the_rest(as_user, bob, chile, monkeypatch):
    monkeypatch.setattr(running, "SECONDS_IN_A_REQUEST", 0.0)
    woken: list[Any] = []
    monkeypatch.setattr("jobs.api.importing.wake", woken.append)
    answer = created(as_user(bob), chile, people())

    assert (answer["jobs_created"], answer["contacts_processed"], answer["progress"]) == (10, 10, 40)
    assert answer["status"] == "processing"
    assert "El archivo se sigue importando: va por el 40 %." in answer["warnings"]
    assert woken == [tasks.resume_imports]

    tasks.resume_imports()

    run = BatchImport.objects.get()
    told = as_user(bob).get(f"/api/v1/batches/{answer['_id']}/import").data
    assert everybody_once(run)
    assert (told["status"], told["progress"], told["jobs_created"], told["failed_rows"]) == ("completed", 100, 25, 1)
    assert Count.objects.of(answer["_id"]).pending == 25
    assert ImportProblem.objects.get().row == 14


def test_asked_again_while_it_runs_the_campaign_is_the_same(as_user, bob, chile, monkeypatch):
    monkeypatch.setattr(running, "SECONDS_IN_A_REQUEST", 0.0)
    first = created(as_user(bob), chile, people())
    again = created(as_user(bob), chile, people())
    running.resume_due()
    done = created(as_user(bob), chile, people())

    assert first["_id"] == again["_id"] == done["_id"]
    assert (again["jobs_created"], done["jobs_created"]) == (10, 25)


@pytest.mark.sqlite
@pytest.mark.parametrize("where", ["put_problems", "_insert", "decide"])
def test_a_worker_that_ends_within_a_chunk_leaves_it_to_the_next(chile, monkeypatch, where):
    run = begun(chile)
    with monkeypatch.context() as broken:
        broken.setattr(storing, where, _ends)
        with pytest.raises(SystemExit):
            running.resume_due()
    assert Job.objects.count() == 10
    assert running.resume_due() == 0  # its lease has not run out

    lease_runs_out(run)
    running.resume_due()

    assert everybody_once(run)
    run.refresh_from_db()
    assert (run.state, run.done_people, run.created_jobs, run.failed_rows) == ("done", 25, 25, 1)


def _ends(*args: Any, **kwargs: Any) -> None:
    raise SystemExit


def test_one_that_ends_before_it_could_say_done_is_ended_by_the_next(chile, monkeypatch):
    run = begun(chile)
    with monkeypatch.context() as broken:
        broken.setattr(BatchImport, "end", _ends)
        with pytest.raises(SystemExit):
            running.resume_due()
    lease_runs_out(run)
    running.resume_due()

    run.refresh_from_db()
    assert (run.state, Job.objects.count()) == ("done", 25)


def test_what_the_database_refuses_now_is_tried_again(chile, monkeypatch):
    run = begun(chile)
    with monkeypatch.context() as broken:
        broken.setattr(storing, "_insert", _deadlock)
        running.resume_due()
    running.resume_due()

    assert everybody_once(run)


def _deadlock(*args: Any) -> None:
    raise OperationalError("deadlock detected")


def test_a_worker_that_overslept_its_lease_writes_nothing(chile):
    run = begun(chile)
    assert run.claim()
    lease_runs_out(run)
    running.resume_due()
    stored = storing.store(run, run.batch, [], running.Reading.of_upload(_file(), chile, running.Wishes()).order)

    assert stored is False
    assert everybody_once(run)


def _file() -> SimpleUploadedFile:
    return SimpleUploadedFile("lista.csv", people())


def test_two_workers_do_not_work_at_one_file(chile):
    run = begun(chile)
    assert run.claim()

    assert running.resume_due() == 0
    assert (Job.objects.count(), run.leased_until <= timezone.now() + LEASE) == (10, True)


def test_one_that_ends_every_worker_is_given_up(chile):
    run = begun(chile)
    BatchImport.objects.filter(pk=run.pk).update(attempts=MOST_ATTEMPTS)
    running.resume_due()

    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "La importación se interrumpió varias veces. Avise a soporte.")
    assert Job.objects.count() == 10


def test_a_file_that_is_gone_ends_it_with_a_sentence(chile, own_media):
    run = begun(chile)
    for path in own_media.rglob("*.csv"):
        path.unlink()
    running.resume_due()

    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "El archivo ya no está en el servidor. Súbalo de nuevo.")


@pytest.mark.sqlite
@pytest.mark.parametrize("gone", ["cancelled_at", "removed_at"])
def test_a_campaign_that_is_gone_gets_no_more_and_what_came_is_cancelled(chile, gone):
    run = begun(chile)
    Batch.objects.update(**{gone: timezone.now()})
    running.resume_due()

    run.refresh_from_db()
    assert (run.state, Job.objects.count()) == ("failed", 10)
    assert Batch.objects.get().pending_act == "cancel"


def test_a_cancellation_during_the_last_chunk_is_seen(chile, monkeypatch):
    run = begun(chile)
    store = running.store

    def store_and_cancel(*args: Any) -> bool:
        stored = store(*args)
        if BatchImport.objects.get().done_people == len(NUMBERS):
            Batch.objects.update(cancelled_at=timezone.now())
        return stored

    monkeypatch.setattr(running, "store", store_and_cancel)
    running.resume_due()

    run.refresh_from_db()
    assert (run.state, Batch.objects.get().pending_act) == ("done", "cancel")


def test_a_paused_campaign_is_filled_all_the_same(chile):
    run = begun(chile)
    Batch.objects.update(is_active=False)
    running.resume_due()

    assert everybody_once(run)


def test_the_columns_and_the_country_stay_those_of_the_beginning(as_user, bob, chile, monkeypatch):
    run = begun(chile)
    chile.country = "PE"
    chile.save()
    running.resume_due()

    assert everybody_once(run)


def test_a_readable_id_that_is_taken_costs_nobody_their_job(chile, monkeypatch):
    made = iter(["igual", "igual", *(f"otra-{number}" for number in range(50))])
    monkeypatch.setattr(storing, "readable_job_id", lambda account, now: next(made))
    run = begun(chile, lines("nombre,telefono", "Ana,991234567", "Eva,981234567"))

    assert Job.objects.filter(batch=run.batch).count() == 2
    assert (run.created_jobs, run.duplicates) == (2, 0)


def test_a_failed_import_may_be_tried_anew(as_user, bob, chile, monkeypatch):
    run = begun(chile)
    BatchImport.objects.update(state="failed")
    answer = upload(as_user(bob), CREATE, people(), account_id=chile.pk, allow_duplicates="true")

    assert (answer.status_code, answer.data["jobs_created"]) == (200, 25)
    assert answer.data["_id"] != run.batch_id
