"""Writing to people: the row first, then Meta (contract section 4).

Each function writes the message, moves its thread and queues the request in one transaction; a worker sends it. What
may not be sent is refused here, with the way out.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from crm.exceptions import Conflict, Refusal
from crm.models import Contact
from crm.phones import parse_phone
from whatsapp.choices import AliasKind, Author, Direction, LinkRule, MessageStatus
from whatsapp.consent import has_opted_out
from whatsapp.linking import link, recognise
from whatsapp.models import BusinessNumber, Message, MessageCount, Template, Thread
from whatsapp.models.threads import PAIR_CREDIT, PAIR_SPACING
from whatsapp.receiving.identity import Person, thread_of
from whatsapp.sending import bodies
from whatsapp.signals import graph_request_queued

if TYPE_CHECKING:
    from crm.models import User


class WindowClosed(Refusal):
    code = "ventana_cerrada"
    message = (
        "Pasaron más de 24 horas desde su último mensaje: WhatsApp solo permite enviarle una plantilla aprobada. "
        "Elija una plantilla o espere a que escriba."
    )


class OptedOut(Conflict):
    code = "no_desea_mensajes"
    message = "Esta persona pidió no recibir mensajes. Solo se le puede responder si vuelve a escribir."


def send_text(
    thread: Thread,
    text: str,
    *,
    by: "User | None" = None,
    author: Author = Author.USER,
    answers: Message | None = None,
    quoting: str = "",
    settles: bool = True,
    key: UUID | None = None,
) -> Message:
    """Write a text. `settles`: nobody waits for an answer any more. `key`: the same one twice is one message."""
    body = bodies.text(text)
    return _send(
        thread,
        body,
        words=body["text"]["body"],
        by=by,
        author=author,
        answers=answers,
        quoting=quoting,
        settles=settles,
        key=key,
    )


def send_template(
    thread: Thread,
    template: Template,
    *,
    values: Mapping[str, Sequence[str]] | Sequence[str] = (),
    by: "User | None" = None,
    author: Author = Author.USER,
    key: UUID | None = None,
) -> Message:
    """Send an approved template: the only thing that may be sent after the 24 hours. A bare list is the body's."""
    from whatsapp.templating import components, render

    if not Template.objects.usable().filter(pk=template.pk).exists():
        raise Refusal(f"La plantilla «{template}» no está aprobada o Meta la rechazó.", code="plantilla_no_disponible")
    given = values if isinstance(values, Mapping) else {"body": list(values)}
    words = render(template, given)
    body = bodies.template(template.name, template.language, components(template, given))
    return _send(thread, body, words=words, by=by, author=author, is_template=True, key=key)


def send_interactive(
    thread: Thread,
    text: str,
    *,
    buttons: Sequence[tuple[str, str]],
    by: "User | None" = None,
    author: Author = Author.USER,
    answers: Message | None = None,
    settles: bool = True,
    key: UUID | None = None,
) -> Message:
    """A text with up to three answers to tap."""
    body = bodies.buttons(text, buttons)
    words = "\n".join([text.strip(), *(f"▸ {title}" for _, title in buttons)])
    return _send(thread, body, words=words, by=by, author=author, answers=answers, settles=settles, key=key)


def ask_for_number(thread: Thread, text: str, *, by: "User | None" = None, author: Author = Author.USER) -> Message:
    """Ask somebody whose number WhatsApp hides to share it with one tap."""
    return _send(thread, bodies.ask_for_number(text), words=text.strip(), by=by, author=author)


def send_media(
    thread: Thread,
    *,
    kind: str,
    link: str = "",
    media_id: str = "",
    caption: str = "",
    filename: str = "",
    by: "User | None" = None,
    author: Author = Author.USER,
    key: UUID | None = None,
) -> Message:
    """A picture, video, sound, document or sticker, by address or by what Meta called it when it was uploaded."""
    body = bodies.media(kind, link=link, media_id=media_id, caption=caption, filename=filename)
    words = caption or (f"[Documento: {filename}]" if filename else f"[{_MEDIA_WORDS[kind]}]")
    return _send(thread, body, words=words, by=by, author=author, key=key)


_MEDIA_WORDS = {
    "image": "Imagen",
    "video": "Video",
    "audio": "Audio",
    "document": "Documento",
    "sticker": "Sticker",
}


def send_reaction(thread: Thread, message: Message, emoji: str, *, by: "User | None" = None) -> Message:
    """React to a message of the person; an empty emoji takes it back."""
    if not message.message_id:
        raise Refusal("Todavía no se puede reaccionar a este mensaje.", code="sin_id")
    body = bodies.reaction(message.message_id, emoji)
    return _send(
        thread, body, words=emoji or "[Reacción retirada]", by=by, author=Author.USER, about=message.message_id
    )


def mark_read(thread: Thread, *, typing: bool = False) -> None:
    """Show the person that they were read, and that somebody is writing."""
    with transaction.atomic():
        locked = _living(thread)
        locked.mark_seen()
        thread.unread, thread.seen_at = locked.unread, locked.seen_at
        newest = locked.messages.written_by_contact().newest_first().first()
        if newest is not None and newest.message_id:
            _queue(locked, bodies.read(newest.message_id, typing=typing), subject=f"whatsapp-read:{locked.pk}", by=None)


