"""What a page shows of the messages of a thread: one bubble each, with what hangs on it.

Reactions, edits and deletions are rows of their own and shown on the message they are about. A page of messages costs
three queries, however many there are. Nothing here trusts the shape of what a stranger sent.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date

from crm.display import name_of, shortened
from whatsapp.choices import Author, MediaState, MessageStatus
from whatsapp.models import Media, Message, Thread
from whatsapp.models.messages import TYPES_ON_ANOTHER
from whatsapp.sending.errors import error_of

PAGE = 40
OURS = "Nosotros"
# A message that took longer than this to reach us says so.
LATE = timedelta(minutes=5)
MEDIA_TYPES = ("image", "video", "audio", "voice", "document", "sticker")
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


@dataclass(frozen=True)
class Line:
    """One line of what is no plain text: a product, a phone on a card, an answer of a form."""

    text: str
    href: str = ""
    label: str = ""


@dataclass(frozen=True)
class File:
    kind: str
    name: str
    player: str = ""
    href: str = ""
    size: int | None = None
    told: str = ""
    is_trouble: bool = False


@dataclass(frozen=True)
class Quoted:
    who: str
    text: str
    anchor: str = ""


@dataclass(frozen=True)
class Tick:
    """How far a message of ours got, honestly: what nobody confirmed is not called sent."""

    icon: str
    label: str
    tone: str = ""


@dataclass(frozen=True)
class Problem:
    title: str
    next_step: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Bubble:
    message: Message
    side: str  # "in", "out" or "line": centred, nobody wrote it
    author: str
    text: str = ""
    hints: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    buttons: tuple[str, ...] = ()
    file: File | None = None
    advert: Line | None = None
    quoted: Quoted | None = None
    reactions: tuple[tuple[str, str], ...] = ()
    first_words: str = ""
    tick: Tick | None = None
    times: tuple[tuple[str, datetime], ...] = ()
    problem: Problem | None = None
    is_neutral: bool = False

    @property
    def anchor(self) -> str:
        return f"m{self.message.pk}"

    @property
    def may_be_sent_again(self) -> bool:
        """Only what a person can judge: it failed, it was withdrawn, or nobody knows."""
        message = self.message
        return (
            message.is_outbound
            and message.author in (Author.USER, Author.BOT)
            and message.message_type == "text"
            and message.status in (MessageStatus.FAILED, MessageStatus.UNCERTAIN, MessageStatus.WITHDRAWN)
        )

    @property
    def may_be_reacted_to(self) -> bool:
        return self.side == "in" and bool(self.message.message_id) and not self.message.deleted_at

    @property
    def is_reacted_to(self) -> bool:
        """By us, so that it can be taken back."""
        return any(who == OURS for _, who in self.reactions)

    @property
    def may_become_work(self) -> bool:
        return self.side == "in" and not self.message.deleted_at


@dataclass(frozen=True)
class Day:
    """Stands between the messages of two days."""

    on: date

    @property
    def anchor(self) -> str:
        return f"d{self.on:%Y%m%d}"

    @property
    def text(self) -> str:
        days = (timezone.localdate() - self.on).days
        near = {0: "Hoy", 1: "Ayer"}.get(days)
        return near or format_date(self.on, "l j \\d\\e F" if self.on.year == timezone.localdate().year else "j b Y")


@dataclass(frozen=True)
class Page:
    """Some messages of a thread, oldest first, and where older ones begin."""

    items: Sequence[Bubble | Day]
    oldest: Message | None = None
    has_older: bool = False
    rows: Sequence[Message] = field(default_factory=tuple)


def page_of(thread: Thread, *, before: Message | None = None, size: int = PAGE) -> Page:
    """The newest `size` messages, or those before `before`: the index is by (thread, time, id)."""
    rows = list(rows_of(thread, before=before)[: size + 1])
    has_older = len(rows) > size
    rows = rows[:size]
    return Page(with_days(bubbles_of(thread, rows[::-1])), rows[-1] if rows else None, has_older, rows)


def rows_of(thread: Thread, *, before: Message | None = None) -> QuerySet[Message]:
    rows = Message.objects.filter(thread=thread).select_related("media", "sent_by", "ticket").newest_first()
    if before is None:
        return rows
    same_moment = Q(timestamp=before.timestamp, pk__lt=before.pk)
    return rows.filter(Q(timestamp__lt=before.timestamp) | same_moment, timestamp__lte=before.timestamp)


def with_days(bubbles: Iterable[Bubble]) -> list[Bubble | Day]:
    """A separator before the first message of each day, in the team's time zone."""
    shown: list[Bubble | Day] = []
    previous: date | None = None
    for bubble in bubbles:
        day = timezone.localtime(bubble.message.timestamp).date()
        if day != previous:
            shown.append(Day(day))
        shown.append(bubble)
        previous = day
    return shown


