"""Who is in a campaign already, or must not be called, gets no job; never because of another account's rows."""

import pytest
from django.utils import timezone

from crm.phones import parse_phone
from jobs.choices import RefusalSource
from jobs.models import Account, DoNotCall, ImportProblem, Job
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
    assert ImportProblem.objects.get().message == "Ya está en la campaña «Julio»."


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
    assert "Fila 2: Ya está en la campaña «Julio»." in answer.data["message"]


def test_another_accounts_people_are_nobodys_duplicates(as_user, bob, chile):
    created(as_user(bob), an_account(country="CL"), FILE, batch_name="De otros")
    answer = created(as_user(bob), chile, FILE)

    assert (answer["jobs_created"], answer["duplicates_skipped"], answer["warnings"]) == (2, 0, [])
    assert previewed(as_user(bob), an_account(country="CL"), FILE)["duplicates"] == 0


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
