"""`POST /api/crm/imports/preview`: what is in a file, whatever the file, and nothing stored but the file."""

import io
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import encode_multipart
from openpyxl import Workbook

from crm.importing import files, running
from crm.models import AuditEntry, Contact, ImportRun, Lead
from tests.crm.importing import IMPORTS, lines, open_document, preview, workbook

pytestmark = pytest.mark.usefixtures("own_media")

ROSA = "Rosa Peña,987654321,OASIS 1 (HUACHO 1)"
HEADER = "Nombre,Celular,Proyecto"
FILE = lines(HEADER, ROSA)


def shown(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 201, answer.data
    return list(answer.data["preview"]["rows"])


def fields(answer: Any) -> dict[str, str | None]:
    assert answer.status_code == 201, answer.data
    return {column["name"]: column["field"] for column in answer.data["preview"]["columns"]}


# --- What a preview tells -----------------------------------------------------------------------


@pytest.mark.sqlite
def test_tells_columns_rows_and_counts_and_stores_no_lead(as_user, alice):
    answer = preview(as_user(alice), lines(HEADER, ROSA, ROSA, "Sin Fono,,", "Luz Vega,912345678,"))

    assert answer.status_code == 201
    assert answer.data["state"] == "previewed"
    assert answer.data["total_rows"] == 4
    assert fields(answer) == {"Nombre": "nombre", "Celular": "celular", "Proyecto": "proyecto_interes"}
    assert answer.data["preview"]["counts"] == {
        "rows": 4,
        "created": 2,
        "duplicate": 1,
        "failed": 1,
        "complete": True,
    }
    first, again, broken, luz = shown(answer)
    assert (first["number"], first["outcome"]) == (2, "created")
    assert first["values"]["celular"] == "+51987654321"
    assert first["values"]["proyecto_interes"] == "OASIS 1 (HUACHO 1)"
    assert (again["outcome"], again["message"]) == ("duplicate", "Repite la fila 2 (misma persona y proyecto).")
    assert (broken["outcome"], broken["problems"]) == ("failed", ["Falta el celular."])
    assert luz["outcome"] == "created"
    assert not Lead.objects.exists()
    assert not Contact.objects.exists()


def test_shows_twenty_rows_and_counts_all(as_user, alice):
    people = [f"Persona {number},9{number:08d}," for number in range(60)]
    answer = preview(as_user(alice), lines(HEADER, *people))

    assert len(shown(answer)) == 20
    assert answer.data["preview"]["counts"]["created"] == 60


def test_counts_only_the_first_rows_of_a_long_file_and_says_so(as_user, alice, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_ROWS", 10)
    monkeypatch.setattr(running, "FORESEEN_ROWS", 20)
    people = [f"Persona {number},9{number:08d}," for number in range(35)]
    answer = preview(as_user(alice), lines(HEADER, *people))

    assert answer.data["total_rows"] == 35
    assert answer.data["preview"]["counts"]["rows"] == 20
    assert answer.data["preview"]["counts"]["complete"] is False
    assert "El recuento es de las primeras 20 filas; se importarán todas." in answer.data["preview"]["warnings"]


def test_knows_who_is_in_the_crm_already(as_user, alice):
    Lead.objects.create(nombre="Rosa Peña", celular="987 654 321", proyecto_interes="OASIS 1 (HUACHO 1)")
    answer = preview(as_user(alice), lines(HEADER, ROSA, "Rosa Peña,987654321,OASIS 2 (AUCALLAMA)"))

    assert [row["outcome"] for row in shown(answer)] == ["duplicate", "created"]
    assert shown(answer)[0]["message"] == "Rosa Peña ya tiene este lead (misma persona y proyecto)."


def test_warns_of_columns_it_does_not_know_but_not_of_ids(as_user, alice):
    answer = preview(as_user(alice), lines("ID,Nombre,Celular,Signo del zodiaco,Motivo", "7,Rosa,987654321,Leo,x"))

    assert fields(answer)["Signo del zodiaco"] is None
    assert answer.data["preview"]["warnings"] == [
        "La columna «Signo del zodiaco» no se importa: indique qué es si la necesita."
    ]


def test_warns_when_a_needed_column_is_missing(as_user, alice):
    answer = preview(as_user(alice), lines("Nombre,Distrito", "Rosa,Lince"))

    assert answer.data["preview"]["missing"] == ["Celular"]
    assert answer.data["preview"]["warnings"] == [
        "No se reconoce ninguna columna como «Celular»: indíquela antes de importar."
    ]


def test_warns_that_who_came_is_told_to_the_sales_application(as_user, alice):
    answer = preview(as_user(alice), lines("Nombre,Celular,Tipificación", "Rosa,987654321,Ya asistió"))

    assert answer.data["preview"]["warnings"] == [
        "1 filas llegan como «YA ASISTIO»: al guardarlas se marca o se crea su cita como realizada "
        "y se avisa a la aplicación comercial."
    ]


def test_takes_a_mapping_instead_of_its_guess(as_user, alice):
    content = lines("Quién,Contacto por", "Rosa,987654321")
    answer = preview(as_user(alice), content, mapping='{"Quién": "nombre", "Contacto por": "celular"}')

    assert fields(answer) == {"Quién": "nombre", "Contacto por": "celular"}
    assert answer.data["preview"]["counts"]["created"] == 1


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ("{", "Las columnas deben ser un objeto JSON: nombre de columna → campo."),
        ('{"\\ud800": "nombre"}', "Las columnas deben ser un objeto JSON: nombre de columna → campo."),
        ("[1]", "Las columnas deben ser un objeto JSON: nombre de columna → campo."),
        ('{"Otra": "nombre"}', "El archivo no tiene la columna «Otra»."),
        ('{"Nombre": "signo"}', "No hay un campo «signo»."),
        ('{"Nombre": ["nombre"]}', "No hay un campo «['nombre']»."),
        ('{"Nombre": "nombre", "Celular": "nombre"}', "Dos columnas no pueden ser «Nombre»."),
    ],
)
def test_refuses_a_mapping_that_cannot_be(as_user, alice, mapping, sentence):
    answer = preview(as_user(alice), lines(HEADER, ROSA), mapping=mapping)

    assert answer.status_code == 400
    assert sentence in answer.data["detail"]
    assert not ImportRun.objects.exists()


