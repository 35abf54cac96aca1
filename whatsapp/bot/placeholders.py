"""What staff may write between braces in a rule's answer: "Hola, {nombre}" (docs/bot.md).

A value that is not there never leaves a hole: some placeholders just go, with the comma before them; of others the
whole sentence gives way to one that is true ("No tiene citas pendientes.").
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from crm.text import fold
from whatsapp.bot.provider import Conversation
from whatsapp.hours import DAYS, clock

MONTHS = (
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
)
ASK_FOR_DOCUMENT = "Para ubicarle, escríbame por favor solo el número de su documento de identidad."

_PLACEHOLDER = re.compile(r"\{\s*(\w+)\s*\}")
# A sentence with what stands behind it: its point or line end, and the blanks up to the next.
_SENTENCE = re.compile(r"[^\n]*?(?:[.!?…]+(?=\s|$)|(?=\n)|$)\s*")
_HOLE = "\x00"
_HOLE_AT_THE_START = re.compile(rf"^[ \t]*{_HOLE}[ \t]*,?[ \t]*(\w?)", re.MULTILINE)
_HOLE_WITH_COMMA = re.compile(rf"[ \t]*,?[ \t]*{_HOLE}")
_BLANKS = re.compile(r"[ \t]{2,}")
_BLANK_BEFORE_POINT = re.compile(r"[ \t]+([,.;:!?])")


@dataclass(frozen=True)
class Placeholder:
    """`value` answers "" where there is none; `instead` is then said for the whole sentence."""

    description: str
    value: Callable[[Conversation], str]
    instead: str = ""


def _first_name(conversation: Conversation) -> str:
    return conversation.contact.first_name if conversation.contact else ""


def _full_name(conversation: Conversation) -> str:
    return conversation.contact.name if conversation.contact else ""


def _next_appointment(conversation: Conversation) -> str:
    contact = conversation.contact
    if contact is None or contact.appointment_at is None:
        return ""
    place = f" en {contact.appointment_place}" if contact.appointment_place else ""
    return spoken(contact.appointment_at, now=conversation.at) + place


def _next_task(conversation: Conversation) -> str:
    contact = conversation.contact
    return spoken(contact.task_at, now=conversation.at) if contact and contact.task_at else ""


def _responsible(conversation: Conversation) -> str:
    return (conversation.contact.responsible if conversation.contact else "") or conversation.responsible


def _opening_hours(conversation: Conversation) -> str:
    return conversation.opening_hours


def _greeting(conversation: Conversation) -> str:
    return greeting(conversation.at)


def _ask_for_document(conversation: Conversation) -> str:
    return ASK_FOR_DOCUMENT if may_ask_for_document(conversation) else ""


def may_ask_for_document(conversation: Conversation) -> bool:
    return conversation.contact is None and conversation.may_ask_for_document


KNOWN: dict[str, Placeholder] = {
    "nombre": Placeholder("Primer nombre del cliente.", _first_name),
    "nombre_completo": Placeholder("Nombre y apellidos del cliente.", _full_name),
    "proxima_cita": Placeholder(
        "Su próxima cita: «el lunes 3 de agosto a las 10:30 en Sala Lince».",
        _next_appointment,
        "No tiene citas pendientes.",
    ),
    "tarea": Placeholder(
        "Cuándo tenemos previsto contactarle: «el martes 4 de agosto a las 9:00».",
        _next_task,
        "No tiene llamadas ni gestiones pendientes.",
    ),
    "responsable": Placeholder("Primer nombre de quien le atiende.", _responsible, "Le atenderá nuestro equipo."),
    "horario": Placeholder(
        "El horario de atención: «lunes a viernes de 9:00 a 18:00».", _opening_hours, "Atendemos todos los días."
    ),
    "saludo": Placeholder("«Buenos días», «Buenas tardes» o «Buenas noches», según la hora.", _greeting),
    "pedir_documento": Placeholder(
        "Pide el número de documento a quien no está vinculado; al recibirlo, el bot lo reconoce.", _ask_for_document
    ),
}


def names_in(text: str) -> list[str]:
    """The placeholders of a text, each once, in order."""
    return list(dict.fromkeys(_PLACEHOLDER.findall(text)))


def unknown_in(text: str) -> list[str]:
    """Those that nobody knows: a slip of the pen, for the page on which the rule is written."""
    return [name for name in names_in(text) if _known(name) is None]


def asks_for_document(text: str, conversation: Conversation) -> bool:
    """Whether this answer, said to this person, asks for the document number."""
    return "pedir_documento" in map(fold, names_in(text)) and may_ask_for_document(conversation)


def fill(text: str, conversation: Conversation, *, keep_unknown: bool = False) -> str:
    """The answer as the person reads it. Unknown placeholders go, or stay as they are for who tries the rule out."""
    sentences = [_said(sentence, conversation, keep_unknown) for sentence in _SENTENCE.findall(text)]
    filled = _HOLE_AT_THE_START.sub(lambda match: match[1].upper(), "".join(sentences))
    filled = _HOLE_WITH_COMMA.sub("", filled)
    filled = _BLANK_BEFORE_POINT.sub(r"\1", _BLANKS.sub(" ", filled))
    return "\n".join(line.strip() for line in filled.splitlines()).strip()


def _said(sentence: str, conversation: Conversation, keep_unknown: bool) -> str:
    for name in names_in(sentence):
        placeholder = _known(name)
        if placeholder is not None and placeholder.instead and not placeholder.value(conversation):
            return placeholder.instead + sentence[len(sentence.rstrip()) :]

    def value(match: re.Match[str]) -> str:
        placeholder = _known(match[1])
        if placeholder is None:
            return match[0] if keep_unknown else _HOLE
        return placeholder.value(conversation).replace(_HOLE, "") or _HOLE

    return _PLACEHOLDER.sub(value, sentence)


def _known(name: str) -> Placeholder | None:
    """However it was written: {Nombre}, {próxima_cita}."""
    return KNOWN.get(fold(name))


def greeting(at: datetime) -> str:
    """By the local time: until noon, until seven in the evening, after that."""
    hour = timezone.localtime(at).hour
    if hour < 12:
        return "Buenos días" if hour >= 5 else "Buenas noches"
    return "Buenas tardes" if hour < 19 else "Buenas noches"


def spoken(at: datetime, *, now: datetime) -> str:
    """ "hoy a las 10:30", "mañana a las 9:00", "el lunes 3 de agosto a las 10:30"; another year is named."""
    local, today = timezone.localtime(at), timezone.localtime(now).date()
    hour = f"a {'la' if local.hour == 1 else 'las'} {clock(local)}"
    if local.date() == today:
        return f"hoy {hour}"
    if local.date() == today + timedelta(days=1):
        return f"mañana {hour}"
    year = f" de {local.year}" if local.year != today.year else ""
    return f"el {DAYS[local.weekday()]} {local.day} de {MONTHS[local.month - 1]}{year} {hour}"
