"""The rows that a told conversation becomes: threads and their names, messages, statuses, hourly counts."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from crm.demo import keep
from crm.models import Contact
from whatsapp.choices import AliasKind, Author, LinkRule, MessageStatus, TemplateStatus
from whatsapp.demo.people import user_id
from whatsapp.demo.told import Told
from whatsapp.models import Alias, Message, MessageCount, StatusEvent, Template, Thread, ThreadLink
from whatsapp.models.counts import COUNTED, SHARDS
from whatsapp.models.messages import words_of
from whatsapp.receiving.identity import names_of_number
from whatsapp.simulated import TEMPLATES


def templates(now: datetime) -> Iterator[Template]:
    """Those of the simulated Meta, as they come down from it."""
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


def keep_threads(told: Sequence[Told]) -> None:
    """The database numbers them, in the order in which they are written."""
    keep(one.thread for one in told)
    for one, pk in zip(told, Thread.objects.order_by("pk").values_list("pk", flat=True), strict=True):
        one.thread.pk = pk


def aliases(told: Told) -> Iterator[Alias]:
    """The names under which the thread's next message would be recognised."""
    thread = told.thread
    names = names_of_number(thread.address) if thread.address else [(AliasKind.USER_ID, user_id(told.story))]
    for kind, value in names:
        yield Alias(
            number=thread.number,
            thread_id=thread.pk,
            kind=kind,
            value=value,
            digits=Alias.digits_of(value),
            first_seen_at=thread.created_at,
        )


def links(told: Told) -> Iterator[ThreadLink]:
    """Why the thread is this contact's."""
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


def keep_messages(told: Sequence[Told]) -> None:
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


def statuses(message: Message) -> Iterator[StatusEvent]:
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


def count(told: Sequence[Told]) -> None:
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


def remember_who_left(told: Sequence[Told]) -> None:
    """Who wants no messages wants none from anybody: it stands with the contact."""
    for one in told:
        if one.thread.opted_out_at and one.thread.contact is not None:
            contact = Contact.objects.filter(pk=one.thread.contact.pk)
            contact.update(opted_out_of_messages_at=one.thread.opted_out_at)
