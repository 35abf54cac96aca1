"""Who writes in the demonstration: people of the CRM, strangers, and numbers that two people share."""

from typing import Any

from crm.demo import Cast, Story
from crm.models import Contact
from whatsapp.choices import LinkState

THREADS = 60
# Two people of the CRM have one number: who has written must be said by somebody (crm/demo/people.py).
SHARED_NUMBERS = 3
SHARED_NUMBER_AT = (10, 24, 38)
# WhatsApp hides the number of this one.
WITHOUT_NUMBER = 33

STRANGER_NAMES = ("Wilfredo", "Mili 🌸", "Rosa Tello", "JC", "Alondra Paz", "Sr. Bautista", "Yeni", "Constructora Paz")


def people_of(story: Story, cast: Cast) -> list[Contact]:
    """Of the CRM, each with a number of their own."""
    twice = {contact.mobile for contact in cast.contacts[-SHARED_NUMBERS:]}
    return story.draw.sample([contact for contact in cast.contacts if contact.mobile not in twice], THREADS)


def is_stranger(position: int) -> bool:
    """Every seventh is nobody of the CRM."""
    return position % 7 == 5


def known_by(story: Story, position: int, contact: Contact | None, cast: Cast) -> dict[str, Any]:
    """What WhatsApp tells of who writes, as columns of the thread."""
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


def user_id(story: Story) -> str:
    """By what a person is known whose number WhatsApp hides."""
    return f"PE.{story.id.int % 10**17:017d}"
