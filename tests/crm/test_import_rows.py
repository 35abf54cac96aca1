"""What becomes of a row: read or refused with a reason, created, completed, or known already."""

from typing import Any

import pytest

from crm.choices import Project
from crm.models import Contact, ContactPhone, Lead
from tests.crm.importing import counts, imported, lines, outcomes, preview, rows_of, workbook
from tests.crm.spreadsheets import SPELLINGS
from tests.factories import UserFactory

pytestmark = pytest.mark.usefixtures("own_media")

OASIS = Project.OASIS_1


def problems(answer: Any) -> list[str]:
    """Of the only row of a preview."""
    assert answer.status_code == 201, answer.data
    (row,) = answer.data["preview"]["rows"]
    assert row["outcome"] == ("failed" if row["problems"] else "created")
    return list(row["problems"])


def row_of(values: dict[str, str], *, kind: str = "leads") -> bytes:
    given = {"Nombre": "Rosa Peña", "Celular": "987654321"} | values
    return lines(";".join(given), ";".join(f'"{value}"' for value in given.values()))


# --- Phones -------------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize("spell", SPELLINGS, ids=[spell("987654321") for spell in SPELLINGS])
def test_every_spelling_of_a_phone_is_the_same_person(as_user, alice, spell):
    Lead.objects.create(nombre="Rosa Peña", celular="+51987654321", proyecto_interes=OASIS)
    run = imported(as_user(alice), lines("Nombre,Celular,Proyecto", f"Rosa Peña,{spell('987654321')},{OASIS}"))

    assert counts(run)["duplicate"] == 1
    assert Contact.objects.count() == 1


def test_reads_a_phone_as_one_of_the_country_of_its_row(as_user, alice):
    content = lines(
        "Nombre,Celular,País",
        "Ana,55 1234 5678,México",
        "Luz,0052 1 55 1234 5678,",
        "Eva,600123456,España",
        "Pía,987654321,",
    )
    run = imported(as_user(alice), content)

    assert outcomes(as_user(alice), run) == {2: "created", 3: "duplicate", 4: "created", 5: "created"}
    assert set(Lead.objects.values_list("celular", flat=True)) == {"+525512345678", "+34600123456", "+51987654321"}
    assert Contact.objects.get(name="Ana").country == "México"


def test_keeps_every_number_of_a_cell(as_user, alice):
    imported(as_user(alice), lines("Nombre;Celular;Fijo", "Rosa;987654321 / 912345678;01 234 5678"))

    rosa = Contact.objects.get()
    assert (rosa.mobile, rosa.phone) == ("+51987654321", "+51912345678")
    assert set(rosa.phones.values_list("number", flat=True)) == {"+51987654321", "+51912345678", "+5112345678"}
    assert Contact.objects.search("2345678").exists()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "Falta el celular."),
        ("-", "Falta el celular."),
        ("12345", "Celular: «12345» no es un teléfono posible."),
        ("no tiene fono", "Celular: «no tiene fono» no es un teléfono posible."),
        ("5.2E+10", "Celular: «5.2E+10» perdió cifras en Excel: dé a la columna formato de texto."),
        ("999999999999999999", "Celular: «999999999999999999» no es un teléfono posible."),
    ],
)
def test_says_what_is_wrong_with_a_phone(as_user, alice, cell, reason):
    assert problems(preview(as_user(alice), row_of({"Celular": cell}))) == [reason]


