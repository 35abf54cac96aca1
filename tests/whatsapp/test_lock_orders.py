"""Whoever needs several locks takes them in one order: nobody waits for somebody who waits for them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm import services
from crm.models import User
from tests.crm.racing import at_once
from tests.factories import ContactFactory
from tests.whatsapp.payloads import a_request, envelope, status, text_message, value_of
from tests.whatsapp.rows import answered, minutes_ago, said, thread_with
from whatsapp import following
from whatsapp.choices import EventState, LinkRule, MessageStatus
from whatsapp.linking import link, undo_link
from whatsapp.models import Message, MessageCount, Thread, ThreadLink, WebhookEvent
from whatsapp.receiving.applying import apply_waiting

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


def keep(*bodies: bytes) -> None:
    for body in bodies:
        WebhookEvent.objects.create(body=body)


def unharmed(results: list[Any]) -> None:
    assert not [one for one in results if isinstance(one, Exception)], results
    apply_waiting()
    assert set(WebhookEvent.objects.values_list("state", flat=True)) <= {EventState.APPLIED}


def one_by_one() -> int:
    """A worker that claims one request at a time, so that several are applied side by side."""
    return sum(apply_waiting(limit=1) for _ in range(10))


def test_a_failed_status_and_a_link_do_not_wait_for_each_other(bob: User) -> None:
    contacts = [ContactFactory(), ContactFactory()]
    thread = thread_with()
    said(thread)
    wamids = [answered(thread, str(number), at=minutes_ago(30 - number)).message_id for number in range(20)]
    for turn in range(ROUNDS):
        keep(*(_of_status(str(wamid), "failed") for wamid in wamids[turn * 5 : turn * 5 + 5]))
        chosen = contacts[turn % 2]
        links = [_linker(thread, chosen, bob), _linker(thread, contacts[1 - turn % 2], bob)]
        unharmed(at_once([one_by_one, one_by_one, *links]))
    assert Message.objects.filter(status=MessageStatus.FAILED).count() == 20


def _of_status(wamid: str, word: str) -> bytes:
    return a_request(statuses=[status(wamid, word)], contacts=[])


def _linker(thread: Thread, contact: Any, by: User) -> Callable[[], Any]:
    return lambda: link(Thread.objects.get(pk=thread.pk), contact, rule=LinkRule.BY_HAND, by=by)


def test_two_changes_about_the_same_people_in_another_order_do_not_wait_for_each_other() -> None:
    people = [f"5191111{number:04d}" for number in range(30)]
    rows = [{"wa_id": wa_id, "value": "stop", "timestamp": "1790000000"} for wa_id in people]
    for turn in range(ROUNDS):
        told = [{**row, "timestamp": str(1_790_000_000 + turn)} for row in rows]
        bodies = [value_of(user_preferences=told), value_of(user_preferences=told[::-1])]
        keep(*(_raw(envelope(value, field="user_preferences")) for value in bodies))
        unharmed(at_once([one_by_one, one_by_one]))
    assert Thread.objects.filter(opted_out_at__isnull=False).count() == len(people)
    assert not WebhookEvent.objects.filter(attempts__gt=1).exists()


def _raw(body: Any) -> bytes:
    from tests.whatsapp.payloads import raw

    return raw(body)


def test_counts_of_many_hours_are_added_to_side_by_side(bob: User) -> None:
    """Threads whose counts share rows, each linked by the message that comes when their contact is known."""
    count = 16  # two in each of eight shards
    numbers = [f"5192222{number:04d}" for number in range(count)]
    for number in numbers:
        thread = thread_with(number)
        for hours in range(1, 6):
            said(thread, at=timezone.now() - timedelta(hours=hours))
    for number in numbers:
        ContactFactory(mobile=f"+{number}")
    now = int(timezone.now().timestamp())
    keep(*(a_request(text_message(wa_id=number, at=now)) for number in numbers))
    by_hand = [_hand_linker(number, bob) for number in numbers[::2]]
    unharmed(at_once([one_by_one] * 4 + by_hand))
    assert MessageCount.objects.totals()["linked"] == Message.objects.filter(cliente__isnull=False).count()
    assert not WebhookEvent.objects.filter(attempts__gt=1).exists()


def _hand_linker(number: str, by: User) -> Callable[[], Any]:
    def act() -> None:
        thread = Thread.objects.get(aliases__value=number, aliases__kind="wa_id")
        link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=by)
        undo_link(ThreadLink.objects.standing().get(thread=thread), by=by)

    return act


def test_contacts_are_merged_while_they_write(bob: User) -> None:
    """A merge locks contacts and then their threads, a message its thread and then the contact: one begins again."""
    numbers = ("51933330001", "51933330002")
    for turn in range(ROUNDS):
        people = [ContactFactory(), ContactFactory()]
        for number, person in zip(numbers, people, strict=True):
            thread = thread_with(f"{number}{turn}")
            link(thread, person, rule=LinkRule.BY_HAND, by=bob)
        now = int(timezone.now().timestamp())
        keep(*(a_request(text_message(wa_id=f"{number}{turn}", at=now)) for number in numbers * 4))

        def merge(pair: list[Any] = people) -> None:
            services.merge_contacts(survivor_id=pair[0].pk, absorbed_id=pair[1].pk, by=bob)

        results = at_once([one_by_one, one_by_one, merge])
        unharmed(results[:2])
    strays = Message.objects.filter(cliente__isnull=False).exclude(cliente__is_deleted=False)
    assert not strays.exists()


def test_a_lead_is_made_of_a_conversation_while_the_person_opts_out(bob: User) -> None:
    for turn in range(ROUNDS):
        number = f"5194444000{turn}"
        thread = thread_with(number)
        said(thread)
        ContactFactory(mobile=f"+{number}")
        keep(a_request(text_message("BAJA", wa_id=number, at=int(timezone.now().timestamp()))))

        def make(pk: int = thread.pk) -> Any:
            return following.make_lead(Thread.objects.get(pk=pk), by=bob)

        unharmed(at_once([one_by_one, make]))
        thread.refresh_from_db()
        assert thread.contact is not None
        assert thread.contact.opted_out_of_messages_at is not None
