"""GET /api/v1/conversaciones-whatsapp/{id}: the row, and what can be done with its conversation."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from crm.models import User
from tests.factories import ContactFactory
from tests.whatsapp.rows import LIST, AsUser, answered, minutes_ago, said, thread_with
from whatsapp.choices import LinkRule, MediaState
from whatsapp.linking import link, recognise
from whatsapp.models import Media, Message

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_the_row_is_the_one_of_the_list(as_user: AsUser, bob: User) -> None:
    message = said(thread_with())
    client = as_user(bob)
    one = client.get(f"{LIST}/{message.pk}").json()
    assert one["conversacion"] == client.get(LIST).json()["conversaciones"][0]
    assert one["media"] is None


@pytest.mark.parametrize("unknown", ["999999", "0", "-1", "abc", "1.5", "٣", "9" * 30, "undefined"])
def test_an_unknown_id_and_what_is_no_number_are_404(as_user: AsUser, bob: User, unknown: str) -> None:
    answer = as_user(bob).get(f"{LIST}/{unknown}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "Conversación no encontrada")


def test_within_a_day_of_their_message_one_may_write(as_user: AsUser, bob: User) -> None:
    thread = thread_with(profile_name="Luz")
    message = said(thread, at=minutes_ago(60))
    answered(thread)
    told = as_user(bob).get(f"{LIST}/{message.pk}").json()["thread"]
    closes_at = parse_datetime(told["window_closes_at"])
    assert closes_at == message.timestamp + timedelta(hours=24)
    assert (told["can_write"], told["title"], told["number"], told["id"]) == (True, "Luz", "51987654321", thread.pk)


def test_a_day_later_only_a_template_may_be_sent(as_user: AsUser, bob: User) -> None:
    message = said(thread_with(), at=timezone.now() - timedelta(hours=25))
    assert as_user(bob).get(f"{LIST}/{message.pk}").json()["thread"]["can_write"] is False


def test_the_link_says_who_made_it_why_and_when(as_user: AsUser, bob: User) -> None:
    contact, thread = ContactFactory(name="Luisa"), thread_with()
    made = link(thread, contact, rule=LinkRule.BY_HAND, by=bob, evidence="Se presentó por teléfono")
    message = said(thread)
    told = as_user(bob).get(f"{LIST}/{message.pk}").json()["thread"]
    assert told["link_state"] == "linked"
    assert told["candidates"] == []
    assert told["link"] == {
        "cliente_id": str(contact.pk),
        "cliente": "Luisa",
        "rule": "by_hand",
        "rule_title": "Vinculada a mano",
        "evidence": "Se presentó por teléfono",
        "linked_by": str(bob.pk),
        "linked_by_name": bob.name,
        "linked_at": made.linked_at.isoformat().replace("+00:00", "Z"),
        "undone_by": None,
        "undone_at": None,
    }


def test_without_a_link_those_who_have_the_number_are_candidates(as_user: AsUser, bob: User) -> None:
    mother = ContactFactory(mobile="+51987654321", document_number="12345678")
    son = ContactFactory(mobile="+51 987654321")
    thread = thread_with("51987654321")
    recognise(thread)
    message = said(thread)
    told = as_user(bob).get(f"{LIST}/{message.pk}").json()["thread"]
    assert (told["link"], told["link_state"], told["cliente_id"]) == (None, "several", None)
    assert {row["id"] for row in told["candidates"]} == {str(mother.pk), str(son.pk)}
    assert {"cedula": "12345678", "nombres": mother.name, "telefono": "+51987654321"}.items() <= next(
        row for row in told["candidates"] if row["id"] == str(mother.pk)
    ).items()


def media_of(message: Message, **fields: object) -> Media:
    return Media.objects.create(message=message, media_id="123", kind="image", mime_type="image/png", **fields)


def test_a_file_has_an_address_once_it_is_stored(as_user: AsUser, bob: User) -> None:
    message = said(thread_with(), "[Imagen]", message_type="image")
    media = media_of(message, filename="foto.png", size=10)
    client = as_user(bob)
    told = client.get(f"{LIST}/{message.pk}").json()["media"]
    assert (told["state"], told["url"], told["filename"]) == ("pending", None, "foto.png")
    media.state = MediaState.STORED
    media.save()
    told = client.get(f"{LIST}/{message.pk}").json()["media"]
    assert told["url"] == f"{LIST}/{message.pk}/archivo"