def bubbles_of(thread: Thread, rows: Sequence[Message]) -> list[Bubble]:
    """The bubbles of these messages, in their order. What is about another message is shown on that one."""
    on_them = _reactions_on(thread, rows)
    named = _messages_named(thread, rows)
    found = (_bubble(thread, row, on_them.get(row.message_id or "", ()), named) for row in rows)
    return [bubble for bubble in found if bubble is not None]


def _reactions_on(thread: Thread, rows: Sequence[Message]) -> dict[str, tuple[tuple[str, str], ...]]:
    """The newest reaction of each person on each of these messages; one that was taken back is gone."""
    names = [row.message_id for row in rows if row.message_id]
    given = Message.objects.filter(thread=thread, about__in=names, message_type="reaction")
    given = given.exclude(status__in=[MessageStatus.FAILED, MessageStatus.WITHDRAWN])
    newest: dict[tuple[str, str], Message] = {}
    for reaction in given.order_by("timestamp", "id"):
        newest[reaction.about, reaction.from_number] = reaction
    shown: dict[str, list[tuple[str, str]]] = {}
    for (about, _), reaction in newest.items():
        if emoji := words(dig(reaction.content, "reaction", "emoji")):
            who = OURS if reaction.is_outbound else thread.title
            shown.setdefault(about, []).append((emoji[:16], who))
    return {about: tuple(found) for about, found in shown.items()}


def _messages_named(thread: Thread, rows: Sequence[Message]) -> dict[str, Message]:
    """Those that these messages quote, react to, edit or delete, as far as they are here."""
    names = {row.about for row in rows if row.about}
    known = {row.message_id: row for row in rows if row.message_id}
    missing = [name for name in names if name not in known]
    if missing:
        found = Message.objects.filter(message_id__in=missing, thread=thread).select_related("sent_by")
        known |= {row.message_id: row for row in found if row.message_id}
    return {name: known[name] for name in names if name in known}


def _bubble(
    thread: Thread, row: Message, reactions: tuple[tuple[str, str], ...], named: Mapping[str, Message]
) -> Bubble | None:
    kind = row.message_type
    if kind in TYPES_ON_ANOTHER:
        return None if row.about in named else _stray(thread, row)
    if row.author == Author.SYSTEM or kind in ("system", "request_welcome"):
        return Bubble(row, "line", "WhatsApp", text=_system_line(row), times=_times(row))
    shown: dict[str, Any] = {"text": "", "hints": (), "lines": ()}
    _SHOWS.get(kind, _show_unknown)(row, shown)
    hints = (*_context_hints(row), *shown["hints"])
    is_ours = row.is_outbound
    return Bubble(
        message=row,
        side="out" if is_ours else "in",
        author=author_of(thread, row),
        text=shown["text"],
        hints=hints,
        lines=tuple(shown["lines"]),
        buttons=tuple(shown.get("buttons", ())),
        file=shown.get("file"),
        advert=_advert(row),
        quoted=_quoted(thread, row, named),
        reactions=reactions,
        first_words=_first_words(row, shown["text"]),
        tick=TICKS[MessageStatus(row.status)] if is_ours else None,
        times=_times(row),
        problem=_problem(row),
        is_neutral=bool(shown.get("is_neutral")),
    )


