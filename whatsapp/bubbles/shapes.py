"""What is shown: plain values, so that a page can be tested without a browser."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.utils import timezone
from django.utils.dateformat import format as format_date

from whatsapp.choices import Author, MessageStatus
from whatsapp.models import Message

OURS = "Nosotros"


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
