"""What Meta answers to a message becomes what people see of it, and what the next message does."""

from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from integrations.choices import DeliveryState
from integrations.models import WebhookDelivery
from integrations.panels import undelivered
from tests.crm.racing import at_once
from tests.factories import ContactFactory
from tests.whatsapp.meta import TOKEN, Meta, a_page, accepting, as_in, refusing
from tests.whatsapp.payloads import CUSTOMER, NUMBER_ID
from tests.whatsapp.people import deliver, delivery_of, fresh, make_due, somebody, written
from whatsapp.choices import Author, Direction, MessageStatus, TemplateStatus
from whatsapp.models import Alias, BusinessNumber, Message, MessageCount, StatusEvent, Template, Thread
from whatsapp.sending.composing import mark_read, send_template, send_text

pytestmark = pytest.mark.django_db


@pytest.mark.sqlite
def test_a_message_leaves_as_meta_wants_it_and_gets_its_id(meta: Meta, thread: Thread) -> None:
    message = written(thread, "Buenos días")
    assert deliver() == 1
    [asked] = meta.asked
    assert asked.path == f"/v25.0/{NUMBER_ID}/messages"
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert not [name for name in asked.headers if name.startswith(("webhook-", "x-crm"))]
    assert (asked.to, asked.text, asked.key) == (CUSTOMER, "Buenos días", str(message.key))
    sent = fresh(message)
    assert (sent.status, sent.message_id) == (MessageStatus.ACCEPTED, f"wamid.{message.key}")
    assert sent.respuesta_meta_id == sent.message_id
    assert delivery_of(message).state == DeliveryState.DELIVERED
    assert deliver() == 0


@pytest.mark.sqlite
def test_messages_of_a_thread_leave_in_the_order_they_were_written(meta: Meta, thread: Thread) -> None:
    texts = [f"mensaje {position}" for position in range(12)]
    for text in texts:
        written(thread, text)
    meta.will(accepting(), refusing(131016, status=503))
    deliver()
    assert meta.texts() == texts[:2], "the second has to go before the third"
    make_due()
    deliver()
    assert meta.texts() == [texts[0], texts[1], *texts[1:]]


def test_what_it_answers_is_answered_once(meta: Meta, thread: Thread) -> None:
    asked = thread.messages.get(direccion=Direction.INBOUND)
    answer = send_text(thread, "Hola, ¿en qué le ayudo?", author=Author.BOT, answers=asked)
    before = MessageCount.objects.totals()["answered"]
    deliver()
    asked.refresh_from_db()
    assert asked.respuesta_enviada
    assert asked.respuesta_meta_id == fresh(answer).message_id
    from whatsapp.sending import outcomes

    outcomes.accepted(str(answer.key), f"wamid.{answer.key}")
    assert MessageCount.objects.totals()["answered"] == before + 1


def test_a_refused_answer_is_told_on_what_it_answers(meta: Meta, thread: Thread) -> None:
    asked = thread.messages.get(direccion=Direction.INBOUND)
    answer = send_text(thread, "Hola", author=Author.BOT, answers=asked)
    meta.will(as_in("undeliverable_131026.json"))
    deliver()
    asked.refresh_from_db()
    assert not asked.respuesta_enviada
    assert asked.error == fresh(answer).error
    assert "No se puede entregar (código 131026)" in (asked.error or "")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("send_ok.json", MessageStatus.ACCEPTED, None),
        ("send_ok_bsuid.json", MessageStatus.ACCEPTED, None),
        ("send_ok_rewritten_number.json", MessageStatus.ACCEPTED, None),
        ("send_ok_template_accepted.json", MessageStatus.ACCEPTED, None),
        ("send_ok_template_held.json", MessageStatus.ACCEPTED, None),
        ("token_expired_190.json", MessageStatus.QUEUED, None),
        ("pair_rate_131056.json", MessageStatus.QUEUED, None),
        ("throughput_130429.json", MessageStatus.QUEUED, None),
        ("server_error_500.json", MessageStatus.QUEUED, None),
        ("service_unavailable_131016.json", MessageStatus.QUEUED, None),
        ("window_closed_131047.json", MessageStatus.FAILED, 131047),
        ("undeliverable_131026.json", MessageStatus.FAILED, 131026),
        ("bsuid_not_supported_131062.json", MessageStatus.FAILED, 131062),
        ("template_params_132000.json", MessageStatus.FAILED, 132000),
        ("template_missing_132001.json", MessageStatus.FAILED, 132001),
        ("invalid_param_100.json", MessageStatus.FAILED, 100),
        ("not_in_allow_list_131030.json", MessageStatus.FAILED, 131030),
        ("html_502.json", MessageStatus.UNCERTAIN, None),
        ("empty_200.json", MessageStatus.UNCERTAIN, None),
    ],
)
def test_each_recorded_answer_does_what_it_means(
    meta: Meta, thread: Thread, name: str, status: str, code: int | None
) -> None:
    message = written(thread)
    meta.will(as_in(name))
    deliver()
    found = fresh(message)
    assert (found.status, found.error_code) == (status, code)
    assert len(meta.asked) == 1
    if status == MessageStatus.QUEUED:
        make_due()
        deliver()
        assert fresh(message).status == MessageStatus.ACCEPTED, "nothing is lost"
    elif status == MessageStatus.FAILED:
        assert found.error
        assert found.failed_at
    make_due()
    deliver()
    assert len([one for one in meta.asked if one.key == str(message.key)]) == (2 if status == "queued" else 1)


