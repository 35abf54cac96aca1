"""What the Graph API is sent: one function for each kind of message (whatsapp-anchors a.11)."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm.exceptions import Refusal

LONGEST_TEXT = 4_096
LONGEST_CAPTION = 1_024
LONGEST_INTERACTIVE = 1_024
MOST_BUTTONS = 3
LONGEST_BUTTON_TITLE, LONGEST_BUTTON_ID = 20, 256
MEDIA_KINDS = ("image", "video", "audio", "document", "sticker")
_WITH_CAPTION = ("image", "video", "document")


class TooLong(Refusal):
    code = "mensaje_demasiado_largo"


def text(body: str) -> dict[str, Any]:
    found = body.strip()
    if not found:
        raise Refusal("Escriba el mensaje.", code="mensaje_vacio")
    if len(found) > LONGEST_TEXT:
        raise TooLong(f"El mensaje tiene {len(found)} caracteres; WhatsApp admite {LONGEST_TEXT}.")
    return {"type": "text", "text": {"body": found, "preview_url": "http" in found}}


def template(name: str, language: str, components: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`components`: the texts for its variables as whatsapp/templating.py lays them out."""
    found: dict[str, Any] = {"name": name, "language": {"code": language}}
    if components:
        found["components"] = [dict(component) for component in components]
    return {"type": "template", "template": found}


def buttons(body: str, choices: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A text with one to three answers to tap: (id, title)."""
    found = body.strip()
    if not 0 < len(found) <= LONGEST_INTERACTIVE:
        raise TooLong(f"Un mensaje con botones admite hasta {LONGEST_INTERACTIVE} caracteres.")
    if not 0 < len(choices) <= MOST_BUTTONS:
        raise Refusal(f"Un mensaje lleva de uno a {MOST_BUTTONS} botones.", code="botones_invalidos")
    if any(not title or len(title) > LONGEST_BUTTON_TITLE or len(key) > LONGEST_BUTTON_ID for key, title in choices):
        raise Refusal(f"El texto de un botón tiene hasta {LONGEST_BUTTON_TITLE} caracteres.", code="botones_invalidos")
    replies = [{"type": "reply", "reply": {"id": key, "title": title}} for key, title in choices]
    interactive = {"type": "button", "body": {"text": found}, "action": {"buttons": replies}}
    return {"type": "interactive", "interactive": interactive}


def ask_for_number(body: str) -> dict[str, Any]:
    """Asks somebody without a visible number to share it, with one tap."""
    interactive = {
        "type": "request_contact_info",
        "body": {"text": body.strip()},
        "action": {"name": "request_contact_info"},
    }
    return {"type": "interactive", "interactive": interactive}


def media(kind: str, *, link: str, media_id: str, caption: str, filename: str) -> dict[str, Any]:
    if kind not in MEDIA_KINDS:
        raise Refusal("Este tipo de archivo no se puede enviar por WhatsApp.", code="tipo_no_admitido")
    if bool(link) == bool(media_id):
        raise Refusal("Indique el archivo: una dirección o un archivo ya subido.", code="archivo_invalido")
    if len(caption) > LONGEST_CAPTION:
        raise TooLong(f"El texto de un archivo admite hasta {LONGEST_CAPTION} caracteres.")
    part: dict[str, Any] = {"link": link} if link else {"id": media_id}
    if caption and kind in _WITH_CAPTION:
        part["caption"] = caption
    if filename and kind == "document":
        part["filename"] = filename
    return {"type": kind, kind: part}


def reaction(message_id: str, emoji: str) -> dict[str, Any]:
    """An empty emoji takes the reaction back."""
    return {"type": "reaction", "reaction": {"message_id": message_id, "emoji": emoji}}


def read(message_id: str, *, typing: bool) -> dict[str, Any]:
    """Mark this message and those before it as read; `typing` shows that somebody is writing, for 25 seconds."""
    found: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
    if typing:
        found["typing_indicator"] = {"type": "text"}
    return found


def addressed(body: Mapping[str, Any], *, to: str, recipient: str, key: str, quoting: str = "") -> dict[str, Any]:
    """A body with its address. A number goes into `to` with its plus; a business-scoped id into `recipient`, because
    in `to` it would be accepted and dropped (whatsapp-anchors, facts 5 and 6)."""
    found: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    found |= {"to": f"+{to.lstrip('+')}"} if to else {"recipient": recipient}
    if quoting:
        found["context"] = {"message_id": quoting}
    return {**found, **body, "biz_opaque_callback_data": key}