# --- Which column is which ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "NOMBRES Y APELLIDOS;CELULAR;TELÉFONO;CORREO;DNI;DISTRITO;MEDIO;"
            "PROYECTO;TIPIFICACIÓN;OBSERVACIÓN;CIUDAD;PAÍS",
            [
                "nombre", "celular", "telefono", "email", "dni", "distrito", "medio", "proyecto_interes",
                "tipificacion", "observacion", "ciudad", "pais",
            ],
        ),
        ("Full name;Phone;E-mail;City;Country;Owner", ["nombre", "celular", "email", "ciudad", "pais", "responsible"]),
        ("Nombres;Apellidos;Teléfono;Teléfono", ["nombre", "apellidos", "celular", "telefono"]),
        ("Nombre del cliente;N° de celular;Nro. documento;Fecha de registro",
         ["nombre", "celular", "numero_documento", "fecha_captacion"]),
        ("Nombbre;Celulr;Tipificasion;Observasiones", ["nombre", "celular", "tipificacion", "observacion"]),
        ("nombre_completo;whatsapp;correo_electronico;Tipo Doc.", ["nombre", "celular", "email", "tipo_documento"]),
    ],
)  # fmt: skip
def test_recognises_the_columns_of_leads(as_user, alice, header, expected):
    answer = preview(as_user(alice), lines(header, ";" * header.count(";") + "x"))

    assert list(fields(answer).values()) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Nombre;Apellido;Móvil;Fijo;Mail", ["name", "last_name", "mobile", "phone", "email"]),
        ("First name;Last name;Mobile phone;Company;Zip",
         ["first_name", "last_name", "mobile", "company", "postal_code"]),
        ("Cliente;Celular;Documento;Dirección;Responsable;Notas",
         ["name", "mobile", "document_number", "address", "responsible", "notes_text"]),
    ],
)  # fmt: skip
def test_recognises_the_columns_of_contacts(as_user, alice, header, expected):
    answer = preview(as_user(alice), lines(header, "x" + ";" * header.count(";")), kind="contacts")

    assert list(fields(answer).values()) == expected


def test_names_columns_without_a_name_and_those_with_the_same(as_user, alice):
    answer = preview(as_user(alice), lines("Nombre,Celular,,Celular", "Rosa,987654321,x,912345678"))

    assert fields(answer) == {"Nombre": "nombre", "Celular": "celular", "Columna C": None, "Celular (2)": "telefono"}


