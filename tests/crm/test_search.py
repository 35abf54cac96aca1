"""Search forgives accents, case, word order and phone spelling, and uses its index."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from crm.models import Contact, Lead, User
from crm.search import column_words, query_terms, search_in_order
from crm.text import fold, meant, tidy_document, words
from tests.factories import ContactFactory, LeadFactory

AsUser = Callable[[User | None], APIClient]


@pytest.fixture
def rosa(db: None) -> Contact:
    ContactFactory(name="Otra Persona", mobile="911222333")
    contact: Contact = ContactFactory(
        name="Rosa María Peña Núñez",
        email="rosa.pena@correo.test",
        document_number="12.345.678-K",
        city="Ciudad de México",
        district="Lince",
        company="O'Higgins & Cía",
        mobile="987654321",
        phone="+54 9 11 2345-6789",
    )
    return contact


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "typed",
    [
        "rosa",
        "ROSA",
        "  pena  ",
        "PEÑA",
        "Pen\u0303a",  # the tilde as a character of its own
        "nunez rosa",
        "mar pe",
        "Rosa-María",
        "rosa.pena@correo.test",
        "rosa.pe",
        "correo.test",
        "mexico",
        "méxico lince",
        "o'higgins",
        "cia",
        "12345678K",
        "12.345.678-k",
        "12345",
        "987654321",
        "987 654 321",
        "+51 987-654-321",
        "0051987654321",
        "987.654",
        "7654",
        "654321",
        "peña 987 654 321",
        "+54 11 2345-6789",
        "011 15-2345-6789",
        "2345 6789",
        "rosa +51 987654321 peña",
    ],
)
def test_a_contact_is_found_however_it_is_typed(rosa: Contact, typed: str) -> None:
    assert list(Contact.objects.search(typed)) == [rosa]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "typed",
    ["osa", "rosa quispe", "987654322", "pena 911222333", "correo.org", "_osa", "4321999", "rosa'x", "12.345.679-k"],
)
def test_what_does_not_fit_finds_nobody(rosa: Contact, typed: str) -> None:
    assert not Contact.objects.search(typed)


@pytest.mark.sqlite
@pytest.mark.parametrize("typed", ["", "   ", "...", "¿?", "\x00", "\\", ":* & |", "💥"])
def test_nothing_typed_leaves_everything(rosa: Contact, typed: str) -> None:
    assert Contact.objects.search(typed).count() == 2


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "typed",
    ["a" * 5000, "a " * 500, "1 " * 500, "'); DROP TABLE crm_contact; --", "%s %(x)s", "Иван", "x" * 99 + "é" * 20],
)
def test_nothing_typed_breaks_it(rosa: Contact, typed: str) -> None:
    assert list(Contact.objects.search(typed)) in ([], [rosa])
    assert list(Contact.objects.filter(search_words__finds=typed).order_by("name")) is not None


@pytest.mark.sqlite
@pytest.mark.django_db
def test_names_in_other_alphabets_are_found() -> None:
    contact = ContactFactory(name="Иван Петров")
    ContactFactory(name="王小明")
    assert list(Contact.objects.search("петров")) == [contact]


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_changed_contact_is_found_by_its_new_words_only() -> None:
    contact = ContactFactory(name="Rosa Peña", city="Lima", mobile="987654321")
    contact.name, contact.city, contact.mobile = "Luz Vega", "Puno", "912345678"
    contact.save()
    for typed in ("luz", "vega puno", "912345678"):
        assert list(Contact.objects.search(typed)) == [contact]
    for typed in ("rosa", "lima", "987654321"):
        assert not Contact.objects.search(typed)


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("field", ["city", "company", "district", "first_name", "document_number"])
def test_saving_one_searched_field_alone_is_enough(field: str) -> None:
    contact = ContactFactory()
    setattr(contact, field, "Zenobia")
    contact.save(update_fields=[field])
    assert list(Contact.objects.search("zenobia")) == [contact]


@pytest.mark.sqlite
@pytest.mark.django_db
def test_leads_are_found_alike() -> None:
    lead = LeadFactory(nombre="Rosa Peña", celular="987654321", distrito="Breña", email="r@correo.test")
    LeadFactory(nombre="Otra", celular="911222333")
    for typed in ("pena", "BRENA", "987 654 321", "r@correo", "rosa 4321"):
        assert list(Lead.objects.search(typed)) == [lead]


@pytest.mark.sqlite
def test_over_the_api(as_user: AsUser, bob: User, rosa: Contact) -> None:
    for typed in ("peña 987 654", "MÉXICO"):
        answer = as_user(bob).get("/api/crm/contacts", {"search": typed}).json()
        assert [item["id"] for item in answer["items"]] == [str(rosa.pk)]
        assert as_user(bob).get("/api/crm/contacts/count", {"search": typed}).json() == {"total": 1}


# --- The index --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "index", "typed"),
    [
        (Contact, "contact_search", "rosa"),
        (Contact, "contact_search", "peña 987 654 321"),
        (Contact, "contact_search", "+54 11 2345-6789"),
        (Lead, "lead_search", "rosa"),
    ],
)
def test_the_search_goes_through_the_gin_index(db: None, model: Any, index: str, typed: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert f"Bitmap Index Scan on {index}" in model.objects.search(typed).explain()


@pytest.mark.parametrize(
    ("parameters", "index"),
    [
        (("-created_at", "-id"), "contact_newest"),
        (("name_in_order", "id"), "contact_by_name"),
        (("proxima_llamada_fecha", "id"), "contact_next_call"),
    ],
)
def test_lists_walk_an_index_in_their_order(db: None, parameters: tuple[str, ...], index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    assert index in Contact.objects.present().order_by(*parameters)[:50].explain()


def test_the_latest_call_first_walks_its_index_with_the_empty_last(db: None) -> None:
    from django.db.models import F

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    latest = Contact.objects.present().order_by(F("ultima_llamada_fecha").desc(nulls_last=True), "-id")[:50]
    assert "contact_last_call" in latest.explain()


def test_duplicates_are_looked_up_not_walked_for(db: None) -> None:
    """As a union of lookups: an OR of subqueries would read every contact."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Contact.objects.duplicates_of(phones=["987654321"], document="1", email="a@b.test").explain()
    assert "Seq Scan" not in plan
    assert "contact_phone_key" in plan


