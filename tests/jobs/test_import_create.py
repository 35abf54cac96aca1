"""`POST /api/v1/batches/excel/create`: a file becomes a campaign, once, or nothing at all."""

import pytest

from jobs.importing import running
from jobs.models import Account, Batch, BatchImport, Count, Job
from tests.jobs.importing import ANA, CREATE, HEADER, LUIS, PREVIEW, batch_of, created, jobs_of, lines, only_job, upload
from tests.jobs.rows import an_account

pytestmark = pytest.mark.usefixtures("own_media")

FILE = lines(HEADER, ANA, LUIS)
SETTINGS = '{"max_attempts": 4, "allowed_hours": {"start": "10:00", "end": "20:00"}}'


@pytest.fixture
def chile(db) -> Account:
    return an_account(country="CL")


@pytest.mark.sqlite
def test_the_answer_has_what_the_clients_box_shows(as_user, bob, chile):
    answer = upload(
        as_user(bob),
        CREATE,
        FILE,
        account_id=chile.account_id,
        batch_name="Cobranza",
        batch_description="De noviembre",
        allow_duplicates="false",
        call_settings_json=SETTINGS,
        processing_type="basic",
    )

    assert answer.status_code == 200
    batch = Batch.objects.get()
    told = answer.data
    assert (told["success"], told["batch_id"], told["_id"]) == (True, batch.batch_id, batch.pk)
    assert (told["batch_name"], told["jobs_created"], told["contacts_processed"]) == ("Cobranza", 2, 2)
    assert (told["duplicates_skipped"], told["errors"], told["warnings"]) == (0, [], [])
    assert (told["status"], told["progress"]) == ("completed", 100)
    assert (batch.description, batch.created_by, batch.settings.max_attempts) == ("De noviembre", bob, 4)
    assert batch.lanes == ["CL:America/Santiago"]
    assert Count.objects.of(batch.pk).pending == Count.objects.of(chile.pk).pending == 2


@pytest.mark.sqlite
def test_a_job_is_found_by_name_document_and_phone_and_is_due_now(as_user, bob, chile):
    job = jobs_of(created(as_user(bob), chile, FILE))[0]

    assert (job.name, job.document, job.phones) == ("Ana Soto", "111111111", ["+56991234567"])
    assert (job.status, job.lane, job.person_key) == ("pending", "CL:America/Santiago", "doc:CL:111111111")
    assert Job.objects.due(job.batch, job.lane).filter(pk=job.pk).exists()
    for typed in ("soto", "111111111", "1234567"):
        assert Job.objects.filter(search_words__finds=typed, pk=job.pk).exists()


def test_without_a_name_the_campaign_is_called_as_its_file(as_user, bob, chile):
    assert created(as_user(bob), chile, FILE, name="Morosos julio.csv")["batch_name"] == "Morosos julio"


def test_the_wizards_account_is_the_oldest_active_one(as_user, bob, chile):
    an_account(country="PE")
    answer = upload(as_user(bob), CREATE, FILE, account_id="default-account-id")

    assert batch_of(answer.data).account == chile


# --- Asked twice --------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_the_same_file_again_is_the_same_campaign_and_answer(as_user, bob, chile):
    first = created(as_user(bob), chile, FILE, batch_name="Uno")
    again = created(as_user(bob), chile, FILE, batch_name="Uno")

    assert again == first
    assert (Batch.objects.count(), Job.objects.count()) == (1, 2)


def test_under_another_name_or_later_or_after_a_removal_it_is_another_campaign(as_user, bob, chile):
    client = as_user(bob)
    first = created(client, chile, FILE, batch_name="Uno", allow_duplicates="true")
    named = created(client, chile, FILE, batch_name="Dos", allow_duplicates="true")
    BatchImport.objects.filter(batch=first["_id"]).update(
        created_at=BatchImport.objects.get(batch=first["_id"]).created_at - running.SAME_WITHIN
    )
    later = created(client, chile, FILE, batch_name="Uno", allow_duplicates="true")
    batch = batch_of(later)
    batch.removed_at = batch.created_at
    batch.save()
    removed = created(client, chile, FILE, batch_name="Uno", allow_duplicates="true")

    assert len({answer["_id"] for answer in (first, named, later, removed)}) == 4


def test_another_accounts_same_file_is_its_own_campaign(as_user, bob, chile):
    other = an_account(country="CL")
    first = created(as_user(bob), chile, FILE, batch_name="Uno")
    second = created(as_user(bob), other, FILE, batch_name="Uno")

    assert (first["_id"] != second["_id"], second["jobs_created"], second["duplicates_skipped"]) == (True, 2, 0)


