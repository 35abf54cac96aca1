"""The demonstration's conversations (contract section 7): sixty, the same on every machine, and every row adds up.

Rows are written as they would stand after the messages had come and gone one by one: threads with what their lists
show, names, links, statuses, counts, the requests of Meta's behind the newest of them.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from crm.demo import Cast, Story, keep
from crm.models import Contact, User
from crm.search import column_words
from whatsapp.choices import (
    STATUS_RANKS,
    AliasKind,
    Author,
    Direction,
    EventState,
    ItemState,
    LinkRule,
    LinkState,
    MediaState,
    MessageStatus,
    Silence,
    TemplateStatus,
)
from whatsapp.demo_dialogues import SETTLED, WAITING, Dialogue
from whatsapp.models import (
    Alias,
    BusinessNumber,
    Media,
    Message,
    MessageCount,
    StatusEvent,
    Template,
    Thread,
    ThreadLink,
    WebhookEvent,
    WebhookItem,
)
from whatsapp.models.counts import COUNTED, SHARDS
from whatsapp.models.messages import words_of
from whatsapp.receiving.identity import names_of_number
from whatsapp.receiving.words import text_of
from whatsapp.sending import bodies
from whatsapp.simulated import DISPLAY_NUMBER, DOCUMENT_IDS, IMAGE_IDS, TEMPLATES, envelope
from whatsapp.templating import components, render

THREADS = 60
# Two people of the CRM have one number: who has written must be said by somebody (crm/demo/people.py).
SHARED_NUMBERS = 3
SHARED_NUMBER_AT = (10, 24, 38)
# WhatsApp hides the number of this one.
WITHOUT_NUMBER = 33
# The newest conversations are those that wait for an answer.
SOME_ANSWERED = 4
EVENTS = 12

STRANGER_NAMES = ("Wilfredo", "Mili 🌸", "Rosa Tello", "JC", "Alondra Paz", "Sr. Bautista", "Yeni", "Constructora Paz")
PROJECTS = ("Oasis 1", "Oasis 2", "Oasis 3")
TAKEOVER = timedelta(minutes=12 * 60)


@dataclass
class Told:
    """A conversation while it is told: its row, the messages so far, and what goes with them."""

    story: Story
    thread: Thread
    agent: User
    messages: list[Message] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    # Which message of the bot answers which of the person's.
    answers: list[tuple[Message, Message]] = field(default_factory=list)
    # Messages of the bot's that leave the person waiting for somebody.
    unsettling: set[UUID] = field(default_factory=set)

    @property
    def newest_inbound(self) -> Message | None:
        return next((one for one in reversed(self.messages) if one.is_written_by_contact), None)


def load(cast: Cast, now: datetime) -> None:
    story = Story("whatsapp", now)
    number = BusinessNumber(phone_number_id=settings.WHATSAPP_PHONE_NUMBER_ID, display_number=DISPLAY_NUMBER)
    number.save()
    keep(_templates(now))
    people = _people(story, cast)
    told = [_tell(story.about("thread", position), position, people, cast, number) for position in range(THREADS)]
    _keep_threads(told)
    keep(alias for one in told for alias in _aliases(one))
    keep(link for one in told for link in _links(one))
    _keep_messages(told)
    keep(status for one in told for message in one.messages for status in _statuses(message))
    _count(told)
    _keep_events(story, told)
    _remember_who_left(told)


def _templates(now: datetime) -> Iterator[Template]:
    for one in TEMPLATES:
        yield Template(
            meta_id=one["id"],
            name=one["name"],
            language=one["language"],
            category=one["category"],
            status=TemplateStatus(one["status"]),
            quality=one.get("quality_score", {}).get("score", ""),
            reason=one.get("rejected_reason", ""),
            components=one["components"],
            synced_at=now,
        )


# --- Who writes -----------------------------------------------------------------------------------


def _people(story: Story, cast: Cast) -> list[Contact]:
    """Of the CRM, each with a number of their own."""
    twice = {contact.mobile for contact in cast.contacts[-SHARED_NUMBERS:]}
    return story.draw.sample([contact for contact in cast.contacts if contact.mobile not in twice], THREADS)


def _tell(story: Story, position: int, people: Sequence[Contact], cast: Cast, number: BusinessNumber) -> Told:
    """Most are people of the CRM; every seventh is a stranger, a few have a number that two people share."""
    is_known = not _is_stranger(position) and position not in SHARED_NUMBER_AT
    contact = people[position] if is_known else None
    agent = (contact and contact.responsible_user) or story.draw.choice(cast.agents)
    thread = Thread(number=number, contact=contact, **_known_by(story, position, contact, cast))
    thread.search_words = column_words(thread.profile_name, thread.username)
    ended_at = story.now - _age(position)
    if contact is not None:
        ended_at = min(max(ended_at, contact.created_at + timedelta(minutes=50)), story.now - timedelta(minutes=1))
    told = Told(story, thread, agent)
    _speak(told, _dialogue_of(position), ended_at)
    _sum_up(told)
    return told


def _age(position: int) -> timedelta:
    """Some of this hour, a good dozen of the last day, the others spread over two months."""
    return timedelta(minutes=6 + position * 9) + timedelta(hours=1_500 * (position / THREADS) ** 3)


def _is_waiting(position: int) -> bool:
    """Of the newest twenty every fifth has been answered."""
    return position < len(WAITING) + SOME_ANSWERED and position % 5 != 2


def _dialogue_of(position: int) -> Dialogue:
    before = sum(map(_is_waiting, range(position)))
    return WAITING[before] if _is_waiting(position) else SETTLED[(position - before) % len(SETTLED)]


def _is_stranger(position: int) -> bool:
    return position % 7 == 5


def _known_by(story: Story, position: int, contact: Contact | None, cast: Cast) -> dict[str, Any]:
    if contact is not None:
        profile = story.draw.choice((contact.first_name, contact.name, f"{contact.first_name} 🌿", contact.name))
        return {"address": _as_whatsapp_writes(contact.mobile or ""), "profile_name": profile, "link_state": "linked"}
    if position in SHARED_NUMBER_AT:
        twin = cast.contacts[-1 - SHARED_NUMBER_AT.index(position)]
        number = _as_whatsapp_writes(twin.mobile or "")
        return {"address": number, "profile_name": twin.first_name or "", "link_state": LinkState.SEVERAL}
    name = STRANGER_NAMES[(position // 7) % len(STRANGER_NAMES)]
    if position == WITHOUT_NUMBER:
        return {"address": "", "profile_name": name, "username": "rosa.tello", "link_state": LinkState.UNKNOWN}
    return {"address": f"51900000{900 + position}", "profile_name": name, "link_state": LinkState.UNKNOWN}


def _as_whatsapp_writes(mobile: str) -> str:
    """Without the plus; of Mexico with the 1 that nobody dials any more."""
    digits = mobile.removeprefix("+")
    return f"521{digits[2:]}" if digits.startswith("52") else digits


def _user_id(story: Story) -> str:
    return f"PE.{story.id.int % 10**17:017d}"


# --- What is said ---------------------------------------------------------------------------------


def _speak(told: Told, dialogue: Dialogue, ended_at: datetime) -> None:
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
        "from": number or _user_id(told.story),
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
        to_number=thread.address or _user_id(told.story),
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
            recipient="" if thread.address else _user_id(told.story),
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


# --- What the thread shows of it ------------------------------------------------------------------


def _sum_up(told: Told) -> None:
    """What stands in the row after all that was said (`Thread.note`, `Thread.take_over`)."""
    thread, bubbles = told.thread, [message for message in told.messages if message.is_bubble]
    heard = [message for message in told.messages if message.is_written_by_contact]
    answers = [message.timestamp for message in bubbles if message.is_outbound and message.key not in told.unsettling]
    answered_at = answers[-1] if answers else None
    waiting = [message for message in heard if answered_at is None or message.timestamp > answered_at]
    people = [message for message in bubbles if message.author in (Author.USER, Author.PHONE)]
    last = bubbles[-1]
    thread.first_message_at, thread.last_message_at = bubbles[0].timestamp, last.timestamp
    thread.last_preview, thread.last_direction = last.preview, last.direccion
    thread.last_inbound_at = heard[-1].timestamp if heard else None
    thread.last_answered_at = answered_at
    thread.unanswered_since = waiting[0].timestamp if waiting else None
    thread.seen_at = (people[-1].timestamp if people else None) if waiting else last.timestamp
    thread.unread = sum(1 for message in heard if thread.seen_at is None or message.timestamp > thread.seen_at)
    thread.assigned_to = told.agent if people and people[-1].author == Author.USER else None
    thread.created_at, thread.updated_at = bubbles[0].timestamp, last.timestamp
    _silence(told, people)


def _silence(told: Told, people: Sequence[Message]) -> None:
    thread = told.thread
    handed_over = [message for message in told.messages if message.key in told.unsettling]
    if people:
        is_phone = people[-1].author == Author.PHONE
        thread.silence = Silence.PHONE if is_phone else Silence.TAKEN_OVER
        thread.silent_until, thread.silenced_by = people[-1].timestamp + TAKEOVER, people[-1].sent_by
    elif handed_over:
        thread.silence = Silence.ASKED_FOR_PERSON
        thread.silent_until = handed_over[-1].timestamp + TAKEOVER
    leaving = next((message for message in told.messages if message.body == "BAJA"), None)
    thread.opted_out_at = leaving.timestamp if leaving else None


# --- Rows -----------------------------------------------------------------------------------------


def _keep_threads(told: Sequence[Told]) -> None:
    """The database numbers them, in the order in which they are written."""
    keep(one.thread for one in told)
    for one, pk in zip(told, Thread.objects.order_by("pk").values_list("pk", flat=True), strict=True):
        one.thread.pk = pk


def _aliases(told: Told) -> Iterator[Alias]:
    thread = told.thread
    names = names_of_number(thread.address) if thread.address else [(AliasKind.USER_ID, _user_id(told.story))]
    for kind, value in names:
        yield Alias(
            number=thread.number,
            thread_id=thread.pk,
            kind=kind,
            value=value,
            digits=Alias.digits_of(value),
            first_seen_at=thread.created_at,
        )


def _links(told: Told) -> Iterator[ThreadLink]:
    thread, contact = told.thread, told.thread.contact
    if contact is None:
        return
    is_same = contact.mobile == f"+{thread.address}"
    spelled = f"Escribe desde +{thread.address}; en su ficha: {contact.mobile}."
    yield ThreadLink(
        thread_id=thread.pk,
        contact=contact,
        rule=LinkRule.EXACT_NUMBER if is_same else LinkRule.SPELLING,
        evidence=f"Escribe desde +{thread.address}." if is_same else spelled,
        linked_at=thread.created_at,
    )


def _keep_messages(told: Sequence[Told]) -> None:
    """All of them in the order of time, then what points from one to another."""
    for one in told:
        for message in one.messages:
            message.thread_id, message.search_words = one.thread.pk, words_of(message.body)
    keep(sorted((message for one in told for message in one.messages), key=lambda message: message.timestamp))
    ids = dict(Message.objects.values_list("key", "pk"))
    answers = [pair for one in told for pair in one.answers]
    for message in (message for one in told for message in one.messages):
        message.pk = ids[message.key]
    for answer, heard in answers:
        answer.respuesta_id = heard.pk
    Message.objects.bulk_update([answer for answer, _ in answers], ["respuesta"])
    files = [media for one in told for media in one.media]
    for media in files:
        media.message_id = media.message.pk
    keep(files)


def _statuses(message: Message) -> Iterator[StatusEvent]:
    """What Meta told of a message of ours, one word after the other."""
    if message.author in (Author.CONTACT, Author.PHONE):
        return
    moments = {
        MessageStatus.SENT: message.sent_at,
        MessageStatus.DELIVERED: message.delivered_at,
        MessageStatus.READ: message.read_at,
        MessageStatus.FAILED: message.failed_at,
    }
    for status, at in moments.items():
        if at is not None:
            yield StatusEvent(
                message_id=message.message_id or "",
                status=status,
                at=at,
                callback_data=str(message.key),
                error_code=message.error_code if status == MessageStatus.FAILED else None,
                noted_at=at,
            )


def _count(told: Sequence[Told]) -> None:
    """The hourly sums that the statistics read; older ones by the day, as the worker leaves them."""
    sums: dict[tuple[datetime, int], dict[str, int]] = {}
    for one in told:
        for message in one.messages:
            hour = message.timestamp.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            found = sums.setdefault((hour, one.thread.pk % SHARDS), dict.fromkeys(COUNTED, 0))
            found["outbound" if message.is_outbound else "inbound"] += 1
            found["linked"] += int(message.cliente_id is not None)
            found["answered"] += int(message.respuesta_enviada)
    keep(MessageCount(at=hour, shard=shard, **amounts) for (hour, shard), amounts in sorted(sums.items(), key=_when))
    MessageCount.objects.fold()


def _when(row: tuple[tuple[datetime, int], Any]) -> tuple[datetime, int]:
    return row[0]


def _remember_who_left(told: Sequence[Told]) -> None:
    """Who wants no messages wants none from anybody: it stands with the contact."""
    for one in told:
        if one.thread.opted_out_at and one.thread.contact is not None:
            contact = Contact.objects.filter(pk=one.thread.contact.pk)
            contact.update(opted_out_of_messages_at=one.thread.opted_out_at)


# --- What Meta sent -------------------------------------------------------------------------------


def _keep_events(story: Story, told: Sequence[Told]) -> None:
    """The requests behind the newest messages, one that nothing follows from, and one that could not be understood."""
    newest = sorted(
        (message for one in told for message in one.messages if not message.is_outbound),
        key=lambda message: message.timestamp,
    )[-EVENTS:]
    events = [_event(envelope(_value(message)), message.timestamp) for message in newest]
    told_account = {"phone_number": DISPLAY_NUMBER, "event": "ONBOARDING", "max_daily_conversation_per_phone": 1000}
    account = envelope({})
    account["entry"][0]["changes"] = [{"field": "account_alerts", "value": told_account}]
    broken = {"from": "51900000997", "timestamp": str(int(story.at(-1, 16, 12).timestamp())), "type": "text"}
    other = _event(account, story.at(-2, 9, 5))
    failed = _event(envelope({"messages": [broken]}), story.at(-1, 16, 12), failures=1)
    events = sorted([*events, other, failed], key=lambda event: event.received_at)
    keep(events)
    ids = list(WebhookEvent.objects.order_by("pk").values_list("pk", flat=True))
    for event, pk in zip(events, ids, strict=True):
        event.pk = pk
    keep(
        [
            WebhookItem(
                event=other,
                path="0.0",
                field="account_alerts",
                state=ItemState.KEPT,
                payload=told_account,
                at=other.received_at,
            ),
            WebhookItem(
                event=failed,
                path="0.0.messages.0",
                field="messages",
                kind="text",
                state=ItemState.FAILED,
                payload=broken,
                error="El mensaje no trae su id.",
                at=failed.received_at,
            ),
        ]
    )


def _value(message: Message) -> dict[str, Any]:
    who = message.from_number
    contact = {"profile": {"name": message.thread.profile_name}, "wa_id" if who.isdigit() else "user_id": who}
    return {"contacts": [contact], "messages": [message.content]}


def _event(body: dict[str, Any], at: datetime, *, failures: int = 0) -> WebhookEvent:
    return WebhookEvent(
        body=orjson.dumps(body),
        received_at=at + timedelta(seconds=1),
        state=EventState.FAILED if failures else EventState.APPLIED,
        next_try_at=at,
        attempts=1,
        items=1,
        failures=failures,
        applied_at=at + timedelta(seconds=2),
    )
