"""What came of sending a message: its row moves on, its thread learns, and what it answers is told.

Each function is called in the transaction that writes down why, and changes nothing when it is called again.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from crm.locks import hold
from whatsapp.choices import Author, Direction, MessageStatus
from whatsapp.consent import opt_out
from whatsapp.models import Alias, Message, MessageCount, Template
from whatsapp.receiving.identity import Person, thread_of
from whatsapp.receiving.items import id_of, lock_of
from whatsapp.sending.errors import WINDOW_CLOSED, MetaError, Policy, error_of

logger = logging.getLogger("puente.whatsapp")

# In the place of "it is tried again", where it is not.
GAVE_UP = "No se intenta más; envíelo otra vez dentro de un rato."


def accepted(key: str, wamid: str, contacts: Sequence[Mapping[str, Any]] = ()) -> None:
    """Meta took it: it has Meta's id now, what it answers is answered, and statuses that came before are applied."""
    from whatsapp.receiving.statuses import catch_up

    wamid = id_of(wamid)
    with transaction.atomic():
        # In this order everywhere: Meta's id, the names of the person, the thread, the message. A status that is being
        # stored at this moment is seen by one of the two.
        hold(lock_of(wamid))
        _learn_names(key, contacts)
        message = locked(key)
        if message is None:
            return
        if wamid and message.message_id is None:
            _give_way(message, wamid)
            Message.objects.filter(pk=message.pk, message_id__isnull=True).update(
                message_id=wamid, respuesta_meta_id=wamid, actualizado_en=timezone.now()
            )
            message.message_id = message.respuesta_meta_id = wamid
        elif wamid and message.message_id != wamid:
            logger.error("message %s has two ids of Meta: %s and %s", message.key, message.message_id, wamid)
        Message.objects.filter(pk=message.pk).advance(MessageStatus.ACCEPTED)
        _note_answered(message)
        message.refresh_from_db()
        catch_up(message)


def refused(key: str, code: int | None, details: str = "") -> None:
    """It did not go and will not: the message says why and what can be done, and so does what it answers."""
    with transaction.atomic():
        message = locked(key)
        if message is None:
            return
        code = code or None  # a refusal of the account (0) stops the line and ends no message
        error = error_of(code)
        sentence = told_to_people(error, details)
        row = Message.objects.filter(pk=message.pk)
        now = timezone.now()
        failed_at = message.failed_at or now  # Meta's own time, where a status told it
        is_told = row.advance(MessageStatus.FAILED, failed_at=failed_at, error_code=code, error=sentence)
        if not is_told and message.status == MessageStatus.FAILED and not message.error:
            is_told = row.update(error_code=code, error=sentence, actualizado_en=now)
        if is_told:
            _note_unanswered(message, sentence)
            message.thread.take_back_answer(message)
            _act_upon(message, error)


def uncertain(key: str) -> None:
    """It may have left, and only a status of Meta's can tell."""
    for message in Message.named(key):
        Message.objects.filter(pk=message.pk).advance(MessageStatus.UNCERTAIN)


def withdrawn(keys: Sequence[str]) -> set[str]:
    """Which of these must not go any more: a person took over, something has settled them, or the 24 hours are over.

    Those that came too late are marked as failed, with the way out. Must run in a transaction.
    """
    found: set[str] = set()
    rows = Message.objects.filter(key__in=keys).select_related("thread").order_by("thread_id", "pk")
    for message in rows:
        if message.status != MessageStatus.QUEUED:
            found.add(str(message.key))
        elif not _is_template(message) and not message.thread.is_window_open:
            refused(str(message.key), WINDOW_CLOSED)
            found.add(str(message.key))
    return found


def told_to_people(error: MetaError, details: str = "") -> str:
    """The sentence that stands on the message."""
    number = f" (código {error.code})" if error.code is not None else ""
    step = GAVE_UP if error.is_retried else error.next_step
    said = f" Meta dice: {_tidied(details)}" if details and error.retry == Policy.NEVER else ""
    return f"{error.title}{number}. {error.explanation} {step}{said}"


