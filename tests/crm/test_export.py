"""`GET /api/crm/contacts/export` and `…/leads/export`: what is seen, nothing more, safe in a spreadsheet."""

import io
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from crm import exporting
from crm.choices import Project
from crm.guarding import guarded, unguarded
from crm.models import AuditEntry, Contact, Lead
from tests.crm.importing import body_of, cells_of, counts, imported
from tests.factories import ContactFactory, LeadFactory

pytestmark = pytest.mark.usefixtures("own_media")

CONTACTS, LEADS = "/api/crm/contacts/export", "/api/crm/leads/export"
FORMULAS = ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "'=1", "'+51 9"]  # noqa: RUF001


def table(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.data
    header, *rows = cells_of(answer)
    return [dict(zip(header, row, strict=True)) for row in rows]


def sheet_of(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.data
    book = load_workbook(io.BytesIO(body_of(answer)))
    header, *rows = book.worksheets[0].iter_rows()
    return [{name.value: cell for name, cell in zip(header, row, strict=True)} for row in rows]


@pytest.fixture
def rosa(bob: Any) -> Contact:
    rosa = Contact.objects.create(
        name="Rosa Peña",
        mobile="987654321",
        phone="01 234 5678",
        email="rosa@ejemplo.pe",
        document_type="DNI",
        document_number="01234567",
        country="Perú",
        city="Lima",
        notes_text='Dijo "sí"; y\nllamó',
        empadronado=True,
        edad=34,
        grading_llamada="B+",
        responsible_user=bob,
        ultima_llamada_fecha=datetime(2026, 3, 2, 23, 30, 59, tzinfo=UTC),
    )
    Contact.objects.filter(pk=rosa.pk).update(created_at=datetime(2026, 3, 1, 4, 0, tzinfo=UTC))
    return rosa


# --- What is in it ------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_contacts_as_csv_with_spanish_headers_and_local_times(as_user, alice, rosa):
    answer = as_user(alice).get(CONTACTS)
    content = body_of(answer)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="contactos-')
    assert answer.streaming
    assert content.startswith(b"\xef\xbb\xbfID,Nombre,Nombres,Apellidos,")
    (row,) = table(as_user(alice).get(CONTACTS))
    assert row["ID"] == str(rosa.pk)
    assert (row["Nombre"], row["Celular"], row["Teléfono"]) == ("Rosa Peña", "'+51987654321", "'+5112345678")
    assert (row["Número de documento"], row["Edad"], row["Empadronado"]) == ("01234567", "34", "Sí")
    assert (row["Responsable"], row["Observaciones"]) == ("bob@puente.test", 'Dijo "sí"; y\nllamó')
    assert (row["Última llamada"], row["Creado"]) == ("2026-03-02 18:30", "2026-02-28 23:00")
    assert (row["Apellidos"], row["Tiene ingresos"], row["Próxima llamada"]) == ("", "", "")


def test_contacts_as_a_workbook_with_real_dates_and_phones_as_text(as_user, alice, rosa):
    answer = as_user(alice).get(CONTACTS, {"format": "xlsx"})
    (row,) = sheet_of(answer)

    assert answer["Content-Disposition"].endswith(".xlsx")
    assert (row["Celular"].value, row["Celular"].data_type) == ("+51987654321", "s")
    assert (row["Número de documento"].value, row["Edad"].value) == ("01234567", 34)
    assert row["Última llamada"].value == datetime(2026, 3, 2, 18, 30)


def test_leads_in_both_forms(as_user, alice, bob):
    lead = LeadFactory(
        nombre="Íñigo Núñez",
        celular="+525512345678",
        proyecto_interes=Project.OASIS_1,
        tipificacion="GESTON WSP",
        fecha_captacion=date(2026, 3, 2),
        es_directeo=True,
        responsible_user=bob,
    )
    (row,) = table(as_user(alice).get(LEADS, {"format": "csv"}))

    assert (row["ID"], row["ID contacto"]) == (str(lead.pk), str(lead.contact_id))
    assert (row["Nombre"], row["Celular"], row["Estado"]) == ("Íñigo Núñez", "'+525512345678", "Nuevo")
    assert (row["Tipificación"], row["Fecha de captación"], row["Directeo"]) == ("GESTON WSP", "2026-03-02", "Sí")
    (cells,) = sheet_of(as_user(alice).get(LEADS, {"format": "xlsx"}))
    assert cells["Fecha de captación"].value == datetime(2026, 3, 2)


# --- Safe in a spreadsheet ----------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(as_user, alice, text):
    Contact.objects.create(name=f"{text} Rosa", mobile="987654321", company=text, notes_text=text)

    (row,) = table(as_user(alice).get(CONTACTS))
    for cell in row.values():
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))  # noqa: RUF001
    (cells,) = sheet_of(as_user(alice).get(CONTACTS, {"format": "xlsx"}))
    for name, cell in cells.items():
        assert cell.data_type != "f"
        assert name == "Celular" or not str(cell.value).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize("text", [*FORMULAS, "Rosa", "'Rosa", "", "''", "5-3", "''=1"])
def test_a_guard_can_be_taken_off_again(text):
    assert unguarded(guarded(text)) == text


def test_a_workbook_bears_characters_that_it_cannot_hold(as_user, alice):
    Contact.objects.create(name="Rosa \x0b Peña", mobile="987654321", notes_text="x" * 40_000)

    (cells,) = sheet_of(as_user(alice).get(CONTACTS, {"format": "xlsx"}))
    assert cells["Nombre"].value == "Rosa  Peña"