def test_a_keyed_request_is_repeated_by_its_key(as_user, bob, chile):
    body = {"account_id": chile.account_id, "headers": {"Idempotency-Key": "una-vez"}}
    first = upload(as_user(bob), CREATE, FILE, **body)
    body["headers"] = {"Idempotency-Key": "una-vez"}
    again = upload(as_user(bob), CREATE, FILE, **{**body, "account_id": chile.account_id})

    assert (first.status_code, first.data["jobs_created"]) == (200, 2)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Batch.objects.count() == 1


# --- Refused, and nothing is left ---------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("content", "more", "status", "sentence"),
    [
        (lines(HEADER, "Ana,123,,", "Luis,,,"), {}, 400, "El archivo no tiene a nadie a quien llamar. Fila 2: "),
        (lines(HEADER), {}, 400, "El archivo solo tiene encabezados."),
        (lines("nombre,rut", "Ana,111111111"), {}, 400, "Ninguna columna se reconoce como teléfono."),
        (b"%PDF-1.4\x00\x01\x02\x03\x04\x05\x06\x07\x08" * 9, {}, 400, "El archivo no se puede leer"),
        (b" ", {}, 400, "El archivo está vacío."),
        (FILE, {"call_settings_json": "no"}, 400, "call_settings_json debe ser un objeto JSON."),
        (FILE, {"call_settings_json": '{"max_attempts": 0}'}, 400, "max_attempts debe ser un entero"),
        (FILE, {"call_settings_json": '{"timezone": "\\ud800"}'}, 400, "call_settings_json debe ser un objeto JSON."),
        (FILE, {"processing_type": "otro"}, 400, "No es un valor permitido."),
        (FILE, {"dias_fecha_limite": "-1"}, 400, "Debe ser 0 o más."),
        (FILE, {"mapping": "[1]"}, 400, "Las columnas deben ser un objeto JSON"),
        (FILE, {"account_id": "acc-nadie"}, 404, "Cuenta no encontrada"),
        (FILE, {"account_id": ""}, 400, "Indique la cuenta."),
    ],
)
def test_what_makes_no_campaign_is_said_and_leaves_none(as_user, bob, chile, content, more, status, sentence):
    answer = upload(as_user(bob), CREATE, content, **{"account_id": chile.account_id, **more})

    assert answer.status_code == status, answer.data
    assert sentence in answer.data["message"]
    assert answer.data["detail"] == answer.data["message"]
    assert not Batch.objects.exists()
    assert not BatchImport.objects.exists()


def test_a_form_that_breaks_off_is_said_in_spanish(as_user, bob):
    answer = as_user(bob).post(CREATE, b"--x", content_type="multipart/form-data")

    assert (answer.status_code, answer.data["message"]) == (400, "La petición está incompleta o mal formada.")


def test_without_a_file_it_is_refused(as_user, bob, chile):
    answer = as_user(bob).post(CREATE, {"account_id": chile.account_id}, format="multipart")

    assert (answer.status_code, answer.data["message"]) == (400, "Adjunte el archivo en el campo «file».")


def test_json_is_no_form(as_user, bob, chile):
    answer = as_user(bob).post(CREATE, {"account_id": chile.account_id}, format="json")

    assert answer.status_code == 415
    assert "multipart" in answer.data["message"]


def test_too_many_bytes_and_too_many_rows_are_413(as_user, bob, chile, settings):
    settings.IMPORT_MAX_ROWS = 1
    rows = upload(as_user(bob), CREATE, FILE, account_id=chile.account_id)
    settings.IMPORT_MAX_BYTES = 10
    size = upload(as_user(bob), CREATE, FILE, account_id=chile.account_id)
    settings.IMPORT_MAX_BYTES = -70_000
    announced = upload(as_user(bob), CREATE, FILE, account_id=chile.account_id)

    assert [answer.status_code for answer in (rows, size, announced)] == [413, 413, 413]
    assert not Batch.objects.exists()


def test_strangers_and_outsiders_are_refused(as_user, oscar, chile):
    assert upload(as_user(None), CREATE, FILE, account_id=chile.account_id).status_code == 401
    assert upload(as_user(oscar), CREATE, FILE, account_id=chile.account_id).status_code == 403


# --- The file is not kept -----------------------------------------------------------------------


def test_the_file_goes_when_it_has_served(as_user, bob, chile, own_media, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        only_job(created(as_user(bob), chile, lines(HEADER, ANA)))

    assert BatchImport.objects.get().file.name == ""
    assert not [path for path in own_media.rglob("*") if path.is_file()]


@pytest.mark.sqlite
@pytest.mark.parametrize("path", [CREATE, PREVIEW])
def test_another_method_is_405_and_options_says_which_one(as_user, bob, db, path):
    """A form is asked of who posts: whoever asks otherwise reads what is wrong, not that a file is missing."""
    client = as_user(bob)
    answers = [getattr(client, method)(path) for method in ("get", "put", "patch", "delete")]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(405, "metodo_no_permitido")}
    assert (client.options(path).status_code, client.options(path)["Allow"]) == (200, "POST, OPTIONS")