def test_finds_the_header_below_a_title(as_user, alice):
    answer = preview(as_user(alice), lines("REPORTE DE LEADS,,", "Marzo de 2026,,", "", HEADER, ROSA))

    assert [row["number"] for row in shown(answer)] == [5]
    assert answer.data["preview"]["counts"]["created"] == 1


# --- Text files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_reads_any_encoding_and_delimiter(as_user, alice, encoding, delimiter):
    content = lines(delimiter.join(["Año", "Nombre", "Celular"]), delimiter.join(["1", "Íñigo Núñez", "987654321"]),
                    encoding=encoding)  # fmt: skip
    answer = preview(as_user(alice), content)

    assert shown(answer)[0]["values"]["nombre"] == "Íñigo Núñez"
    assert shown(answer)[0]["outcome"] == "created"


def test_reads_a_byte_that_windows_does_not_know(as_user, alice):
    answer = preview(as_user(alice), b"Nombre,Celular\nRosa \x81 Pe\xf1a,987654321")

    assert shown(answer)[0]["values"]["nombre"] == "Rosa \x81 Peña"


def test_keeps_quoted_delimiters_and_line_breaks_and_numbers_rows_as_a_spreadsheet(as_user, alice):
    content = lines("Nombre,Celular,Observación", '"Peña, Rosa",987654321,"uno\r\ndos"', "", "Luz,912345678,")
    rosa, luz = shown(preview(as_user(alice), content))

    assert (rosa["number"], rosa["values"]["nombre"], rosa["values"]["observacion"]) == (2, "Peña, Rosa", "uno\ndos")
    assert luz["number"] == 4


def test_skips_blank_lines_but_counts_them_in_the_row_numbers(as_user, alice):
    answer = preview(as_user(alice), lines(HEADER, ",,", "", ROSA, " , ,", "", "Luz,912345678,", ""))

    assert [row["number"] for row in shown(answer)] == [4, 7]
    assert answer.data["total_rows"] == 2


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_reads_every_kind_of_line_end(as_user, alice, line_end):
    answer = preview(as_user(alice), line_end.join([HEADER, ROSA, "Luz,912345678,"]).encode())

    assert [row["number"] for row in shown(answer)] == [2, 3]


def test_obeys_the_delimiter_that_excel_names_in_the_first_line(as_user, alice):
    answer = preview(as_user(alice), lines("sep=;", "Nombre;Celular", "Peña, Rosa, y otros;987654321"))

    assert shown(answer)[0]["values"]["nombre"] == "Peña, Rosa, y otros"


def test_drops_nuls_and_treats_what_means_nothing_as_nothing(as_user, alice):
    answer = preview(as_user(alice), b"Nombre,Celular,Correo,Distrito\nRo\x00sa,987654321,-,s/n\nLuz,912345678,#N/A,.")

    rosa, luz = shown(answer)
    assert rosa["values"]["nombre"] == "Rosa"
    assert not {"email", "distrito"} & (rosa["values"].keys() | luz["values"].keys())


def test_keeps_formulas_as_text(as_user, alice):
    answer = preview(as_user(alice), lines("Nombre,Celular,Observación", 'Rosa,987654321,"=HYPERLINK(""x"")"'))

    assert shown(answer)[0]["values"]["observacion"] == '=HYPERLINK("x")'


def test_tells_a_row_that_was_shifted_by_an_unquoted_delimiter(as_user, alice):
    answer = preview(as_user(alice), lines("Nombre,Celular,Observación", "Rosa,987654321,uno, dos"))

    assert shown(answer)[0]["problems"] == [
        "La fila tiene 4 columnas y el encabezado 3: ponga entre comillas los textos que llevan el separador."
    ]


def test_refuses_quotation_marks_that_are_never_closed(as_user, alice):
    people = [f"Persona {number},9{number:08d},x" for number in range(100)]
    answer = preview(as_user(alice), lines(HEADER, '"Rosa,987654321,x', *people))

    assert answer.status_code == 400
    assert "comillas" in answer.data["detail"]
    assert not ImportRun.objects.exists()


# --- Workbooks ----------------------------------------------------------------------------------


