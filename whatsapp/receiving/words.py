"""What a message says in a line of text, whatever its type (whatsapp-anchors a.3). Shown in lists, searched, kept."""

from collections.abc import Callable, Mapping
from typing import Any

from whatsapp.receiving import items
from whatsapp.receiving.items import as_list, as_object

LONGEST_BODY = 65_000


def text_of(data: Mapping[str, Any]) -> str | None:
    """The words of a message; for what has none, a short Spanish description in brackets."""
    kind = str(data.get("type") or "")
    describe = _WORDS.get(kind, _unknown)
    found = describe(data)
    return clean(found) if found is not None else None


def clean(text: str) -> str:
    """Without what PostgreSQL cannot store: NUL, and halves of characters."""
    return items.clean(text)[:LONGEST_BODY]


def _part(data: Mapping[str, Any]) -> dict[str, Any]:
    return as_object(data.get(str(data.get("type") or "")))


def _text(data: Mapping[str, Any]) -> str | None:
    body = _part(data).get("body")
    return str(body) if body is not None else "[Sin texto]"


def _media(word: str) -> Callable[[Mapping[str, Any]], str]:
    def describe(data: Mapping[str, Any]) -> str:
        part = _part(data)
        caption = part.get("caption")
        return str(caption) if caption else f"[{word}]"

    return describe


def _audio(data: Mapping[str, Any]) -> str:
    return "[Nota de voz]" if _part(data).get("voice") else "[Audio]"


def _document(data: Mapping[str, Any]) -> str:
    part = _part(data)
    return str(part.get("caption") or f"[Documento: {part.get('filename') or 'sin nombre'}]")


def _location(data: Mapping[str, Any]) -> str:
    part = _part(data)
    told = [str(part[name]) for name in ("name", "address") if part.get(name)]
    told = told or [f"{part.get('latitude')}, {part.get('longitude')}"]
    return f"[Ubicación: {' · '.join(told)}]"


def _contacts(data: Mapping[str, Any]) -> str:
    cards = []
    for card in as_list(data.get("contacts")):
        name = as_object(as_object(card).get("name")).get("formatted_name") or ""
        phones = [str(as_object(phone).get("phone") or "") for phone in as_list(as_object(card).get("phones"))]
        cards.append(" ".join(part for part in (str(name), *phones) if part))
    return f"[Contacto: {'; '.join(card for card in cards if card) or 'sin datos'}]"


def _interactive(data: Mapping[str, Any]) -> str:
    part = _part(data)
    reply = as_object(part.get(str(part.get("type") or "")))
    title = reply.get("title") or reply.get("body") or reply.get("name")
    return str(title) if title else "[Respuesta a un menú]"


def _button(data: Mapping[str, Any]) -> str:
    part = _part(data)
    return str(part.get("text") or part.get("payload") or "[Botón]")


def _reaction(data: Mapping[str, Any]) -> str:
    return str(_part(data).get("emoji") or "[Reacción retirada]")


def _order(data: Mapping[str, Any]) -> str:
    part = _part(data)
    products = len(as_list(part.get("product_items")))
    what = "1 producto" if products == 1 else f"{products} productos"
    return f"[Pedido: {what}] {part.get('text') or ''}".strip()


def _system(data: Mapping[str, Any]) -> str:
    kind = str(_part(data).get("type") or "")
    if "number" in kind:
        return "[Cambió de número]"
    if "user_id" in kind:
        return "[WhatsApp renovó su identificador]"
    if "identity" in kind:
        return "[Cambió su código de seguridad]"
    return "[Aviso de WhatsApp]"


def _edit(data: Mapping[str, Any]) -> str | None:
    said = as_object(_part(data).get("message"))
    # An edit holds the new words, never another edit.
    return _unknown(said) if said.get("type") == "edit" else text_of(said)


def _unsupported(data: Mapping[str, Any]) -> str:
    return "[Mensaje que WhatsApp no permite mostrar]"


def _unknown(data: Mapping[str, Any]) -> str:
    return f"[Mensaje de tipo {data.get('type') or 'desconocido'}]"


_WORDS: dict[str, Callable[[Mapping[str, Any]], str | None]] = {
    "text": _text,
    "image": _media("Imagen"),
    "video": _media("Video"),
    "sticker": _media("Sticker"),
    "audio": _audio,
    "voice": _media("Nota de voz"),
    "document": _document,
    "location": _location,
    "contacts": _contacts,
    "interactive": _interactive,
    "button": _button,
    "reaction": _reaction,
    "order": _order,
    "system": _system,
    "edit": _edit,
    "revoke": lambda data: "[Mensaje eliminado]",
    "unsupported": _unsupported,
    "request_welcome": lambda data: "[Abrió el chat]",
    "template": lambda data: "[Plantilla]",
}
