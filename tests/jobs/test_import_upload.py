"""`POST /api/v1/batches/{id}/upload` and what is told of it: `GET …/import`, `GET …/import/errors`."""

import csv
import io
from typing import Any

import pytest
from django.utils import timezone

from jobs.models import Account, Batch, BatchImport, Job
from tests.jobs.importing import ANA, HEADER, LUIS, created, jobs_of, lines, upload, workbook
from tests.jobs.rows import a_batch, an_account

pytestmark = pytest.mark.usefixtures("own_media")


@pytest.fixture
def chile(db) -> Account:
    return an_account(country="CL")


def path(batch: Batch, what: str = "upload", *, by: str = "pk") -> str:
    return f"/api/v1/batches/{getattr(batch, by)}/{what}"


def rejected(client: Any, batch: Batch) -> list[list[str]]:
    answer = client.get(path(batch, "import/errors"))
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.sqlite
@pytest.mark.parametrize("by", ["pk", "batch_id"])
def test_people_are_added_to_a_campaign_by_either_id(as_user, bob, chile, by):
    batch = a_batch(chile)
    answer = upload(as_user(bob), path(batch, by=by), lines(HEADER, ANA, LUIS))

    assert answer.status_code == 200
    assert (answer.data["_id"], answer.data["jobs_created"], answer.data["jobs_added"]) == (batch.pk, 2, 2)
    assert [job.name for job in jobs_of(answer.data)] == ["Ana Soto", "Luis Vera"]
    assert "CL:America/Santiago" in Batch.objects.get(pk=batch.pk).lanes


def test_a_workbook_is_as_good(as_user, bob, chile):
    content = workbook(["nombre", "telefono"], ["Ana", 991234567])

    assert upload(as_user(bob), path(a_batch(chile)), content, name="mas.xlsx").data["jobs_created"] == 1


def test_who_is_in_the_campaign_is_not_added_again_even_if_duplicates_are_allowed(as_user, bob, chile):
    batch = a_batch(chile)
    upload(as_user(bob), path(batch), lines(HEADER, ANA))
    answer = upload(as_user(bob), path(batch), lines(HEADER, ANA, LUIS), allow_duplicates="true")
    again = upload(as_user(bob), path(batch), lines(HEADER, ANA, LUIS))

    assert (answer.data["jobs_created"], answer.data["duplicates_skipped"]) == (1, 1)
    assert (again.data["jobs_created"], again.data["duplicates_skipped"]) == (0, 2)
    assert rejected(as_user(bob), batch)[1][-1] == "Ya está en esta campaña."


def test_a_cancelled_one_is_in_the_campaign_too(as_user, bob, chile):
    batch = a_batch(chile)
    upload(as_user(bob), path(batch), lines(HEADER, ANA))
    Job.objects.filter(batch=batch).update(status="cancelled")

    assert upload(as_user(bob), path(batch), lines(HEADER, ANA)).data["duplicates_skipped"] == 1


def test_a_removed_person_can_be_added_again(as_user, bob, chile):
    batch = a_batch(chile)
    upload(as_user(bob), path(batch), lines(HEADER, ANA))
    Job.objects.filter(batch=batch).delete()

    assert upload(as_user(bob), path(batch), lines(HEADER, ANA)).data["jobs_created"] == 1


def test_nothing_is_added_to_a_campaign_that_is_gone(as_user, bob, chile):
    cancelled = a_batch(chile, cancelled_at=timezone.now())
    removed = a_batch(chile, removed_at=timezone.now())
    answers = [upload(as_user(bob), path(batch), lines(HEADER, ANA)) for batch in (cancelled, removed)]

    assert [answer.status_code for answer in answers] == [409, 404]
    assert answers[1].data["message"] == "Campaña no encontrada"
    assert as_user(bob).get("/api/v1/batches/nadie/import").status_code == 404


def test_an_agent_who_sees_only_theirs_adds_only_to_theirs(as_user, bob, charlie, chile, settings):
    settings.CRM_AGENT_SCOPE = "own"
    batch = a_batch(chile, created_by=charlie)

    assert upload(as_user(bob), path(batch), lines(HEADER, ANA)).status_code == 404
    assert as_user(bob).get(path(batch, "import")).status_code == 404
    assert upload(as_user(charlie), path(batch), lines(HEADER, ANA)).status_code == 200


# --- What is told afterwards --------------------------------------------------------------------


@pytest.mark.sqlite
def test_progress_and_problems_of_the_newest_file(as_user, bob, chile):
    answer = created(as_user(bob), chile, lines(HEADER, ANA, "Eva,123,,5"))
    told = as_user(bob).get(f"/api/v1/batches/{answer['batch_id']}/import").data

    assert (told["status"], told["progress"], told["total_rows"], told["total_people"]) == ("completed", 100, 2, 1)
    assert (told["jobs_created"], told["failed_rows"], told["duplicates_skipped"], told["do_not_call"]) == (1, 1, 0, 0)
    assert told["problems"] == [{"row": 3, "message": "Teléfono: «123» no es un teléfono en uso.", "is_error": True}]


def test_a_campaign_without_a_file_has_no_import(as_user, bob, chile):
    answer = as_user(bob).get(path(a_batch(chile), "import"))

    assert (answer.status_code, answer.data["message"]) == (404, "La campaña no viene de un archivo.")


def test_rejected_rows_come_back_with_their_reason_and_no_formula(as_user, bob, chile):
    answer = created(as_user(bob), chile, lines(HEADER, ANA, '=HYPERLINK("x"),+12,,5', '"@Eva",123,,5'))
    batch = BatchImport.objects.get().batch
    header, formula, eva = rejected(as_user(bob), batch)

    assert answer["jobs_created"] == 1
    assert header == ["nombre", "telefono", "rut", "monto_deuda", "Fila", "Motivo"]
    assert formula[:2] == ['\'=HYPERLINK("x")', "'+12"]
    assert (eva[0], eva[4]) == ("'@Eva", "4")
    assert eva[5] == "Teléfono: «123» no es un teléfono en uso."


def test_the_corrected_file_of_rejected_rows_can_be_added(as_user, bob, chile):
    created(as_user(bob), chile, lines(HEADER, ANA, "Eva,123,,5"))
    batch = BatchImport.objects.get().batch
    header, eva = rejected(as_user(bob), batch)
    eva[1] = "971234567"
    answer = upload(as_user(bob), path(batch), lines(",".join(header), ",".join(eva)))

    assert answer.data["jobs_created"] == 1
    assert Job.objects.get(name="Eva").payload["additional_info"] == {"cantidad_cupones": 1}
