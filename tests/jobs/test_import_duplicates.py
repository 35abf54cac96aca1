"""Who is in a campaign already, or must not be called, gets no job; never because of another account's rows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.phones import parse_phone
from jobs.choices import RefusalSource
from jobs.models import Account, Batch, DoNotCall, ImportProblem, Job
from tests.factories import ContactFactory
from tests.jobs.importing import ANA, HEADER, LUIS, batch_of, created, jobs_of, lines, only_job, previewed, upload
from tests.jobs.rows import an_account

pytestmark = pytest.mark.usefixtures("own_media")
FILE = lines(HEADER, ANA, LUIS)
ANAS = "+56991234567"


@pytest.fixture
def chile(db) -> Account:
    return an_account(country="CL")


def refuse(number: str, account: Account | None = None) -> None:
    phone = parse_phone(number)
    assert phone is not None
    DoNotCall.objects.add(phone, source=RefusalSource.STAFF, account=account)


# --- In other campaigns -------------------------------------------------------------------------


@pytest.mark.sqlite
def test_who_is_in_another_campaign_of_the_account_is_skipped(as_user, bob, chile):
    created(as_user(bob), chile, lines(HEADER, ANA), batch_name="Julio")
    answer = created(as_user(bob), chile, FILE, batch_name="Agosto")

    assert [job.name for job in jobs_of(answer)] == ["Luis Vera"]
    assert (answer["jobs_created"], answer["duplicates_skipped"], answer["errors"]) == (1, 1, [])
    assert ImportProblem.objects.get().message == "Ya está en la campaña «Julio», con el mismo documento."


def test_unless_duplicates_are_allowed(as_user, bob, chile):
    created(as_user(bob), chile, FILE, batch_name="Julio")
    answer = created(as_user(bob), chile, FILE, batch_name="Agosto", allow_duplicates="true")

    assert (answer["jobs_created"], answer["duplicates_skipped"]) == (2, 0)


def test_jobs_that_were_cancelled_and_campaigns_that_were_removed_do_not_count(as_user, bob, chile):
    first = created(as_user(bob), chile, lines(HEADER, ANA), batch_name="Julio")
    second = created(as_user(bob), chile, lines(HEADER, LUIS), batch_name="Agosto")
    Job.objects.filter(pk=only_job(first).pk).update(status="cancelled")
    batch = batch_of(second)
    batch.removed_at = timezone.now()
    batch.save()

    assert created(as_user(bob), chile, FILE, batch_name="Otra")["jobs_created"] == 2


def test_a_finished_job_still_counts(as_user, bob, chile):
    first = created(as_user(bob), chile, FILE, batch_name="Julio")
    Job.objects.filter(batch=first["_id"]).update(status="completed")
    answer = upload(as_user(bob), "/api/v1/batches/excel/create", FILE, account_id=chile.account_id)

    assert answer.status_code == 400
    assert "Fila 2: Ya está en la campaña «Julio», con el mismo documento." in answer.data["message"]


def test_another_accounts_people_are_nobodys_duplicates(as_user, bob, chile):
    created(as_user(bob), an_account(country="CL"), FILE, batch_name="De otros")
    answer = created(as_user(bob), chile, FILE)

    assert (answer["jobs_created"], answer["duplicates_skipped"], answer["warnings"]) == (2, 0, [])
    assert previewed(as_user(bob), an_account(country="CL"), FILE)["duplicates"] == 0


WITH_DOCUMENT = lines("rut,nombre,celular,telefono fijo", "11111111-1,Ana Pérez,991234567,221234567")


def by_phone(*numbers: str) -> bytes:
    return lines("nombre,celular,telefono fijo", f"Ana,{','.join([*numbers, '', ''][:2])}")


def why_nobody(client, account: Account, content: bytes, **more) -> str:
    """A file of which nobody gets a job."""
    answer = upload(client, "/api/v1/batches/excel/create", content, account_id=account.account_id, **more)
    assert answer.status_code == 400, answer.data
    return answer.data["message"]


@pytest.mark.sqlite
@pytest.mark.parametrize("first", [by_phone("991234567"), by_phone("991111111", "221234567")])
def test_who_is_known_there_by_a_phone_and_here_by_a_document_is_one_person(as_user, bob, chile, first):
    created(as_user(bob), chile, first, batch_name="Julio", processing_type="acquisition")

    told = why_nobody(as_user(bob), chile, WITH_DOCUMENT)
    assert "Fila 2: Ya está en la campaña «Julio», con el mismo teléfono." in told
    assert previewed(as_user(bob), chile, WITH_DOCUMENT)["duplicates"] == 1


@pytest.mark.sqlite
@pytest.mark.parametrize("phones", [("991234567",), ("221234567",), ("992222222", "221234567")])
def test_and_so_is_who_is_known_there_by_a_document_and_here_by_any_phone(as_user, bob, chile, phones):
    created(as_user(bob), chile, WITH_DOCUMENT, batch_name="Julio", processing_type="acquisition")

    told = why_nobody(as_user(bob), chile, by_phone(*phones))
    assert "Fila 2: Ya está en la campaña «Julio», con el mismo teléfono." in told
    assert created(as_user(bob), chile, by_phone(*phones), allow_duplicates="true")["jobs_created"] == 1


def test_two_documents_are_two_people_whoever_shares_a_phone(as_user, bob, chile):
    created(as_user(bob), chile, WITH_DOCUMENT, batch_name="Julio")
    created(as_user(bob), chile, by_phone("992222222"), batch_name="Julio 2")
    son = lines("rut,nombre,celular", "22222222-2,Luis,991234567")

    assert created(as_user(bob), chile, son)["jobs_created"] == 1


@pytest.mark.sqlite
def test_who_is_whose_duplicate_does_not_depend_on_who_else_is_in_the_file(as_user, bob, chile):
    created(as_user(bob), chile, WITH_DOCUMENT, batch_name="Julio")
    mixed = lines("rut,nombre,celular", ",Ana,991234567", "22222222-2,Luis,991234567", "11111111-1,Ana Pérez,992222222")

    answer = created(as_user(bob), chile, mixed)
    assert [job.name for job in jobs_of(answer)] == ["Luis"]
    assert list(ImportProblem.objects.in_order().values_list("row", "message")) == [
        (2, "Ya está en la campaña «Julio», con el mismo teléfono."),
        (4, "Ya está en la campaña «Julio», con el mismo documento."),
    ]


@pytest.mark.sqlite
def test_the_same_line_in_two_national_spellings_is_one_phone(as_user, bob):
    account = an_account(country="AR")
    created(as_user(bob), account, lines("dni,telefono", "40506070,+5491123456789"), batch_name="Julio")

    assert "con el mismo teléfono" in why_nobody(as_user(bob), account, lines("telefono", "+541123456789"))


def test_a_phone_of_another_account_a_cancelled_job_or_a_removed_campaign_is_nobodys(as_user, bob, chile):
    created(as_user(bob), an_account(country="CL"), WITH_DOCUMENT)
    cancelled = created(as_user(bob), chile, WITH_DOCUMENT, batch_name="Julio")
    Job.objects.filter(batch=cancelled["_id"]).update(status="cancelled")
    removed = created(as_user(bob), chile, WITH_DOCUMENT, batch_name="Agosto")
    Batch.objects.filter(pk=removed["_id"]).update(removed_at=timezone.now())

    assert created(as_user(bob), chile, by_phone("991234567"))["jobs_created"] == 1


def test_where_agents_see_only_theirs_the_campaign_is_not_named(as_user, bob, chile, settings):
    created(as_user(bob), chile, WITH_DOCUMENT, batch_name="Secreta")
    settings.CRM_AGENT_SCOPE = "own"

    told = why_nobody(as_user(bob), chile, by_phone("991234567"))
    assert "Ya está en otra campaña de la cuenta, con el mismo teléfono." in told


def test_a_chunk_asks_as_often_for_many_people_as_for_few(as_user, bob, chile):
    few, many = (
        lines("rut,celular", *(("" if n % 2 else f"{n + 10_000_000}") + f",9912{n:05d}" for n in range(size)))
        for size in (4, 400)
    )
    asked = []
    for content in (few, many):
        with CaptureQueriesContext(connection) as queries:
            previewed(as_user(bob), chile, content)
        asked.append(len(queries))
    assert asked[0] == asked[1]


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_an_index_finds_the_phones_of_a_chunk(db):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Job.objects.with_phone([f"519{n:08d}" for n in range(1000)]).explain()
    assert "jobs_job_phones" in plan


def test_the_same_document_of_another_country_is_another_person(as_user, bob, chile):
    created(as_user(bob), chile, lines("rut,telefono", "40506070,991234567"))
    chile.country = "PE"
    chile.save()
    answer = created(as_user(bob), chile, lines("dni,telefono", "40506070,987654321"))

    assert only_job(answer).person_key == "doc:PE:40506070"


# --- Who must not be called ---------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_number_on_the_list_makes_no_job_and_is_told(as_user, bob, chile):
    refuse(ANAS)
    answer = created(as_user(bob), chile, FILE)

    assert [job.name for job in jobs_of(answer)] == ["Luis Vera"]
    assert answer["duplicates_skipped"] == 0
    assert answer["errors"] == []
    assert answer["warnings"] == ["1 persona no se llama: pidió que no o está en la lista de no llamar."]
    assert ImportProblem.objects.get().message == "No se le llama: su teléfono está en la lista de no llamar."


def test_another_accounts_list_says_nothing(as_user, bob, chile):
    refuse(ANAS, an_account())

    assert created(as_user(bob), chile, FILE)["jobs_created"] == 2


def test_the_other_phone_of_a_person_may_still_be_dialled(as_user, bob, chile):
    refuse(ANAS, chile)
    content = lines("rut,celular,telefono fijo", "11111111-1,991234567,221234567")
    answer = created(as_user(bob), chile, content)

    assert only_job(answer).phones == ["+56221234567"]
    assert answer["warnings"] == ["Fila 2: Un teléfono suyo está en la lista de no llamar."]


@pytest.mark.parametrize("known_by", [{"document_number": "111111111"}, {"mobile": ANAS}])
def test_a_contact_who_opted_out_is_not_called(as_user, bob, chile, known_by):
    ContactFactory(opted_out_of_calls_at=timezone.now(), **{"mobile": None, "document_number": None, **known_by})
    answer = created(as_user(bob), chile, FILE)

    assert [job.name for job in jobs_of(answer)] == ["Luis Vera"]
    assert "1 persona no se llama:" in answer["warnings"][0]


# --- Whose contact it is ------------------------------------------------------------------------


@pytest.mark.sqlite
def test_the_contact_with_the_document_is_the_persons(as_user, bob, chile):
    ana = ContactFactory(document_number="111111111", mobile=None)
    ContactFactory(document_number=None, mobile=ANAS)

    assert only_job(created(as_user(bob), chile, lines(HEADER, ANA))).contact == ana


def test_the_only_contact_with_the_phone_is_the_persons(as_user, bob, chile):
    ana = ContactFactory(document_number=None, mobile=ANAS)

    assert only_job(created(as_user(bob), chile, lines(HEADER, ANA))).contact == ana


@pytest.mark.parametrize("documents", [(None, None), ("99999999",)])
def test_where_it_is_not_certain_it_is_nobodys(as_user, bob, chile, documents):
    for document in documents:
        ContactFactory(document_number=document, mobile=ANAS)

    assert only_job(created(as_user(bob), chile, lines(HEADER, ANA))).contact is None


def test_a_deleted_contact_is_nobody(as_user, bob, chile):
    ContactFactory(document_number="111111111", mobile=ANAS, is_deleted=True)

    assert only_job(created(as_user(bob), chile, lines(HEADER, ANA))).contact is None