def author_of(thread: Thread, row: Message) -> str:
    match row.author:
        case Author.BOT:
            return "Bot"
        case Author.PHONE:
            return "Desde el teléfono"
        case Author.USER:
            return name_of(row.sent_by) if row.sent_by else "Sistema"
        case Author.SYSTEM:
            return "WhatsApp"
    return thread.title


# --- By type: each fills in `text`, `lines`, `hints`, `file`, `buttons` ---------------------------------

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


def _show_unknown(row: Message, shown: Shown) -> None:
    shown["is_neutral"] = True
    known = row.body if row.body and not row.body.startswith("[") else ""
    shown["text"] = known or f"Mensaje de un tipo que aún no se muestra: «{shortened(row.message_type, 40)}»."


_SHOWS = {
    "text": _show_text,
    **dict.fromkeys(MEDIA_TYPES, _show_media),
    "location": _show_location,
    "contacts": _show_contacts,
    "interactive": _show_interactive,
    "button": _show_button,
    "order": _show_order,
    "template": _show_template,
    "unsupported": _show_unsupported,
    "unknown": _show_unsupported,
}


def _system_line(row: Message) -> str:
    if row.message_type == "request_welcome":
        return "Abrió el chat por primera vez."
    part = dig(row.content, "system")
    kind = words(dig(part, "type"))
    new_number = words(dig(part, "wa_id")) or words(dig(part, "new_wa_id"))
    if "number" in kind:
        return f"Cambió de número: ahora escribe desde +{new_number}." if new_number else "Cambió de número."
    if "user_id" in kind:
        return "WhatsApp renovó el identificador de esta persona."
    if "identity" in kind:
        return "Cambió su código de seguridad: puede que use otro teléfono."
    return words(dig(part, "body")) or row.body or "Aviso de WhatsApp."


def _stray(thread: Thread, row: Message) -> Bubble:
    """A reaction, edit or deletion whose message never came: told in a line, so that nothing is lost."""
    if row.message_type == "reaction":
        emoji = words(dig(row.content, "reaction", "emoji"))[:16]
        told = f"reaccionó con {emoji}" if emoji else "retiró su reacción"
    else:
        told = f"editó («{shortened(row.body, 120)}»)" if row.message_type == "edit" else "eliminó"
    who = "Nosotros:" if row.is_outbound else thread.title
    preposition = " a" if row.message_type == "reaction" else ""
    return Bubble(row, "line", who, text=f"{who} {told}{preposition} un mensaje que no está aquí.", times=_times(row))


# --- What hangs on a message --------------------------------------------------------------------------


def _context_hints(row: Message) -> tuple[str, ...]:
    context = dig(row.content, "context")
    found = []
    if dig(context, "frequently_forwarded") is True:
        found.append("Reenviado muchas veces")
    elif dig(context, "forwarded") is True:
        found.append("Reenviado")
    if product := words(dig(context, "referred_product", "product_retailer_id")):
        found.append(f"Pregunta por el producto {shortened(product, 40)}")
    return tuple(found)


def _advert(row: Message) -> Line | None:
    """The advertisement that somebody clicked before writing."""
    referral = dig(row.content, "referral")
    if not isinstance(referral, dict):
        return None
    told = [words(dig(referral, name)) for name in ("headline", "body")]
    text = shortened(" · ".join(part for part in told if part) or "anuncio", 160)
    return Line(text, web_address(dig(referral, "source_url")), "Llegó desde un anuncio")


def _quoted(thread: Thread, row: Message, named: Mapping[str, Message]) -> Quoted | None:
    if not row.about:
        return None
    quoted = named.get(row.about)
    if quoted is None:
        return None if row.is_outbound else Quoted("", "Responde a un mensaje que no está aquí.")
    text = "Mensaje eliminado" if quoted.deleted_at else shortened(quoted.body, 120)
    return Quoted(author_of(thread, quoted), text, f"m{quoted.pk}")


