"""The staff pages of what Meta sent: what failed is seen, downloaded to the byte, and applied once more."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import AuditEntry, User
from tests.staff_pages import at_desk, list_of, messages_of, page_of, text_of
from tests.whatsapp.payloads import a_request, text_message
from whatsapp import notices
from whatsapp.choices import EventState, ItemState
from whatsapp.models import BusinessNumber, Message, WebhookEvent, WebhookItem
from whatsapp.receiving.applying import apply_waiting
from whatsapp.receiving.storing import store

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

EVENTS, ITEMS = list_of(WebhookEvent), list_of(WebhookItem)


def stored(body: bytes) -> WebhookEvent:
    store(body)
    return WebhookEvent.objects.latest("pk")


@pytest.fixture
def failed() -> WebhookEvent:
    """Two messages, one of them without its id."""
    broken = text_message("La rota")
    del broken["id"]
    event = stored(a_request(text_message("La buena"), broken))
    apply_waiting()
    event.refresh_from_db()
    assert event.state == EventState.FAILED
    return event


def pressed(client: Any, event: WebhookEvent) -> Any:
    """The button of the page: its dialog, then the answer in the dialog."""
    url = reverse("admin:whatsapp_webhookevent_replay_one", args=[event.pk])
    assert client.get(url).status_code == 200
    client.post(url, {"_form_submitted": "1"})
    return client.get(page_of(event))


def test_the_list_counts_what_waits_and_what_failed(alice: User, failed: WebhookEvent) -> None:
    store(a_request(text_message()))
    response = at_desk(alice).get(EVENTS)
    assert [(title, value) for title, value, *_ in response.context["figures"]] == [
        ("Por procesar", "1"),
        ("Con fallos", "1"),
    ]
    assert response.context["failed_items"] == "1"
    seen = text_of(response)
    for words in (str(failed), "Con fallos", "Por procesar", "un momento"):
        assert words in seen


def test_the_list_is_narrowed_to_what_failed(alice: User, failed: WebhookEvent) -> None:
    store(a_request(text_message()))
    found = at_desk(alice).get(EVENTS, {"state__exact": "failed"}).context["cl"].result_list
    assert [row.pk for row in found] == [failed.pk]


def test_a_long_list_reads_no_bodies(alice: User) -> None:
    for _ in range(3):
        store(a_request(text_message()))
    client = at_desk(alice)
    client.get(EVENTS)
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(EVENTS)
    for _ in range(20):
        store(a_request(text_message()))
    with CaptureQueriesContext(connection) as many:
        client.get(EVENTS)
    assert len(many) == len(few)
    assert not [query for query in many if '"whatsapp_webhookevent"."body",' in query["sql"]]


def test_a_page_shows_what_failed_why_and_the_request(alice: User, failed: WebhookEvent) -> None:
    seen = text_of(at_desk(alice).get(page_of(failed)))
    for words in ("messages · text", "El mensaje no trae su id.", "La buena", "La rota", "0.0.messages.1"):
        assert words in seen


@pytest.mark.parametrize("body", [b"esto no es JSON \xff\x00", b"", b"[1, 2]", b"null"])
def test_what_is_no_request_is_shown_too(alice: User, body: bytes) -> None:
    event = WebhookEvent.objects.create(body=body, state=EventState.FAILED, failures=1, error="No es JSON.")
    response = at_desk(alice).get(page_of(event))
    assert response.status_code == 200
    assert "No es JSON." in text_of(response)


def test_what_a_stranger_wrote_is_shown_as_text(alice: User) -> None:
    event = stored(a_request(text_message("<script>alert(1)</script>")))
    assert b"<script>alert(1)" not in at_desk(alice).get(page_of(event)).content


def test_the_very_bytes_can_be_downloaded_and_that_is_audited(alice: User) -> None:
    body = b'{"object": "whatsapp_business_account",  "entry": []}\n'
    event = stored(body)
    response = at_desk(alice).get(reverse("admin:whatsapp_webhookevent_body", args=[event.pk]))
    assert response.content == body
    assert "attachment" in response.headers["Content-Disposition"]
    assert AuditEntry.objects.get(action="whatsapp.download").entity_id == str(event.pk)


def test_what_failed_is_applied_once_more(alice: User, failed: WebhookEvent) -> None:
    response = pressed(at_desk(alice), failed)
    assert "Se procesan de nuevo, en unos segundos: 1." in messages_of(response)
    failed.refresh_from_db()
    assert (failed.state, failed.attempts) == (EventState.STORED, 0)
    assert AuditEntry.objects.get(action="whatsapp.replay").details["count"] == 1
    apply_waiting()
    failed.refresh_from_db()
    assert failed.state == EventState.FAILED
    assert Message.objects.count() == 1


def test_what_is_applied_at_this_moment_goes_on(alice: User, failed: WebhookEvent) -> None:
    WebhookEvent.objects.update(state=EventState.APPLYING)
    response = pressed(at_desk(alice), failed)
    assert "siguen su curso: 1." in " ".join(messages_of(response))
    failed.refresh_from_db()
    assert failed.state == EventState.APPLYING


def test_several_are_chosen_in_either_list(alice: User, failed: WebhookEvent) -> None:
    client = at_desk(alice)
    for url, rows in ((EVENTS, [failed.pk]), (ITEMS, list(failed.parts.values_list("pk", flat=True)))):
        WebhookEvent.objects.update(state=EventState.FAILED)
        client.post(url, {"action": "replay_many", "_selected_action": rows})
        failed.refresh_from_db()
        assert failed.state == EventState.STORED


def test_failed_items_are_a_list_of_their_own(alice: User, failed: WebhookEvent) -> None:
    WebhookItem.objects.create(event=failed, path="0.1", field="flows", state=ItemState.KEPT, payload={"a": 1})
    client = at_desk(alice)
    assert len(client.get(ITEMS).context["cl"].result_list) == 2
    (item,) = client.get(ITEMS, {"state__exact": "failed"}).context["cl"].result_list
    seen = text_of(client.get(page_of(item)))
    assert json.dumps(item.payload["text"]["body"], ensure_ascii=False) in seen


def test_agents_see_none_of_it_and_lawyers_replay_nothing(bob: User, laura: User, failed: WebhookEvent) -> None:
    client = at_desk(bob)
    body = reverse("admin:whatsapp_webhookevent_body", args=[failed.pk])
    for url in (EVENTS, ITEMS, page_of(failed), body):
        assert client.get(url).status_code in (403, 404)
    lawyer = at_desk(laura)
    assert lawyer.get(page_of(failed)).status_code == 200
    replay = reverse("admin:whatsapp_webhookevent_replay_one", args=[failed.pk])
    assert lawyer.post(replay, {"_form_submitted": "1"}).status_code in (302, 403)
    failed.refresh_from_db()
    assert failed.state == EventState.FAILED


# --- Notices ----------------------------------------------------------------------------------


def test_what_failed_stands_at_the_top_of_every_page_for_the_office(
    alice: User, bob: User, failed: WebhookEvent
) -> None:
    sentence = "1 aviso de Meta no se pudo procesar por completo."
    assert sentence in text_of(at_desk(alice).get(reverse("admin:index")))
    assert sentence not in text_of(at_desk(bob).get(reverse("admin:index")))


def test_while_all_is_well_the_notices_cost_one_query(alice: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert not list(notices.notices(alice))


# --- Numbers ----------------------------------------------------------------------------------


def test_administrators_see_the_business_numbers(alice: User, laura: User, number: BusinessNumber) -> None:
    assert number.phone_number_id in text_of(at_desk(alice).get(list_of(BusinessNumber)))
    assert at_desk(alice).get(page_of(number)).status_code == 200
    assert at_desk(laura).get(list_of(BusinessNumber)).status_code == 403