# --- Other cells --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Nombre": ""}, "Falta el nombre."),
        ({"Nombre": "12345"}, "Nombre: «12345» no es un nombre."),
        ({"Nombre": "Ñ" * 256}, "Nombre: Tiene 256 caracteres y caben 255."),
        ({"Correo": "rosa.arroba"}, "Correo: «rosa.arroba» no es un correo."),
        ({"Distrito": "x" * 101}, "Distrito: Tiene 101 caracteres y caben 100."),
        ({"Proyecto": "OASIS 4"}, "Proyecto de interés: El proyecto «OASIS 4» no existe. ¿Quiso decir "),
        ({"Proyecto": "Otra cosa"}, "Proyecto de interés: El proyecto «Otra cosa» no existe. Use «OASIS 1 (HUACHO "),
        ({"Tipificación": "NO CONTESTO"}, "Tipificación: La tipificación «NO CONTESTO» no existe. "
         "¿Quiso decir «No contesta»?"),
        ({"Tipificación": "zzz"}, "Tipificación: La tipificación «zzz» no existe. La plantilla trae los valores "),
        ({"Estado": "Nueva"}, "Estado: El estado «Nueva» no existe. ¿Quiso decir «Nuevo»?"),
        ({"Fecha": "31/02/2026"}, "Fecha de captación: «31/02/2026» no es una fecha válida (día/mes/año)."),
        ({"Fecha": "ayer"}, "Fecha de captación: «ayer» no es una fecha válida (día/mes/año)."),
        ({"Fecha": "01/01/0026"}, "Fecha de captación: «01/01/0026» no es una fecha válida (día/mes/año)."),
        ({"Directeo": "quizá"}, "Directeo: «quizá» no es sí ni no."),
        ({"Responsable": "nadie@puente.test"}, "Responsable: No hay un usuario «nadie@puente.test» que pueda ser "),
        ({"DNI": "¿?"}, "DNI: «¿?» no es un número de documento."),
        ({"DNI": "1" * 21}, "DNI: Tiene 21 caracteres y caben 20."),
    ],
)  # fmt: skip
def test_says_what_is_wrong_with_a_cell(as_user, alice, values, reason):
    (problem,) = problems(preview(as_user(alice), row_of(values)))
    assert problem.startswith(reason)


def test_says_everything_that_is_wrong_with_a_row(as_user, alice):
    answer = preview(as_user(alice), row_of({"Nombre": "", "Celular": "1", "Correo": "x"}))

    assert problems(answer) == [
        "Celular: «1» no es un teléfono posible.",
        "Correo: «x» no es un correo.",
        "Falta el nombre.",
    ]


@pytest.mark.parametrize(
    ("column", "cell", "field", "value"),
    [
        ("Correo", " Rosa@Ejemplo.PE ", "email", "rosa@ejemplo.pe"),
        ("Proyecto", "oasis 2", "proyecto_interes", Project.OASIS_2),
        ("Proyecto", "Huacho 2", "proyecto_interes", Project.OASIS_3),
        ("Proyecto", "Oasis 1, 2 y 3", "proyecto_interes", Project.OASIS_1_2_3),
        ("Tipificación", "ya asistió", "tipificacion", "YA ASISTIO"),
        ("Tipificación", "Gestión por WhatsApp", "tipificacion", "GESTON WSP"),
        ("Estado", "Contactado", "status", "contacted"),
        ("Fecha", "2/3/26", "fecha_captacion", "2026-03-02"),
        ("Fecha", "02-03-2026 10:30", "fecha_captacion", "2026-03-02"),
        ("Fecha", "2026-03-02T10:30:00Z", "fecha_captacion", "2026-03-02"),
        ("Fecha", "46083", "fecha_captacion", "2026-03-02"),
        ("Directeo", "Sí", "es_directeo", "True"),
        ("Tipo de documento", "carne de extranjeria", "tipo_documento", "CE"),
        ("Documento", "00.123.456-7", "numero_documento", "001234567"),
        ("DNI", "1234567", "numero_documento", "01234567"),
        ("DNI", "DNI: 40506070", "numero_documento", "40506070"),
        ("Documento", "1234567", "numero_documento", "1234567"),
        ("Calle o módulo", "módulo", "calle_o_modulo", "MODULO"),
    ],
)
def test_reads_a_cell_as_it_is_meant(as_user, alice, column, cell, field, value):
    answer = preview(as_user(alice), row_of({column: cell}))

    assert problems(answer) == []
    assert answer.data["preview"]["rows"][0]["values"][field] == value


def test_pads_a_dni_only_in_peru_and_only_a_dni(as_user, alice):
    content = lines(
        "Nombre;Celular;Tipo de documento;Documento;País",
        "Rosa;987654321;DNI;1234567;Perú",
        "Ana;+54 9 11 2345 6789;DNI;1234567;Argentina",
        "Luz;912345678;Pasaporte;123456;",
    )
    imported(as_user(alice), content)

    assert dict(Lead.objects.values_list("nombre", "numero_documento")) == {
        "Rosa": "01234567",
        "Ana": "1234567",
        "Luz": "123456",
    }


