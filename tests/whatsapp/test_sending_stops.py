"""What stops messages: a token that is no good, a person who took over, the end of the 24 hours. Nothing is lost."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from integrations.choices import DeliveryState
from integrations.models import Circuit, WebhookDelivery
from integrations.panels import stopped, undelivered
from integrations.sending.rounds import empty_outbox
from tests.integrations.conftest import announced as announced
from tests.integrations.conftest import receiver as receiver
from tests.integrations.receiver import Receiver
from tests.whatsapp.meta import Meta, accepting, dropping, refusing, token_revoked
from tests.whatsapp.people import crowd, deliver, delivery_of, fresh, make_due, written
from whatsapp.choices import Author, MessageStatus, TemplateStatus
from whatsapp.models import BusinessNumber, Message, Template, Thread
from whatsapp.sending.composing import send_template, send_text

pytestmark = pytest.mark.django_db


@pytest.mark.sqlite
def test_a_revoked_token_stops_everything_is_told_and_nothing_is_lost(
    meta: Meta, number: BusinessNumber, alice: User
) -> None:
    messages = [written(thread, "Hola") for thread in crowd(number, 30)]
    meta.usual = token_revoked()
    deliver()
    assert len(meta.asked) <= 8, "what was on its way, and no more"
    assert {fresh(message).status for message in messages} == {MessageStatus.QUEUED}
    assert not WebhookDelivery.objects.filter(failures__gt=0).exists(), "no try is spent"
    [notice] = stopped(alice)
    assert "Meta (WhatsApp)" in str(notice)
    assert "WHATSAPP_ACCESS_TOKEN" in str(notice)
    asked = len(meta.asked)
    for _ in range(20):
        assert deliver() == 0
    assert len(meta.asked) == asked, "left alone"
    make_due()
    assert deliver() == 1, "one message asks whether it is mended"
    meta.usual = accepting()
    make_due()
    deliver()
    assert not list(stopped(alice))
    assert {fresh(message).status for message in messages} == {MessageStatus.ACCEPTED}
    assert not WebhookDelivery.objects.failed().exists()


@pytest.mark.parametrize("code", [133010, 131037])
def test_what_is_wrong_with_another_number_ends_its_message_and_stops_nobody(
    meta: Meta, thread: Thread, settings: Any, code: int
) -> None:
    message = written(thread)
    settings.WHATSAPP_PHONE_NUMBER_ID = "another"
    meta.will(refusing(code, status=400))
    deliver()
    assert fresh(message).status == MessageStatus.FAILED
    assert not Circuit.objects.stopped().exists()


@pytest.mark.parametrize("code", [0, 3, 10, 200, 299, 131005, 133010, 131037])
def test_whatever_is_wrong_with_the_account_stops_the_line(meta: Meta, thread: Thread, code: int) -> None:
    message = written(thread)
    meta.will(refusing(code, status=403))
    deliver()
    assert Circuit.objects.stopped().exists()
    assert fresh(message).status == MessageStatus.QUEUED
    Circuit.objects.get(pk="whatsapp").resume()
    deliver()
    assert fresh(message).status == MessageStatus.ACCEPTED
    assert not Circuit.objects.stopped().exists()


def test_trouble_with_meta_holds_up_no_presence(
    meta: Meta, number: BusinessNumber, receiver: Receiver, announced: Any
) -> None:
    for thread in crowd(number, 20):
        written(thread)
    meta.usual = dropping
    deliver()
    assert Circuit.objects.get(pk="whatsapp").is_open
    announced("CRM-1")
    assert empty_outbox("comercial") == 1
    assert len(receiver.received) == 1
    assert deliver() == 0


def test_without_a_token_messages_wait_until_there_is_one(meta: Meta, thread: Thread, settings: Any) -> None:
    token, settings.WHATSAPP_ACCESS_TOKEN = settings.WHATSAPP_ACCESS_TOKEN, ""
    message = written(thread)
    assert deliver() == 0
    assert delivery_of(message).attempts == 0
    settings.WHATSAPP_ACCESS_TOKEN = token
    assert deliver() == 1
    assert fresh(message).status == MessageStatus.ACCEPTED


@pytest.mark.sqlite
def test_what_a_person_took_out_of_the_bots_mouth_does_not_leave(meta: Meta, thread: Thread, bob: User) -> None:
    answer = send_text(thread, "Soy un bot", author=Author.BOT)
    mine = send_text(thread, "Soy Bob", by=bob)
    assert fresh(answer).status == MessageStatus.WITHDRAWN
    deliver()
    assert meta.texts() == ["Soy Bob"]
    assert delivery_of(answer).state == DeliveryState.WITHDRAWN
    assert fresh(mine).status == MessageStatus.ACCEPTED
    assert not WebhookDelivery.objects.needing_attention().exists()


@pytest.mark.sqlite
def test_what_waited_beyond_the_24_hours_fails_with_the_way_out_and_a_template_goes(
    meta: Meta, thread: Thread, alice: User
) -> None:
    template = Template.objects.create(
        name="aviso", language="es", status=TemplateStatus.APPROVED, components=[{"type": "BODY", "text": "Hola."}]
    )
    free, approved = written(thread, "Hola"), send_template(thread, template)
    thread.change(last_inbound_at=timezone.now() - timedelta(hours=25))
    deliver()
    assert [one.body["type"] for one in meta.asked] == ["template"]
    found = fresh(free)
    assert (found.status, found.error_code) == (MessageStatus.FAILED, 131047)
    assert "Envíe una plantilla" in (found.error or "")
    assert delivery_of(free).state == DeliveryState.WITHDRAWN
    assert fresh(approved).status == MessageStatus.ACCEPTED
    assert not list(undelivered(alice))


def test_a_message_that_used_all_its_tries_says_so(meta: Meta, thread: Thread, settings: Any) -> None:
    settings.WEBHOOK_RETRY_SECONDS = [1]
    message = written(thread)
    meta.usual = refusing(131016, status=503)
    for _ in range(2):
        make_due()
        deliver()
    found = fresh(message)
    assert (found.status, found.error_code) == (MessageStatus.FAILED, 131016)
    assert "No se intenta más" in (found.error or "")
    assert Message.objects.outbound().count() == 1


def test_the_states_of_messages_are_known_to_the_api_and_the_staff_page(
    meta: Meta, thread: Thread, alice: User, as_user: Any, client: Any
) -> None:
    message = written(thread)
    meta.will(dropping)
    deliver()
    answer = as_user(alice).get("/api/webhook-deliveries/", {"state": "uncertain", "destination": "whatsapp"})
    assert answer.status_code == 200
    [row] = answer.json()["items"]
    assert (row["id"], row["event_title"]) == (str(delivery_of(message).pk), "Mensaje de WhatsApp")
    client.force_login(alice)
    from crm.display import address

    page = client.get(address("integrations_webhookdelivery_changelist", situacion="sin_confirmar")).content.decode()
    assert "Sin confirmar" in page
    assert "Mensaje de WhatsApp" in page
