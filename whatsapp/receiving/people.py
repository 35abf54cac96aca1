"""Who is meant by an item: who wrote it, or whom it was written to (whatsapp-anchors a.13, a.14)."""

from collections.abc import Mapping
from typing import Any

from whatsapp.receiving.identity import Person, names_of_number
from whatsapp.receiving.items import Item, as_list, as_object, id_of


def sender_of(item: Item) -> Person:
    """Of a message of a person: its ids, those of its contact, and what a system message says they were before."""
    data = as_object(item.data)
    contact = contact_of(item, data.get("from"), data.get("from_user_id"))
    system = as_object(data.get("system")) if data.get("type") == "system" else {}
    written_from, told = (data.get("from"), contact.get("wa_id")), _numbers_told(data, system)
    return Person.known_by(
        # The first is where they are written to from now on: after a change the new one.
        wa_ids=(*told, *written_from) if system else (*written_from, *told),
        user_ids=(
            data.get("from_user_id"),
            contact.get("user_id"),
            system.get("user_id"),
            system.get("previous_user_id"),
        ),
        parents=(data.get("from_parent_user_id"), contact.get("parent_user_id")),
        profile_name=as_object(contact.get("profile")).get("name"),
        username=as_object(contact.get("profile")).get("username"),
    )


def receiver_of(item: Item) -> Person:
    """Of an echo: a person of ours wrote it on the phone. Which side the customer stands on differs between sources."""
    data = as_object(item.data)
    ours = item.display_number
    # Without knowing our own number, "from" may be it.
    sides = [id_of(data.get(name)) for name in (("to", "from") if ours else ("to",))]
    theirs = next((side for side in sides if side and not is_same_number(side, ours)), "")
    contact = contact_of(item, theirs, data.get("to_user_id"))
    if is_same_number(id_of(contact.get("wa_id")), ours):
        contact = {}
    return Person.known_by(
        wa_ids=(theirs, contact.get("wa_id")),
        user_ids=(data.get("to_user_id"), contact.get("user_id")),
        parents=(data.get("to_parent_user_id"), contact.get("parent_user_id")),
        profile_name=as_object(contact.get("profile")).get("name"),
        username=as_object(contact.get("profile")).get("username"),
    )


def contact_of(item: Item, number: object, user_id: object) -> dict[str, Any]:
    """The contact that goes with an item: by its ids, never by its place.

    Where a lone contact stands beside a lone sender and no id contradicts, they are one person: Meta rewrites numbers
    (BR, MX), and a message may name nobody at all.
    """
    wanted = {str(word) for word in (number, user_id) if word}
    for contact in item.contacts:
        if wanted & {str(contact.get(name)) for name in ("wa_id", "user_id") if contact.get(name)}:
            return contact
    if len(item.contacts) == 1 and len(item.people) == 1 and not (user_id and item.contacts[0].get("user_id")):
        return item.contacts[0]
    return {}


def is_same_number(one: str, other: str) -> bool:
    """Whether both are one number, however either is spelled: "15550783881", "+1 555-078-3881"."""
    digits = ["".join(char for char in number if char.isdigit()) for number in (one, other)]
    if not all(digits):
        return False
    return digits[0] == digits[1] or bool(set(names_of_number(digits[0])) & set(names_of_number(digits[1])))


def _numbers_told(data: Mapping[str, Any], system: Mapping[str, Any]) -> list[object]:
    """Numbers that a person tells to be their own: after a change, or by the button that asks for it."""
    told: list[object] = []
    if "number" in str(system.get("type") or ""):
        told += [system.get("wa_id"), system.get("new_wa_id")]
    for card in as_list(data.get("contacts")):
        if as_object(card).get("origin") == "contact_request":
            told += [as_object(phone).get("wa_id") for phone in as_list(as_object(card).get("phones"))]
    return told
