"""One conversation of the demonstration: who, when, about what, and what its row shows in the end."""

from collections.abc import Sequence
from datetime import timedelta

from crm.demo import Cast, Story
from crm.models import Contact
from crm.search import column_words
from whatsapp.choices import Author, Silence
from whatsapp.demo.dialogues import SETTLED, WAITING, Dialogue
from whatsapp.demo.lines import speak
from whatsapp.demo.people import SHARED_NUMBER_AT, THREADS, is_stranger, known_by
from whatsapp.demo.told import Told
from whatsapp.models import BusinessNumber, Message, Thread

# The newest conversations are those that wait for an answer.
SOME_ANSWERED = 4
TAKEOVER = timedelta(minutes=12 * 60)


def tell(story: Story, position: int, people: Sequence[Contact], cast: Cast, number: BusinessNumber) -> Told:
    """Most are people of the CRM; every seventh is a stranger, a few have a number that two people share."""
    is_known = not is_stranger(position) and position not in SHARED_NUMBER_AT
    contact = people[position] if is_known else None
    agent = (contact and contact.responsible_user) or story.draw.choice(cast.agents)
    thread = Thread(number=number, contact=contact, **known_by(story, position, contact, cast))
    thread.search_words = column_words(thread.profile_name, thread.username)
    ended_at = story.now - _age(position)
    if contact is not None:
        ended_at = min(max(ended_at, contact.created_at + timedelta(minutes=50)), story.now - timedelta(minutes=1))
    told = Told(story, thread, agent)
    speak(told, _dialogue_of(position), ended_at)
    sum_up(told)
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


def sum_up(told: Told) -> None:
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