def test_a_longer_number_in_a_column_called_dni_gets_no_type(as_user, alice):
    imported(as_user(alice), row_of({"DNI": "001234567"}))

    lead = Lead.objects.get()
    assert (lead.tipo_documento, lead.numero_documento) == (None, "001234567")


def test_joins_the_parts_of_a_name(as_user, alice):
    imported(as_user(alice), lines("Nombres;Apellidos;Celular", "Rosa;Peña Núñez;987654321"))
    assert Lead.objects.get().nombre == "Rosa Peña Núñez"

    imported(as_user(alice), lines("Nombre;Apellido;Celular", "Luz;Vega;912345678"), kind="contacts")
    luz = Contact.objects.get(mobile="+51912345678")
    assert (luz.name, luz.first_name, luz.last_name) == ("Luz Vega", "Luz", "Vega")


def test_finds_the_responsible_by_mail_user_name_or_full_name(as_user, alice, bob, charlie):
    UserFactory(first_name="Dos", last_name="Iguales")
    UserFactory(first_name="Dos", last_name="Iguales")
    content = lines(
        "Nombre;Celular;Asesor",
        "Ana;911111111;BOB@puente.test",
        "Eva;922222222;charlie nunez",
        "Luz;933333333;",
        "Pía;944444444;Dos Iguales",
    )
    run = imported(as_user(alice), content, responsible_user_id=str(alice.pk))

    assert dict(Lead.objects.values_list("nombre", "responsible_user_id")) == {
        "Ana": bob.pk,
        "Eva": charlie.pk,
        "Luz": alice.pk,
    }
    assert Contact.objects.get(name="Ana").responsible_user_id == bob.pk
    assert outcomes(as_user(alice), run)[5] == "failed"


# --- Leads --------------------------------------------------------------------------------------


def test_a_row_becomes_a_lead_and_its_contact_as_a_save_would_make_them(as_user, alice):
    content = lines(
        "Nombre;Celular;Correo;DNI;Distrito;Medio;Proyecto;Tipificación;Captador;Observación;Ciudad",
        "Rosa Peña;987 654 321;rosa@ejemplo.pe;40506070;Breña;Facebook;OASIS 1;SEGUIMIENTO;Luis;Pide precio;Lima",
    )
    imported(as_user(alice), content)
    made = Lead.objects.get()
    by_hand = Lead(
        nombre="Rosa Peña",
        celular="912 345 678",
        email="otra@ejemplo.pe",
        distrito="Breña",
        captador="Luis",
    )
    by_hand.save()

    assert (made.celular, made.medio, made.proyecto_interes) == ("+51987654321", "Facebook", OASIS)
    assert (made.status, made.created_by, made.es_lead_opc) == ("new", alice, by_hand.es_lead_opc)
    person = made.contact
    assert (person.name, person.mobile, person.email) == ("Rosa Peña", "+51987654321", "rosa@ejemplo.pe")
    assert (person.document_type, person.document_number) == ("DNI", "40506070")
    assert (person.district, person.city, person.created_by) == ("Breña", "Lima", alice)
    assert person.name_in_order == by_hand.contact.name_in_order
    for typed in ("pena", "987654321", "4321", "rosa ejemplo", "40506070"):
        assert Lead.objects.search(typed).filter(pk=made.pk).exists(), typed
        assert Contact.objects.search(typed).filter(pk=person.pk).exists(), typed
    (phone,) = person.phones.all()
    assert (phone.number, phone.key, phone.label) == ("+51987654321", "51987654321", "mobile")


def test_a_second_enquiry_of_a_phone_is_a_second_lead_of_the_same_contact(as_user, alice):
    first = Lead.objects.create(nombre="Rosa Peña", celular="987654321", proyecto_interes=OASIS)
    run = imported(as_user(alice), lines("Nombre,Celular,Proyecto", f"Rosa,987654321,{Project.OASIS_2}"))

    assert counts(run)["created"] == 1
    assert set(first.contact.leads.values_list("proyecto_interes", flat=True)) == {OASIS, Project.OASIS_2}
    assert rows_of(as_user(alice), run)[0]["message"] == "Nueva consulta de un contacto que ya existía."


