"""Phones: every spelling of one line is one number (docs/adr/0005-phones.md)."""

from decimal import Decimal
from typing import Any

import pytest

from crm.choices import PhoneLabel
from crm.models import Contact, ContactPhone
from crm.phones import iter_phones, parse_phone, region_of_country, search_words
from tests.factories import ContactFactory

# What WhatsApp says of a sender → how the same line stands in address books of its country.
SAME_LINE = [
    ("51987654321", "PE", ["+51 987 654 321", "987654321", "51987654321"]),
    ("5215512345678", "MX", ["+52 55 1234 5678", "5512345678", "+52 1 55 1234 5678", "01 55 12345678"]),
    ("525512345678", "MX", ["+5215512345678", "044 55 1234 5678", "045 55 1234 5678"]),
    ("5491123456789", "AR", ["+54 11 2345-6789", "+54 9 11 2345-6789", "011 15-2345-6789", "+54 9 11 15 2345-6789"]),
    ("554187654321", "BR", ["+55 41 98765-4321", "(41) 98765-4321", "041 8765-4321"]),
    ("5541987654321", "BR", ["+55 41 8765-4321"]),
    ("554132345678", "BR", ["+55 41 3234-5678", "(41) 3234-5678"]),
    ("573001234567", "CO", ["+57 300 123 4567", "300 1234567"]),
    ("56912345678", "CL", ["+56 9 1234 5678", "912345678", "09 1234 5678"]),
    ("34612345678", "ES", ["612 34 56 78", "+34 612345678"]),
    ("18095551234", "DO", ["809 555 1234", "+1 (809) 555-1234"]),
]  # fmt: skip
OTHER_LINES = [
    ("16505551234", "PE", "+51 650 555 1234"),  # one ending, two countries
    ("51987654321", "PE", "5198765432"),
    ("51987654321", "PE", "15198765432100"),
    ("554132345678", "BR", "+55 41 93234-5678"),  # landlines have no ninth digit
    ("525512345678", "MX", "+1 551 234 5678"),
]


@pytest.mark.sqlite
@pytest.mark.parametrize(("wa_id", "region", "spellings"), SAME_LINE)
def test_every_spelling_of_a_line_has_one_key(wa_id: str, region: str, spellings: list[str]) -> None:
    sender = parse_phone(f"+{wa_id}")
    assert sender is not None
    assert parse_phone(wa_id) == sender, "the plus may be missing"
    for spelling in spellings:
        found = parse_phone(spelling, region)
        assert found is not None, spelling
        assert found.key == sender.key, spelling


@pytest.mark.sqlite
@pytest.mark.parametrize(("wa_id", "region", "other"), OTHER_LINES)
def test_a_like_ending_is_another_line(wa_id: str, region: str, other: str) -> None:
    sender, found = parse_phone(f"+{wa_id}"), parse_phone(other, region)
    assert sender is not None
    assert found is None or found.key != sender.key


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "typed",
    [
        "987654321",
        "987 654 321",
        "987-654-321",
        "987.654.321",
        "987–654–321",
        "+51987654321",
        "+51 987 654 321",
        "(+51) 987654321",
        "+(51) 987 654 321",
        "0051 987 654 321",
        "51 987654321",
        "51987654321",
        "tel:+51987654321",
        "Cel.: 987654321",
        "987654321 (esposa)",
        "987654321 anexo 12",
        "https://wa.me/51987654321",
        "51987654321@c.us",
        "\u202a+51\u00a0987\u202f654\u200b321\u202c",
        "９８７６５４３２１",
        987654321,
        987654321.0,
        51987654321.0,
        Decimal("987654321"),
        "987654321.0",
        "51987654321.00",
        "987,654,321",
        "5.1987654321E+10",
    ],
)
def test_one_peruvian_mobile_in_many_spellings(typed: object) -> None:
    found = parse_phone(typed)
    assert found is not None
    assert found.number == "+51987654321"
    assert (found.key, found.region, found.is_valid, found.is_mobile) == ("51987654321", "PE", True, True)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        "   ",
        "no tiene",
        "-",
        "0",
        "999",
        "98765",
        "2345678",  # a Lima number without its area code: nobody can dial it
        "5.19877E+10",  # a spreadsheet has eaten its end
        "+999 123456789",
        "+51 650 555 1234",
        "6505551234",
        "9" * 30,
        "9" * 5000,
        "(" * 5000,
        "juan987654321@correo.test",
        "0198c1e2-7a3b-7c11-9d51-123456789012",
        True,
        float("nan"),
        float("inf"),
        ["987654321"],
        {"number": "987654321"},
        b"987654321",
    ],
)
def test_what_cannot_be_a_phone_is_none(typed: object) -> None:
    assert parse_phone(typed) is None
    assert list(iter_phones(typed)) == []


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("typed", "numbers"),
    [
        ("987654321 / 912345678", ["+51987654321", "+51912345678"]),
        ("987654321 912345678", ["+51987654321", "+51912345678"]),
        ("01 234-5678; 987654321", ["+5112345678", "+51987654321"]),
        ("987654321 (casa) 912345678 (trabajo)", ["+51987654321", "+51912345678"]),
        ("+5491123456789 +51987654321", ["+5491123456789", "+51987654321"]),
        ("987654321 / no", ["+51987654321"]),
    ],
)
def test_a_cell_may_hold_several_numbers(typed: str, numbers: list[str]) -> None:
    assert [phone.number for phone in iter_phones(typed)] == numbers
    first = parse_phone(typed)
    assert first is not None
    assert first.number == numbers[0]


