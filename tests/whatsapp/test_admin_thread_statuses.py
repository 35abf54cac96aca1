"""Who wrote a message and how far it got, told honestly."""

import pytest
from django.utils import timezone

from crm.models import User
from tests.staff_pages import at_desk
from tests.whatsapp.rows import answered, minutes_ago, said
from tests.whatsapp.thread_page import bubble_of, shown
from whatsapp.choices import Author, MessageStatus
from whatsapp.models import Thread


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (MessageStatus.QUEUED, "En cola"),
        (MessageStatus.ACCEPTED, "Aceptado por WhatsApp"),
        (MessageStatus.SENT, "Enviado"),
        (MessageStatus.DELIVERED, "Entregado"),
        (MessageStatus.READ, "Leído"),
        (MessageStatus.UNCERTAIN, "No se sabe si salió"),
        (MessageStatus.WITHDRAWN, "Retirado, no salió"),
    ],
)
def test_how_far_a_message_got_is_told_honestly(alice: User, thread: Thread, status: str, told: str) -> None:
    answered(thread, "Buenas", status=status)
    assert told in shown(at_desk(alice), thread)


def test_a_message_that_was_read_was_delivered_too_whatever_meta_left_out(thread: Thread) -> None:
    message = answered(thread, status=MessageStatus.READ, read_at=timezone.now())
    assert "Entregado (se deduce de la lectura)" in dict(bubble_of(thread, message).times)


def test_a_refusal_of_meta_is_told_in_spanish_with_the_next_step(alice: User, thread: Thread) -> None:
    answered(thread, status=MessageStatus.FAILED, error_code=131026, error="Message undeliverable")
    page = shown(at_desk(alice), thread)
    assert "WhatsApp dice (131026): Message undeliverable" in page
    assert "Enviar otra vez" in page


def test_who_wrote_is_named(alice: User, thread: Thread) -> None:
    answered(thread, "Soy el bot", author=Author.BOT)
    answered(thread, "Soy Alice", author=Author.USER, sent_by=alice)
    answered(thread, "Desde el celular", author=Author.PHONE)
    page = shown(at_desk(alice), thread)
    for who in ("Bot", "Alice Torres", "Desde el teléfono", "Luz Vega"):
        assert who in page.splitlines()


def test_a_message_that_came_late_says_when_it_came(thread: Thread) -> None:
    message = said(thread, "Hola", at=minutes_ago(60))
    assert [name for name, _ in bubble_of(thread, message).times] == ["Escrito", "Llegó al CRM"]
