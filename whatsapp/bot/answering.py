"""The bot answers a burst: exactly once, and only if nothing has changed while the answer was made.

A worker claims the thread (token and lease on its row), asks the provider outside any transaction, then locks the
thread and looks at everything again before it stores. Who has lost the lease stores nothing; who dies leaves a lease
that ends. Behind it stands the unique constraint on the answered message.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from crm.exceptions import Refusal
from crm.ids import new_id
from crm.text import words
from whatsapp.bot import brakes, documents
from whatsapp.bot.conversations import Burst, conversation_of, words_of
from whatsapp.bot.provider import TIME_LIMIT_SECONDS, Answer, Conversation, DocumentState, answer_to
from whatsapp.choices import Author, LinkRule, LinkState, Silence
from whatsapp.linking import link, was_refused
from whatsapp.models import BotSettings, Message, Thread
from whatsapp.receiving.words import clean
from whatsapp.sending.composing import send_interactive, send_text

logger = logging.getLogger("puente.whatsapp.bot")

# A worker may be silent this long before another takes its thread over: asking, the rules after it, and storing.
LEASE = timedelta(seconds=3 * TIME_LIMIT_SECONDS + 30)
ANSWERS_A_TURN = 200
SECONDS_A_TURN = 40.0
# Two programs that answer each other write the same again within moments.
REPEATED_WITHIN = timedelta(minutes=10)
HANDED_OVER = "Le atenderá una persona del equipo en cuanto pueda."


@dataclass(frozen=True)
class Claim:
    """A thread that this worker holds, and what it read of it."""

    token: UUID
    thread: Thread
    burst: Burst
    conversation: Conversation


def answer_due(*, limit: int = ANSWERS_A_TURN) -> int:
    """Answer where a burst has ended, until nothing is due; how many answers were stored."""
    stored, turns, end = 0, 0, time.monotonic() + SECONDS_A_TURN
    while turns < limit and time.monotonic() < end:
        token = new_id()
        thread = _claim(token)
        if thread is None:
            break
        turns += 1
        try:
            stored += _answer(thread, token)
        except Exception:  # one thread must not cost the others theirs; its lease ends and it is tried again
            logger.exception("thread %s could not be answered", thread.pk)
    return stored


def _claim(token: UUID) -> Thread | None:
    """Hold the thread that has been due longest; None when none is."""
    while True:
        now = timezone.now()
        is_free = Q(answer_lease_until__isnull=True) | Q(answer_lease_until__lt=now)
        due = Thread.objects.due_for_bot().filter(is_free)
        with transaction.atomic():
            locked = due.select_for_update(skip_locked=True, no_key=True).order_by("answer_due_at", "pk")
            chosen = locked.values_list("pk", flat=True).first()
            if chosen is None:
                return None
            # SQLite knows no row locks: there another worker may have been quicker.
            is_ours = due.filter(pk=chosen).update(answer_token=token, answer_lease_until=now + LEASE)
        if is_ours:
            people = Thread.objects.select_related("contact__responsible_user", "assigned_to")
            return people.filter(pk=chosen).first()


def _answer(thread: Thread, token: UUID) -> bool:
    """Whether an answer was stored."""
    settings = BotSettings.current()
    burst = Burst.of(thread, settings)
    reason = _reason_for_silence(thread, settings, burst)
    if reason is not None:
        _keep_quiet(thread, token, burst, reason)
        return False
    claim = Claim(token, thread, burst, conversation_of(thread, burst, at=timezone.now()))
    answer = answer_to(claim.conversation)
    return _store(claim, answer)


def _reason_for_silence(thread: Thread, settings: BotSettings, burst: Burst) -> str | None:
    if not burst.messages:
        return "nothing is left to answer"
    return brakes.reason_for_silence(thread, settings, newest_at=burst.newest_at)


def _keep_quiet(thread: Thread, token: UUID, burst: Burst, reason: str) -> None:
    """Nothing is due any more, unless another message came meanwhile."""
    with transaction.atomic():
        locked = _still_held(thread, token)
        if locked is None:
            return
        if Burst.of(locked, BotSettings.current()).ids != burst.ids:
            _leave_due(locked)
            return
        logger.info("no answer in thread %s: %s", thread.pk, reason)
        _settle(locked)


def _store(claim: Claim, answer: Answer | None) -> bool:
    """Look at everything again under the thread's lock, then write the answer and what follows from it."""
    with transaction.atomic():
        thread = _still_held(claim.thread, claim.token)
        if thread is None:
            return False
        settings = BotSettings.current()
        burst = Burst.of(thread, settings)
        if burst.ids != claim.burst.ids or thread.contact_id != claim.thread.contact_id:
            _leave_due(thread)
            return False
        if not _link_by_document(thread, claim.conversation):
            _leave_due(thread)
            return False
        reason = _reason_for_silence(thread, settings, burst)
        if reason is not None:
            logger.info("no answer in thread %s: %s", thread.pk, reason)
            _settle(thread)
            return False
        if answer is None:
            _note_heard(burst.messages)
            _settle(thread)
            return False
        return _say(thread, burst, _without_looping(thread, burst, answer))


