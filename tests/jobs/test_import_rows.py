"""Rows of one person become one job, with what they say together (campaign-client 3.4)."""

from datetime import timedelta

import pytest

from jobs.importing.people import Order
from jobs.models import Account, ImportProblem
from tests.jobs.importing import COLLECTION, batch_of, created, jobs_of, lines, only_job, previewed, workbook
from tests.jobs.rows import an_account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_media")]
RUT = "11.111.111-1"


@pytest.fixture
def chile(db) -> Account:
    return an_account(country="CL")


def amount_of(client, account, cell, *, header="nombre,telefono,monto_deuda"):
    told = previewed(client, account, lines(header, f'Ana,991234567,"{cell}"'))
    return told["rows"][0]["debt_amount"] if told["jobs_to_create"] else told["errors"][0]["error"]


@pytest.mark.sqlite
def test_the_coupons_of_a_debtor_are_one_job(as_user, bob, chile):
    answer = created(
        as_user(bob),
        chile,
        lines(
            COLLECTION,
            f"{RUT},Ana Soto,Comercial Demo,$ 45.000,01/11/2025,10,991234567,",
            "22.222.222-2,Luis Vera,Comercial Demo,1000,01/11/2025,0,981234567,",
            "11111111-1,Ana Soto,Comercial Demo,5.000,15-11-25,2,991234567,221234567",
        ),
    )

    ana, luis = jobs_of(answer)
    assert (answer["jobs_created"], answer["contacts_processed"], answer["duplicates_skipped"]) == (2, 2, 0)
    assert ana.payload == {
        "company_name": "Comercial Demo",
        "debt_amount": 50000,
        # The latest due date, its days late and 3; the earliest one, its own and 7.
        "due_date": "2025-11-20",
        "reference_number": "",
        "additional_info": {
            "cantidad_cupones": 2,
            "dias_retraso": 10,
            "fecha_limite": "2025-11-20",
            "fecha_maxima": "2025-11-18",
        },
    }
    assert (luis.name, luis.payload["debt_amount"]) == ("Luis Vera", 1000)


def test_days_that_are_asked_for_replace_the_dates_of_the_file(as_user, bob, chile):
    content = lines("nombre,telefono,vencimiento", "Ana,991234567,01/11/2025")
    answer = created(as_user(bob), chile, content, dias_fecha_limite="5", dias_fecha_maxima="9")
    order = Order.of(batch_of(answer).imports.get().options)

    info = only_job(answer).payload["additional_info"]
    assert info["fecha_limite"] == (order.today + timedelta(days=5)).isoformat()
    assert info["fecha_maxima"] == (order.today + timedelta(days=9)).isoformat()


@pytest.mark.parametrize("cell", ["05/12/2025", "05-12-25", "2025-12-05", "45996", "5/12/2025"])
def test_a_date_is_read_however_it_is_written(as_user, bob, chile, cell):
    told = previewed(as_user(bob), chile, lines("nombre,telefono,vencimiento", f"Ana,991234567,{cell}"))

    assert told["rows"][0]["due_date"] == "2025-12-08"


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("1.234,56", 1234.56),
        ("1,234.56", 1234.56),
        ("1234.56", 1234.56),
        ("1234,5", 1234.5),
        ("$ 45.000", 45000),
        ("45.000", 45000),
        ("45,000", 45000),
        ("1.234.567", 1234567),
        ("1.234.567,89", 1234567.89),
        ("S/ 1,200.00", 1200),
        ("45.000.-", 45000),
        ("1 234,50 €", 1234.5),
        ("0,50", 0.5),
        ("", 0),
    ],
)
def test_an_amount_is_read_however_it_is_written(as_user, bob, chile, cell, amount):
    assert amount_of(as_user(bob), chile, cell) == amount


@pytest.mark.parametrize("cell", ["12,34,567", "1.234.56", "muchos", "-500", "4.5E4", "1e400", "9" * 14])
def test_what_is_no_amount_is_an_error_of_its_row(as_user, bob, chile, cell):
    complaint = amount_of(as_user(bob), chile, cell)

    assert complaint.startswith(f"Deuda: «{cell}» ")


def test_a_number_cell_that_may_be_thousands_is_refused_not_guessed(as_user, bob, chile):
    content = workbook(
        ["nombre", "telefono", "deuda"],
        ["Ana", 991234567, 45.125],
        ["Luis", 981234567, "$ 45.125"],
        ["Eva", 971234567, 45000.5],
        ["Leo", 961234567, "45.000"],
    )
    told = previewed(as_user(bob), chile, content, name="lista.xlsx")

    assert [row["debt_amount"] for row in told["rows"]] == [0, 45125, 45000.5, 45000]
    assert [row["outcome"] for row in told["rows"]] == ["failed", "created", "created", "created"]
    assert "puede ser miles o decimales" in told["errors"][0]["error"]


