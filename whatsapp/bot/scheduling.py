"""A message came: when is the bot's turn? It waits until the person has finished writing (contract section 4)."""

from datetime import datetime, timedelta

from django.utils import timezone

from crm.waking import wake
from whatsapp.bot import brakes, opt_out
from whatsapp.bot.conversations import Burst, is_heard
from whatsapp.models import BotSettings, Message, Thread

# Each message of a burst puts the answer off, but never beyond this many waits after the burst's first.
LONGEST_WAITS = 3


def hear(thread: Thread, message: Message) -> None:
    """Take note of what a person wrote: an opt-out at once, anything else for an answer after the burst.

    Called in the transaction in which the message is stored, with the thread's row locked. Everything else that may
    keep the bot quiet is asked when the answer is due, so that here a webhook costs as little as possible.
    """
    if not is_heard(message):
        return
    wish = opt_out.wish_of(message)
    if wish is not None and opt_out.hear_wish(thread, message, wish):
        return
    settings = BotSettings.current()
    if thread.opted_out_at is None and brakes.reason_at_hand(thread, settings, newest_at=message.timestamp) is None:
        _put_off(thread, settings)


def _put_off(thread: Thread, settings: BotSettings) -> None:
    from whatsapp.tasks import answer_due

    now = timezone.now()
    due = _due_at(thread, settings, now)
    thread.change(answer_due_at=due)
    wake(answer_due, countdown=(due - now).total_seconds())


def _due_at(thread: Thread, settings: BotSettings, now: datetime) -> datetime:
    debounce = timedelta(seconds=settings.debounce_seconds)
    if thread.answer_due_at is None:
        return now + debounce
    burst = Burst.of(thread, settings)
    begun_at = burst.begun_at if burst.messages else now
    return max(now, min(now + debounce, begun_at + LONGEST_WAITS * debounce))
