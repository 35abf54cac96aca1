"""Writing in a thread, and sending again what did not arrive."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from crm.models import User
from tests.staff_pages import at_desk, messages_of, page_of, text_of
from tests.whatsapp.rows import answered
from tests.whatsapp.thread_page import act, shown
from whatsapp.choices import Author, MessageStatus
from whatsapp.models import Message, Thread


@pytest.mark.sqlite
def test_a_text_is_queued_and_the_bot_falls_silent(alice: User, thread: Thread) -> None:
    answer = act(at_desk(alice), thread, "enviar", texto="  Buenas tardes\r\n¿En qué le ayudo?  ", clave=uuid4())
    assert answer.url == f"{page_of(thread)}#fin"
    message = Message.objects.outbound().get()
    assert message.body == "Buenas tardes\n¿En qué le ayudo?"
    assert (message.sent_by, message.author, message.status) == (alice, Author.USER, MessageStatus.QUEUED)
    thread.refresh_from_db()
    assert thread.is_bot_silent
    assert thread.unanswered_since is None


def test_a_double_click_sends_once(alice: User, thread: Thread) -> None:
    client, key = at_desk(alice), uuid4()
    for _ in range(3):
        assert act(client, thread, "enviar", background=True, texto="Buenas", clave=key).status_code == 200
    assert Message.objects.outbound().count() == 1


def test_a_key_that_was_used_for_other_words_is_refused_with_a_fresh_one(alice: User, thread: Thread) -> None:
    client, key = at_desk(alice), uuid4()
    act(client, thread, "enviar", background=True, texto="Buenas", clave=key)
    answer = act(client, thread, "enviar", background=True, texto="Otra cosa", clave=key)
    assert answer.status_code == 409
    assert "ya se había enviado con otro texto" in text_of(answer)
    assert answer.context["key"] != key
    assert Message.objects.outbound().count() == 1


def test_in_the_background_the_new_bubble_comes_back(alice: User, thread: Thread) -> None:
    answer = act(at_desk(alice), thread, "enviar", background=True, texto="Buenas", clave=uuid4())
    page = answer.content.decode()
    assert 'data-sent="true"' in page
    assert "Buenas" in page
    assert "<html" not in page


@pytest.mark.parametrize(("typed", "told"), [("", "Escriba el mensaje."), ("a" * 4097, "4097 caracteres")])
def test_what_cannot_be_sent_is_refused_with_a_sentence(alice: User, thread: Thread, typed: str, told: str) -> None:
    client = at_desk(alice)
    answer = act(client, thread, "enviar", background=True, texto=typed)
    assert answer.status_code == 400
    assert told in text_of(answer)
    assert told in " ".join(messages_of(client.get(act(client, thread, "enviar", texto=typed).url)))
    assert not Message.objects.outbound().exists()


def test_a_quote_goes_with_the_answer(alice: User, thread: Thread) -> None:
    quoted = Message.objects.get(message_id="wamid.HOLA")
    act(at_desk(alice), thread, "enviar", texto="Sí", mensaje=quoted.pk)
    assert Message.objects.outbound().get().about == "wamid.HOLA"


def test_after_24_hours_only_a_template_can_be_sent(alice: User, thread: Thread) -> None:
    thread.change(last_inbound_at=timezone.now() - timedelta(hours=25))
    client = at_desk(alice)
    page = client.get(page_of(thread))
    assert "Pasaron más de 24 horas" in text_of(page)
    assert 'id="wa-text"' not in page.content.decode()
    assert "Ventana:\ncerrada" in text_of(page)
    answer = act(client, thread, "enviar", background=True, texto="Hola")
    assert answer.status_code == 400
    assert not Message.objects.outbound().exists()


def test_who_asked_for_no_messages_is_not_written_to(alice: User, thread: Thread) -> None:
    thread.change(opted_out_at=timezone.now())
    page = shown(at_desk(alice), thread)
    assert "pidió no recibir mensajes" in page
    assert "Enviar una plantilla" not in page
    assert act(at_desk(alice), thread, "enviar", background=True, texto="Hola").status_code == 409


@pytest.mark.parametrize("status", [MessageStatus.FAILED, MessageStatus.UNCERTAIN, MessageStatus.WITHDRAWN])
def test_what_did_not_arrive_is_sent_again_by_hand_as_a_new_row(alice: User, thread: Thread, status: str) -> None:
    old = answered(thread, "Lo esperamos", status=status)
    client, key = at_desk(alice), uuid4()
    for _ in range(2):
        act(client, thread, "reenviar", mensaje=old.pk, clave=key)
    rows = list(Message.objects.outbound().order_by("id"))
    assert [row.body for row in rows] == ["Lo esperamos", "Lo esperamos"]
    assert [row.status for row in rows] == [status, MessageStatus.QUEUED]


def test_what_arrived_is_not_sent_again(alice: User, thread: Thread) -> None:
    sent = answered(thread, "Lo esperamos", status=MessageStatus.DELIVERED)
    assert act(at_desk(alice), thread, "reenviar", background=True, mensaje=sent.pk).status_code == 409
    assert Message.objects.outbound().count() == 1


def test_nothing_is_offered_again_that_would_be_refused(alice: User, thread: Thread) -> None:
    answered(thread, "¿Pudo venir?", status=MessageStatus.FAILED, error_code=131026, error="Undeliverable")
    assert "Enviar otra vez" in shown(at_desk(alice), thread)
    thread.change(last_inbound_at=timezone.now() - timedelta(hours=25))
    assert "Enviar otra vez" not in shown(at_desk(alice), thread)
