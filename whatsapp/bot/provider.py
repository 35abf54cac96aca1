"""Who makes the bot's answers: the seam at which a language model is plugged in.

`WHATSAPP_ANSWER_PROVIDER` names a class whose `answer` gets a plain `Conversation` and returns an `Answer`, or None to
say nothing. It runs outside any transaction; whatever it does wrong costs an answer, never a message (docs/bot.md).
"""

import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

logger = logging.getLogger("puente.whatsapp.bot")

RULES = "whatsapp.bot.rules.RuleProvider"
# An answer that takes longer is none: the person is still there, and the lease of the thread is longer than this.
TIME_LIMIT_SECONDS = 10.0
# Threads cannot be stopped. With this many of them hanging, the provider is left alone until one comes back.
MOST_HANGING = 8


class ProviderFailed(Exception):
    """It raised, took too long, or could not be loaded."""


class DocumentState(StrEnum):
    RECOGNISED = "recognised"  # it is exactly one contact's: the conversation is with them from now on
    UNKNOWN = "unknown"  # they were asked for it, and nobody has this number


@dataclass(frozen=True)
class DocumentFinding:
    number: str
    state: DocumentState
    contact_id: UUID | None = None
    # Whether the number is all that they said.
    is_all: bool = True


@dataclass(frozen=True)
class ContactFacts:
    """What the bot may tell the person about themselves."""

    id: UUID
    name: str
    first_name: str
    responsible: str = ""
    appointment_at: datetime | None = None
    appointment_place: str = ""
    task_at: datetime | None = None


@dataclass(frozen=True)
class Turn:
    """One earlier message. `author` is a word of `whatsapp.choices.Author`."""

    author: str
    text: str
    at: datetime


@dataclass(frozen=True)
class Conversation:
    """What there is to answer, and what is known. No rows, no connections: safe to hand to anything."""

    texts: tuple[str, ...]  # the burst, in order; "" for a photo or a voice message without words
    at: datetime
    turns: tuple[Turn, ...] = ()  # before the burst, oldest first
    thread_id: int | None = None
    contact: ContactFacts | None = None
    profile_name: str = ""
    responsible: str = ""
    asked_for_document: bool = False
    document: DocumentFinding | None = None
    may_ask_for_document: bool = True  # False where a person said that it is nobody of the contacts
    is_open: bool = True
    opening_hours: str = ""
    window_closes_at: datetime | None = None

    @property
    def text(self) -> str:
        return "\n".join(text for text in self.texts if text)

    @property
    def is_known(self) -> bool:
        return self.contact is not None


@dataclass(frozen=True)
class Answer:
    """What to say. `hand_over`: a person goes on from here; `settles`: the thread counts as answered."""

    text: str
    buttons: tuple[tuple[str, str], ...] = ()
    hand_over: bool = False
    settles: bool = True
    asks_for_document: bool = False
    rule: str = ""


class AnswerProvider(Protocol):
    def answer(self, conversation: Conversation) -> Answer | None:
        """The answer to the burst; None for silence."""
        ...


def answer_to(conversation: Conversation) -> Answer | None:
    """What the configured provider says, or the rules where it fails; None for silence.

    The rules are ours and quick, so they run here; any other provider runs beside, with a time limit.
    """
    if settings.WHATSAPP_ANSWER_PROVIDER != RULES:
        try:
            return _checked(_asked_within(TIME_LIMIT_SECONDS, conversation))
        except ProviderFailed as error:
            logger.warning("answer provider failed in thread %s, the rules answer: %s", conversation.thread_id, error)
    rules: AnswerProvider = import_string(RULES)()
    return _checked(rules.answer(conversation))


_hanging = threading.BoundedSemaphore(MOST_HANGING)


def _asked_within(seconds: float, conversation: Conversation) -> Answer | None:
    outcome: list[Answer | None] = []
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            provider: AnswerProvider = import_string(settings.WHATSAPP_ANSWER_PROVIDER)()
            outcome.append(provider.answer(conversation))
        except BaseException as error:  # noqa: BLE001  a plugged-in program may raise anything, also SystemExit
            failures.append(error)
        finally:
            connections.close_all()
            _hanging.release()

    if not _hanging.acquire(blocking=False):
        raise ProviderFailed(f"{MOST_HANGING} earlier questions have not come back")
    thread = threading.Thread(target=ask, name="answer-provider", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise ProviderFailed(repr(failures[0]))
    if not outcome:
        raise ProviderFailed(f"no answer in {seconds:g} s")
    answer = outcome[0]
    if answer is not None and not (isinstance(answer, Answer) and isinstance(answer.text, str)):
        raise ProviderFailed(f"{type(answer).__name__} is no answer")
    return answer


def _checked(answer: Answer | None) -> Answer | None:
    """An answer without words is none."""
    return answer if answer is not None and answer.text.strip() else None