def test_a_number_that_meta_writes_otherwise_is_another_name_of_the_thread(meta: Meta, number: BusinessNumber) -> None:
    thread = somebody(number, "525512345678")
    written(thread)
    meta.will(accepting(wa_id="5215512345678"))
    deliver()
    names = set(Alias.objects.filter(thread=thread).values_list("value", flat=True))
    assert {"525512345678", "5215512345678"} <= names
    assert somebody(number, "5215512345678") == thread


@pytest.mark.django_db(transaction=True)
def test_an_answer_and_a_message_that_tell_the_same_new_name_at_once_make_one_thread(
    meta: Meta, number: BusinessNumber
) -> None:
    for position in range(6):
        ours, theirs = f"52551234{position:04d}", f"521551234{position:04d}"
        message = written(somebody(number, ours))
        meta.will(accepting(wa_id=theirs), to=ours)
        results = at_once([deliver, *[lambda theirs=theirs: somebody(number, theirs) for _ in range(4)]])
        assert not [one for one in results if isinstance(one, Exception)]
        assert fresh(message).status == MessageStatus.ACCEPTED
        assert Thread.objects.present().count() == position + 1


def test_a_refusal_of_one_message_raises_no_alarm_but_trouble_with_the_account_does(
    meta: Meta, thread: Thread, alice: User
) -> None:
    meta.will(refusing(131026), refusing(131042))
    first, second = written(thread, "uno"), written(thread, "dos")
    deliver()
    assert delivery_of(first).state == delivery_of(second).state == DeliveryState.DEAD
    assert list(WebhookDelivery.objects.needing_attention()) == [delivery_of(second)]
    [notice] = undelivered(alice)
    assert "1 mensaje" in str(notice)


def test_who_stopped_promotions_is_not_written_to_again(meta: Meta, thread: Thread) -> None:
    contact = ContactFactory()
    from whatsapp.choices import LinkState

    Thread.objects.filter(pk=thread.pk).update(contact=contact, link_state=LinkState.LINKED)
    written(thread)
    meta.will(refusing(131050))
    deliver()
    thread.refresh_from_db()
    contact.refresh_from_db()
    assert thread.opted_out_at
    assert contact.opted_out_of_messages


def test_a_template_that_meta_refuses_is_offered_to_nobody(meta: Meta, thread: Thread) -> None:
    template = Template.objects.create(
        name="recordatorio",
        language="es",
        status=TemplateStatus.APPROVED,
        components=[{"type": "BODY", "text": "Lo esperamos."}],
    )
    other = Template.objects.create(name="recordatorio", language="es_PE", status=TemplateStatus.APPROVED)
    message = send_template(thread, template)
    meta.will(as_in("template_missing_132001.json"))
    deliver()
    assert fresh(message).error_code == 132001
    assert list(Template.objects.usable()) == [other]


def test_a_status_that_came_before_the_answer_is_not_lost(meta: Meta, thread: Thread) -> None:
    message = written(thread)
    at = timezone.now()
    StatusEvent.objects.note(message_id=f"wamid.{message.key}", status="delivered", at=at, payload={})
    deliver()
    found = fresh(message)
    assert (found.status, found.delivered_at) == (MessageStatus.DELIVERED, at)


def test_an_echo_of_our_own_message_and_the_message_become_one(meta: Meta, thread: Thread) -> None:
    message = written(thread)
    echo = Message.objects.create(
        message_id=f"wamid.{message.key}",
        thread=thread,
        from_number=NUMBER_ID,
        to_number=CUSTOMER,
        message_type="text",
        body="Hola",
        timestamp=timezone.now(),
        direccion=Direction.OUTBOUND,
        author=Author.PHONE,
        status=MessageStatus.SENT,
    )
    MessageCount.objects.add_message(echo)
    deliver()
    assert fresh(message).message_id == f"wamid.{message.key}"
    assert not Message.objects.filter(pk=echo.pk).exists()
    outbound = Message.objects.filter(direccion=Direction.OUTBOUND).count()
    assert MessageCount.objects.totals()["outbound"] == outbound == 1


def test_a_mark_is_sent_and_changes_no_message(meta: Meta, thread: Thread) -> None:
    mark_read(thread)
    assert deliver() == 1
    [asked] = meta.asked
    assert asked.body["status"] == "read"
    assert asked.body["message_id"] == "wamid.HOLA"
    assert WebhookDelivery.objects.get().state == DeliveryState.DELIVERED


def test_a_mark_may_be_made_twice_so_it_is_tried_again(meta: Meta, thread: Thread) -> None:
    mark_read(thread)
    meta.will(a_page(502))
    deliver()
    assert WebhookDelivery.objects.get().state == DeliveryState.PENDING
    make_due()
    deliver()
    assert WebhookDelivery.objects.get().state == DeliveryState.DELIVERED


def test_an_answer_with_an_unknown_code_and_a_fault_of_metas_is_tried_again(meta: Meta, thread: Thread) -> None:
    message = written(thread)
    meta.will(refusing(999999, status=500))
    deliver()
    assert fresh(message).status == MessageStatus.QUEUED


def test_the_staff_page_shows_the_request_without_the_token(
    meta: Meta, thread: Thread, alice: User, client: Any
) -> None:
    message = written(thread)
    meta.will(refusing(100, details=f"Bad token {TOKEN}"))
    deliver()
    client.force_login(alice)
    from crm.display import change_url

    page = client.get(change_url(delivery_of(message))).content.decode()
    assert TOKEN not in page
    assert f"{NUMBER_ID}/messages" in page
    assert "Enviar otra vez" not in page, "a person would get it twice"
