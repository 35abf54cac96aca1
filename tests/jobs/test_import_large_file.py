"""A large file: every row accounted for, whoever goes on with it; statements and memory bounded.

How fast fifty thousand rows are is for the benchmark to say (`make bench ARGS=campaigns`).
"""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs.importing import running
from jobs.models import Count, Job
from tests.jobs.importing import created, lines
from tests.jobs.rows import an_account
from tests.programs import carry_out

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_media")]

ROWS = 3_000
MEGABYTE = 1024
HEADER = "RUT,Nombre,Empresa,Saldo,Fecha Vencimiento,Dias atraso,Celular,Telefono fijo,Producto"


def debtors(rows: int) -> bytes:
    """One in ten rows is a second coupon of the person before, one in a hundred has no phone in use."""
    made = []
    for row in range(rows):
        person = row - 1 if row % 10 == 9 else row
        phone = "123" if row % 100 == 50 else f"9{61_000_000 + person}"
        landline = "" if row % 100 == 50 else f"22{2_000_000 + person}"
        made.append(
            f"{10_000_000 + person}-K,Persona Número {person},Comercial Demo,45.{row % 1000:03d},"
            f"0{1 + row % 9}/11/2025,{row % 30},{phone},{landline},Crédito de consumo"
        )
    return lines(HEADER, *made)


@pytest.mark.django_db
def test_a_file_that_takes_longer_than_a_request_is_answered_and_goes_on(as_user, alice, monkeypatch):
    monkeypatch.setattr(running, "SECONDS_IN_A_REQUEST", 0.0)
    answer = created(as_user(alice), an_account(country="CL"), debtors(ROWS))
    assert answer["status"] != "completed"
    assert answer["jobs_created"] < ROWS // 2
    while running.resume_due():
        pass

    assert Count.objects.of(answer["_id"]).pending == Job.objects.count() == ROWS * 89 // 100
    told = as_user(alice).get(f"/api/v1/batches/{answer['_id']}/import").data
    assert (told["status"], told["jobs_created"], told["failed_rows"]) == ("completed", ROWS * 89 // 100, ROWS // 100)


@pytest.mark.django_db
def test_a_chunk_costs_the_same_statements_however_many_people():
    asked = []
    for how_many in (10, 500):
        file = SimpleUploadedFile("x.csv", debtors(how_many))
        with CaptureQueriesContext(connection) as queries:
            running.create_batch(file, name="x.csv", account=an_account(country="CL"), by=None)
        asked.append(len(queries))

    assert asked[0] == asked[1] <= 46


MEASURE = """
import sys
from pathlib import Path
import django
django.setup()
from django.core.files import File
from jobs.importing import running
from jobs.models import Account
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
def carry_out(path):
    account = Account.objects.create(account_name="Cuenta", country="CL")
    with Path(path).open("rb") as stream:
        run = running.create_batch(File(stream), name=path, account=account, by=None, seconds=600)
    assert run.state == "done", run.error
carry_out(sys.argv[1])
before = peak()
carry_out(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the kernel's own mark")
def test_what_is_kept_of_a_file_is_its_cells(own_media, tmp_path):
    """Everything else is made chunk by chunk. Nine cells and their row take about a kilobyte."""
    paths = {rows: tmp_path / f"{rows}.csv" for rows in (1_000, 6_000)}
    for rows, path in paths.items():
        path.write_bytes(debtors(rows))
    said = carry_out(MEASURE, str(paths[1_000]), str(paths[6_000]), MEDIA_ROOT=str(own_media))
    grown = int(said.split()[-1])
    assert grown < 20 * MEGABYTE
