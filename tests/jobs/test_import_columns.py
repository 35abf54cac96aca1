"""Which column of a campaign's file is which: guessed, asked for, remembered."""

import pytest

from jobs.importing.columns import guess, kind_of
from jobs.models import Account
from tests.jobs.importing import COLLECTION, CREATE, created, lines, only_job, previewed, upload
from tests.jobs.rows import an_account

pytestmark = pytest.mark.usefixtures("own_media")


@pytest.fixture
def chile(db) -> Account:
    return an_account(country="CL")


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("nombre,telefono,rut,monto_deuda", "name,phone,document,amount"),
        (COLLECTION, "document,name,company,amount,due_date,days_late,mobile,landline"),
        (
            "RUT,NOMBRE,Empresa,SALDO,Fecha de Vencimiento,Días de Atraso,Celular,Teléfono fijo",
            "document,name,company,amount,due_date,days_late,mobile,landline",
        ),
        (
            "dni,cliente,celular,telefono2,deuda,fecha_limite,acreedor,email,direccion",
            "document,name,mobile,other_phone,amount,due_date,company,email,address",
        ),
        ("id,name,phone,monto", "document,name,phone,amount"),
        ("cedula,deudor,movil,saldo-actualizado,vencimiento", "document,name,mobile,amount,due_date"),
        ("Rut titular,Nombre y Apellido,Teléfono celular 1,Monto deuda al corte", "document,name,mobile,amount"),
        ("Ruta,Cancelado,Telefonista,Deudas", ",,,"),
        ("Fila,Motivo,Telefono", ",,phone"),
    ],
)
def test_headers_are_known_whatever_their_accents_case_blanks_and_hyphens(header, fields):
    assert list(guess(header.split(",")).values()) == [field or None for field in fields.split(",")]


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("nombre,telefono,saldo", "debt_collection"),
        ("nombre,telefono,producto", "marketing"),
        ("nombre,tel", "generic"),
    ],
)
def test_what_a_file_is_for_is_told_by_its_columns(header, kind):
    assert kind_of(guess(header.split(","))) == kind


def test_what_is_asked_for_wins_over_what_is_guessed(as_user, bob, chile):
    content = lines("nombre,Contacto,telefono,saldo,cuota", "Ana,991234567,221234567,5,7")
    asked = '{"Contacto": "mobile", "cuota": "amount", "nombre": null}'
    job = only_job(created(as_user(bob), chile, content, mapping=asked, processing_type="acquisition"))

    assert (job.name, job.phones) == ("", ["+56991234567", "+56221234567"])
    assert job.payload["debt_amount"] == 7
    assert job.payload["additional_info"]["saldo"] == "5"


def test_the_same_columns_are_read_as_last_time(as_user, bob, chile):
    header = "quien,numerito,cuanto"
    asked = '{"quien": "name", "numerito": "phone", "cuanto": "amount"}'
    created(as_user(bob), chile, lines(header, "Ana,991234567,5"), mapping=asked)
    job = only_job(created(as_user(bob), chile, lines("cuanto,quien,numerito", "8,Eva,981234567")))

    assert (job.name, job.phones, job.payload["debt_amount"]) == ("Eva", ["+56981234567"], 8)


def test_what_one_account_was_told_is_not_remembered_for_another(as_user, bob, chile):
    content = lines("quien,numerito", "Ana,991234567")
    created(as_user(bob), chile, content, mapping='{"quien": "name", "numerito": "phone"}')
    told = previewed(as_user(bob), an_account(country="CL"), content)

    assert told["mapping"] == {"quien": None, "numerito": None}
    assert "Ninguna columna se reconoce como teléfono" in told["warnings"][0]


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ('{"otra": "phone"}', "El archivo no tiene la columna «otra»."),
        ('{"nombre": "saldo"}', "No hay un campo «saldo»."),
        ('{"nombre": 7}', "No hay un campo «7»."),
        ('{"nombre": "phone", "telefono": "phone"}', "Dos columnas no pueden ser «Teléfono»."),
        ('{"telefono": null}', "Ninguna columna se reconoce como teléfono."),
        ("{", "Las columnas deben ser un objeto JSON: nombre de columna → campo."),
        ('{"\\ud800": "name"}', "Las columnas deben ser un objeto JSON: nombre de columna → campo."),
    ],
)
def test_what_cannot_be_asked_for_is_said(as_user, bob, chile, mapping, sentence):
    content = lines("nombre,telefono", "Ana,991234567")
    answer = upload(as_user(bob), CREATE, content, account_id=chile.account_id, mapping=mapping)

    assert answer.status_code == 400
    assert sentence in answer.data["message"]