@pytest.fixture
def many_named_luz(db: None) -> None:
    Contact.objects.create_many([Contact(name="Luz Vega", mobile=f"+519{number:08d}") for number in range(3000)])
    Contact.objects.create_many([Contact(name="Zenobia Vega")])
    with connection.cursor() as cursor:
        # What autovacuum does: new rows wait in a list before they are in the index.
        cursor.execute("SELECT gin_clean_pending_list('contact_search')")
        cursor.execute("ANALYZE crm_contact")


@pytest.mark.parametrize(
    ("typed", "is_common"),
    [("luz", True), ("vega luz", True), ("zenobia", False), ("900000123", False), ("nadie", False)],
)
def test_a_common_word_walks_the_list_and_a_rare_one_the_words(
    many_named_luz: None, typed: str, is_common: bool
) -> None:
    """The planner takes every start of a word for one in fifty rows, so for a rare one it would walk the list."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = search_in_order(Contact.objects.present().order_by("-created_at", "-id"), typed)[:50].explain()
    if is_common:
        assert "COALESCE" not in plan
    else:
        assert "Sort Key: (COALESCE(created_at" in plan
        assert "Bitmap Index Scan on contact_search" in plan


@pytest.mark.parametrize("order", [("-created_at", "-id"), ("name_in_order", "id"), ("-name_in_order", "-id")])
def test_however_a_search_is_read_its_order_is_the_same(many_named_luz: None, order: tuple[str, ...]) -> None:
    rows = Contact.objects.present().order_by(*order)
    for typed in ("vega", "zenobia", "90000012"):
        assert list(search_in_order(rows, typed)) == list(rows.filter(search_words__finds=typed))


# --- Words ------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_words_are_folded_and_split() -> None:
    assert fold("Ñandú ÉSTE Straße ﬁn") == "nandu este strasse fin"
    assert words("O'Higgins & Cía., S.A.C.") == ["o", "higgins", "cia", "s", "a", "c"]
    assert words("__a--b  ") == ["a", "b"]
    assert column_words("Rosa Rosa", None, "", "rosa Peña", extra=["1234", "1234"]) == "rosa pena 1234"


@pytest.mark.sqlite
def test_a_typed_phone_is_one_term_of_several_spellings() -> None:
    assert query_terms("peña 987 654 321") == [["pena"], ["987654321", "51987654321"]]
    assert query_terms("+5491123456789") == [["5491123456789", "541123456789"]]
    assert query_terms("calle 12") == [["calle"], ["12"]]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("typed", "value"),
    [("ya asistió", "YA ASISTIO"), (" YA  ASISTIO ", "YA ASISTIO"), ("asistió", None), ("", None), (None, None)],
)
def test_what_is_meant_of_a_closed_list(typed: Any, value: str | None) -> None:
    assert meant(typed, ["NO CONTESTA", "YA ASISTIO"]) == value


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("12.345.678-k", "12345678K"),
        (" x 123 ", "X123"),
        (12345678.0, "12345678"),
        (7, "7"),
        ("--", None),
        (None, None),
        ("", None),
    ],
)
def test_a_document_is_what_identifies_a_person(raw: object, number: str | None) -> None:
    assert tidy_document(raw) == number
