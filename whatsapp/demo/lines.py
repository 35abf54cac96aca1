"""What is said in the demonstration, line by line: the person's as Meta would bring it, ours as it was sent."""

import base64
import hashlib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from crm.demo import Story
from whatsapp.choices import STATUS_RANKS, Author, Direction, MediaState, MessageStatus
from whatsapp.demo.dialogues import Dialogue
from whatsapp.demo.people import user_id
from whatsapp.demo.told import Told
from whatsapp.models import Media, Message, Template
from whatsapp.receiving.words import text_of
from whatsapp.sending import bodies
from whatsapp.simulated import DOCUMENT_IDS, IMAGE_IDS, TEMPLATES
from whatsapp.templating import components, render

PROJECTS = ("Oasis 1", "Oasis 2", "Oasis 3")


def speak(told: Told, dialogue: Dialogue, ended_at: datetime) -> None:
    """The lines with the pauses between them; the last one stands at `ended_at`."""
    pauses = [timedelta(seconds=told.story.draw.randrange(20, 240)) for _ in dialogue]
    at = ended_at - sum(pauses[1:], timedelta())
    for line, pause in zip(dialogue, [timedelta(), *pauses[1:]], strict=True):
        at += pause
        head, _, text = line.partition("|")
        who, _, kind = head.partition(":")
        text = text.format(**_words(told)) if "template" not in kind else text
        if who == "c":
            _hear(told, kind or "text", text, at)
        else:
            _say(told, who, kind or "text", text, at)


def _words(told: Told) -> dict[str, str]:
    thread, draw = told.thread, Story(f"{told.story.name}/words", told.story.now).draw
    contact = thread.contact
    return {
        "nombre": (contact.first_name if contact else thread.profile_name.split()[0]) or "",
        "agente": told.agent.first_name,
        "proyecto": draw.choice(PROJECTS),
        "ciudad": (contact.city if contact else None) or draw.choice(("Huacho", "Madrid", "Lima")),
    }


def _hear(told: Told, kind: str, text: str, at: datetime) -> None:
    """A line of the person's, as Meta would bring it."""
    number, about = told.thread.address, ""
    item: dict[str, Any] = {
        "from": number or user_id(told.story),
        "id": _wamid(told),
        "timestamp": str(int(at.timestamp())),
    }
    item |= {"type": kind, **_part(told, kind, text)}
    if kind == "reaction":
        about = next((one.message_id or "" for one in reversed(told.messages) if one.is_outbound), "")
        item["reaction"]["message_id"] = about
    message = Message(
        from_number=item["from"],
        to_number=settings.WHATSAPP_PHONE_NUMBER_ID,
        message_type=kind,
        body=text_of(item),
        direccion=Direction.INBOUND,
        author=Author.CONTACT,
        status=MessageStatus.RECEIVED,
        content=item,
        about=about,
        procesado=True,
        **_common(told, str(item["id"]), at),
    )
    told.messages.append(message)
    if kind in ("image", "audio", "document", "sticker"):
        told.media.append(_media(message, item[kind], told.story.now))


def _part(told: Told, kind: str, text: str) -> dict[str, Any]:
    digits = f"{told.story.id.int % 10**8:08d}{len(told.messages):02d}"
    match kind:
        case "image":
            return {"image": {"id": f"{IMAGE_IDS}{digits}", "mime_type": "image/png", "caption": text}}
        case "document":
            part = {"id": f"{DOCUMENT_IDS}{digits}", "mime_type": "application/pdf", "filename": text}
            return {"document": part}
        case "audio":
            return {"audio": {"id": f"5003{digits}", "mime_type": "audio/ogg; codecs=opus", "voice": True}}
        case "sticker":
            return {"sticker": {"id": f"5004{digits}", "mime_type": "image/webp", "animated": False}}
        case "location":
            return {"location": {"latitude": -11.9908, "longitude": -77.0627, "name": text, "address": "Lima"}}
        case "contacts":
            card = {"name": {"formatted_name": text}, "phones": [{"phone": "+51 900 000 998", "type": "CELL"}]}
            return {"contacts": [card]}
        case "reaction":
            return {"reaction": {"emoji": text}}
        case "button":
            return {"button": {"text": text, "payload": text}}
        case "unsupported":
            return {"errors": [{"code": 131051, "title": "Message type unknown"}]}
    return {"text": {"body": text}}