def thread_to(raw_number: str, *, contact: Contact | None = None) -> Thread:
    """The thread to write to: the one this number has, else a new one. `contact`: whose number it is said to be."""
    phone = parse_phone(raw_number)
    if phone is None or not settings.WHATSAPP_PHONE_NUMBER_ID:
        sentence = "Número de teléfono inválido." if phone is None else "Falta WHATSAPP_PHONE_NUMBER_ID."
        raise Refusal(sentence, code="numero_invalido" if phone is None else "sin_configurar")
    with transaction.atomic():
        number, _ = BusinessNumber.objects.get_or_create(phone_number_id=settings.WHATSAPP_PHONE_NUMBER_ID)
        person = Person.known_by(wa_ids=(phone.number.removeprefix("+"),))
        thread = thread_of(number, person, at=timezone.now())
        recognise(thread)
        if contact is not None and thread.contact_id is None:
            link(thread, contact, rule=LinkRule.SENT_TO, by=None, evidence=f"Se le escribió a {phone.number}.")
    return thread


# --- One way for all ---------------------------------------------------------------------------


def _send(
    thread: Thread,
    body: Mapping[str, Any],
    *,
    words: str,
    by: "User | None",
    author: Author,
    answers: Message | None = None,
    quoting: str = "",
    about: str = "",
    settles: bool = True,
    is_template: bool = False,
    key: UUID | None = None,
) -> Message:
    with transaction.atomic():
        locked = _living(thread)
        if key is not None and (earlier := Message.objects.filter(key=key).first()) is not None:
            if earlier.thread_id != locked.pk or not earlier.is_outbound:
                raise Conflict("Esta clave ya es de otro mensaje.", code="clave_repetida")
            return earlier
        _refuse_where_forbidden(locked, author=author, is_template=is_template)
        to, recipient = _address_of(locked)
        message = Message(
            thread=locked,
            from_number=locked.number.phone_number_id,
            to_number=to or recipient,
            message_type=str(body["type"]),
            body=words,
            timestamp=timezone.now(),
            direccion=Direction.OUTBOUND,
            cliente_id=locked.contact_id,
            author=author,
            sent_by=by,
            respuesta=answers,
            about=about or quoting,
            status=MessageStatus.QUEUED,
            procesado=True,
            respuesta_enviada=True,
            **({"key": key} if key else {}),
        )
        message.content = bodies.addressed(body, to=to, recipient=recipient, key=str(message.key), quoting=quoting)
        message.save(force_insert=True)
        MessageCount.objects.add_message(message)
        _move(locked, message, author=author, by=by, settles=settles)
        _queue(locked, message.content, subject=f"whatsapp:{locked.pk}", by=by, not_before=_paced(locked))
    thread.refresh_from_db()
    return message


def _living(thread: Thread) -> Thread:
    """The thread, locked; the one that it has become where it turned out to be the same person."""
    locked = Thread(pk=thread.merged_into_id or thread.pk).lock()
    while locked.merged_into_id is not None:
        locked = Thread(pk=locked.merged_into_id).lock()
    return locked


def _refuse_where_forbidden(thread: Thread, *, author: Author, is_template: bool) -> None:
    if not is_template and not thread.is_window_open:
        raise WindowClosed
    if author == Author.USER and has_opted_out(thread) and not _has_written_since(thread):
        raise OptedOut


def _has_written_since(thread: Thread) -> bool:
    """Whether the person wrote after they had asked for silence: then they may be answered."""
    since = thread.opted_out_at or (thread.contact.opted_out_of_messages_at if thread.contact else None)
    return since is not None and thread.last_inbound_at is not None and thread.last_inbound_at > since


def _address_of(thread: Thread) -> tuple[str, str]:
    """The number to write to, else the business-scoped id; the newest of each counts."""
    if thread.address and thread.address.lstrip("+").isdigit():
        return thread.address, ""
    newest = thread.aliases.order_by("-first_seen_at", "-id")
    number = next((alias.value for alias in newest.filter(kind=AliasKind.WA_ID) if alias.value.isdigit()), "")
    if number:
        return number, ""
    user_id = newest.filter(kind__in=[AliasKind.USER_ID, AliasKind.PARENT_USER_ID]).values_list("value", flat=True)
    if found := user_id.first():
        return "", found
    raise Refusal("No hay número al que escribirle.", code="sin_numero")


def _move(thread: Thread, message: Message, *, author: Author, by: "User | None", settles: bool) -> None:
    from whatsapp.following import settle_nudge

    thread.note(message, answers=settles and message.is_bubble)
    if author == Author.USER and message.is_bubble:
        thread.take_over(by)
        settle_nudge(thread)


def _paced(thread: Thread) -> datetime:
    """When the next message to this person may leave: the credit of the pair, used up by one (generic cell rate).

    One column and no history: `paced_until` is the moment up to which the pair's allowance is spent.
    """
    now = timezone.now()
    spent = max(thread.paced_until or now, now) + PAIR_SPACING
    thread.change(paced_until=spent)
    return max(now, spent - PAIR_CREDIT)


def _queue(
    thread: Thread, body: Mapping[str, Any], *, subject: str, by: "User | None", not_before: datetime | None = None
) -> None:
    graph_request_queued.send(
        sender=Thread,
        subject=subject,
        phone_number_id=thread.number.phone_number_id,
        body=dict(body),
        not_before=not_before if not_before and not_before > timezone.now() + timedelta(seconds=1) else None,
        by=by,
    )