def _still_held(thread: Thread, token: UUID) -> Thread | None:
    """The row, locked, if it is still this worker's: not another's, not taken over, not united with another thread."""
    locked = thread.lock()
    return locked if locked.answer_token == token and locked.merged_into_id is None else None


def _say(thread: Thread, burst: Burst, answer: Answer) -> bool:
    last = burst.last
    text = clean(answer.text).strip()
    _settle(thread)
    if answer.hand_over:
        # First: it withdraws what the bot had queued, and this answer is to arrive.
        thread.take_over(None, reason=Silence.ASKED_FOR_PERSON)
    try:
        with transaction.atomic():
            _send(thread, answer, text, last)
    except IntegrityError:
        logger.warning("message %s has its answer already", last.pk)
        return False
    except Refusal as refusal:
        _note_heard(burst.messages, last, respuesta_bot=text, error=refusal.message)
        return False
    if answer.asks_for_document:
        thread.change(asked_for_document_at=timezone.now())
    _note_heard(burst.messages, last, respuesta_bot=text)
    return True


def _send(thread: Thread, answer: Answer, text: str, last: Message) -> None:
    settles = answer.settles and not answer.hand_over
    if answer.buttons:
        send_interactive(thread, text, buttons=answer.buttons, author=Author.BOT, answers=last, settles=settles)
    else:
        send_text(thread, text, author=Author.BOT, answers=last, settles=settles)


def _note_heard(messages: Sequence[Message], answered: Message | None = None, **values: str) -> None:
    """The bot has dealt with these; what it said stands on the one that it answered."""
    now = timezone.now()
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(procesado=True, actualizado_en=now)
    if answered is not None:
        Message.objects.filter(pk=answered.pk).update(**values)


def _settle(thread: Thread) -> None:
    thread.change(answer_due_at=None, answer_token=None, answer_lease_until=None)


def _leave_due(thread: Thread) -> None:
    """Somebody wrote on, or the person was linked: this answer is dropped, the next turn makes another."""
    thread.change(answer_token=None, answer_lease_until=None)


def _link_by_document(thread: Thread, conversation: Conversation) -> bool:
    """The person has shown who they are. Asked again under the lock: False if it is no longer exactly one contact's."""
    finding = conversation.document
    if finding is None or finding.state != DocumentState.RECOGNISED:
        return True
    holders = documents.holders_of(finding.number, address=thread.address)
    if len(holders) != 1 or holders[0].pk != finding.contact_id or thread.link_state == LinkState.UNLINKED:
        return False
    if was_refused(thread, holders[0]):
        return True  # answered as whoever it was taken for so far
    evidence = f"Escribió el documento {finding.number}."
    link(thread, holders[0], rule=LinkRule.DOCUMENT, by=None, evidence=evidence)
    thread.change(asked_for_document_at=None)
    return True


def _without_looping(thread: Thread, burst: Burst, answer: Answer) -> Answer:
    """The same answer to the same words again helps nobody, and two programs would go on for ever: a person then."""
    previous = next((message for message in reversed(burst.turns) if message.is_outbound), None)
    if previous is None or previous.author != Author.BOT or previous.timestamp < timezone.now() - REPEATED_WITHIN:
        return answer
    asked = next((message for message in burst.turns if message.pk == previous.respuesta_id), None)
    is_same_question = asked is not None and words(words_of(asked)) == words(words_of(burst.last))
    if not is_same_question or asked is None or asked.respuesta_bot != clean(answer.text).strip():
        return answer
    return Answer(HANDED_OVER, hand_over=True, settles=False, rule=answer.rule)
