"""Whatever stands in a request, it costs only the item it stands in, and no request is begun again for ever."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from tests.whatsapp.payloads import CUSTOMER, a_request, contact, envelope, raw, text_message, typed_message, value_of
from tests.whatsapp.snapshots import apply_all, people
from whatsapp.choices import EventState, ItemState
from whatsapp.models import Message, MessageCount, Thread, WebhookEvent, WebhookItem
from whatsapp.models.events import MOST_ATTEMPTS
from whatsapp.receiving import applying
from whatsapp.receiving.applying import apply_waiting

pytestmark = pytest.mark.django_db


def nested(depth: int, inside: Any = "x") -> Any:
    for _ in range(depth):
        inside = {"a": [inside]}
    return inside


def edits_of_edits(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "text", "text": {"body": "fin"}}
    for _ in range(depth):
        found = {"type": "edit", "edit": {"original_message_id": "wamid.1", "message": found}}
    return found


ODD = {
    "deep": {"extra": nested(400)},
    "deep in its words": {"text": {"body": nested(400)}},
    "NUL in its type": {"type": "te\x00xt"},
    "NUL in a name": {"te\x00xto": {"bo\x00dy": 1}},
    "half a character in its type": {"type": "te\ud800xt"},
    "half a character in its words": {"text": {"body": "Hola \ud83d"}},
    "a list for a type": {"type": ["text"]},
    "an object for a type": {"type": {"text": 1}},
    "a list for its words": {"text": [1, 2]},
    "a number beyond all": {"extra": 10**400},
    "not even a number": {"extra": float("inf")},
    "a negative time": {"timestamp": -5},
    "a time with a fraction": {"timestamp": 1_790_000_000.5},
    "true for a time": {"timestamp": True},
    "a time without end": {"timestamp": "9" * 5_000},
    "a long id of its own": {"id": "wamid." + "x" * 10_000},
    "a long number": {"from": "5" * 10_000},
    "a list for a number": {"from": [CUSTOMER]},
    "an edit without end": edits_of_edits(200) | {"id": "wamid.edits"},
    "nothing but a face": {"text": {"body": "🙂"}},
    "of a group": {"group_id": "G1"},
    "errors that are none": {"errors": "no"},
    "a context that is none": {"context": [1]},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_item_costs_its_neighbours_nothing(name: str) -> None:
    odd = {**text_message("raro"), **ODD[name]}
    before, after = text_message("antes", wa_id="51911111111"), text_message("después", wa_id="51922222222")
    apply_all([a_request(before, odd, after, contacts=[]), a_request(text_message("otro aviso"))])
    assert {"antes", "después", "otro aviso"} <= set(Message.objects.values_list("body", flat=True))
    states = set(WebhookEvent.objects.values_list("state", flat=True))
    assert states <= {EventState.APPLIED, EventState.FAILED}
    totals = MessageCount.objects.totals()
    assert totals["inbound"] == Message.objects.count() == 4 - WebhookItem.objects.failed().count()


@pytest.mark.parametrize(
    "value",
    [
        {"field": "or\x00den", "value": {"a\x00": "b"}},
        {"field": "\ud800", "value": nested(450)},
        {"field": ["messages"], "value": [1]},
        {"field": "message_template_status_update", "value": {"message_template_name": ["x"], "event": {"a": 1}}},
        {"field": "user_preferences", "value": {"user_preferences": {"value": "stop"}}},
        {"field": "calls", "value": {"calls": ["x", {"direction": "USER_INITIATED"}]}},
        "nada",
    ],
)
def test_an_odd_change_is_kept_and_ends(value: Any) -> None:
    body = {"entry": [{"changes": [value]}, 7, {"changes": "no"}]}
    apply_all([raw(body), a_request(text_message("sigue"))])
    assert Message.objects.get().body == "sigue"
    assert not WebhookEvent.objects.waiting().exists()


def test_bytes_that_are_no_text_cost_only_themselves() -> None:
    body = a_request(text_message("uno"), text_message("dos")).replace(b"uno", b"u\xff")
    apply_all([b"\xef\xbb\xbf" + body])
    assert sorted(Message.objects.values_list("body", flat=True)) == ["dos", "u�"]


def test_two_long_ids_that_begin_alike_are_two_people_and_two_messages() -> None:
    begun = "PE." + "9" * 300
    items = [
        text_message("uno", wa_id=None, from_user_id=begun + "1", id="w" * 300 + "1"),
        text_message("dos", wa_id=None, from_user_id=begun + "2", id="w" * 300 + "2"),
    ]
    apply_all([a_request(*items, contacts=[])])
    assert (Message.objects.count(), Thread.objects.count()) == (2, 2)


def test_ten_thousand_contacts_are_nobody_in_particular() -> None:
    many = [contact(f"519{number:08d}") for number in range(10_000)]
    apply_all([a_request(*(text_message(str(number)) for number in range(20)), contacts=many)])
    assert Message.objects.count() == 20
    assert len(people()) == 1


def test_a_request_that_cannot_be_gone_through_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    first = WebhookEvent.objects.create(body=a_request(text_message("malo")))
    WebhookEvent.objects.create(body=a_request(text_message("bueno")))
    usual = applying.items_of

    def odd(body: bytes) -> Any:
        if b"malo" in body:
            raise MemoryError
        return usual(body)

    monkeypatch.setattr(applying, "items_of", odd)
    apply_waiting()
    first.refresh_from_db()
    assert (first.state, "MemoryError" in first.error) == (EventState.FAILED, True)
    assert Message.objects.get().body == "bueno"


def test_a_request_that_ends_its_worker_again_and_again_is_set_aside() -> None:
    """It is taken alone after the first time, so that its neighbours are not held with it."""
    poison = WebhookEvent.objects.create(body=a_request(text_message("malo")))
    others = [WebhookEvent.objects.create(body=a_request(text_message(str(number)))) for number in range(3)]
    for attempt in range(MOST_ATTEMPTS):
        _, held = WebhookEvent.objects.claim(limit=20)  # and the worker is gone
        assert [event.pk for event in held] == [poison.pk] if attempt else len(held) == 4
        WebhookEvent.objects.filter(state=EventState.APPLYING, pk=poison.pk).update(
            lease_until=timezone.now() - timedelta(seconds=1)
        )
    WebhookEvent.objects.filter(state=EventState.APPLYING).update(lease_until=timezone.now() - timedelta(seconds=1))
    apply_waiting()
    poison.refresh_from_db()
    assert poison.state == EventState.FAILED
    assert poison.error
    assert Message.objects.count() == len(others)
    WebhookEvent.objects.filter(pk=poison.pk).replay()
    apply_waiting()
    assert Message.objects.count() == 4


def test_when_the_database_goes_away_the_others_need_not_wait_for_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        WebhookEvent.objects.create(body=a_request(text_message(str(number))))

    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(applying, "_BY_KIND", dict.fromkeys(applying._BY_KIND, gone))
        with pytest.raises(OperationalError):
            apply_waiting()
    assert WebhookEvent.objects.filter(state=EventState.STORED).count() == 3
    apply_waiting()
    assert Message.objects.count() == 2  # the first one waits for its next try
    assert WebhookEvent.objects.filter(state=EventState.STORED, attempts=1).count() == 1


def test_what_is_kept_of_an_odd_item_can_be_shown() -> None:
    odd = {**text_message(), "id": "", "te\x00xt": nested(300), "half": "\ud800"}
    apply_all([a_request(odd)])
    kept = WebhookItem.objects.get(state=ItemState.FAILED)
    assert json.dumps(kept.payload)


# --- Who is meant -----------------------------------------------------------------------------


def echo(to: str | None = CUSTOMER, **more: Any) -> dict[str, Any]:
    found = text_message("desde el teléfono", wa_id="15550783881", **more)
    return found | ({"to": to} if to else {})


def test_echoes_to_two_people_beside_one_contact_are_of_two_people() -> None:
    value = value_of(message_echoes=[echo("51911111111"), echo("51922222222")], contacts=[contact("51911111111")])
    apply_all([envelope(value, field="smb_message_echoes")])
    assert len(people()) == 2


def test_an_echo_that_names_only_our_own_number_is_nobodys() -> None:
    value = value_of(message_echoes=[echo(None)], contacts=[])
    value["metadata"].pop("display_phone_number")
    apply_all([envelope(value, field="smb_message_echoes")])
    assert Message.objects.count() == 0
    assert WebhookItem.objects.failed().count() == 1


def test_calls_of_two_people_beside_one_contact_are_of_two_people() -> None:
    calls = [{"id": f"c{wa_id}", "from": wa_id, "direction": "USER_INITIATED"} for wa_id in ("51911111111", CUSTOMER)]
    apply_all([envelope(value_of(calls=calls, contacts=[contact(CUSTOMER)]), field="calls")])
    assert len(people()) == 2


def test_who_has_changed_their_number_is_written_to_at_the_new_one() -> None:
    moved = {"type": "user_changed_number", "wa_id": "51911112222", "body": "cambió"}
    apply_all([a_request(text_message()), a_request(typed_message("system", moved, at=1_790_000_100), contacts=[])])
    assert Thread.objects.get().address == "51911112222"
    apply_all([a_request(text_message("antes de cambiar", at=1_790_000_050))])
    assert Thread.objects.get().address == "51911112222"


def test_nobody_edits_what_we_wrote() -> None:
    ours = echo(id="wamid.NUESTRO", at=1_790_000_000)
    part = {"original_message_id": "wamid.NUESTRO", "message": {"type": "text", "text": {"body": "otra cosa"}}}
    values = [value_of(message_echoes=[ours]), value_of(messages=[typed_message("edit", part, at=1_790_000_009)])]
    apply_all([envelope(value) for value in values])
    assert Message.objects.get(message_id="wamid.NUESTRO").body == "desde el teléfono"