def test_reads_numbers_dates_and_lost_zeros_of_a_workbook(as_user, alice):
    content = workbook(
        ["Nombre", "Celular", "DNI", "Fecha de registro", "Observación"],
        ["Rosa", 987654321, 1234567, datetime(2026, 3, 2, 10, 30), 12.5],
        ["Luz", 51912345678.0, "00345678", date(2026, 3, 3), True],
    )
    rosa, luz = shown(preview(as_user(alice), content, name="leads.xlsx"))

    assert rosa["values"]["celular"] == "+51987654321"
    assert (rosa["values"]["tipo_documento"], rosa["values"]["numero_documento"]) == ("DNI", "01234567")
    assert (rosa["values"]["fecha_captacion"], rosa["values"]["observacion"]) == ("2026-03-02", "12.5")
    assert (luz["values"]["celular"], luz["values"]["numero_documento"]) == ("+51912345678", "00345678")
    assert (luz["values"]["fecha_captacion"], luz["values"]["observacion"]) == ("2026-03-03", "VERDADERO")


def test_takes_the_first_visible_sheet_with_content(as_user, alice):
    def arrange(book: Workbook) -> None:
        hidden = book.create_sheet("Oculta")
        hidden.append(["Nombre", "Celular"])
        hidden.append(["Nadie", 911111111])
        hidden.sheet_state = "hidden"
        sheet = book.create_sheet("Marzo")
        sheet["B3"], sheet["C3"] = "Nombre", "Celular"
        sheet["B5"], sheet["C5"] = "Rosa", 987654321

    answer = preview(as_user(alice), workbook(change=arrange), name="leads.xlsx")

    assert answer.data["preview"]["sheet"] == "Marzo"
    assert [(row["number"], row["values"]["nombre"]) for row in shown(answer)] == [(5, "Rosa")]


def test_ignores_cells_beside_the_table_and_says_so(as_user, alice):
    content = workbook(["Nombre", "Celular"], ["Rosa", 987654321, None, "¡llamar!"])
    answer = preview(as_user(alice), content, name="leads.xlsx")

    assert shown(answer)[0]["outcome"] == "created"
    assert answer.data["preview"]["warnings"] == ["Hay celdas a la derecha de los encabezados; no se importan."]


def test_reads_an_open_document(as_user, alice):
    content = open_document(["Nombre", "Celular"], ["Íñigo", "987654321"])

    assert shown(preview(as_user(alice), content, name="leads.ods"))[0]["values"]["nombre"] == "Íñigo"


def test_goes_by_the_content_of_a_file_not_by_its_name(as_user, alice):
    content = workbook(["Nombre", "Celular"], ["Rosa", 987654321])

    assert shown(preview(as_user(alice), content, name="leads.csv"))[0]["outcome"] == "created"


# --- What is refused ----------------------------------------------------------------------------


def claimed_bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as part:
            for _ in range(60):
                part.write(b" " * 1024 * 1024)
    return file.getvalue()


def last_cell() -> bytes:
    """Two cells, in the far corners of a sheet: laid out as a rectangle they are half a terabyte."""
    return workbook(["Nombre"], change=lambda book: book.active.cell(1_048_576, 16_384, "x"))


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "leads.csv", "El archivo está vacío."),
        (b" \r\n\r\n ", "leads.csv", "El archivo está vacío."),
        (b",,\r\n,,\r\n", "leads.csv", "El archivo no tiene ninguna fila con contenido."),
        (lines(HEADER), "leads.csv", "El archivo solo tiene encabezados."),
        (workbook(), "leads.xlsx", "El archivo no tiene ninguna fila con contenido."),
        (workbook(["Nombre", "Celular"]), "leads.xlsx", "El archivo solo tiene encabezados."),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8, "leads.csv", files.UnreadableFile.message),
        (b"%PDF-1.7\n" + bytes(range(256)) * 8, "leads.csv", files.UnreadableFile.message),
        (b"PK\x03\x04 no zip", "leads.xlsx", files.UnreadableFile.message),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "leads.xls", files.UnreadableFile.message),
        (b"<html><table><tr><td>Nombre</td></tr></table>", "leads.xls",
         "El archivo es una página web con nombre de hoja de cálculo. Ábralo en Excel y guárdelo como .xlsx."),
        (last_cell(), "leads.xlsx", files.UnreadableFile.message),
    ],
    ids=["empty", "blank", "commas", "header", "no cells", "header of a workbook", "picture", "pdf", "no zip", "no ole",
         "web page", "far corners"],
)  # fmt: skip
def test_refuses_what_is_no_spreadsheet_and_stores_nothing(as_user, alice, own_media, content, name, sentence):
    answer = preview(as_user(alice), content, name=name)

    assert answer.status_code == 400
    assert answer.data["detail"].removeprefix("archivo: ") == sentence
    assert not ImportRun.objects.exists()
    assert not list(own_media.rglob("*.*"))