def test_a_lead_that_was_closed_makes_room_for_a_new_one(as_user, alice):
    Lead.objects.create(nombre="Rosa Peña", celular="987654321", proyecto_interes=OASIS, status="lost")
    content = lines("Nombre,Celular,Proyecto,Estado", f"Rosa,987654321,{OASIS},", f"Rosa,987654321,{OASIS},Perdido")
    run = imported(as_user(alice), content)

    assert outcomes(as_user(alice), run) == {2: "created", 3: "duplicate"}


def test_rows_that_repeat_each_other_are_told_apart_from_second_enquiries(as_user, alice):
    content = lines(
        "Nombre,Celular,Proyecto",
        f"Rosa,987654321,{OASIS}",
        f"ROSA,+51 987 654 321,{OASIS}",
        f"Rosa,987654321,{Project.OASIS_2}",
        "Rosa,987654321,",
        "Rosa,987654321,",
    )
    run = imported(as_user(alice), content)

    assert list(outcomes(as_user(alice), run).values()) == ["created", "duplicate", "created", "created", "duplicate"]
    assert Contact.objects.count() == 1
    assert rows_of(as_user(alice), run, outcome="duplicate")[0]["message"] == (
        "Repite la fila 2 (misma persona y proyecto)."
    )


def test_the_document_decides_before_the_phone(as_user, alice):
    rosa = Contact.objects.create(name="Rosa", mobile="987654321", document_number="40506070")
    pablo = Contact.objects.create(name="Pablo", mobile="912345678", document_number="11111111")
    content = lines("Nombre,Celular,DNI", "Rosa,912345678,40506070", "Hija,912345678,22222222", "Alguien,912345678,")
    imported(as_user(alice), content)

    assert Lead.objects.get(nombre="Rosa").contact == rosa
    daughter = Lead.objects.get(nombre="Hija").contact
    assert daughter not in (rosa, pablo)
    assert daughter.document_number == "22222222"
    assert Lead.objects.get(nombre="Alguien").contact == pablo


def test_of_a_family_with_one_phone_it_finds_the_one_with_the_name(as_user, alice):
    Contact.objects.create(name="Pablo Peña", mobile="987654321")
    rosa = Contact.objects.create(name="Rosa Peña", mobile="987654321")
    imported(as_user(alice), lines("Nombre,Celular", "ROSA PENA,987654321"))

    assert Lead.objects.get().contact == rosa


def test_a_new_lead_tells_its_contact_what_was_not_known_and_changes_nothing_else(as_user, alice):
    rosa = Contact.objects.create(name="Rosa Peña", mobile="987654321", email="rosa@ejemplo.pe")
    content = lines(
        "Nombre;Celular;Fijo;Correo;DNI;Distrito",
        "Rosita;987654321;01 234 5678;otra@ejemplo.pe;40506070;Breña",
    )
    imported(as_user(alice), content)

    rosa.refresh_from_db()
    assert (rosa.name, rosa.email, rosa.mobile) == ("Rosa Peña", "rosa@ejemplo.pe", "+51987654321")
    assert (rosa.document_number, rosa.district, rosa.phone) == ("40506070", "Breña", "+5112345678")
    assert rosa.updated_by == alice
    assert set(rosa.phones.values_list("number", flat=True)) == {"+51987654321", "+5112345678"}
    assert Contact.objects.search("40506070").get() == rosa
    assert Lead.objects.get().email == "otra@ejemplo.pe"


def test_an_email_that_somebody_else_has_stays_with_the_lead_alone(as_user, alice):
    Contact.objects.create(name="Otra", email="comun@ejemplo.pe")
    imported(as_user(alice), row_of({"Correo": "comun@ejemplo.pe"}))

    lead = Lead.objects.get()
    assert lead.email == "comun@ejemplo.pe"
    assert lead.contact.email is None


