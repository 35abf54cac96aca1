"""The requests of Meta's behind the newest messages of the demonstration."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from crm.demo import Story, keep
from whatsapp.choices import EventState, ItemState
from whatsapp.demo.told import Told
from whatsapp.models import Message, WebhookEvent, WebhookItem
from whatsapp.simulated import DISPLAY_NUMBER, envelope

EVENTS = 12


def keep_events(story: Story, told: Sequence[Told]) -> None:
    """The requests behind the newest messages, one that nothing follows from, and one that could not be understood."""
    newest = sorted(
        (message for one in told for message in one.messages if not message.is_outbound),
        key=lambda message: message.timestamp,
    )[-EVENTS:]
    applied = [_event(envelope(_value(message)), message.timestamp) for message in newest]
    items = [_unused(story), _not_understood(story)]
    events = sorted([*applied, *(item.event for item in items)], key=lambda event: event.received_at)
    keep(events)
    ids = list(WebhookEvent.objects.order_by("pk").values_list("pk", flat=True))
    for event, pk in zip(events, ids, strict=True):
        event.pk = pk
    for item in items:
        item.event_id = item.event.pk
    keep(items)


def _unused(story: Story) -> WebhookItem:
    """News of the account, which is kept and changes nothing."""
    news = {"phone_number": DISPLAY_NUMBER, "event": "ONBOARDING", "max_daily_conversation_per_phone": 1000}
    body = envelope({})
    body["entry"][0]["changes"] = [{"field": "account_alerts", "value": news}]
    event = _event(body, story.at(-2, 9, 5))
    return WebhookItem(
        event=event, path="0.0", field="account_alerts", state=ItemState.KEPT, payload=news, at=event.received_at
    )


def _not_understood(story: Story) -> WebhookItem:
    """A message without its id."""
    at = story.at(-1, 16, 12)
    message = {"from": "51900000997", "timestamp": str(int(at.timestamp())), "type": "text"}
    event = _event(envelope({"messages": [message]}), at, failures=1)
    return WebhookItem(
        event=event,
        path="0.0.messages.0",
        field="messages",
        kind="text",
        state=ItemState.FAILED,
        payload=message,
        error="El mensaje no trae su id.",
        at=event.received_at,
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
