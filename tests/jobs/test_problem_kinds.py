"""Each row of a file that is not simply a call says of which kind it is, whatever its sentence is."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from crm.phones import parse_phone
from jobs.choices import ProblemKind, RefusalSource
from jobs.models import Account, DoNotCall, ImportProblem
from tests.jobs.importing import created, lines
from tests.jobs.rows import a_batch, an_account
from tests.jobs.scenes import a_file

pytestmark = pytest.mark.usefixtures("own_media")

FILE = lines(
    "rut,nombre,celular,telefono fijo",
    "11111111-1,Ana,991234567,",
    "22222222-2,Luis,991234568,",
    "33333333-3,Mala,123,",
    "44444444-4,Aviso,991234569,123",
    "55555555-5,Nueva,991234570,",
)
KINDS = {2: "duplicate", 3: "refused", 4: "error", 5: "warning"}


@pytest.fixture
def chile(db) -> Account:
    return an_account(country="CL")


@pytest.fixture
def answer(as_user, bob, chile):
    created(as_user(bob), chile, lines("rut,telefono", "11111111-1,991234567"), batch_name="Julio")
    DoNotCall.objects.add(parse_phone("+56991234568"), source=RefusalSource.STAFF)
    return created(as_user(bob), chile, FILE, batch_name="Agosto")


@pytest.mark.sqlite
def test_duplicate_refused_wrong_and_unsure_are_told_apart(answer):
    assert dict(ImportProblem.objects.values_list("row", "kind")) == KINDS
    assert [row.is_error for row in ImportProblem.objects.in_order()] == [True, True, True, False]


@pytest.mark.sqlite
def test_only_a_mistake_of_the_file_is_an_error_whatever_the_sentences_say(as_user, bob, answer):
    """The answer is told from the rows: the sentences may be worded anew at any time."""
    ImportProblem.objects.filter(kind=ProblemKind.DUPLICATE).update(message="De otra manera.")
    ImportProblem.objects.filter(kind=ProblemKind.ERROR).update(message="Ya está en ningún sitio.")
    again = created(as_user(bob), Account.objects.get(), FILE, batch_name="Agosto")

    assert again["_id"] == answer["_id"]
    assert again["errors"] == ["Fila 4: Ya está en ningún sitio."]
    assert [told for told in again["warnings"] if told.startswith("Fila")] == [
        "Fila 5: Teléfono fijo: «123» no es un teléfono en uso."
    ]


def test_the_rows_to_be_sent_again_are_all_that_made_no_call(as_user, bob, answer):
    told = b"".join(as_user(bob).get(f"/api/v1/batches/{answer['_id']}/import/errors").streaming_content)
    assert [line.split(",")[0] for line in told.decode("utf-8-sig").splitlines()[1:]] == [
        "11111111-1",
        "22222222-2",
        "33333333-3",
    ]


@pytest.mark.sqlite
def test_the_database_knows_the_kinds(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportProblem.objects.create(batch_import=a_file(a_batch(), failed_rows=0), row=2, message="?", kind="otra")


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite alters no table within a transaction")
def test_rows_of_before_are_told_by_their_sentences(answer):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    to(("jobs", "0003_search_indexes"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT row, is_error FROM jobs_importproblem")
        assert dict(cursor.fetchall()) == {2: True, 3: True, 4: True, 5: False}

    to(*MigrationExecutor(connection).loader.graph.leaf_nodes("jobs"))

    assert dict(ImportProblem.objects.values_list("row", "kind")) == KINDS


def to(*migrations: tuple[str, str]) -> None:
    MigrationExecutor(connection).migrate(list(migrations))
