"""`POST /api/v1/batches/excel/preview`: what would become of a file, in both shapes; nothing is stored."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jobs.importing import looking
from jobs.models import Account, Batch, BatchImport, Job
from tests.jobs.importing import ANA, HEADER, LUIS, PREVIEW, created, lines, previewed, upload, workbook
from tests.jobs.rows import an_account

pytestmark = pytest.mark.usefixtures("own_media")


@pytest.fixture
def chile(db) -> Account:
    return an_account(country="CL")


@pytest.mark.sqlite
def test_the_wizard_and_the_reference_both_find_what_they_read(as_user, bob, chile, own_media):
    answer = upload(as_user(bob), PREVIEW, lines(HEADER, ANA, LUIS), account_id="default-account-id")

    assert answer.status_code == 200
    told = answer.data
    sample = [
        {"nombre": "Ana Soto", "telefono": "+56 9 9123 4567", "rut": "11.111.111-1", "monto_deuda": "45000"},
        {"nombre": "Luis Vera", "telefono": "+56 9 8123 4567", "rut": "22.222.222-2", "monto_deuda": "30000"},
    ]
    assert told["preview"] == {
        "total_rows": 2,
        "sample_rows": sample,
        "detected_columns": ["nombre", "telefono", "rut", "monto_deuda"],
        "country_format": "CL",
    }
    assert (told["success"], told["sampleRows"], told["total_rows"]) == (True, sample, 2)
    assert told["detectedFormat"] == "debt_collection"
    assert told["estimated_cost"] == pytest.approx(0.94)
    assert not Batch.objects.exists()
    assert not BatchImport.objects.exists()
    assert not Job.objects.exists()
    assert not own_media.exists()


def test_every_value_of_a_sample_row_is_a_text(as_user, bob, chile):
    content = workbook(["nombre", "telefono", "deuda", "vence"], ["Ana", 991234567, 45000.5])
    told = previewed(as_user(bob), chile, content, name="lista.xlsx")

    assert told["sampleRows"] == [{"nombre": "Ana", "telefono": "991234567", "deuda": "45000.5", "vence": ""}]


def test_counts_are_those_of_the_import_that_follows(as_user, bob, chile):
    created(as_user(bob), chile, lines(HEADER, LUIS), batch_name="Antes")
    content = lines(HEADER, ANA, ANA, LUIS, "Eva,123,,5", "Leo,971234567,1,5")
    told = previewed(as_user(bob), chile, content)
    answer = created(as_user(bob), chile, content, batch_name="Ahora")

    assert (told["total_rows"], told["valid_rows"], told["invalid_rows"]) == (5, 3, 2)
    assert (told["total_people"], told["repeated_rows"], told["is_complete"]) == (2, 1, True)
    assert told["jobs_to_create"] == answer["jobs_created"] == 1
    assert told["duplicates"] == answer["duplicates_skipped"] == 1
    assert [f"Fila {problem['row']}: {problem['error']}" for problem in told["errors"]] == answer["errors"]
    assert told["warnings"] == [
        "1 fila repite a una persona: se juntan en una llamada y su deuda se suma.",
        "1 persona ya está en otra campaña de la cuenta.",
    ]


def test_the_account_may_stand_in_the_address(as_user, bob, chile):
    answer = upload(as_user(bob), f"{PREVIEW}?account_id={chile.pk}", lines(HEADER, ANA))

    assert answer.status_code == 200


def test_of_a_long_file_it_says_that_it_has_not_counted_all(chile, monkeypatch):
    monkeypatch.setattr(looking, "CHUNK_PEOPLE", 10)
    rows = [f"Persona,9{number:08d}" for number in range(91_000_000, 91_000_025)]
    file = SimpleUploadedFile("x.csv", lines("nombre,telefono", *rows))
    answer = looking.preview(file, name="x.csv", account=chile, seconds=0)

    assert (answer["total_rows"], answer["jobs_to_create"], answer["is_complete"]) == (25, 10, False)
    assert "El recuento es de las primeras 10 personas; se importarán todas." in answer["warnings"]


def test_who_has_too_little_credit_is_warned(as_user, bob):
    poor = an_account(country="CL", credit_micros=400_000)
    told = previewed(as_user(bob), poor, lines(HEADER, ANA))

    assert told["warnings"] == [looking.NO_CREDIT]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"\xd0\xcf\x11\xe0 no", b"<html><table></table></html>"])
def test_what_is_no_spreadsheet_is_refused(as_user, bob, chile, content):
    answer = upload(as_user(bob), PREVIEW, content, account_id=chile.account_id, name="lista.xlsx")

    assert answer.status_code == 400
    assert answer.data["message"]


def test_without_any_account_it_says_so(as_user, bob, db):
    answer = upload(as_user(bob), PREVIEW, lines(HEADER, ANA), account_id="default-account-id")

    assert (answer.status_code, answer.data["message"]) == (404, "Cuenta no encontrada")