def _tidied(details: str) -> str:
    return " ".join(details.replace("\x00", "").split())[:300]


def _is_template(message: Message) -> bool:
    return message.message_type == "template"


def arrived_after_all(message: Message) -> None:
    """It was said to have failed, and a device has it: the same as if Meta had told it the other way round.

    The thread and the message are locked by the caller.
    """
    Message.objects.filter(pk=message.pk).update(error=None, error_code=None)
    _note_answered(message)
    if message.author == Author.USER and message.is_bubble:
        message.thread.lock().note(message, answers=True)


def locked(key: str) -> Message | None:
    """The message and its thread, both locked, the thread first as everywhere."""
    message = Message.named(key).filter(direccion=Direction.OUTBOUND).first()
    if message is None:
        return None
    message.thread.lock()
    again = Message.objects.select_for_update(of=("self",), no_key=True).select_related("thread").get(pk=message.pk)
    if again.thread_id != message.thread_id:  # the threads of one person were united in between
        again.thread.lock()
    return again


def _give_way(message: Message, wamid: str) -> None:
    """An echo of our own message came before Meta's answer: what it made is removed, the message is one."""
    for echo in Message.objects.filter(message_id=wamid).exclude(pk=message.pk):
        MessageCount.objects.add(
            echo.timestamp,
            shard=echo.thread_id,
            inbound=-int(not echo.is_outbound),
            outbound=-int(echo.is_outbound),
            linked=-int(echo.cliente_id is not None),
            answered=-int(echo.respuesta_enviada),
        )
        echo.delete()


def _note_answered(message: Message) -> None:
    """What it answers carries that it was answered, once."""
    if message.respuesta_id is None:
        return
    answered = Message.objects.filter(pk=message.respuesta_id, respuesta_enviada=False).update(
        respuesta_enviada=True, respuesta_meta_id=message.message_id, error=None, actualizado_en=timezone.now()
    )
    if answered:
        inbound = Message.objects.only("timestamp", "thread_id").get(pk=message.respuesta_id)
        MessageCount.objects.add(inbound.timestamp, shard=inbound.thread_id, answered=1)


def _note_unanswered(message: Message, sentence: str) -> None:
    if message.respuesta_id is None:
        return
    Message.objects.filter(pk=message.respuesta_id, respuesta_enviada=False).update(
        error=sentence, actualizado_en=timezone.now()
    )


def _learn_names(key: str, contacts: Sequence[Mapping[str, Any]]) -> None:
    """Meta tells whom the message went to, where it writes the number otherwise than we do (MX, BR, AR).

    Before anything is locked: whoever stores a message of this person holds their names first, and then the thread.
    """
    message = Message.named(key).select_related("thread__number").first() if contacts else None
    if message is None:
        return
    told = contacts[0] if contacts else {}
    wa_id, user_id = id_of(told.get("wa_id")), id_of(told.get("user_id"))
    fresh = Person.known_by(wa_ids=(wa_id,), user_ids=(user_id,)).names
    known = set(Alias.objects.filter(thread=message.thread_id).values_list("kind", "value"))
    if not fresh or known.issuperset(fresh):
        return
    address = wa_id if wa_id.isdigit() else ""
    # One of the names that the thread has leads back to it, whichever thread the new ones were of.
    one = sorted(known)[:1]
    if one:
        thread_of(message.thread.number, Person((*one, *fresh), address), at=timezone.now())


def _act_upon(message: Message, error: MetaError) -> None:
    match error.retry:
        case Policy.OPT_OUT:
            opt_out(message.thread, at=timezone.now())
        case Policy.BLOCK_TEMPLATE:
            _block_template(message)


def _block_template(message: Message) -> None:
    said = message.content.get("template") or {}
    language = said.get("language") or {}
    Template.objects.filter(
        name=said.get("name", ""), language=language.get("code", ""), blocked_at__isnull=True
    ).update(blocked_at=timezone.now())