def test_deleted_people_are_not_found_and_absorbed_ones_lead_to_who_took_over(as_user, alice):
    Contact.objects.create(name="Rosa", mobile="987654321", is_deleted=True)
    survivor = Contact.objects.create(name="Luz Vega", mobile="912345678")
    Contact.objects.create(name="Luz V.", document_number="40506070", is_deleted=True, merged_into=survivor)
    imported(as_user(alice), lines("Nombre,Celular,DNI", "Rosa,987654321,", "Luz,933333333,40506070"))

    assert Contact.objects.present().count() == 2
    assert Lead.objects.get(nombre="Luz").contact == survivor


# --- Merging ------------------------------------------------------------------------------------


def test_reporting_duplicates_changes_nothing(as_user, alice):
    lead = Lead.objects.create(nombre="Rosa Peña", celular="987654321")
    before = Lead.objects.values().get(), Contact.objects.values().get()
    run = imported(as_user(alice), row_of({"Distrito": "Breña", "Correo": "rosa@ejemplo.pe"}), duplicates="report")

    assert counts(run) == {"total": 1, "created": 0, "merged": 0, "duplicate": 1, "failed": 0}
    assert rows_of(as_user(alice), run)[0]["entity_id"] == lead.pk
    assert (Lead.objects.values().get(), Contact.objects.values().get()) == before


def test_merging_fills_what_was_empty_and_lets_remarks_grow(as_user, alice):
    lead = Lead.objects.create(
        nombre="Rosa Peña", celular="987654321", distrito="Lince", observacion="Pide precio", medio=None
    )
    content = row_of({"Distrito": "Breña", "Medio": "TikTok", "Observación": "Llamar", "Correo": "rosa@ejemplo.pe"})
    run = imported(as_user(alice), content, duplicates="merge")

    assert counts(run)["merged"] == 1
    lead.refresh_from_db()
    assert (lead.distrito, lead.medio, lead.observacion) == ("Lince", "TikTok", "Pide precio\nLlamar")
    assert (lead.nombre, lead.email) == ("Rosa Peña", "rosa@ejemplo.pe")
    assert lead.contact.email == "rosa@ejemplo.pe"
    assert Lead.objects.search("rosa@ejemplo.pe").exists()
    (row,) = rows_of(as_user(alice), run)
    assert row["message"].endswith("Se completó: correo, medio de captación, observación.")

    again = imported(as_user(alice), content, duplicates="merge")
    assert counts(again)["duplicate"] == 1


def test_merging_contacts_fills_and_adds_numbers(as_user, alice):
    rosa = Contact.objects.create(name="Rosa Peña", mobile="987654321", phone="01 234 5678", city="Lima")
    content = lines(
        "Nombre;Celular;Teléfono;Ciudad;Empresa;Observaciones",
        "Rosa Peña;987654321;912345678;Cusco;Textiles;Prefiere tardes",
    )
    run = imported(as_user(alice), content, kind="contacts", duplicates="merge")

    assert counts(run)["merged"] == 1
    rosa.refresh_from_db()
    assert (rosa.city, rosa.company, rosa.notes_text) == ("Lima", "Textiles", "Prefiere tardes")
    assert (rosa.mobile, rosa.phone) == ("+51987654321", "+5112345678")
    assert rosa.phones.get(number="+51912345678").label == "other"
    for typed in ("912345678", "textiles"):
        assert Contact.objects.search(typed).get() == rosa
    assert counts(imported(as_user(alice), content, kind="contacts", duplicates="merge"))["duplicate"] == 1


def test_merging_never_takes_the_email_or_document_of_somebody_else(as_user, alice):
    Contact.objects.create(name="Otra", email="otra@ejemplo.pe", document_number="11111111")
    rosa = Contact.objects.create(name="Rosa", mobile="987654321", document_number="40506070")
    content = lines("Nombre;Celular;Correo;Cargo", "Rosa;987654321;otra@ejemplo.pe;Jefa")
    run = imported(as_user(alice), content, kind="contacts", duplicates="merge")

    assert counts(run)["merged"] == 1
    rosa.refresh_from_db()
    assert (rosa.email, rosa.document_number, rosa.position) == (None, "40506070", "Jefa")