@pytest.mark.sqlite
def test_a_possible_number_that_is_not_in_use_is_kept_and_marked() -> None:
    """Numbering plans change before the library does."""
    found = parse_phone("+56 9 1234 5678")
    assert found is not None
    assert found.is_valid is False


@pytest.mark.sqlite
def test_landlines_are_no_mobiles() -> None:
    found = parse_phone("01 234 5678")
    assert found is not None
    assert (found.is_valid, found.is_mobile) == (True, False)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("country", "region"),
    [
        ("España", "ES"),
        ("méxico", "MX"),
        ("REPUBLICA DOMINICANA", "DO"),
        (" Perú ", "PE"),
        ("ar", "AR"),
        ("Atlántida", "XX"),
        ("", "XX"),
        (None, "XX"),
        ("zz", "XX"),
    ],
)
def test_a_country_in_spanish_is_a_dialling_region(country: str | None, region: str) -> None:
    assert region_of_country(country, "XX") == region


@pytest.mark.sqlite
def test_any_run_of_digits_from_four_starts_a_search_word() -> None:
    assert search_words("+51987654321") == [
        "51987654321", "1987654321", "987654321", "87654321", "7654321", "654321", "54321", "4321",
    ]  # fmt: skip


# --- Contacts by phone ------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize(("wa_id", "region", "spellings"), SAME_LINE)
def test_a_contact_is_found_by_any_spelling(wa_id: str, region: str, spellings: list[str]) -> None:
    for spelling in spellings:
        contact = ContactFactory(mobile=spelling, country=region)
        assert list(Contact.objects.with_phone(f"+{wa_id}")) == [contact]
        contact.delete()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_number_on_both_fields_is_one_row() -> None:
    contact = ContactFactory(mobile="987654321", phone="+51 987 654 321")
    assert list(contact.phones.values_list("number", "label")) == [("+51987654321", PhoneLabel.MOBILE)]


@pytest.mark.django_db
def test_what_cannot_be_read_is_kept_as_it_is_and_found_by_its_digits() -> None:
    contact = ContactFactory(mobile="casa 234-56", phone=None)
    assert contact.mobile == "casa 234-56"
    assert not contact.phones.exists()
    assert list(Contact.objects.search("23456")) == [contact]
    assert not Contact.objects.with_phone("casa 234-56")


@pytest.mark.django_db
def test_a_line_marked_as_landline_is_only_perhaps_the_mobile_that_writes() -> None:
    """Argentina: +54 11 2345-6789 may be a landline of its own or the mobile +54 9 11 2345-6789."""
    contact = ContactFactory(mobile="987654321")
    line = parse_phone("+54 11 2345-6789")
    assert line is not None
    contact.add_phone(line, PhoneLabel.LANDLINE)
    assert not Contact.objects.with_phone("+5491123456789")
    assert list(Contact.objects.perhaps_with_phone("+5491123456789")) == [contact]
    assert list(Contact.objects.with_phone("+541123456789")) == [contact]
    assert not Contact.objects.perhaps_with_phone("+541123456789")


@pytest.mark.sqlite
@pytest.mark.django_db
def test_many_are_stored_as_one_by_one(django_assert_num_queries: Any) -> None:
    fields = {"name": "Luz Peña", "mobile": "987654321 / 912345678", "email": " LUZ@x.test ", "document_number": "1-2"}
    one = Contact.objects.create(**fields)
    columns = {
        name: getattr(one, name) for name in ("mobile", "email", "document_number", "search_words", "name_in_order")
    }
    numbers = set(one.phones.values_list("number", "label", "key"))
    ContactPhone.objects.all().delete()
    one.delete()
    # A savepoint with the contacts and their phones.
    with django_assert_num_queries(4):
        (many,) = Contact.objects.create_many([Contact(**fields)])
    many.refresh_from_db()
    assert {name: getattr(many, name) for name in columns} == columns
    assert set(many.phones.values_list("number", "label", "key")) == numbers
