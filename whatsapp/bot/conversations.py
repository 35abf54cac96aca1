"""Rows become a plain `Conversation`: what the provider sees, and what must still be so when its answer is stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min
from django.utils import timezone

from crm.models import Appointment, Contact, Task, User
from whatsapp.bot import documents
from whatsapp.bot.provider import ContactFacts, Conversation, DocumentFinding, Turn
from whatsapp.choices import Author, LinkState, MessageStatus
from whatsapp.hours import Week
from whatsapp.models import BotSettings, Message, Thread

# What is looked at of a thread: the burst and what was said before it.
MOST_MESSAGES = 50
MOST_TURNS = 20
# A document number is an answer to our question for this long.
ASKED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True)
class Burst:
    """The messages that one answer is for, in the order of their sending; and the turns before them."""

    messages: tuple[Message, ...]
    turns: tuple[Message, ...] = ()

    @classmethod
    def of(cls, thread: Thread, settings: BotSettings) -> "Burst":
        """What the person wrote since somebody last answered, unless it is too old. One query."""
        newest = [
            message
            for message in thread.messages.newest_first()[:MOST_MESSAGES]
            if message.is_bubble and message.status != MessageStatus.WITHDRAWN
        ]
        newest.reverse()
        # Ids say what came after what here; Meta's clock and ours may differ. What was written on the phone comes when
        # Meta likes, and has Meta's time as they have.
        ours = [message for message in newest if message.is_outbound and message.author != Author.PHONE]
        answered = max((message.pk for message in ours), default=0)
        phoned = max(((one.timestamp, one.pk) for one in newest if one.author == Author.PHONE), default=None)
        oldest = timezone.now() - timedelta(minutes=settings.oldest_minutes)
        open_ones = tuple(
            message
            for message in newest
            if message.pk > answered
            and (phoned is None or (message.timestamp, message.pk) > phoned)
            and is_heard(message)
            and message.timestamp >= oldest
        )
        ids = {message.pk for message in open_ones}
        turns = [message for message in newest if message.pk not in ids and message.deleted_at is None]
        return cls(open_ones, tuple(turns[-MOST_TURNS:]))

    @property
    def ids(self) -> tuple[int, ...]:
        return tuple(message.pk for message in self.messages)

    @property
    def last(self) -> Message:
        return self.messages[-1]

    @property
    def newest_at(self) -> datetime:
        return max(message.timestamp for message in self.messages)

    @property
    def begun_at(self) -> datetime:
        """When its first message reached us."""
        return min(message.creado_en for message in self.messages)

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(words_of(message) for message in self.messages)


def is_heard(message: Message) -> bool:
    """Whether the bot may answer it: a person wrote it, to us alone, and has not taken it back."""
    in_a_group = isinstance(message.content, dict) and bool(message.content.get("group_id"))
    return message.is_written_by_contact and not message.procesado and message.deleted_at is None and not in_a_group


def words_of(message: Message) -> str:
    """What the person said in words. "[Documento: …]" is ours and would answer to keywords."""
    body = (message.body or "").strip()
    is_described = message.message_type != "text" and body.startswith("[") and body.endswith("]")
    return "" if is_described or body == "[Sin texto]" else body


def conversation_of(thread: Thread, burst: Burst, *, at: datetime) -> Conversation:
    """What there is to answer in a thread, and what is known."""
    asked = thread.asked_for_document_at is not None and thread.asked_for_document_at > at - ASKED_WITHIN
    may_ask = thread.link_state in (LinkState.UNKNOWN, LinkState.SEVERAL, LinkState.DOUBTFUL)
    finding = documents.look_up(burst.texts, asked=asked, address=thread.address) if may_ask else None
    contact = _contact_of(thread, finding)
    week = Week.current()
    return Conversation(
        texts=burst.texts,
        at=at,
        turns=tuple(Turn(turn.author, words_of(turn), turn.timestamp) for turn in burst.turns),
        thread_id=thread.pk,
        contact=facts_of(contact, at=at) if contact else None,
        profile_name=thread.profile_name,
        responsible=_first_name_of_user(thread.assigned_to),
        asked_for_document=asked,
        document=finding,
        may_ask_for_document=may_ask,
        is_open=week.is_open(at),
        opening_hours=week.described(),
        window_closes_at=thread.window_closes_at,
    )


def imagine(text: str, *, contact: Contact | None, at: datetime) -> Conversation:
    """A conversation that nobody has: one message of `contact`, or of somebody unknown who was asked for a document."""
    finding = documents.look_up([text], asked=True) if contact is None else None
    known = contact or _recognised(finding)
    week = Week.current()
    return Conversation(
        texts=(text,),
        at=at,
        contact=facts_of(known, at=at) if known else None,
        asked_for_document=contact is None,
        document=finding,
        is_open=week.is_open(at),
        opening_hours=week.described(),
    )


def facts_of(contact: Contact, *, at: datetime) -> ContactFacts:
    """What the person may be told about themselves: a fixed number of queries."""
    appointment = (
        Appointment.objects.open()
        .filter(lead__contact=contact, fecha_hora__gte=at)
        .order_by("fecha_hora", "id")
        .only("fecha_hora", "lugar")
        .first()
    )
    return ContactFacts(
        id=contact.pk,
        name=contact.name,
        first_name=first_name_of(contact),
        responsible=_first_name_of_user(contact.responsible_user),
        appointment_at=appointment.fecha_hora if appointment else None,
        appointment_place=(appointment.lugar or "").strip() if appointment else "",
        task_at=_next_task_at(contact, at),
    )


def first_name_of(contact: Contact) -> str:
    """ "Luisa" of "LUISA MARÍA PRUEBA"."""
    found = next(iter((contact.first_name or contact.name).split()), "")
    return found.capitalize() if found.isupper() or found.islower() else found


def _contact_of(thread: Thread, finding: DocumentFinding | None) -> Contact | None:
    return _recognised(finding) or thread.contact


def _recognised(finding: DocumentFinding | None) -> Contact | None:
    if finding is None or finding.contact_id is None:
        return None
    return Contact.objects.select_related("responsible_user").filter(pk=finding.contact_id).first()


def _next_task_at(contact: Contact, at: datetime) -> datetime | None:
    """When the next open task about the person or a lead of theirs is due. What is overdue is nobody's promise."""
    due = Task.objects.open().filter(complete_till__gte=at).order_by()
    own = due.filter(contact=contact).aggregate(at=Min("complete_till"))["at"]
    of_leads = due.filter(lead__contact=contact).aggregate(at=Min("complete_till"))["at"]
    return min((moment for moment in (own, of_leads) if moment is not None), default=None)


def _first_name_of_user(user: User | None) -> str:
    return user.first_name.strip() if user is not None and user.is_active else ""
