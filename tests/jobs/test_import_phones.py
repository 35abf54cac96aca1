"""Phones of a campaign's file: one in use in its country, or the row's error; never a guess (campaign-client 3.4)."""

import pytest

from tests.jobs.importing import created, jobs_of, lines, only_job, phones, previewed, workbook
from tests.jobs.rows import an_account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("own_media")]


@pytest.mark.parametrize("cell", ["991234567", "991234567.0", "9.91234567E8", "+56 9 9123 4567", "0991234567"])
def test_a_chilean_mobile_is_the_same_however_a_spreadsheet_left_it(as_user, bob, cell):
    assert phones(as_user(bob), an_account(country="CL"), cell) == [["+56991234567"]]


@pytest.mark.parametrize("cell", ["91234567", "21234567", "12345", "9.91E8", "hola", "+56912", "99123456789"])
def test_what_is_no_number_in_use_is_an_error_of_its_row(as_user, bob, cell):
    (complaint,) = phones(as_user(bob), an_account(country="CL"), cell)

    assert complaint.startswith(f"Teléfono: «{cell}» ")


def test_a_blank_cell_does_not_change_its_neighbours(as_user, bob):
    """The original read a column with one blank as floats and dialled +56912345670 instead."""
    content = workbook(["nombre", "telefono"], ["Ana", 991234567], ["Luis", None], ["Eva", 981234567])
    told = previewed(as_user(bob), an_account(country="CL"), content, name="lista.xlsx")

    assert [row["phones"] for row in told["rows"]] == [["+56991234567"], ["+56981234567"]]
    assert told["errors"] == [{"row": 3, "error": "Falta el teléfono.", "is_error": True}]


def test_cordoba_stays_cordoba(as_user, bob):
    assert phones(as_user(bob), an_account(country="AR"), "3515551234", "351 555-1234") == [["+543515551234"]] + [None]


def test_a_chilean_number_in_an_argentine_file_stays_chilean(as_user, bob):
    assert phones(as_user(bob), an_account(country="AR"), "+56991234567") == [["+56991234567"]]


def test_a_number_of_another_country_has_to_say_so(as_user, bob):
    plain, marked = phones(as_user(bob), an_account(country="CL"), "5112345678", "+51 1 2345678")

    assert plain == "Teléfono: «5112345678» parece de otro país: escríbalo con + y el código del país."
    assert marked == ["+5112345678"]


def test_basic_keeps_the_mobile_and_acquisition_both(as_user, bob):
    account = an_account(country="CL")
    content = lines("nombre,telefono fijo,celular", "Ana,221234567,991234567")
    basic = created(as_user(bob), account, content, batch_name="b", processing_type="basic")
    both = created(
        as_user(bob), account, content, batch_name="a", processing_type="acquisition", allow_duplicates="true"
    )

    assert only_job(basic).phones == ["+56991234567"]
    assert only_job(both).phones == ["+56991234567", "+56221234567"]
    assert both["_id"] != basic["_id"]


def test_basic_keeps_the_landline_where_there_is_no_mobile(as_user, bob):
    content = lines("nombre,telefono fijo,celular", "Ana,221234567,")

    assert only_job(created(as_user(bob), an_account(country="CL"), content)).phones == ["+56221234567"]


def test_one_unreadable_phone_of_two_costs_a_warning_not_the_job(as_user, bob):
    content = lines("nombre,celular,telefono fijo", "Ana,991234567,123")
    answer = created(as_user(bob), an_account(country="CL"), content)

    assert only_job(answer).phones == ["+56991234567"]
    assert answer["warnings"] == ["Fila 2: Teléfono fijo: «123» no es un teléfono en uso."]


@pytest.mark.parametrize(
    ("country", "cell", "lane"),
    [
        ("CL", "991234567", "CL:America/Santiago"),
        ("PE", "987654321", "PE:America/Lima"),
        ("ES", "612345678", "ES:Europe/Madrid"),
    ],
)
def test_a_job_stands_in_the_lane_of_its_first_phone(as_user, bob, country, cell, lane):
    (job,) = jobs_of(created(as_user(bob), an_account(country=country), lines("nombre,telefono", f"Ana,{cell}")))

    assert (job.lane, job.batch.lanes) == (lane, [lane])
