"""GET /api/v1/conversaciones-whatsapp: every message, narrowed as the client's page narrows it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from tests.factories import NOBODYS_ID, ContactFactory
from tests.whatsapp.rows import LIST, AsUser, answered, ids, minutes_ago, said, thread_with
from whatsapp import finding
from whatsapp.choices import LinkRule, MessageStatus
from whatsapp.linking import link
from whatsapp.models import MessageCount

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

COLUMNS = {
    "id", "message_id", "from_number", "to_number", "message_type", "body", "timestamp", "direccion", "cliente_id",
    "ticket_id", "procesado", "respuesta_enviada", "respuesta_id", "respuesta_bot", "respuesta_meta_id", "error",
    "creado_en", "actualizado_en",
}  # fmt: skip


def test_a_row_has_the_columns_of_the_client(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(name="Luisa Prueba", mobile="+51987654321")
    thread = thread_with("51987654321")
    link(thread, contact, rule=LinkRule.BY_HAND, by=bob)
    message = said(thread, "Hola, buenas", at=datetime(2026, 1, 10, 12, 1, tzinfo=UTC))
    row = as_user(bob).get(LIST).json()["conversaciones"][0]
    assert row.keys() >= COLUMNS
    assert {name: row[name] for name in COLUMNS - {"creado_en", "actualizado_en"}} == {
        "id": message.pk,
        "message_id": message.message_id,
        "from_number": "51987654321",
        "to_number": thread.number.phone_number_id,
        "message_type": "text",
        "body": "Hola, buenas",
        "timestamp": "2026-01-10T12:01:00Z",
        "direccion": "INBOUND",
        "cliente_id": str(contact.pk),
        "ticket_id": None,
        "procesado": False,
        "respuesta_enviada": False,
        "respuesta_id": None,
        "respuesta_bot": None,
        "respuesta_meta_id": None,
        "error": None,
    }
    assert row["creado_en"].endswith("Z")
    assert row["actualizado_en"].endswith("Z")
    assert (row["cliente"], row["thread_id"], row["status"], row["author"]) == (
        "Luisa Prueba",
        thread.pk,
        "received",
        "contact",
    )


def test_a_queued_message_has_no_id_of_meta_yet_and_both_numbers_are_texts(as_user: AsUser, bob: User) -> None:
    answered(thread_with(), message_id=None, status=MessageStatus.QUEUED)
    row = as_user(bob).get(LIST).json()["conversaciones"][0]
    assert (row["message_id"], row["status"], row["cliente_id"], row["cliente"]) == (None, "queued", None, None)
    assert isinstance(row["from_number"], str)
    assert isinstance(row["to_number"], str)


def test_the_newest_come_first_and_ties_by_id(as_user: AsUser, bob: User) -> None:
    thread, at = thread_with(), minutes_ago(5)
    first, twin, newest = said(thread, at=at), said(thread, at=at), said(thread)
    assert ids(as_user(bob).get(LIST)) == [newest.pk, twin.pk, first.pk]


def test_pages_are_counted_up_and_none_is_beyond_the_last(as_user: AsUser, bob: User) -> None:
    thread = thread_with()
    messages = [said(thread, at=minutes_ago(60 - number)) for number in range(29)]
    client = as_user(bob)
    first = client.get(LIST).json()
    assert first["paginacion"] == {"page": 1, "per_page": 20, "total": 29, "pages": 2}
    assert len(first["conversaciones"]) == 20
    second = client.get(LIST, {"page": 2})
    assert second.json()["paginacion"] == {"page": 2, "per_page": 20, "total": 29, "pages": 2}
    assert ids(second) == [message.pk for message in reversed(messages[:9])]
    beyond = client.get(LIST, {"page": 9})
    assert (beyond.status_code, beyond.json()) == (
        200,
        {"conversaciones": [], "paginacion": {"page": 9, "per_page": 20, "total": 29, "pages": 2}},
    )


def test_without_messages_there_are_no_pages(as_user: AsUser, bob: User) -> None:
    empty = {"conversaciones": [], "paginacion": {"page": 1, "per_page": 20, "total": 0, "pages": 0}}
    assert as_user(bob).get(LIST).json() == empty
    assert as_user(bob).get(f"{LIST}/").json() == empty


@pytest.mark.parametrize(
    ("query", "page", "per_page"),
    [
        ("per_page=1000", 1, 100),
        ("per_page=0", 1, 1),
        ("page=-3", 1, 20),
        ("page=x&per_page=y", 1, 20),
        ("page=", 1, 20),
    ],
)
def test_odd_pages_are_clamped(as_user: AsUser, bob: User, query: str, page: int, per_page: int) -> None:
    said(thread_with())
    frame = as_user(bob).get(f"{LIST}?{query}").json()["paginacion"]
    assert (frame["page"], frame["per_page"]) == (page, per_page)


def test_a_page_number_of_forty_digits_is_an_empty_page(as_user: AsUser, bob: User) -> None:
    said(thread_with())
    assert ids(as_user(bob).get(LIST, {"page": "9" * 40})) == []


def test_the_total_of_everything_comes_from_the_hourly_counts(as_user: AsUser, bob: User, settings: Any) -> None:
    settings.LIST_COUNT_CAP = 1
    thread = thread_with()
    for _ in range(3):
        said(thread)
    answered(thread)
    client = as_user(bob)

    def total(**query: Any) -> int:
        found: int = client.get(LIST, {"per_page": 1, **query}).json()["paginacion"]["total"]
        return found

    assert total() == 4
    assert total(direccion="inbound") == 3
    assert total(direccion="OUTBOUND") == 1
    assert total(sin_cliente="true") == 4
    MessageCount.objects.all().delete()  # who else would know?
    assert total() == 0


def test_by_direction_in_any_case(as_user: AsUser, bob: User) -> None:
    thread = thread_with()
    theirs, ours = said(thread), answered(thread)
    client = as_user(bob)
    assert ids(client.get(LIST, {"direccion": "inbound"})) == [theirs.pk]
    assert ids(client.get(LIST, {"direccion": "OUTBOUND"})) == [ours.pk]
    assert ids(client.get(LIST, {"direccion": ""})) == [ours.pk, theirs.pk]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("direccion=arriba", "direccion"),
        ("desde=ayer", "desde"),
        ("hasta=2026-13-01", "hasta"),
        ("sin_cliente=x", "sin_cliente"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_sentence(
    as_user: AsUser, bob: User, query: str, field: str
) -> None:
    answer = as_user(bob).get(f"{LIST}?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {field}
    assert answer.json()["detail"] == answer.json()["message"]


def test_by_contact_and_by_having_none(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()
    known, unknown = thread_with("51911111111"), thread_with("51922222222")
    link(known, contact, rule=LinkRule.BY_HAND, by=bob)
    theirs, nobodys = said(known), said(unknown)
    client = as_user(bob)
    assert ids(client.get(LIST, {"cliente_id": str(contact.pk)})) == [theirs.pk]
    assert ids(client.get(LIST, {"cliente_id": ""})) == [nobodys.pk, theirs.pk]
    assert ids(client.get(LIST, {"cliente_id": NOBODYS_ID})) == []
    assert ids(client.get(LIST, {"cliente_id": "7"})) == []
    assert ids(client.get(LIST, {"sin_cliente": "true"})) == [nobodys.pk]
    assert ids(client.get(LIST, {"sin_cliente": "false"})) == [theirs.pk]


def test_by_time_naive_in_the_zone_of_the_installation(as_user: AsUser, bob: User, settings: Any) -> None:
    settings.TIME_ZONE = "America/Lima"
    thread = thread_with()
    early = said(thread, at=datetime(2026, 3, 2, 4, 59, tzinfo=UTC))  # 23:59 of the day before in Lima
    late = said(thread, at=datetime(2026, 3, 2, 5, 1, tzinfo=UTC))
    client = as_user(bob)
    with timezone.override("America/Lima"):
        assert ids(client.get(LIST, {"desde": "2026-03-02T00:00:00"})) == [late.pk]
        assert ids(client.get(LIST, {"hasta": "2026-03-01"})) == [early.pk]
        assert ids(client.get(LIST, {"desde": "2026-03-02T04:00:00Z", "hasta": "2026-03-02T05:00:00Z"})) == [early.pk]


# --- By number, letter by letter --------------------------------------------------------------


def test_every_keystroke_finds_who_writes_from_a_number_that_contains_it(as_user: AsUser, bob: User) -> None:
    message, other = said(thread_with("51987654321")), said(thread_with("541144445555"))
    client = as_user(bob)
    for typed in ("9", "98", "987", "9876", "98765432", "51987654321", "+51 987 654 321", "(51) 987-654", "4321", "21"):
        assert ids(client.get(LIST, {"from_number": typed})) == [message.pk], typed
    assert ids(client.get(LIST, {"from_number": "1"})) == [other.pk, message.pk]
    assert ids(client.get(LIST, {"from_number": "0000"})) == []
    for nothing_yet in ("", "+", " "):
        assert ids(client.get(LIST, {"from_number": nothing_yet})) == [other.pk, message.pk]


def test_what_we_wrote_is_from_the_business_number(as_user: AsUser, bob: User) -> None:
    thread = thread_with("51987654321", number_id="77000555")
    theirs, ours = said(thread), answered(thread)
    client = as_user(bob)
    assert ids(client.get(LIST, {"from_number": "51987654321"})) == [theirs.pk]
    assert ids(client.get(LIST, {"from_number": "000555"})) == [ours.pk]


@pytest.mark.parametrize(
    ("wa_id", "typed"),
    [
        ("5215512345678", "+52 55 1234 5678"),
        ("5491123456789", "+54 11 2345-6789"),
        ("551187654321", "+55 11 98765-4321"),
    ],
)
def test_national_habits_of_writing_a_number_are_forgiven(as_user: AsUser, bob: User, wa_id: str, typed: str) -> None:
    message = said(thread_with(wa_id))
    assert ids(as_user(bob).get(LIST, {"from_number": typed})) == [message.pk]


def test_who_hides_their_number_is_found_by_their_id(as_user: AsUser, bob: User) -> None:
    message = said(thread_with("PE.13491208655302741918"))
    assert ids(as_user(bob).get(LIST, {"from_number": "PE.1349120865"})) == [message.pk]


def test_a_number_that_too_many_have_is_looked_for_in_the_messages(
    as_user: AsUser, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "MOST_THREADS", 2)
    messages = [said(thread_with(f"5198765432{number}")) for number in range(4)]
    said(thread_with("5491144445555"))
    assert ids(as_user(bob).get(LIST, {"from_number": "98765"})) == [message.pk for message in reversed(messages)]


# --- By words ---------------------------------------------------------------------------------


def test_words_are_found_by_their_beginnings_without_accents_or_case(as_user: AsUser, bob: User) -> None:
    thread = thread_with()
    message = said(thread, "Quisiera información sobre la CÉDULA")
    said(thread, "Otra cosa")
    client = as_user(bob)
    for typed in ("informacion", "INFORM", "cédula quisiera", "cedu"):
        assert ids(client.get(LIST, {"q": typed})) == [message.pk], typed
    assert ids(client.get(LIST, {"q": "formacion"})) == []
    assert ids(client.get(LIST, {"q": "informacion", "direccion": "OUTBOUND"})) == []


def test_a_message_without_words_is_listed_and_never_found(as_user: AsUser, bob: User) -> None:
    message = said(thread_with(), None)
    assert ids(as_user(bob).get(LIST)) == [message.pk]
    assert ids(as_user(bob).get(LIST, {"q": "none"})) == []


def test_filters_add_up(as_user: AsUser, bob: User) -> None:
    thread, other = thread_with("51987654321"), thread_with("51911111111")
    wanted = said(thread, "Precio del curso", at=minutes_ago(1))
    said(thread, "Precio del curso", at=timezone.now() - timedelta(days=3))
    said(other, "Precio del curso")
    said(thread, "Gracias")
    query = {"from_number": "98765", "q": "precio", "desde": minutes_ago(60).isoformat(), "sin_cliente": "true"}
    assert ids(as_user(bob).get(LIST, query)) == [wanted.pk]
