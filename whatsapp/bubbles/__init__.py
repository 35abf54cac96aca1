"""What a page shows of the messages of a thread: one bubble each, with what hangs on it.

Reactions, edits and deletions are rows of their own and shown on the message they are about. A page of messages costs
three queries, however many there are. Nothing here trusts the shape of what a stranger sent.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from crm.display import shortened
from whatsapp.bubbles.hanging import TICKS, advert, author_of, context_hints, first_words, problem, quoted, times
from whatsapp.bubbles.kinds import SHOWS, show_unknown
from whatsapp.bubbles.reading import dig, items, words
from whatsapp.bubbles.shapes import OURS, Bubble, Day, Page
from whatsapp.choices import Author, MessageStatus
from whatsapp.models import Message, Thread
from whatsapp.models.messages import TYPES_ON_ANOTHER

__all__ = ["PAGE", "TICKS", "Bubble", "Day", "Page", "author_of", "bubbles_of", "dig", "items", "page_of", "words"]

PAGE = 40


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
    given = Message.objects.about(*names).filter(thread=thread, message_type="reaction")
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
        return Bubble(row, "line", "WhatsApp", text=_system_line(row), times=times(row))
    shown: dict[str, Any] = {"text": "", "hints": (), "lines": ()}
    SHOWS.get(kind, show_unknown)(row, shown)
    hints = (*context_hints(row), *shown["hints"])
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
        advert=advert(row),
        quoted=quoted(thread, row, named),
        reactions=reactions,
        first_words=first_words(row, shown["text"]),
        tick=TICKS[MessageStatus(row.status)] if is_ours else None,
        times=times(row),
        problem=problem(row),
        is_neutral=bool(shown.get("is_neutral")),
    )


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
    return Bubble(row, "line", who, text=f"{who} {told}{preposition} un mensaje que no está aquí.", times=times(row))
