"""A message of Meta's becomes one row, once per wamid, and everything that follows from it in the same transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from crm.locks import hold
from crm.waking import wake
from whatsapp.bot import scheduling
from whatsapp.choices import Author, Direction, MessageStatus, Silence
from whatsapp.following import settle_nudge
from whatsapp.linking import recognise
from whatsapp.models import BusinessNumber, Media, Message, MessageCount, Thread
from whatsapp.receiving import revising, statuses
from whatsapp.receiving.identity import Person, thread_of
from whatsapp.receiving.items import Item, Kind, as_object, id_of, lock_of, storable, tidy
from whatsapp.receiving.moments import moment_of
from whatsapp.receiving.people import receiver_of, sender_of
from whatsapp.receiving.words import text_of

MEDIA_TYPES = ("image", "video", "audio", "voice", "document", "sticker")


class Unreadable(ValueError):
    """The item lacks what a row needs; the sentence says what."""


def apply_message(item: Item, *, received_at: datetime) -> None:
    """Store one message (or an echo of one that was written on the business's phone). Repeats change nothing."""
    data = as_object(item.data)
    wamid = id_of(data.get("id"))
    if not wamid:
        raise Unreadable("El mensaje no trae su id.")
    is_echo = item.kind == Kind.ECHO
    person = receiver_of(item) if is_echo else sender_of(item)
    if not person.names:
        raise Unreadable("El mensaje no dice de quién es.")
    at = moment_of(data.get("timestamp"), otherwise=received_at)
    with transaction.atomic():
        hold(lock_of(wamid))
        number = number_of(item)
        thread = thread_of(number, person, at=at)
        # First: what a link adds to the counts of earlier hours comes before what this message adds to its own, so
        # that two who add never wait for each other.
        recognise(thread)
        if not Message.objects.filter(message_id=wamid).exists():
            message = _row(item, data, wamid, thread, person, at=at)
            if _insert(message):
                _follow(thread, message, data)


def number_of(item: Item) -> BusinessNumber:
    """The number of ours that an item is about; made when it is seen for the first time."""
    number_id = item.phone_number_id
    if not number_id:
        raise Unreadable("El aviso no dice a qué número del negocio llegó.")
    display = item.display_number
    number, _ = BusinessNumber.objects.get_or_create(phone_number_id=number_id, defaults={"display_number": display})
    if display and not number.display_number:
        number.display_number = display
        number.save(update_fields=["display_number"])
    return number


def _row(item: Item, data: Mapping[str, Any], wamid: str, thread: Thread, person: Person, *, at: datetime) -> Message:
    kind = tidy(data.get("type"))[:40] or "unknown"
    is_echo = item.kind == Kind.ECHO
    theirs = person.address or person.names[0][1]
    ours = item.phone_number_id
    author = Author.PHONE if is_echo else Author.SYSTEM if kind == "system" else Author.CONTACT
    return Message(
        message_id=wamid,
        thread=thread,
        from_number=ours if is_echo else theirs,
        to_number=theirs if is_echo else ours,
        message_type=kind,
        body=text_of(data),
        timestamp=at,
        direccion=Direction.OUTBOUND if is_echo else Direction.INBOUND,
        cliente_id=thread.contact_id,
        author=author,
        about=revising.about_of(data),
        content=storable(data),
        status=MessageStatus.SENT if is_echo else MessageStatus.RECEIVED,
        status_rank=4 if is_echo else 0,
        sent_at=at if is_echo else None,
        procesado=is_echo,
        respuesta_enviada=is_echo,
    )


def _insert(message: Message) -> bool:
    """Whether the row is new. Two threads of one worker pool may hold one wamid: the unique column decides."""
    try:
        with transaction.atomic():
            message.save(force_insert=True)
    except IntegrityError:
        if not Message.objects.filter(message_id=message.message_id).exists():
            raise
        return False
    return True


def _follow(thread: Thread, message: Message, data: Mapping[str, Any]) -> None:
    """What a new row entails, in its transaction."""
    MessageCount.objects.add_message(message)
    thread.note(message, answers=message.author == Author.PHONE and message.is_bubble)
    revising.revise(message)
    if message.is_outbound:
        statuses.catch_up(message)
        if message.is_bubble:
            thread.take_over(None, reason=Silence.PHONE, at=message.timestamp)
            settle_nudge(thread)
    _keep_media(message, data)
    if message.is_written_by_contact:
        scheduling.hear(thread, message)


def _keep_media(message: Message, data: Mapping[str, Any]) -> None:
    from whatsapp.tasks import fetch_due_media

    part = as_object(data.get(message.message_type)) if message.message_type in MEDIA_TYPES else {}
    media_id = tidy(part.get("id"))
    if not media_id:
        return
    Media.objects.create(
        message=message,
        media_id=media_id,
        kind=message.message_type,
        mime_type=tidy(part.get("mime_type"))[:120],
        sha256=tidy(part.get("sha256"))[:100],
        filename=tidy(part.get("filename")),
    )
    wake(fetch_due_media)
