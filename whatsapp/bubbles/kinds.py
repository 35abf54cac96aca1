"""Each type of message in words, lines, files and buttons."""

import json
from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from crm.display import shortened
from whatsapp.bubbles.reading import dig, items, number, web_address, words
from whatsapp.bubbles.shapes import File, Line
from whatsapp.choices import MediaState
from whatsapp.models import Media, Message

MEDIA_NAMES = {
    "image": "Imagen",
    "video": "Video",
    "audio": "Audio",
    "voice": "Nota de voz",
    "document": "Documento",
    "sticker": "Sticker",
}
# What a browser shows by itself; anything else is a file to download.
PLAYED_INLINE = {"image": "image", "sticker": "image", "video": "video", "audio": "audio", "voice": "audio"}


Shown = dict[str, Any]


def _show_text(row: Message, shown: Shown) -> None:
    shown["text"] = row.body or words(dig(row.content, "text", "body"))


def _show_media(row: Message, shown: Shown) -> None:
    part = dig(row.content, row.message_type)
    caption = words(dig(part, "caption"))
    shown["text"] = (row.body or "") if row.edited_at else caption
    shown["file"] = _file(row, part)


def _file(row: Message, part: Any) -> File:
    """What became of the file: there to look at, on its way, or why not."""
    kind = row.message_type
    name = MEDIA_NAMES[kind]
    given = words(dig(part, "filename"))
    media = getattr(row, "media", None)
    if media is None:
        link = web_address(dig(part, "link"))
        return File(kind, given or name, href=link, told="" if link else "El archivo no llegó con el mensaje.")
    name = shortened(media.filename or given or name, 60)
    match media.state:
        case MediaState.STORED:
            return File(kind, name, PLAYED_INLINE.get(kind, ""), media_url(media), media.size)
        case MediaState.REFUSED:
            return File(
                kind, name, told=f"No se guardó: {media.error or 'su tipo o tamaño no se admite'}", is_trouble=True
            )
        case MediaState.FAILED:
            return File(
                kind, name, told=f"No se pudo descargar: {media.error or 'WhatsApp no lo entregó'}", is_trouble=True
            )
    return File(kind, name, told="Descargando…" if media.state == MediaState.FETCHING else "Por descargar…")


def media_url(media: Media) -> str:
    """Where staff may look at it; each look is checked (whatsapp/serving.py)."""
    return reverse("admin:whatsapp_media_file", args=[media.pk])


def _show_location(row: Message, shown: Shown) -> None:
    part = dig(row.content, "location")
    place = ", ".join(filter(None, (words(dig(part, "name")), words(dig(part, "address")))))
    latitude, longitude = number(dig(part, "latitude")), number(dig(part, "longitude"))
    shown["hints"] = ("Ubicación",)
    lines = [Line(place)] if place else []
    if latitude is not None and longitude is not None:
        on_map = f"https://www.google.com/maps/search/?api=1&query={latitude},{longitude}"
        lines.append(Line(f"Ver en el mapa ({latitude:.5f}, {longitude:.5f})", on_map))
    if site := web_address(dig(part, "url")):
        lines.append(Line(shortened(site, 60), site))
    shown["lines"] = lines or [Line("La ubicación no trae coordenadas.")]


def _show_contacts(row: Message, shown: Shown) -> None:
    cards = dig(row.content, "contacts")
    lines: list[Line] = []
    asked = False
    for card in items(cards):
        asked = asked or words(dig(card, "origin")) == "contact_request"
        name = words(dig(card, "name", "formatted_name")) or words(dig(card, "name", "first_name"))
        if name:
            lines.append(Line(name, label="Nombre"))
        if company := words(dig(card, "org", "company")):
            lines.append(Line(company, label="Empresa"))
        lines += [
            Line(text, label="Teléfono") for one in items(dig(card, "phones")) if (text := words(dig(one, "phone")))
        ]
        lines += [
            Line(text, label="Correo") for one in items(dig(card, "emails")) if (text := words(dig(one, "email")))
        ]
    shown["hints"] = ("Compartió su propio número",) if asked else ("Contacto compartido",)
    shown["lines"] = lines or [Line("La tarjeta no trae datos.")]


