"""What Meta tells beside messages and statuses: the few things that something of ours follows from.

Everything else is kept as it came and shown (`WebhookItem`), so that a field which Meta adds tomorrow is not lost.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction

from whatsapp.bot.opt_out import was_taken_back
from whatsapp.choices import Direction
from whatsapp.consent import opt_in, opt_out, opted_out_since
from whatsapp.linking import recognise
from whatsapp.models import Thread
from whatsapp.receiving.identity import Person, thread_of
from whatsapp.receiving.items import Item, as_list, as_object
from whatsapp.receiving.messages import number_of
from whatsapp.receiving.moments import moment_of
from whatsapp.receiving.people import contact_of


def apply_change(item: Item, *, received_at: datetime) -> None:
    """Do what follows from a change of this field, if anything does."""
    act = _ACTS.get(item.field)
    if act is not None:
        act(item, received_at)


def _renew_user_ids(item: Item, received_at: datetime) -> None:
    """A business-scoped id was replaced: both are the same person."""
    for row in map(as_object, as_list(item.value.get("user_id_update"))):
        ids = as_object(row.get("user_id"))
        person = Person.known_by(wa_ids=(row.get("wa_id"),), user_ids=(ids.get("previous"), ids.get("current")))
        with transaction.atomic():
            _thread(item, person, at=moment_of(row.get("timestamp"), otherwise=received_at))


def _take_preferences(item: Item, received_at: datetime) -> None:
    """The person stopped marketing messages in WhatsApp's own settings, or allowed them again."""
    for row in map(as_object, as_list(item.value.get("user_preferences"))):
        at = moment_of(row.get("timestamp"), otherwise=received_at)
        person = Person.known_by(wa_ids=(row.get("wa_id"),), user_ids=(row.get("user_id"),))
        with transaction.atomic():
            thread = _thread(item, person, at=at)
            if thread is not None:
                _prefer(thread, row.get("value"), at)


def _prefer(thread: Thread, word: object, at: datetime) -> None:
    if word == "stop" and not was_taken_back(thread, at):
        opt_out(thread, at=at)
    elif word == "resume" and ((since := opted_out_since(thread)) is None or since <= at):
        opt_in(thread)


def _hear_calls(item: Item, received_at: datetime) -> None:
    """Whoever calls us opens the 24 hours, as a message does."""
    rows = [as_object(row) for row in as_list(item.value.get("calls"))]
    for row in rows:
        if row.get("direction") == "USER_INITIATED":
            at = moment_of(row.get("timestamp"), otherwise=received_at)
            contact = contact_of(item, row.get("from"), row.get("from_user_id"))
            if not contact and len(rows) == len(item.contacts) == 1:
                contact = item.contacts[0]
            person = Person.known_by(
                wa_ids=(row.get("from"), contact.get("wa_id")),
                user_ids=(row.get("from_user_id"), contact.get("user_id")),
                parents=(contact.get("parent_user_id"),),
                profile_name=as_object(contact.get("profile")).get("name"),
            )
            with transaction.atomic():
                thread = _thread(item, person, at=at)
                if thread is not None and (thread.last_inbound_at is None or at > thread.last_inbound_at):
                    thread.change(last_inbound_at=at, last_direction=thread.last_direction or Direction.INBOUND)


def _thread(item: Item, person: Person, *, at: datetime) -> Thread | None:
    if not person.names:
        return None
    # Each in a transaction of its own: two requests that name the same people in another order would wait for each
    # other.
    thread = thread_of(number_of(item), person, at=at)
    recognise(thread)
    return thread


def _change_template(item: Item, received_at: datetime) -> None:
    from whatsapp.templating import apply_update

    with transaction.atomic():
        apply_update(item.field, dict(item.value))


_ACTS: dict[str, Callable[[Item, datetime], Any]] = {
    "user_id_update": _renew_user_ids,
    "user_preferences": _take_preferences,
    "calls": _hear_calls,
    "message_template_status_update": _change_template,
    "message_template_quality_update": _change_template,
    "message_template_components_update": _change_template,
    "template_category_update": _change_template,
}
