"""Whose message it is: everything one person is known by leads to one thread (docs/whatsapp.md).

A person may write under their number, under a business-scoped id without any number, and change both. Each name is an
`Alias`; two names that come together belong together, so threads that turn out to be one person become one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min, Q
from django.utils import timezone

from crm.locks import hold_all
from crm.phones import parse_phone
from whatsapp.choices import AliasKind, LinkState
from whatsapp.consent import opt_out
from whatsapp.linking import spread_contact
from whatsapp.models import Alias, BusinessNumber, Message, Thread, ThreadLink
from whatsapp.models.threads import whole_second
from whatsapp.receiving.items import id_of, tidy
from whatsapp.receiving.revising import revise_all

# "PE.13491208655302741918", "PE.ENT.…": a business-scoped id, which the phone rules must never touch.
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
Name = tuple[str, str]


@dataclass(frozen=True)
class Person:
    """What a message tells of who wrote it, or whom it was written to."""

    names: tuple[Name, ...]
    address: str = ""
    profile_name: str = ""
    username: str = ""

    @classmethod
    def known_by(
        cls,
        *,
        wa_ids: Iterable[object] = (),
        user_ids: Iterable[object] = (),
        parents: Iterable[object] = (),
        profile_name: object = "",
        username: object = "",
    ) -> "Person":
        """The names in a fixed order, each once; a user id that stands where a number belongs is still a user id."""
        names: dict[Name, None] = {}
        numbers = [text for raw in wa_ids if (text := id_of(raw))]
        for text in numbers:
            names.update(dict.fromkeys(names_of_number(text)))
        for raw in user_ids:
            if text := id_of(raw):
                names[(AliasKind.USER_ID, text)] = None
        for raw in parents:
            if text := id_of(raw):
                names[(AliasKind.PARENT_USER_ID, text)] = None
        address = next((text for text in numbers if not is_user_id(text)), "")
        return cls(tuple(names), address, tidy(profile_name), tidy(username))


def is_user_id(text: str) -> bool:
    return _USER_ID.fullmatch(text) is not None


def names_of_number(text: str) -> list[Name]:
    """The names that follow from one `wa_id` or `from`: itself, and its match key where it is a phone."""
    if is_user_id(text):
        return [(AliasKind.USER_ID, text)]
    digits = text.removeprefix("+")
    phone = parse_phone(f"+{digits}") if digits.isdigit() else None
    raw = (AliasKind.WA_ID, digits if digits.isdigit() else text)
    return [raw, (AliasKind.PHONE, phone.key)] if phone else [raw]


def thread_of(number: BusinessNumber, person: Person, *, at: datetime) -> Thread:
    """The thread of this person, its row locked; made when there is none, made one when there are several.

    Whoever acts on one of the names waits here for the others, so that twenty first messages make one thread. Must run
    in a transaction.
    """
    hold_all(f"whatsapp:{number.pk}:{kind}:{value}" for kind, value in person.names)
    known, threads = _locked(number, person)
    while any(thread.merged_into_id is not None for thread in threads):
        # While we waited, somebody who acts on other names of theirs found out that they are one person.
        known, threads = _locked(number, person)
    thread = threads[0] if threads else Thread.objects.create(number=number)
    for other in threads[1:]:
        unite(thread, other)
    _learn(thread, person, known, at=at)
    return thread


def _locked(number: BusinessNumber, person: Person) -> tuple[list[Alias], list[Thread]]:
    """The names that are known, and their threads, locked, the oldest first."""
    known = list(Alias.objects.filter(_any_of(person.names), number=number))
    ids = {alias.thread_id for alias in known}
    return known, list(Thread.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True))


def _any_of(names: Iterable[Name]) -> Q:
    condition = Q(pk__in=[])
    for kind, value in names:
        condition |= Q(kind=kind, value=value)
    return condition


def _learn(thread: Thread, person: Person, known: list[Alias], *, at: datetime) -> None:
    """Keep what is new about the person; the newest number and the newest names are the ones that are shown."""
    there = {(alias.kind, alias.value) for alias in known}
    fresh = [name for name in person.names if name not in there]
    Alias.objects.bulk_create(
        [
            Alias(
                number_id=thread.number_id,
                thread=thread,
                kind=kind,
                value=value,
                digits=Alias.digits_of(value),
                first_seen_at=at,
            )
            for kind, value in fresh
        ]
    )
    shown = {"address": person.address, "profile_name": person.profile_name, "username": person.username}
    is_newest = thread.last_message_at is None or at >= thread.last_message_at
    changed = {
        name: value
        for name, value in shown.items()
        if value and value != getattr(thread, name) and (is_newest or not getattr(thread, name))
    }
    if changed:
        thread.change(**changed)


def unite(thread: Thread, other: Thread) -> None:
    """`other` was the same person all along: everything of it becomes `thread`'s. Both rows are locked."""
    Message.objects.filter(thread=other).update(thread=thread)
    Alias.objects.filter(thread=other).update(thread=thread)
    Thread.objects.filter(merged_into=other).update(merged_into=thread)
    _unite_links(thread, other)
    _unite_columns(thread, other)
    thread.save()
    spread_contact(thread)
    if thread.opted_out_at is not None:
        opt_out(thread, at=thread.opted_out_at)  # what was said in one counts for the contact of the other
    revise_all(thread)
    other.merged_into, other.contact, other.link_state = thread, None, LinkState.UNKNOWN
    other.answer_due_at, other.unanswered_since, other.unread = None, None, 0
    other.save()