def _show_interactive(row: Message, shown: Shown) -> None:
    part = dig(row.content, "interactive")
    kind = words(dig(part, "type"))
    if row.is_outbound:
        shown["text"] = row.body or words(dig(part, "body", "text"))
        shown["buttons"] = _choices_in(part)
        return
    reply = dig(part, kind) if kind else None
    hints = {"button_reply": "Eligió un botón", "list_reply": "Eligió de la lista", "nfm_reply": "Llenó un formulario"}
    shown["hints"] = (hints.get(kind, "Respondió a un menú"),)
    title = words(dig(reply, "title"))
    if kind == "nfm_reply":
        shown["lines"] = list(_answers_of_form(dig(reply, "response_json")))
    shown["text"] = title or row.body or ""
    if details := words(dig(reply, "description")):
        shown["lines"] = [*shown["lines"], Line(details)]


def _choices_in(part: Any) -> tuple[str, ...]:
    action = dig(part, "action")
    titles = [words(dig(one, "reply", "title")) for one in items(dig(action, "buttons"))]
    for section in items(dig(action, "sections")):
        titles += [words(dig(one, "title")) for one in items(dig(section, "rows"))]
    return tuple(title for title in titles if title)[:20]


def _answers_of_form(raw: Any) -> Iterator[Line]:
    """The answers of a form: JSON inside of JSON, which may be none."""
    try:
        answers = json.loads(raw) if isinstance(raw, str) else raw
    except ValueError:
        answers = None
    if not isinstance(answers, dict):
        if raw:
            yield Line(shortened(str(raw), 300))
        return
    for name, value in list(answers.items())[:40]:
        if name != "flow_token":
            yield Line(
                shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 300),
                label=shortened(str(name), 60),
            )


def _show_button(row: Message, shown: Shown) -> None:
    shown["hints"] = ("Pulsó un botón de la plantilla",)
    shown["text"] = words(dig(row.content, "button", "text")) or row.body or ""


def _show_order(row: Message, shown: Shown) -> None:
    part = dig(row.content, "order")
    shown["hints"] = ("Pedido del catálogo",)
    shown["text"] = words(dig(part, "text"))
    lines = []
    for product in items(dig(part, "product_items"))[:60]:
        many = words(dig(product, "quantity")) or "1"
        price = " ".join(filter(None, (words(dig(product, "currency")), words(dig(product, "item_price")))))
        what = words(dig(product, "product_retailer_id")) or "producto"
        lines.append(Line(f"{many} × {what}" + (f", a {price} cada uno" if price else "")))
    shown["lines"] = lines or [Line("El pedido no trae productos.")]


def _show_template(row: Message, shown: Shown) -> None:
    name = words(dig(row.content, "template", "name"))
    shown["hints"] = (f"Plantilla · {name}" if name else "Plantilla",)
    shown["text"] = row.body or ""


def _show_unsupported(row: Message, shown: Shown) -> None:
    shown["is_neutral"] = True
    shown["text"] = (
        "Escribió algo que WhatsApp no entrega a los sistemas (una encuesta, un mensaje efímero, una foto de "
        "una sola vez…). Puede pedirle que lo envíe de otra forma."
    )


def show_unknown(row: Message, shown: Shown) -> None:
    shown["is_neutral"] = True
    known = row.body if row.body and not row.body.startswith("[") else ""
    shown["text"] = known or f"Mensaje de un tipo que aún no se muestra: «{shortened(row.message_type, 40)}»."


SHOWS = {
    "text": _show_text,
    **dict.fromkeys(MEDIA_NAMES, _show_media),
    "location": _show_location,
    "contacts": _show_contacts,
    "interactive": _show_interactive,
    "button": _show_button,
    "order": _show_order,
    "template": _show_template,
    "unsupported": _show_unsupported,
    "unknown": _show_unsupported,
}
