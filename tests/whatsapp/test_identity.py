"""One person is one thread, whatever they are called today: number, old number, business-scoped id."""

from typing import Any

import pytest

from tests.whatsapp.payloads import (
    CUSTOMER,
    a_request,
    contact,
    envelope,
    text_message,
    typed_message,
    value_of,
)
from tests.whatsapp.snapshots import apply_all
from whatsapp.models import Alias, Message, Thread

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def the_thread() -> Thread:
    return Thread.objects.present().get()


def test_a_second_message_joins_the_thread_of_the_first() -> None:
    apply_all([a_request(text_message("uno"), text_message("dos", at=1_790_000_060))])
    assert the_thread().messages.count() == 2
    assert the_thread().last_preview == "dos"


def test_two_business_numbers_are_two_threads_of_one_person() -> None:
    apply_all([a_request(text_message(), number_id="1"), a_request(text_message(), number_id="2")])
    assert Thread.objects.present().count() == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("5215512345678", "525512345678"),  # Mexico's old 1
        ("5491123456789", "541123456789"),  # Argentina's 9
        ("554187654321", "5541987654321"),  # Brazil's ninth digit
    ],
)
def test_two_spellings_of_a_number_are_one_person(one: str, other: str) -> None:
    apply_all([a_request(text_message(wa_id=one)), a_request(text_message(wa_id=other))])
    assert the_thread().messages.count() == 2


def test_numbers_that_only_end_alike_are_two_people() -> None:
    apply_all([a_request(text_message(wa_id="16505551234")), a_request(text_message(wa_id="516505551234"))])
    assert Thread.objects.present().count() == 2


def test_somebody_without_a_number_is_a_sender_too() -> None:
    message = text_message(wa_id=None, from_user_id="PE.123")
    card = contact(None, user_id="PE.123", profile={"name": "Sin Número", "username": "sinnumero"})
    apply_all([a_request(message, contacts=[card])])
    assert (the_thread().address, the_thread().username, the_thread().title) == ("", "sinnumero", "Sin Número")
    assert Message.objects.get().from_number == "PE.123"


def test_an_id_in_the_place_of_the_number_is_still_an_id() -> None:
    apply_all([a_request(text_message(wa_id="PE.123"))])
    assert list(Alias.objects.values_list("kind", "value")) == [("user_id", "PE.123")]


def test_a_message_that_names_both_makes_two_threads_one() -> None:
    apply_all(
        [
            a_request(text_message("por número")),
            a_request(text_message("por id", wa_id=None, from_user_id="PE.9"), contacts=[]),
        ]
    )
    assert Thread.objects.present().count() == 2
    apply_all([a_request(text_message("los dos", from_user_id="PE.9"), contacts=[contact(user_id="PE.9")])])
    assert the_thread().messages.count() == 3
    assert Thread.objects.exclude(merged_into=None).get().merged_into == the_thread()


def test_a_changed_number_is_the_same_person_and_the_old_one_stays_theirs() -> None:
    moved = {"type": "user_changed_number", "wa_id": "51911112222", "body": "cambió"}
    apply_all(
        [
            a_request(text_message("antes")),
            a_request(typed_message("system", moved, at=1_790_000_060)),
            a_request(text_message("después", wa_id="51911112222", at=1_790_000_120)),
            a_request(text_message("una tardía", at=1_790_000_030)),
        ]
    )
    assert the_thread().messages.count() == 4
    assert the_thread().address == "51911112222"


def test_a_renewed_id_is_the_same_person() -> None:
    renewed = {"type": "user_changed_user_id", "previous_user_id": "PE.1", "user_id": "PE.2"}
    apply_all(
        [
            a_request(text_message(wa_id=None, from_user_id="PE.1"), contacts=[]),
            a_request(text_message(wa_id=None, from_user_id="PE.2"), contacts=[]),
            a_request(typed_message("system", renewed, wa_id=None), contacts=[]),
        ]
    )
    assert the_thread().messages.count() == 3


def test_an_update_of_ids_in_its_own_field_makes_them_one_person() -> None:
    row = {"wa_id": CUSTOMER, "user_id": {"previous": "PE.1", "current": "PE.2"}, "timestamp": "1790000000"}
    apply_all(
        [
            a_request(text_message(wa_id=None, from_user_id="PE.1"), contacts=[]),
            envelope(value_of(contacts=[contact()], user_id_update=[row]), field="user_id_update"),
            a_request(text_message(wa_id=None, from_user_id="PE.2"), contacts=[]),
        ]
    )
    assert the_thread().messages.count() == 2


def test_two_senders_in_one_value_keep_their_own_names_whatever_the_order_of_contacts() -> None:
    ana, beto = text_message(wa_id="51911111111"), text_message(wa_id="51922222222")
    cards = [contact("51922222222", name="Beto"), contact("51911111111", name="Ana")]
    apply_all([a_request(ana, beto, contacts=cards)])
    names = dict(Thread.objects.values_list("address", "profile_name"))
    assert names == {"51911111111": "Ana", "51922222222": "Beto"}


def test_a_number_shared_by_button_belongs_to_the_person() -> None:
    card: list[dict[str, Any]] = [{"origin": "contact_request", "phones": [{"wa_id": CUSTOMER, "phone": "+51 987"}]}]
    shared = typed_message("contacts", {}, wa_id=None, from_user_id="PE.5") | {"contacts": card}
    apply_all([a_request(text_message()), a_request(shared, contacts=[])])
    assert the_thread().messages.count() == 2


def test_the_card_of_somebody_else_does_not() -> None:
    card: list[dict[str, Any]] = [{"origin": "other", "phones": [{"wa_id": CUSTOMER}]}]
    sent = typed_message("contacts", {}, wa_id="51933333333") | {"contacts": card}
    apply_all([a_request(text_message()), a_request(sent)])
    assert Thread.objects.present().count() == 2