def _first_words(row: Message, now: str) -> str:
    """What stood there before it was edited, or deleted."""
    if not (row.edited_at or row.deleted_at):
        return ""
    first = words(dig(row.content, "text", "body")) or words(dig(row.content, row.message_type, "caption"))
    if row.deleted_at:
        return now or first or row.body or ""
    return first if first != now else ""


def _times(row: Message) -> tuple[tuple[str, datetime], ...]:
    """The moments of a message, each with its name: what WhatsApp's clock says, and when it came to us."""
    if not row.is_outbound:
        late = row.creado_en - row.timestamp > LATE
        told = [("Escrito", row.timestamp), ("Llegó al CRM", row.creado_en)] if late else [("Escrito", row.timestamp)]
    else:
        told = [("Escrito", row.timestamp)]
        for name, at in (
            ("Enviado", row.sent_at),
            ("Entregado", row.delivered_at),
            ("Leído", row.read_at),
            ("Falló", row.failed_at),
        ):
            if at is not None:
                told.append((name, at))
        if row.read_at and not row.delivered_at:
            told.append(("Entregado (se deduce de la lectura)", row.read_at))
    if row.edited_at:
        told.append(("Editado", row.edited_at))
    if row.deleted_at:
        told.append(("Eliminado", row.deleted_at))
    return tuple(told)


TICKS = {
    MessageStatus.RECEIVED: Tick("done", "Recibido"),
    MessageStatus.QUEUED: Tick("schedule", "En cola"),
    MessageStatus.WITHDRAWN: Tick("block", "Retirado, no salió", "warning"),
    MessageStatus.UNCERTAIN: Tick("help", "Sin confirmar", "warning"),
    MessageStatus.ACCEPTED: Tick("hourglass_top", "Aceptado por WhatsApp"),
    MessageStatus.SENT: Tick("done", "Enviado"),
    MessageStatus.FAILED: Tick("error", "Falló", "danger"),
    MessageStatus.DELIVERED: Tick("done_all", "Entregado"),
    MessageStatus.READ: Tick("done_all", "Leído", "read"),
    MessageStatus.PLAYED: Tick("done_all", "Escuchado", "read"),
}


def _problem(row: Message) -> Problem | None:
    """Why it did not go out, in Spanish, and what can be done."""
    if not row.is_outbound:
        return None
    if row.status == MessageStatus.UNCERTAIN:
        return Problem(
            "No se sabe si salió: WhatsApp no contestó a tiempo.",
            "Espere unos minutos: si salió, WhatsApp lo confirmará. Enviarlo otra vez puede repetirlo.",
        )
    if row.status == MessageStatus.WITHDRAWN:
        return Problem(row.error or "No se envió.")
    if row.status != MessageStatus.FAILED:
        return None
    if row.error_code is None:
        return Problem(row.error or "WhatsApp no aceptó el mensaje.")
    meaning = error_of(row.error_code)
    detail = f"WhatsApp dice ({row.error_code}): {row.error}" if row.error else f"Código de WhatsApp: {row.error_code}"
    return Problem(meaning.title, meaning.next_step, detail)


# --- Reading what a stranger sent ---------------------------------------------------------------------


def dig(value: Any, *names: str) -> Any:
    """`value[a][b]…`; None as soon as something is not an object or has no such name."""
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def words(value: Any) -> str:
    """A text or a number as text; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """A coordinate; None for what is no number on this globe."""
    try:
        found = float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        return None
    return found if found is not None and abs(found) <= 180 else None


def web_address(value: Any) -> str:
    """An address that a browser may be sent to; nothing that runs."""
    text = words(value)
    return text if text.lower().startswith(("https://", "http://")) and len(text) < 2_000 else ""
