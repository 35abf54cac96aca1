"""When the bot keeps quiet: the one list of reasons (contract section 4)."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from crm.phones import parse_phone
from whatsapp.choices import Author, MessageStatus
from whatsapp.consent import has_opted_out
from whatsapp.models import BotSettings, BusinessNumber, Thread


class Reason(StrEnum):
    """Why nothing is said: for the log."""

    OFF = "the bot is off"
    MERGED = "the thread became another"
    SILENT = "a person has the thread, or it was switched off there"
    OPTED_OUT = "the person wants no messages"
    TOO_OLD = "the message is too old"
    WINDOW = "the 24 hours are over"
    OWN_NUMBER = "one of our own numbers writes"
    CAP = "enough answers in this hour"


def reason_for_silence(thread: Thread, settings: BotSettings, *, newest_at: datetime) -> Reason | None:
    """Why the bot says nothing to what was written at `newest_at`; None when it may speak."""
    reason = reason_at_hand(thread, settings, newest_at=newest_at)
    if reason is not None:
        return reason
    if has_opted_out(thread):
        return Reason.OPTED_OUT
    return costly_reason(thread, settings)


def reason_at_hand(thread: Thread, settings: BotSettings, *, newest_at: datetime) -> Reason | None:
    """The reasons that the two rows tell by themselves."""
    now = timezone.now()
    reasons = (
        (not settings.is_on, Reason.OFF),
        (thread.merged_into_id is not None, Reason.MERGED),
        (thread.is_bot_silent, Reason.SILENT),
        (newest_at < now - timedelta(minutes=settings.oldest_minutes), Reason.TOO_OLD),
        (not thread.is_window_open, Reason.WINDOW),
    )
    return next((reason for holds, reason in reasons if holds), None)


def costly_reason(thread: Thread, settings: BotSettings) -> Reason | None:
    """The reasons that other rows tell: a bot of ours at the other end, or answers without end."""
    if is_own_number(thread):
        return Reason.OWN_NUMBER
    return Reason.CAP if is_over_cap(thread, settings) else None


def is_own_number(thread: Thread) -> bool:
    """Whether who writes is a business number of ours: two of our bots would never stop."""
    writes_from = parse_phone(f"+{thread.address.lstrip('+')}")
    if writes_from is None:
        return False
    ours = BusinessNumber.objects.exclude(display_number="").values_list("display_number", flat=True)
    return any(phone.key == writes_from.key for raw in ours if (phone := parse_phone(_international(raw))) is not None)


def is_over_cap(thread: Thread, settings: BotSettings) -> bool:
    """Whether the bot has said as much in the last hour as it may."""
    said = thread.messages.filter(author=Author.BOT, timestamp__gte=timezone.now() - timedelta(hours=1))
    return said.exclude(status=MessageStatus.WITHDRAWN).count() >= settings.hourly_cap


def _international(display_number: str) -> str:
    """Meta writes "15550783881", "+1 555-078-3881" or "+51 987 654 321"."""
    return f"+{display_number.strip().removeprefix('+')}"
