"""Who wants no messages, and who wants them again (contract section 4).

Only a whole message says so: "BAJA", "Stop.", or the button of a template. "¿Puedo dar de baja mi otra línea?" is a
question. The newest word counts by Meta's clock, whatever the order in which they arrive.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from crm.exceptions import Refusal
from crm.text import words
from whatsapp import consent
from whatsapp.bot import brakes
from whatsapp.choices import Author
from whatsapp.linking import recognise
from whatsapp.models import BotSettings, Message, Thread
from whatsapp.sending.composing import send_text

LEAVING = frozenset(
    {
        "baja",
        "dar de baja",
        "darme de baja",
        "darse de baja",
        "deme de baja",
        "dame de baja",
        "quiero darme de baja",
        "solicito la baja",
        "solicito mi baja",
        "stop",
        "stop promotions",
        "stop messages",
        "unsubscribe",
        "cancelar suscripcion",
        "cancelar la suscripcion",
        "cancelar mi suscripcion",
        "cancelar subscripcion",
        "desuscribir",
        "desuscribirme",
        "detener promociones",
        "detener mensajes",
        "parar promociones",
        "dejar de recibir",
        "dejar de recibir mensajes",
        "dejar de recibir promociones",
        "no deseo recibir mensajes",
        "no deseo recibir mas mensajes",
        "no quiero recibir mensajes",
        "no quiero recibir mas mensajes",
        "no mas mensajes",
        "no me escriban",
        "no me escriban mas",
    }
)
RETURNING = frozenset(
    {
        "alta",
        "darme de alta",
        "start",
        "unstop",
        "subscribe",
        "suscribir",
        "suscribirme",
        "reanudar mensajes",
        "volver a recibir mensajes",
        "quiero volver a recibir mensajes",
    }
)
FAREWELL = "Listo, no le escribiremos más por este medio. Si cambia de opinión, responda ALTA."
WELCOME = "Listo, volverá a recibir nuestros mensajes. Para dejar de recibirlos, responda BAJA."
_LONGEST_WISH = 80


class Wish(StrEnum):
    LEAVE = "leave"
    RETURN = "return"


def wish_in(text: object) -> Wish | None:
    """What a whole message asks for, if it is one of the words."""
    if not isinstance(text, str) or len(text) > _LONGEST_WISH:
        return None
    said = " ".join(words(text))
    if said in LEAVING:
        return Wish.LEAVE
    return Wish.RETURN if said in RETURNING else None


def wish_of(message: Message) -> Wish | None:
    """What a message asks for: by its text, or by the button that was tapped."""
    return next((wish for said in _said(message) if (wish := wish_in(said)) is not None), None)


def hear_wish(thread: Thread, message: Message, wish: Wish) -> bool:
    """Do what the person asked for and confirm it once. The thread's row is locked by the caller.

    False for a word that means nothing here: "alta" from somebody who never left is a word like any other.
    """
    recognise(thread)
    if wish == Wish.RETURN:
        return _come_back(thread, message)
    _leave(thread, message)
    return True


def _leave(thread: Thread, message: Message) -> None:
    if was_taken_back(thread, message.timestamp):
        return
    if not consent.has_opted_out(thread):
        _confirm(thread, message, FAREWELL)
    consent.opt_out(thread, at=message.timestamp)


def _come_back(thread: Thread, message: Message) -> bool:
    since = consent.opted_out_since(thread)
    if since is None or since >= message.timestamp:
        return False
    consent.opt_in(thread)
    _confirm(thread, message, WELCOME)
    return True


def was_taken_back(thread: Thread, at: datetime) -> bool:
    """Whether a later message that came earlier said the contrary."""
    later = thread.messages.written_by_contact().filter(timestamp__gt=at).newest_first()[:50]
    return next((wish for one in later if (wish := wish_of(one)) is not None), None) == Wish.RETURN


def _confirm(thread: Thread, message: Message, text: str) -> None:
    """One sentence, where the bot may speak: a repeat of Meta's from last week is not answered, nor another bot."""
    settings = BotSettings.current()
    if brakes.reason_at_hand(thread, settings, newest_at=message.timestamp) or brakes.costly_reason(thread, settings):
        return
    try:
        send_text(thread, text, author=Author.BOT, answers=message)
    except Refusal as refusal:
        message.error = refusal.message
        message.save(update_fields=["error", "actualizado_en"])
        return
    message.procesado, message.respuesta_bot = True, text
    message.save(update_fields=["procesado", "respuesta_bot", "actualizado_en"])


def _said(message: Message) -> Iterator[Any]:
    """A text, the title and payload of a template's button, the title and id of a reply button."""
    content = message.content if isinstance(message.content, dict) else {}
    parts = [content.get("text"), content.get("button")]
    interactive = content.get("interactive")
    if isinstance(interactive, dict):
        parts += [interactive.get("button_reply"), interactive.get("list_reply")]
    for part in parts:
        if isinstance(part, dict):
            yield from (part.get(name) for name in ("body", "text", "payload", "title", "id"))
    if message.message_type == "text":
        yield message.body
