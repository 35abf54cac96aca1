"""Whose messages a number means: found over the identities of people, never over the messages themselves."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import BigAutoField, Q

from crm.lookups import Among
from crm.phones import parse_phone
from crm.scope import is_limited
from whatsapp.choices import AliasKind, Direction
from whatsapp.models import Alias, BusinessNumber, Thread

if TYPE_CHECKING:
    from crm.models import User
    from whatsapp.models.messages import MessageQuerySet

# `thread__id__among=[…]`: thousands of ids as one parameter.
BigAutoField.register_lookup(Among)

# So many people are as good as any: from here on a walk through the newest messages meets the first of them soon.
MOST_THREADS = 5_000
# Fewer digits than this are in no index; they are also in every other number, so a few identities tell enough.
FEWEST_INDEXED = 4
NUMBERS = (AliasKind.WA_ID, AliasKind.PHONE)


def seen_by(user: "User", rows: "MessageQuerySet") -> "MessageQuerySet":
    """What `visible_to` finds. Where an agent sees only what is theirs, their threads are read first: the planner
    takes the rule for half of all threads, and would walk through every message."""
    if not is_limited(user):
        return rows
    threads = list(Thread.objects.visible_to(user).values_list("pk", flat=True)[: MOST_THREADS + 1])
    return rows.filter(_among(threads)) if len(threads) <= MOST_THREADS else rows.visible_to(user)


def from_number(typed: str) -> Q | None:
    """Messages whose sender's number contains what was typed, in any spelling; None while nothing is typed that counts.

    What a person wrote is found by everything that the person is known by, also by an older number. Our own
    messages come from a business number, whose `phone_number_id` stands in `from_number`.
    """
    digits = digits_of(typed)
    if not digits and not any(map(str.isalnum, typed)):
        return None
    found = Q(direccion=Direction.INBOUND) & _of_threads(_containing(typed, digits), "from_number", digits)
    ours = _ours_containing(digits)
    return found | Q(direccion=Direction.OUTBOUND, from_number__in=ours) if ours else found


def with_number(typed: str) -> Q:
    """All that was said with whoever has this number, in both directions; part of one means all who have that part."""
    digits = digits_of(typed)
    exact = Alias.objects.filter(_named(typed, digits))
    threads = set(exact.values_list("thread_id", flat=True)[:MOST_THREADS])
    if threads:
        return _among(threads)
    if digits and BusinessNumber.objects.filter(phone_number_id=digits).exists():
        return Q(thread__number__phone_number_id=digits)
    if not any(map(str.isalnum, typed)):
        return Q(pk__in=[])
    return _of_threads(_containing(typed, digits), "thread__address", digits)


def digits_of(typed: str) -> str:
    """The digits of a number as people write it; "" for what has letters, as an id of WhatsApp's has."""
    if any(map(str.isalpha, typed)):
        return ""
    return "".join(char for char in typed if char in "0123456789")


def _named(typed: str, digits: str) -> Q:
    """Who is called exactly this: an id, or a number however it is spelled."""
    if not digits:
        return Q(kind__in=(AliasKind.USER_ID, AliasKind.PARENT_USER_ID, AliasKind.WA_ID), value=typed.strip())
    named = Q(kind=AliasKind.WA_ID, value=digits)
    keys = {phone.key for raw in (typed, f"+{digits}") if (phone := parse_phone(raw)) is not None}
    return named | Q(kind=AliasKind.PHONE, value__in=keys)


def _containing(typed: str, digits: str) -> list[int]:
    """The threads of those whose number contains the digits; one more than MOST_THREADS where they are too many."""
    if 0 < len(digits) < FEWEST_INDEXED:
        known = Alias.objects.filter(kind__in=NUMBERS, value__contains=digits)
    else:
        known = Alias.objects.with_digits(_plain(typed, digits))
    return list(known.values_list("thread_id", flat=True)[: MOST_THREADS + 1])


def _plain(typed: str, digits: str) -> str:
    """The number as one run, with the plus that says that it starts with its country."""
    if not digits:
        return typed
    return f"+{digits}" if typed.strip().startswith("+") else digits


def _of_threads(threads: list[int], column: str, digits: str) -> Q:
    if len(threads) <= MOST_THREADS or not digits:
        return _among(threads[:MOST_THREADS])
    return Q(**{f"{column}__contains": digits})


def _among(threads: Iterable[int]) -> Q:
    return Q(thread__id__among=sorted(set(threads)))


def _ours_containing(digits: str) -> Iterable[str]:
    if not digits:
        return []
    return list(
        BusinessNumber.objects.filter(phone_number_id__contains=digits).values_list("phone_number_id", flat=True)
    )
