"""Starting an import, watching it, and what it gives back: `/api/crm/imports…`."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError
from openpyxl import load_workbook

from config import celery_app
from crm import tasks
from crm.models import AuditEntry, Contact, ImportRun, Lead
from tests.crm.importing import (
    IMPORTS,
    body_of,
    cells_of,
    counts,
    imported,
    lines,
    preview,
    rows_of,
    start,
)

pytestmark = pytest.mark.usefixtures("own_media")

HEADER = "Nombre,Celular,Proyecto"
FILE = lines(HEADER, "Rosa Peña,987654321,OASIS 1", "Luz Vega,12345,", ",912345678,", "Rosa Peña,987654321,OASIS 1")


@pytest.fixture
def previewed(as_user: Any, alice: Any) -> str:
    return str(preview(as_user(alice), FILE).data["id"])


@pytest.fixture
def eager() -> Iterator[None]:
    """A worker that is at hand: what is queued is done at once."""
    celery_app.conf.task_always_eager = True
    yield
    celery_app.conf.task_always_eager = False


# --- POST /imports ------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_queues_wakes_a_worker_and_the_worker_does_it(
    as_user, alice, previewed, eager, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        answer = start(as_user(alice), previewed)

    assert answer.status_code == 202
    assert (answer.data["state"], answer.data["duplicates"], answer.data["progress"]) == ("queued", "report", 0)
    done = as_user(alice).get(f"{IMPORTS}/{previewed}").data
    assert (done["state"], done["progress"], done["eta_seconds"]) == ("done", 100, None)
    assert counts(done) == {"total": 4, "created": 1, "merged": 0, "duplicate": 1, "failed": 2}
    assert done["started_at"] <= done["finished_at"]


def test_a_broker_that_is_gone_costs_nothing(
    as_user, alice, previewed, monkeypatch, django_capture_on_commit_callbacks, caplog
):
    def refuse(*args: Any, **options: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.run_import, "apply_async", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        assert start(as_user(alice), previewed).status_code == 202

    assert "no broker" in caplog.text
    assert ImportRun.objects.stranded().get().state == "queued"


def test_the_tick_finds_what_nobody_woke(as_user, alice, previewed, eager, django_capture_on_commit_callbacks):
    start(as_user(alice), previewed)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.resume_imports()

    assert ImportRun.objects.get().state == "done"


def test_starts_once(as_user, alice, previewed):
    assert start(as_user(alice), previewed).status_code == 202

    again = start(as_user(alice), previewed)
    assert (again.status_code, again.data["detail"]) == (409, "Esta importación ya se inició o se canceló.")
    assert AuditEntry.objects.filter(action="import_started", entity_id=previewed).count() == 1


def test_takes_another_mapping_and_keeps_it(as_user, alice):
    run = preview(as_user(alice), lines("Quién,Fono de contacto,Nota", "Rosa,987654321,x")).data
    refused = start(as_user(alice), run["id"])
    assert (refused.status_code, refused.data["detail"]) == (400, "Indique qué columna es «Nombre».")

    mapping = {"Quién": "nombre", "Fono de contacto": "celular", "Nota": ""}
    started = start(as_user(alice), run["id"], mapping=mapping)
    assert started.status_code == 202
    assert started.data["mapping"] == {"Quién": "nombre", "Fono de contacto": "celular", "Nota": None}
    tasks.run_import(run_id=str(run["id"]))
    assert (Lead.objects.get().nombre, Lead.objects.get().observacion) == ("Rosa", None)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({}, 400, "import_id"),
        ({"import_id": "x"}, 400, "import_id"),
        ({"import_id": 7}, 400, "import_id"),
        ({"import_id": str(uuid4())}, 404, "Importación no encontrada"),
        ({"duplicates": "borrar"}, 400, "duplicates"),
        ({"mapping": []}, 400, "mapping"),
        ({"mapping": {"Otra": "nombre"}}, 400, "El archivo no tiene la columna «Otra»."),
        ({"mapping": {"Nombre": "nombre"}}, 400, "Indique qué columna es «Celular»."),
        ({"responsible_user_id": "x"}, 400, "responsible_user_id"),
        ({"responsible_user_id": str(uuid4())}, 400, "responsible"),
    ],
)
def test_refuses_what_cannot_be_started(as_user, alice, previewed, body, status, sentence):
    answer = as_user(alice).post(IMPORTS, body if "import_id" in body or not body else {"import_id": previewed, **body})

    assert answer.status_code == status
    assert sentence in str(answer.data)
    assert ImportRun.objects.get().state == "previewed"


def test_refuses_a_responsible_who_may_not_be_one(as_user, alice, oscar, previewed):
    answer = start(as_user(alice), previewed, responsible_user_id=str(oscar.pk))

    assert answer.status_code == 400
    assert "responsible" in answer.data["detail"]


def test_gives_what_nobody_has_to_the_responsible(as_user, alice, bob):
    run = imported(as_user(alice), FILE, responsible_user_id=str(bob.pk))

    assert run["responsible_user_id"] == bob.pk
    assert Lead.objects.get().responsible_user == bob
    assert Contact.objects.get().responsible_user == bob


# --- Watching -----------------------------------------------------------------------------------


def test_lists_the_newest_first_and_filters(as_user, alice, laura):
    first = imported(as_user(alice), FILE)
    second = preview(as_user(laura), lines("Nombre,Celular", "Eva,933333333"), kind="contacts").data

    listed = as_user(laura).get(IMPORTS).data
    assert [run["id"] for run in listed["items"]] == [second["id"], first["id"]]
    assert listed["total"] == 2
    assert "preview" not in listed["items"][0]
    assert [run["id"] for run in as_user(alice).get(IMPORTS, {"kind": "contacts"}).data["items"]] == [second["id"]]
    assert [run["id"] for run in as_user(alice).get(IMPORTS, {"state": "done"}).data["items"]] == [first["id"]]


def test_a_list_costs_the_same_for_one_and_for_many(as_user, alice, django_assert_num_queries):
    client = as_user(alice)
    for _ in range(3):
        preview(client, FILE)
    with django_assert_num_queries(2):  # the user of the token, the page
        assert len(client.get(IMPORTS).data["items"]) == 3


def test_shows_progress_and_the_time_that_is_left(as_user, alice, previewed):
    ImportRun.objects.filter(pk=previewed).update(
        state="running",
        total_rows=1000,
        processed_rows=250,
        created_rows=250,
        started_at=timezone.now() - timedelta(seconds=10),
    )
    run = as_user(alice).get(f"{IMPORTS}/{previewed}").data

    assert (run["progress"], run["eta_seconds"]) == (25, 30)


def test_tells_what_became_of_each_row(as_user, alice):
    run = imported(as_user(alice), FILE)
    rows = rows_of(as_user(alice), run)

    assert [(row["number"], row["outcome"], row["message"]) for row in rows] == [
        (2, "created", ""),
        (3, "failed", "Celular: «12345» no es un teléfono posible."),
        (4, "failed", "Falta el nombre."),
        (5, "duplicate", "Repite la fila 2 (misma persona y proyecto)."),
    ]
    assert rows[0]["entity_id"] == rows[3]["entity_id"] == Lead.objects.get().pk
    assert [row["number"] for row in rows_of(as_user(alice), run, outcome="failed")] == [3, 4]
    assert as_user(alice).get(f"{IMPORTS}/{run['id']}/rows", {"outcome": "perdida"}).status_code == 400
    page = as_user(alice).get(f"{IMPORTS}/{run['id']}/rows", {"limit": 2, "page": 2}).data
    assert ([row["number"] for row in page["items"]], page["total"], page["total_pages"]) == ([4, 5], 4, 2)


@pytest.mark.parametrize("path", ["", "/rows", "/errors.csv"])
def test_an_unknown_import_is_404(as_user, alice, path):
    for unknown in (uuid4(), "x"):
        answer = as_user(alice).get(f"{IMPORTS}/{unknown}{path}")
        assert (answer.status_code, answer.data["detail"]) == (404, "Importación no encontrada")
    assert as_user(alice).post(f"{IMPORTS}/{uuid4()}/cancel").status_code == 404


@pytest.mark.parametrize(("who", "status"), [("alice", 200), ("laura", 200), ("bob", 403), ("oscar", 403), (None, 401)])
def test_is_for_administrators_and_lawyers(as_user, request, previewed, who, status):
    client = as_user(request.getfixturevalue(who) if who else None)
    paths = ["", f"/{previewed}", f"/{previewed}/rows", f"/{previewed}/errors.csv", "/template?kind=leads"]

    assert [client.get(f"{IMPORTS}{path}").status_code for path in paths] == [status] * len(paths)
    if status != 200:
        assert start(client, previewed).status_code == status
        assert client.post(f"{IMPORTS}/{previewed}/cancel").status_code == status
        assert ImportRun.objects.get().state == "previewed"


def test_notes_in_the_audit_trail_who_imported_what(as_user, laura):
    run = imported(as_user(laura), FILE, duplicates="merge")

    entries = AuditEntry.objects.filter(entity_type="imports", entity_id=str(run["id"])).order_by("id")
    assert [(entry.action, entry.actor) for entry in entries] == [("import_started", laura), ("import_finished", laura)]
    assert entries[0].details["merge_duplicates"] is True
    assert entries[1].details == {
        "state": "done",
        "total": 4,
        "created": 1,
        "merged": 0,
        "duplicate": 1,
        "failed": 2,
    }


# --- Cancelling ---------------------------------------------------------------------------------


def test_cancels_before_it_begins(as_user, alice, previewed):
    start(as_user(alice), previewed)
    answer = as_user(alice).post(f"{IMPORTS}/{previewed}/cancel")

    assert (answer.status_code, answer.data["state"]) == (200, "cancelled")
    tasks.run_import(run_id=previewed)
    assert not Lead.objects.exists()
    assert start(as_user(alice), previewed).status_code == 409


def test_what_is_over_cannot_be_cancelled(as_user, alice):
    run = imported(as_user(alice), FILE)
    answer = as_user(alice).post(f"{IMPORTS}/{run['id']}/cancel")

    assert (answer.status_code, answer.data["detail"]) == (409, "Esta importación ya terminó.")


# --- What comes back ----------------------------------------------------------------------------


def test_gives_back_the_failed_rows_to_be_corrected(as_user, alice):
    client = as_user(alice)
    content = lines(
        "Nombre;Celular;Observación;Otra",
        'Rosa;1234;"=cmd|x; y\r\nmás";a',
        "Luz;912345678;;b",
        ";;;",
        "Eva;-;+1;c",
    )
    run = imported(client, content)
    answer = client.get(f"{IMPORTS}/{run['id']}/errors.csv")

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="errores-')
    header, rosa, eva = cells_of(answer)
    assert header == ["Nombre", "Celular", "Observación", "Otra", "Fila", "Motivo"]
    assert rosa[:5] == ["Rosa", "1234", "'=cmd|x; y\nmás", "a", "2"]
    assert eva == ["Eva", "'-", "'+1", "c", "5", "Falta el celular."]

    corrected = lines(
        ",".join(header), 'Rosa,987654321,"\'=cmd|x; y\r\nmás",a,2,no es un teléfono', "Eva,933333333,'+1,c,6,Falta"
    )
    again = imported(client, corrected)
    assert counts(again) == {"total": 2, "created": 2, "merged": 0, "duplicate": 0, "failed": 0}
    assert Lead.objects.get(nombre="Rosa").observacion == "=cmd|x; y\nmás"
    assert Lead.objects.get(nombre="Eva").observacion == "+1"


def test_errors_outlive_the_file(as_user, alice):
    run = imported(as_user(alice), FILE)
    ImportRun.objects.filter(pk=run["id"]).update(created_at=timezone.now() - timedelta(days=31))
    tasks.forget_old_imports()

    assert not ImportRun.objects.get().file
    assert len(cells_of(as_user(alice).get(f"{IMPORTS}/{run['id']}/errors.csv"))) == 3


@pytest.mark.parametrize("kind", ["leads", "contacts"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_template_is_understood_by_an_import(as_user, alice, kind, form):
    client = as_user(alice)
    answer = client.get(f"{IMPORTS}/template", {"kind": kind, "format": form})

    assert answer.status_code == 200
    content = body_of(answer)
    looked_at = preview(client, content, kind=kind, name=f"plantilla.{form}").data["preview"]
    assert looked_at["warnings"] == []
    assert looked_at["counts"] == {"rows": 1, "created": 1, "duplicate": 0, "failed": 0, "complete": True}
    assert None not in [column["field"] for column in looked_at["columns"]]


def test_a_workbook_template_lists_the_values_that_are_admitted(as_user, alice):
    content = body_of(as_user(alice).get(f"{IMPORTS}/template?kind=leads&format=xlsx"))
    book = load_workbook(io.BytesIO(content))

    assert book.sheetnames == ["Leads", "Valores admitidos"]
    header, *rows = book["Valores admitidos"].values
    listed = {row[header.index("Tipificación")] for row in rows}
    assert {"No contesta", "Ya asistió", "No califica"} <= listed


@pytest.mark.parametrize("asked", [{}, {"kind": "gatos"}, {"kind": "leads", "format": "pdf"}])
def test_refuses_a_template_of_nothing(as_user, alice, asked):
    assert as_user(alice).get(f"{IMPORTS}/template", asked).status_code == 400


# --- Forgetting ---------------------------------------------------------------------------------


def test_forgets_files_and_unused_previews_after_a_month(as_user, alice, own_media):
    client = as_user(alice)
    old_result = imported(client, FILE)
    old_preview = preview(client, FILE).data
    queued = preview(client, lines(HEADER, "Eva,933333333,")).data
    start(client, queued["id"])
    ImportRun.objects.update(created_at=timezone.now() - timedelta(days=31))
    fresh = preview(client, FILE).data
    tasks.forget_old_imports()

    assert set(ImportRun.objects.values_list("pk", flat=True)) == {old_result["id"], queued["id"], fresh["id"]}
    assert {path.stem for path in own_media.rglob("*.csv")} == {str(queued["id"]), str(fresh["id"])}
    assert not ImportRun.objects.filter(pk=old_preview["id"]).exists()
    assert len(rows_of(client, old_result)) == 4
    assert "rows" not in client.get(f"{IMPORTS}/{old_result['id']}").data["preview"]


def test_forgetting_twice_is_forgetting_once(as_user, alice):
    imported(as_user(alice), FILE)
    ImportRun.objects.update(created_at=timezone.now() - timedelta(days=31))
    tasks.forget_old_imports()
    tasks.forget_old_imports()

    assert ImportRun.objects.count() == 1