def _unite_links(thread: Thread, other: Thread) -> None:
    """The link of the older thread stays; where it has none, it takes the other's. A person's word counts first."""
    mine: ThreadLink | None = thread.links.standing().first()
    theirs: ThreadLink | None = other.links.standing().first()
    kept, given_up = mine, theirs
    if theirs is not None and (mine is None or (mine.linked_by_id is None and theirs.linked_by_id is not None)):
        kept, given_up = theirs, mine
    if given_up is not None:
        given_up.undone_at = timezone.now()
        given_up.save(update_fields=["undone_at"])
    other.links.update(thread=thread)
    if kept is not None:
        thread.contact_id, thread.link_state = kept.contact_id, LinkState.LINKED


def _unite_columns(thread: Thread, other: Thread) -> None:
    if _is_newer(other, thread):
        for name in ("last_message_at", "last_preview", "last_direction", "address", "profile_name", "username"):
            setattr(thread, name, getattr(other, name) or getattr(thread, name))
    if _is_quieter(other, thread):
        for name in ("silence", "silent_until", "silenced_by_id"):
            setattr(thread, name, getattr(other, name))
    for name in ("address", "profile_name", "username", "assigned_to_id"):
        setattr(thread, name, getattr(thread, name) or getattr(other, name))
    for name in ("first_message_at", "answer_due_at"):
        setattr(thread, name, _least(getattr(thread, name), getattr(other, name)))
    newest = ("last_inbound_at", "last_answered_at", "seen_at", "paced_until", "asked_for_document_at", "opted_out_at")
    for name in newest:
        setattr(thread, name, _most(getattr(thread, name), getattr(other, name)))
    waiting = thread.messages.written_by_contact()
    answered = thread.last_answered_at
    since_answer = waiting.filter(timestamp__gte=whole_second(answered)) if answered else waiting
    thread.unanswered_since = since_answer.aggregate(first=Min("timestamp"))["first"]
    thread.unread = (waiting.filter(timestamp__gt=thread.seen_at) if thread.seen_at else waiting).count()


def _is_quieter(one: Thread, other: Thread) -> bool:
    """Whether the bot is silent for longer in `one`. Switched off has no end."""
    if not one.is_bot_silent or not other.is_bot_silent:
        return one.is_bot_silent
    return other.silent_until is not None and (one.silent_until is None or one.silent_until > other.silent_until)


def _is_newer(one: Thread, other: Thread) -> bool:
    return one.last_message_at is not None and (
        other.last_message_at is None or one.last_message_at > other.last_message_at
    )


def _least(one: Any, other: Any) -> Any:
    return min((value for value in (one, other) if value is not None), default=None)


def _most(one: Any, other: Any) -> Any:
    return max((value for value in (one, other) if value is not None), default=None)