def test_nobody_is_called_about_a_debt_that_could_not_be_summed(as_user, bob, chile):
    content = lines(
        "rut,nombre,telefono,deuda",
        f"{RUT},Ana,991234567,1000",
        f"{RUT},Ana,991234567,mucho",
        "22222222-2,Luis,981234567,5",
    )
    answer = created(as_user(bob), chile, content)

    assert [job.name for job in jobs_of(answer)] == ["Luis"]
    assert answer["errors"] == [
        "Fila 2: La fila 3 es de la misma persona y tiene un error: la deuda no sería la suya.",
        "Fila 3: Deuda: «mucho» no es un importe.",
    ]
    assert "2 filas no se pudieron leer" in answer["warnings"][0]


def test_the_phone_of_one_row_serves_the_person(as_user, bob, chile):
    content = lines("rut,nombre,telefono", f"{RUT},Ana,", f"{RUT},,991234567")
    job = only_job(created(as_user(bob), chile, content))

    assert (job.name, job.phones) == ("Ana", ["+56991234567"])


def test_other_columns_are_kept_by_their_names(as_user, bob, chile):
    content = lines(
        "nombre,telefono,Producto Contratado,email,Nº Póliza,Fila", "Ana,991234567,Hogar,ana@ejemplo.cl,=1+1,7"
    )

    assert only_job(created(as_user(bob), chile, content)).payload["additional_info"] == {
        "email": "ana@ejemplo.cl",
        "producto_contratado": "Hogar",
        "no_poliza": "=1+1",
    }


def test_names_come_in_one_column_or_in_two(as_user, bob, chile):
    content = lines("nombres,apellidos,telefono", "Ana María,Soto Díaz,991234567")

    assert only_job(created(as_user(bob), chile, content)).name == "Ana María Soto Díaz"


# --- Documents ----------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["12.345.678-5", "12345678-5", "123456785", "012.345.678-5", "123456785.0"])
def test_a_rut_is_the_same_however_it_is_written(as_user, bob, chile, cell):
    job = only_job(created(as_user(bob), chile, lines("rut,telefono", f"{cell},991234567")))

    assert (job.document, job.person_key) == ("123456785", "doc:CL:123456785")


def test_a_wrong_check_digit_is_a_warning(as_user, bob, chile):
    content = lines("rut,telefono", "12.345.678-4,991234567", "12.345.679-3,981234567", "1.000.005-k,971234567")
    answer = created(as_user(bob), chile, content)

    assert answer["jobs_created"] == 3
    assert answer["warnings"] == ["Fila 2: El dígito verificador del RUT no coincide."]


@pytest.mark.parametrize("cell", ["1", "1.2E7", "no sé"])
def test_what_is_no_document_is_an_error_of_its_row(as_user, bob, chile, cell):
    told = previewed(as_user(bob), chile, lines("rut,telefono", f"{cell},991234567"))

    assert told["errors"][0]["error"].startswith(f"Documento: «{cell}» ")


def test_a_peruvian_dni_gets_its_zeros_back_and_is_not_chiles(as_user, bob):
    peru = an_account(country="PE")
    job = only_job(created(as_user(bob), peru, lines("dni,telefono", "1234567,987654321")))

    assert (job.document, job.person_key) == ("01234567", "doc:PE:01234567")


def test_without_a_document_the_phone_says_who_it_is(as_user, bob, chile):
    content = lines("nombre,telefono,deuda", "Ana,991234567,5", "Ana,+56 9 9123 4567,6", "Eva,981234567,7")
    ana, eva = jobs_of(created(as_user(bob), chile, content))

    assert (ana.person_key, ana.payload["debt_amount"]) == ("tel:56991234567", 11)
    assert eva.person_key == "tel:56981234567"


def test_a_shifted_row_is_an_error_with_its_cells_kept(as_user, bob, chile):
    content = lines("nombre,telefono", "Ana,991234567", "Vera, Luis,981234567")
    answer = created(as_user(bob), chile, content)
    (problem,) = ImportProblem.objects.all()

    assert answer["jobs_created"] == 1
    assert (problem.row, problem.cells) == (3, ["Vera", "Luis", "981234567"])
    assert "ponga entre comillas" in answer["errors"][0]