# --- Who gets what ------------------------------------------------------------------------------


def test_the_filters_and_the_order_are_those_of_the_list(as_user, alice, bob):
    for name, city in (("Zoe", "Lima"), ("Ana", "Lima"), ("Eva", "Cusco")):
        ContactFactory(name=name, city=city, responsible_user=bob if city == "Lima" else None)
    asked = {"responsible_user_id": str(bob.pk), "sort_by": "name", "sort_order": "asc"}

    assert [row["Nombre"] for row in table(as_user(alice).get(CONTACTS, asked))] == ["Ana", "Zoe"]
    assert [row["Nombre"] for row in table(as_user(alice).get(CONTACTS, {"search": "cusco"}))] == ["Eva"]
    assert as_user(alice).get(CONTACTS, {"responsible_user_id": "x"}).status_code == 400


def test_an_agent_exports_what_an_agent_sees(as_user, bob, charlie, settings):
    mine, other = ContactFactory(responsible_user=bob), ContactFactory(responsible_user=charlie)
    LeadFactory(contact=mine, responsible_user=bob)
    LeadFactory(contact=other, responsible_user=charlie)

    assert len(table(as_user(bob).get(CONTACTS))) == 2
    settings.CRM_AGENT_SCOPE = "own"
    assert [row["ID"] for row in table(as_user(bob).get(CONTACTS))] == [str(mine.pk)]
    assert [row["ID contacto"] for row in table(as_user(bob).get(LEADS))] == [str(mine.pk)]


def test_deleted_people_are_left_out_with_their_leads(as_user, alice):
    LeadFactory(contact=ContactFactory(is_deleted=True))

    assert table(as_user(alice).get(CONTACTS)) == []
    assert table(as_user(alice).get(LEADS)) == []


@pytest.mark.parametrize("path", [CONTACTS, LEADS, "/crm/contacts/export"])
def test_is_for_those_who_may_come_in(as_user, alice, oscar, path):
    assert as_user(alice).get(path).status_code == 200
    assert as_user(oscar).get(path).status_code == 403
    assert as_user(None).get(path).status_code == 401
    assert as_user(alice).post(path).status_code == 405


def test_refuses_another_form_in_json(as_user, alice):
    answer = as_user(alice).get(CONTACTS, {"format": "pdf"})

    assert (answer.status_code, answer.data["detail"]) == (400, "El formato debe ser «csv» o «xlsx».")


def test_notes_who_took_how_much_out_of_the_house(as_user, laura, rosa):
    as_user(laura).get(CONTACTS, {"format": "xlsx", "search": "rosa"})

    entry = AuditEntry.objects.get(action="export")
    assert (entry.actor, entry.entity_type) == (laura, "contacts")
    assert entry.details == {"format": "xlsx", "rows": 1, "filters": {"search": "rosa"}}


def test_refuses_more_than_fits_and_says_what_to_do(as_user, alice, monkeypatch):
    monkeypatch.setattr(exporting, "MOST_ROWS", {"csv": 3, "xlsx": 2})
    ContactFactory.create_batch(3)
    assert as_user(alice).get(CONTACTS).status_code == 200
    answer = as_user(alice).get(CONTACTS, {"format": "xlsx"})

    assert (answer.status_code, answer.data["code"]) == (400, "demasiadas_filas")
    assert answer.data["detail"] == "En XLSX se exportan hasta 2 filas a la vez. Pida CSV o use filtros."
    assert AuditEntry.objects.filter(action="export").count() == 1
    ContactFactory()
    assert as_user(alice).get(CONTACTS).data["detail"] == "En CSV se exportan hasta 3 filas a la vez. Use filtros."


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_costs_the_same_number_of_queries_for_any_number_of_rows(as_user, alice, bob, form):
    client = as_user(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as spent:
            body_of(client.get(LEADS, {"format": form}))
        return len(spent)

    LeadFactory.create_batch(2, responsible_user=bob)
    few = queries()
    LeadFactory.create_batch(20, responsible_user=bob)
    assert queries() == few <= 5


# --- And back in --------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_can_be_imported_elsewhere(as_user, alice, rosa, form):
    client = as_user(alice)
    rosa.notes_text = "=2+3"
    rosa.save()
    Lead.objects.create(
        contact=rosa,
        nombre="Rosa Peña",
        celular="987654321",
        proyecto_interes=Project.OASIS_1_2,
        status="lost",
        observacion="-10 %",
        fecha_captacion=date(2026, 3, 2),
    )
    contacts = body_of(client.get(CONTACTS, {"format": form}))
    leads = body_of(client.get(LEADS, {"format": form}))

    for content, kind in ((contacts, "contacts"), (leads, "leads")):
        again = imported(client, content, kind=kind, name=f"datos.{form}", duplicates="merge")
        assert counts(again) == {"total": 1, "created": 0, "merged": 0, "duplicate": 1, "failed": 0}, kind
        assert again["preview"]["warnings"] == []

    columns = ["name", "mobile", "phone", "email", "document_number", "notes_text", "edad", "grading_llamada"]
    before = Contact.objects.values(*columns).get(), Lead.objects.values("nombre", "status", "observacion").get()
    Contact.objects.all().delete()
    assert counts(imported(client, contacts, kind="contacts", name=f"datos.{form}"))["created"] == 1
    assert counts(imported(client, leads, kind="leads", name=f"datos.{form}"))["created"] == 1
    after = Contact.objects.values(*columns).get(), Lead.objects.values("nombre", "status", "observacion").get()
    assert after == before
