"""What hangs on a message: who wrote it, what it quotes, how far it got, what went wrong."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from crm.display import name_of, shortened
from whatsapp.bubbles.reading import dig, web_address, words
from whatsapp.bubbles.shapes import Line, Problem, Quoted, Tick
from whatsapp.choices import Author, MessageStatus
from whatsapp.models import Message, Thread
from whatsapp.sending.errors import error_of

# A message that took longer than this to reach us says so.
LATE = timedelta(minutes=5)


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


def context_hints(row: Message) -> tuple[str, ...]:
    context = dig(row.content, "context")
    found = []
    if dig(context, "frequently_forwarded") is True:
        found.append("Reenviado muchas veces")
    elif dig(context, "forwarded") is True:
        found.append("Reenviado")
    if product := words(dig(context, "referred_product", "product_retailer_id")):
        found.append(f"Pregunta por el producto {shortened(product, 40)}")
    return tuple(found)


def advert(row: Message) -> Line | None:
    """The advertisement that somebody clicked before writing."""
    referral = dig(row.content, "referral")
    if not isinstance(referral, dict):
        return None
    told = [words(dig(referral, name)) for name in ("headline", "body")]
    text = shortened(" · ".join(part for part in told if part) or "anuncio", 160)
    return Line(text, web_address(dig(referral, "source_url")), "Llegó desde un anuncio")


def quoted(thread: Thread, row: Message, named: Mapping[str, Message]) -> Quoted | None:
    if not row.about:
        return None
    quoted = named.get(row.about)
    if quoted is None:
        return None if row.is_outbound else Quoted("", "Responde a un mensaje que no está aquí.")
    text = "Mensaje eliminado" if quoted.deleted_at else shortened(quoted.body, 120)
    return Quoted(author_of(thread, quoted), text, f"m{quoted.pk}")


def first_words(row: Message, now: str) -> str:
    """What stood there before it was edited, or deleted."""
    if not (row.edited_at or row.deleted_at):
        return ""
    first = words(dig(row.content, "text", "body")) or words(dig(row.content, row.message_type, "caption"))
    if row.deleted_at:
        return now or first or row.body or ""
    return first if first != now else ""


def times(row: Message) -> tuple[tuple[str, datetime], ...]:
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


def problem(row: Message) -> Problem | None:
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
