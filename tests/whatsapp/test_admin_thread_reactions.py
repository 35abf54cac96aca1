"""A message gets a sign."""

import pytest

from crm.models import User
from tests.staff_pages import at_desk, text_of
from tests.whatsapp.rows import answered
from tests.whatsapp.thread_page import act, bubble_of, shown
from whatsapp.models import Message, Thread


def test_a_message_gets_a_reaction_another_one_and_none(alice: User, thread: Thread) -> None:
    message = Message.objects.get(message_id="wamid.HOLA")
    client = at_desk(alice)
    assert "Quitar la reacción" not in shown(client, thread)
    news = text_of(act(client, thread, "reaccionar", background=True, reaccion=f"{message.pk}:👍"))
    assert "de Nosotros" in news
    assert "Quitar la reacción" in news
    act(client, thread, "reaccionar", reaccion=f"{message.pk}:🙏")
    assert bubble_of(thread, message).reactions == (("🙏", "Nosotros"),)
    act(client, thread, "reaccionar", reaccion=f"{message.pk}:")
    assert bubble_of(thread, message).reactions == ()
    sent = [row.content["reaction"] for row in Message.objects.outbound().order_by("id")]
    assert sent == [{"message_id": "wamid.HOLA", "emoji": sign} for sign in ("👍", "🙏", "")]
    thread.refresh_from_db()
    assert thread.unanswered_since is not None


@pytest.mark.parametrize("typed", ["", ":👍", "x:👍", "{0}:hola", "{0}:<b>", "{1}:👍"])
def test_a_reaction_is_one_of_those_offered_to_a_message_of_the_person(alice: User, thread: Thread, typed: str) -> None:
    message, ours = Message.objects.get(message_id="wamid.HOLA"), answered(thread)
    typed = typed.format(message.pk, ours.pk)
    answer = act(at_desk(alice), thread, "reaccionar", background=True, reaccion=typed)
    assert answer.status_code in (400, 404)
    assert not Message.objects.filter(message_type="reaction").exists()
