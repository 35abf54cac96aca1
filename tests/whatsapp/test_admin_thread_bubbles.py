"""What hangs on a message: reactions, corrections, what it quotes, where it comes from."""

from typing import Any

from django.utils import timezone

from crm.models import User
from tests.staff_pages import at_desk, page_of
from tests.whatsapp.rows import answered, minutes_ago, said
from tests.whatsapp.thread_page import bubble_of, shown
from whatsapp.bubbles import bubbles_of
from whatsapp.models import Message, Thread


def test_the_newest_reaction_of_each_side_stands_on_its_message(thread: Thread) -> None:
    message = said(thread, "Gracias")

    def react(emoji: str | None, minutes: float, **fields: Any) -> None:
        content = {"reaction": {"message_id": message.message_id, **({"emoji": emoji} if emoji else {})}}
        make = answered if fields.pop("ours", False) else said
        make(thread, emoji, message_type="reaction", about=message.message_id, content=content, at=minutes_ago(minutes))

    react("👍", 5)
    react("❤️", 4)
    react("🙏", 3, ours=True)
    assert dict(bubble_of(thread, message).reactions) == {"❤️": thread.title, "🙏": "Nosotros"}
    react(None, 2)
    assert dict(bubble_of(thread, message).reactions) == {"🙏": "Nosotros"}
    rows = list(Message.objects.filter(thread=thread).order_by("timestamp"))
    assert [bubble.message.message_type for bubble in bubbles_of(thread, rows)] == ["text", "text"]


def test_a_reaction_to_a_message_that_never_came_is_told_in_a_line(alice: User, thread: Thread) -> None:
    content = {"reaction": {"message_id": "wamid.NADIE", "emoji": "👍"}}
    said(thread, "👍", message_type="reaction", about="wamid.NADIE", content=content)
    assert "Luz Vega reaccionó con 👍 a un mensaje que no está aquí." in shown(at_desk(alice), thread)


def test_an_edited_message_keeps_its_first_words_behind_a_disclosure(alice: User, thread: Thread) -> None:
    said(thread, "A las cinco", content={"text": {"body": "A las seis"}}, edited_at=timezone.now())
    page = shown(at_desk(alice), thread)
    assert "editado" in page
    assert page.index("A las cinco") < page.index("Ver el texto original") < page.index("A las seis")


def test_a_deleted_message_says_so_and_staff_can_still_read_it(alice: User, thread: Thread) -> None:
    said(thread, "Mi clave es 1234", content={"text": {"body": "Mi clave es 1234"}}, deleted_at=timezone.now())
    page = shown(at_desk(alice), thread)
    assert "Mensaje eliminado por quien lo escribió" in page
    assert page.index("Ver lo que decía") < page.index("Mi clave es 1234")


def test_a_quoted_message_is_previewed_with_a_link_to_it(alice: User, thread: Thread) -> None:
    ours = answered(thread, "¿A qué hora viene?", sent_by=alice)
    said(thread, "A las cinco", about=ours.message_id, content={"text": {"body": "A las cinco"}})
    page = at_desk(alice).get(page_of(thread)).content.decode()
    assert f'class="wa-quote" href="#m{ours.pk}"' in page
    assert "<strong>Alice Torres</strong>" in page


def test_an_advertisement_and_a_forwarded_message_say_so(alice: User, thread: Thread) -> None:
    referral = {"headline": "Casas en Lince", "source_url": "https://fb.ejemplo.test/1"}
    said(thread, "Info", content={"text": {"body": "Info"}, "referral": referral, "context": {"forwarded": True}})
    page = shown(at_desk(alice), thread)
    for told in ("Llegó desde un anuncio", "Casas en Lince", "Reenviado"):
        assert told in page
