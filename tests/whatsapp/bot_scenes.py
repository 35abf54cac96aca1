"""People who write to the bot, and providers that behave in a certain way."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.utils import timezone

from tests.whatsapp.payloads import CUSTOMER, a_request, text_message
from whatsapp.bot import answering
from whatsapp.bot.provider import Answer, Conversation
from whatsapp.choices import Author
from whatsapp.models import BotRule, Message, Thread
from whatsapp.receiving.applying import apply_waiting
from whatsapp.receiving.storing import store


def write(*texts: str, wa_id: str = CUSTOMER, at: datetime | None = None) -> Thread:
    """The person writes these, one after another; Meta sends them in one request."""
    moment = at or timezone.now()
    return send(*(text_message(text, wa_id=wa_id, at=int(moment.timestamp())) for text in texts))


def send(*items: dict[str, Any]) -> Thread:
    """These items of `messages` arrive and are applied; the thread of the newest."""
    store(a_request(*items))
    apply_waiting()
    return Message.objects.select_related("thread").latest("id").thread


def finish(thread: Thread) -> int:
    """The burst is over: the bot's turn. How many answers were stored."""
    Thread.objects.filter(pk=thread.pk, answer_due_at__isnull=False).update(answer_due_at=timezone.now())
    stored = answering.answer_due()
    thread.refresh_from_db()
    return stored


def ask(*texts: str, **who: Any) -> str | None:
    """What the bot says to this; None for silence."""
    thread = write(*texts, **who)
    newest = max((message.pk for message in bot_messages(thread)), default=0)
    finish(thread)
    said = [message for message in bot_messages(thread) if message.pk > newest]
    assert len(said) <= 1
    return said[0].body if said else None


def bot_messages(thread: Thread) -> list[Message]:
    return list(Message.objects.filter(thread=thread, author=Author.BOT).order_by("id"))


def is_due(thread: Thread) -> bool:
    return Thread.objects.get(pk=thread.pk).answer_due_at is not None


def end_leases() -> None:
    Thread.objects.filter(answer_lease_until__isnull=False).update(
        answer_lease_until=timezone.now() - timedelta(seconds=1)
    )


def only_rule(answer: str = "Recibido", **fields: Any) -> BotRule:
    BotRule.objects.all().delete()
    return BotRule.objects.create(name="Única", answer=answer, **fields)


class Echo:
    """Says what it was told."""

    def answer(self, conversation: Conversation) -> Answer | None:
        return Answer(f"Dijo: {' / '.join(conversation.texts)}")


class Raising:
    def answer(self, conversation: Conversation) -> NoReturn:
        raise RuntimeError("modelo caído")


class Exiting:
    def answer(self, conversation: Conversation) -> NoReturn:
        raise SystemExit(1)


class Slow:
    def answer(self, conversation: Conversation) -> Answer | None:
        time.sleep(2)
        return Answer("Demasiado tarde")


class Silent:
    def answer(self, conversation: Conversation) -> Answer | None:
        return None


class Confused:
    def answer(self, conversation: Conversation) -> Any:
        return "no es una respuesta"


class Garbled:
    def answer(self, conversation: Conversation) -> Answer | None:
        return Answer("Hola\x00 y adiós\ud800")


class Offering:
    def answer(self, conversation: Conversation) -> Answer | None:
        return Answer("¿Le llamamos?", buttons=(("si", "Sí"), ("no", "No")), hand_over=True)