def test_rows_of_one_file_complete_each_other(as_user, alice):
    content = lines(
        "Nombre;Celular;Correo;Documento;Teléfono",
        "Rosa;987654321;;;",
        "Rosa;987654321;rosa@ejemplo.pe;40506070;912345678",
        "Rosa Peña;933333333;;40506070;",
    )
    run = imported(as_user(alice), content, kind="contacts", duplicates="merge")

    assert outcomes(as_user(alice), run) == {2: "created", 3: "merged", 4: "merged"}
    rosa = Contact.objects.get()
    assert (rosa.email, rosa.document_number) == ("rosa@ejemplo.pe", "40506070")
    assert set(rosa.phones.values_list("number", flat=True)) == {"+51987654321", "+51912345678", "+51933333333"}


# --- Contacts -----------------------------------------------------------------------------------


def test_contacts_are_known_by_phone_document_or_email(as_user, alice):
    by_phone = Contact.objects.create(name="Ana", phone="987654321")
    by_document = Contact.objects.create(name="Eva", document_number="40506070")
    by_email = Contact.objects.create(name="Luz", email="luz@ejemplo.pe")
    content = lines(
        "Nombre;Celular;Documento;Correo",
        "Ana;+51987654321;;",
        "Eva;;40506070;",
        "Luz;;;LUZ@ejemplo.pe",
        "Pía;;;pia@ejemplo.pe",
    )
    run = imported(as_user(alice), content, kind="contacts")

    rows = rows_of(as_user(alice), run)
    assert [row["outcome"] for row in rows] == ["duplicate", "duplicate", "duplicate", "created"]
    assert [row["entity_id"] for row in rows[:3]] == [by_phone.pk, by_document.pk, by_email.pk]
    assert [row["message"] for row in rows[:3]] == [
        "Ya existe Ana (mismo teléfono).",
        "Ya existe Eva (mismo documento).",
        "Ya existe Luz (mismo correo).",
    ]


def test_a_contact_that_could_not_be_known_again_is_refused(as_user, alice):
    run = imported(as_user(alice), lines("Nombre;Celular;Ciudad", "Rosa;;Lima"), kind="contacts")

    (row,) = rows_of(as_user(alice), run)
    assert row["outcome"] == "failed"
    assert row["message"] == "Falta un teléfono, correo o documento: sin ninguno no se sabe si ya está."


def test_one_address_for_two_documents_is_refused_with_the_name_of_the_other(as_user, alice):
    Contact.objects.create(name="Luz Vega", email="casa@ejemplo.pe", document_number="11111111")
    content = lines("Nombre;Documento;Correo", "Rosa;22222222;casa@ejemplo.pe")
    run = imported(as_user(alice), content, kind="contacts")

    (row,) = rows_of(as_user(alice), run)
    assert (row["outcome"], row["message"]) == (
        "failed",
        "El correo ya es de Luz Vega, que tiene otro documento.",
    )


def test_reads_every_field_of_a_contact(as_user, alice, bob):
    content = workbook(
        ["Nombre", "Celular", "País", "Provincia", "Ciudad", "Distrito", "Dirección", "CP", "Empresa", "Cargo",
         "Edad", "Empadronado", "Tiene ingresos", "Calificación de la llamada", "Producto de entrada",
         "Nacionalidad", "Asesor"],
        ["Rosa", "+34 600 123 456", "España", "Sevilla", "Sevilla", "Triana", "Calle Betis 1", 41010, "Textiles",
         "Jefa", 34, "sí", "no", "B+", "Situación irregular", "peruana", "bob@puente.test"],
    )  # fmt: skip
    run = imported(as_user(alice), content, kind="contacts", name="contactos.xlsx")

    assert counts(run)["created"] == 1
    rosa = Contact.objects.get()
    assert (rosa.country, rosa.state, rosa.city, rosa.district) == ("España", "Sevilla", "Sevilla", "Triana")
    assert (rosa.address, rosa.postal_code, rosa.company, rosa.position) == (
        "Calle Betis 1",
        "41010",
        "Textiles",
        "Jefa",
    )
    assert (rosa.edad, rosa.empadronado, rosa.tiene_ingresos) == (34, True, False)
    assert (rosa.grading_llamada, rosa.landing_product) == ("B+", "situacion_irregular")
    assert (rosa.nacionalidad, rosa.responsible_user, rosa.mobile) == ("peruana", bob, "+34600123456")
    assert ContactPhone.objects.get().number == "+34600123456"