def _media(message: Message, part: dict[str, Any], now: datetime) -> Media:
    """Pictures and documents are fetched by the worker, from the simulated Meta; the rest is no longer there."""
    is_there = str(part["id"]).startswith((IMAGE_IDS, DOCUMENT_IDS))
    return Media(
        message=message,
        media_id=part["id"],
        kind=message.message_type,
        mime_type=part["mime_type"],
        filename=part.get("filename", ""),
        state=MediaState.PENDING if is_there else MediaState.FAILED,
        next_try_at=now,
        attempts=0 if is_there else 5,
        error="" if is_there else "Meta ya no tiene el archivo.",
    )


def _say(told: Told, who: str, kind: str, text: str, at: datetime) -> None:
    """A line of ours, and how far it got."""
    author = {"b": Author.BOT, "p": Author.USER, "t": Author.PHONE}[who]
    body, words = _body(kind, text, told)
    common = _common(told, _wamid(told), at)
    thread = told.thread
    message = Message(
        from_number=settings.WHATSAPP_PHONE_NUMBER_ID,
        to_number=thread.address or user_id(told.story),
        message_type=body["type"],
        body=words,
        direccion=Direction.OUTBOUND,
        author=author,
        sent_by=told.agent if author == Author.USER else None,
        status=MessageStatus.SENT,
        procesado=True,
        respuesta_enviada=True,
        content=bodies.addressed(
            body,
            to=thread.address,
            recipient="" if thread.address else user_id(told.story),
            key=str(common["key"]),
        ),
        **common,
    )
    _fare(told, message, failed=kind == "failed")
    if author == Author.BOT and (heard := told.newest_inbound) is not None:
        heard.respuesta_enviada, heard.respuesta_bot = True, words
        heard.respuesta_meta_id = message.message_id
        told.answers.append((message, heard))
    if kind == "handover":
        told.unsettling.add(message.key)
    told.messages.append(message)


def _body(kind: str, text: str, told: Told) -> tuple[dict[str, Any], str]:
    """What the Graph API was sent, and what the conversation shows of it."""
    if kind == "template":
        name, *values = [part.format(**_words(told)) for part in text.split("|")]
        template = next(one for one in TEMPLATES if one["name"] == name)
        row = Template(name=name, language=template["language"], components=template["components"])
        return bodies.template(name, row.language, components(row, values)), render(row, values)
    if kind == "document":
        part = {"id": f"{DOCUMENT_IDS}{told.story.id.int % 10**9:09d}", "caption": text, "filename": f"{text}.pdf"}
        return {"type": "document", "document": part}, text
    return bodies.text(text), text


def _fare(told: Told, message: Message, *, failed: bool) -> None:
    """Sent, delivered and mostly read; what was written after the 24 hours failed."""
    message.sent_at = message.timestamp + timedelta(seconds=1)
    status = MessageStatus.SENT
    if failed:
        status, message.failed_at, message.error_code = MessageStatus.FAILED, message.sent_at, 131047
        message.error = "Pasaron más de 24 horas desde el último mensaje de la persona."
        message.respuesta_enviada, message.sent_at = True, None
    elif message.author != Author.PHONE and told.story.chance(0.95):
        status, message.delivered_at = MessageStatus.DELIVERED, message.timestamp + timedelta(seconds=3)
        if told.story.chance(0.8):
            status, message.read_at = MessageStatus.READ, message.timestamp + timedelta(seconds=14)
    message.status, message.status_rank = status, STATUS_RANKS[status]


def _common(told: Told, wamid: str, at: datetime) -> dict[str, Any]:
    story = told.story.about("message", len(told.messages))
    return {
        "key": story.id,
        "message_id": wamid,
        "cliente": told.thread.contact,
        "timestamp": at,
        "creado_en": at + timedelta(seconds=1),
        "actualizado_en": at + timedelta(seconds=1),
    }


def _wamid(told: Told) -> str:
    digest = hashlib.sha256(f"{told.story.name}/{len(told.messages)}".encode()).digest()
    return f"wamid.{base64.b64encode(digest[:24]).decode()}"
