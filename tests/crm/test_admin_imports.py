"""Imports on the staff pages: upload, look, start, watch, correct."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from crm.choices import ImportState
from crm.importing import running
from crm.models import Contact, ImportRun, User
from tests.factories import ContactFactory
from tests.staff_pages import add_to, at_desk, list_of, messages_of, page_of, text_of

SHEET = """Nombre;Celular;Correo;Apodo
Rosa Peña;987 654 321;rosa@correo.test;La Rosa
Luis Ramos;911-222-333;;
;999;;
"""


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def upload(client: Any, text: str = SHEET, *, name: str = "clientes.csv", kind: str = "contacts") -> Any:
    return client.post(add_to(ImportRun), {"kind": kind, "file": SimpleUploadedFile(name, text.encode())})


def columns(*fields: str) -> dict[str, str]:
    return {f"column_{position}": field for position, field in enumerate(fields)}


AS_GUESSED = columns("name", "mobile", "email", "")


@pytest.mark.sqlite
def test_an_upload_leads_to_what_would_happen_and_stores_nobody(laura: User) -> None:
    client = at_desk(laura)
    response = upload(client)
    run = ImportRun.objects.get()
    assert response["Location"] == page_of(run)
    assert (run.state, run.created_by) == (ImportState.PREVIEWED, laura)
    seen = text_of(client.get(page_of(run)))
    for told in (
        "Rosa Peña",
        "987 654 321",
        "¿Qué es cada columna?",
        "La columna «Apodo» no se importa",
        "Se crearían",
    ):
        assert told in seen
    assert not Contact.objects.exists()


@pytest.mark.sqlite
def test_started_it_is_carried_out_and_every_row_is_accounted_for(alice: User) -> None:
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    response = client.post(page_of(run), {**AS_GUESSED, "start": "1", "merge_duplicates": ""}, follow=True)
    assert "En cola" in text_of(response)
    run.refresh_from_db()
    running.carry_out(run)
    seen = text_of(client.get(page_of(run)))
    assert "3 de 3 filas" in seen
    assert Contact.objects.count() == 2
    assert Contact.objects.get(name="Rosa Peña").created_by == alice
    failed = client.get(page_of(run), {"resultado": "failed"})
    assert [row[1].text for row in failed.context["rows"]] == ["Con error"]


def test_the_failed_rows_come_back_as_a_sheet(alice: User) -> None:
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    client.post(page_of(run), {**AS_GUESSED, "start": "1"})
    run.refresh_from_db()
    running.carry_out(run)
    response = client.get(reverse("admin:crm_importrun_errors", args=[run.pk]))
    assert response["Content-Type"].startswith("text/csv")
    text = b"".join(response).decode("utf-8-sig")
    assert len(text.splitlines()) == 2
    assert "999" in text


def test_other_columns_are_looked_at_before_anything_is_stored(alice: User) -> None:
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    response = client.post(page_of(run), {**columns("name", "phone", "email", "notes_text"), "again": "1"})
    other = ImportRun.objects.exclude(pk=run.pk).get()
    assert response["Location"] == page_of(other)
    assert other.mapping["Apodo"] == "notes_text"
    run.refresh_from_db()
    assert run.state == ImportState.CANCELLED
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (columns("name", "name", "email", ""), "Dos columnas no pueden ser"),
        (columns("", "", "email", ""), "Indique qué columna es"),
    ],
)
def test_columns_that_cannot_be_are_refused_in_a_sentence(alice: User, chosen: dict[str, str], told: str) -> None:
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    response = client.post(page_of(run), {**chosen, "start": "1"})
    assert response.status_code == 200
    assert told in text_of(response)
    run.refresh_from_db()
    assert run.state == ImportState.PREVIEWED


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("text", "name"), [("", "vacio.csv"), ("Nombre;Celular\n", "solo.csv"), ("\x00\x01\x02PK", "foto.xlsx")]
)
def test_a_file_that_cannot_be_read_is_an_error_of_the_form(alice: User, text: str, name: str) -> None:
    response = upload(at_desk(alice), text, name=name)
    assert response.status_code == 200
    assert response.context["form"].errors["file"]
    assert not ImportRun.objects.exists()


def test_without_a_file_the_form_asks_for_one(alice: User) -> None:
    response = at_desk(alice).post(add_to(ImportRun), {"kind": "contacts"})
    assert "requerido" in text_of(response)


def test_a_file_that_is_too_large_is_refused(alice: User, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 10
    assert "supera" in text_of(upload(at_desk(alice)))


def test_what_nobody_started_is_thrown_away(alice: User) -> None:
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    client.post(page_of(run), {**AS_GUESSED, "cancel": "1"})
    run.refresh_from_db()
    assert run.state == ImportState.CANCELLED


def test_a_running_import_is_stopped_and_a_finished_one_is_not(alice: User) -> None:
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    client.post(page_of(run), {**AS_GUESSED, "start": "1"})
    response = client.post(page_of(run), {"cancel": "1"}, follow=True)
    assert "cancelada" in messages_of(response)[0]
    again = client.post(page_of(run), {"cancel": "1"}, follow=True)
    assert "ya terminó" in messages_of(again)[0]


def test_started_twice_it_runs_once(alice: User) -> None:
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    for _ in range(2):
        client.post(page_of(run), {**AS_GUESSED, "start": "1"})
    running.carry_out(ImportRun.objects.get())
    assert Contact.objects.count() == 2


def test_a_live_page_asks_again_by_itself_and_a_finished_one_does_not(alice: User) -> None:
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    client.post(page_of(run), {**AS_GUESSED, "start": "1"})
    assert 'hx-trigger="every 2s"' in client.get(page_of(run)).content.decode()
    running.carry_out(ImportRun.objects.get())
    assert "every 2s" not in client.get(page_of(run)).content.decode()


def test_duplicates_are_completed_only_when_asked(alice: User) -> None:
    known = ContactFactory(name="Rosa Peña", mobile="+51987654321", email=None)
    client = at_desk(alice)
    upload(client)
    run = ImportRun.objects.get()
    client.post(page_of(run), {**AS_GUESSED, "start": "1", "merge_duplicates": "1"})
    running.carry_out(ImportRun.objects.get())
    known.refresh_from_db()
    assert known.email == "rosa@correo.test"


def test_a_template_to_begin_with(alice: User) -> None:
    response = at_desk(alice).get(reverse("admin:crm_importrun_template", args=["leads"]))
    assert b"".join(response).startswith(b"PK")
    assert ".xlsx" in response["Content-Disposition"]
    unknown = reverse("admin:crm_importrun_template", args=["coches"])
    assert at_desk(alice).get(unknown).status_code == 404


def test_agents_import_nothing(alice: User, bob: User) -> None:
    upload(at_desk(alice))
    run = ImportRun.objects.get()
    client = at_desk(bob)
    assert upload(client).status_code in (403, 404)
    assert client.post(page_of(run), {**AS_GUESSED, "start": "1"}).status_code in (302, 403, 404)
    assert client.get(reverse("admin:crm_importrun_errors", args=[run.pk])).status_code in (403, 404)
    assert client.get(list_of(ImportRun)).status_code == 403
    run.refresh_from_db()
    assert run.state == ImportState.PREVIEWED


def test_text_from_a_sheet_is_shown_and_not_run(alice: User) -> None:
    client = at_desk(alice)
    upload(client, "Nombre;<script>alert(1)</script>\n<b>Rosa</b>;x\n")
    page = client.get(page_of(ImportRun.objects.get())).content.decode()
    assert "<script>alert(1)" not in page
    assert "<b>Rosa</b>" not in page