def test_refuses_a_file_that_unpacks_into_too_much(as_user, alice, monkeypatch):
    monkeypatch.setattr(files, "MOST_UNPACKED_BYTES", 50 * 1024 * 1024)
    answer = preview(as_user(alice), claimed_bomb(), name="leads.xlsx")

    assert (answer.status_code, answer.data["code"]) == (413, "demasiado_grande")


def test_refuses_a_file_that_is_too_large(as_user, alice, settings):
    settings.IMPORT_MAX_BYTES = 2 * 1024 * 1024
    answer = preview(as_user(alice), lines(HEADER, ROSA) + b"\n" * (2 * 1024 * 1024))

    assert (answer.status_code, answer.data["detail"]) == (413, "El archivo supera los 2 MB.")
    assert not ImportRun.objects.exists()


def test_refuses_too_many_rows(as_user, alice, settings):
    settings.IMPORT_MAX_ROWS = 1_000
    people = [f"Persona {number},9{number:08d}," for number in range(1_001)]
    answer = preview(as_user(alice), lines(HEADER, *people))

    assert (answer.status_code, answer.data["code"]) == (413, "demasiadas_filas")
    assert answer.data["detail"] == "El archivo tiene más de 1 000 filas. Divídalo en varios."


def test_refuses_more_rows_than_a_spreadsheet_has_even_if_they_are_blank(as_user, alice, monkeypatch):
    monkeypatch.setattr(files, "LAST_ROW", 100)
    answer = preview(as_user(alice), lines(HEADER, ROSA) + b"\n" * 100)

    assert (answer.status_code, answer.data["code"]) == (413, "demasiadas_filas")


def test_refuses_a_request_without_a_file_or_kind(as_user, alice):
    client = as_user(alice)

    assert "file" in client.post(f"{IMPORTS}/preview", {"kind": "leads"}, format="multipart").data["errors"]
    assert (
        "file" in client.post(f"{IMPORTS}/preview", {"kind": "leads", "file": "x"}, format="multipart").data["errors"]
    )
    assert "kind" in preview(client, lines(HEADER, ROSA), kind="gatos").data["errors"]


def test_refuses_another_kind_of_request(as_user, alice):
    client = as_user(alice)

    assert client.post(f"{IMPORTS}/preview", {"kind": "leads"}, format="json").status_code == 415
    broken = client.generic("POST", f"{IMPORTS}/preview", b"no form", content_type="multipart/form-data; boundary=x")
    assert broken.status_code == 400
    assert client.get(f"{IMPORTS}/preview").status_code == 405


@pytest.mark.parametrize(("who", "status"), [("alice", 201), ("laura", 201), ("bob", 403), ("oscar", 403), (None, 401)])
def test_is_for_administrators_and_lawyers(as_user, request, who, status):
    user = request.getfixturevalue(who) if who else None

    assert preview(as_user(user), lines(HEADER, ROSA)).status_code == status


def test_stores_the_file_under_a_name_of_our_own(as_user, alice, own_media):
    answer = preview(as_user(alice), lines(HEADER, ROSA), name="../../etc/passwd.csv")

    run = ImportRun.objects.get(pk=answer.data["id"])
    stored = [path.name for path in own_media.rglob("*") if path.is_file()]
    assert stored == [f"{run.pk}.csv"]
    assert "/" not in run.file_name
    assert not AuditEntry.objects.filter(entity_type="imports").exists()


@pytest.mark.parametrize("blank_lines", [0, 6 * 1024])
def test_repeated_with_the_same_key_it_stores_the_file_once(as_user, alice, blank_lines):
    """Also a file beyond what other bodies may be."""
    filler = (b"\n" + b" " * 1023) * blank_lines
    body = encode_multipart("frontera", {"file": SimpleUploadedFile("leads.csv", FILE + filler), "kind": "leads"})
    kind = "multipart/form-data; boundary=frontera"
    answers = [
        as_user(alice).generic(
            "POST", f"{IMPORTS}/preview", body, content_type=kind, headers={"Idempotency-Key": "una-clave"}
        )
        for _ in range(2)
    ]

    assert [answer.status_code for answer in answers] == [201, 201], answers[0].content
    assert answers[0].content == answers[1].content
    assert ImportRun.objects.count() == 1
