"""How the inbox puts numbers and times into words."""

from datetime import datetime, timedelta

import phonenumbers
from django.utils import timezone
from phonenumbers import NumberParseException, PhoneNumberFormat

# A window that ends within this time is about to close.
CLOSING_WITHIN = timedelta(hours=4)


def shown_number(address: str) -> str:
    """ "51987654321" as people write it, "+51 987 654 321"; "" for who has no visible number."""
    digits = address.removeprefix("+")
    if not digits.isdecimal():
        return ""
    try:
        parsed = phonenumbers.parse(f"+{digits}", None)
    except NumberParseException:
        return f"+{digits}"
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


def spoken(span: timedelta) -> str:
    """ "menos de 1 min", "40 min", "3 h 20 min", "2 días"."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "menos de 1 min"
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days = hours // 24
    return "1 día" if days == 1 else f"{days} días"


def spoken_since(moment: datetime) -> str:
    return spoken(max(timezone.now() - moment, timedelta(0)))


def window_of(closes_at: datetime | None) -> tuple[str, str]:
    """How long anything but a template may be sent: a word for the colour, and the words."""
    left = (closes_at - timezone.now()) if closes_at else None
    if left is None or left <= timedelta(0):
        return "cerrada", "cerrada"
    return ("pronto" if left <= CLOSING_WITHIN else "abierta"), f"cierra en {spoken(left)}"
