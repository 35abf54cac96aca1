"""Where ids come from, and what may be one (docs/adr/0001-ids.md)."""

from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A version 7 UUID: time-ordered, so new rows land at the end of every index. Never a secret."""
    return uuid7()


def as_id(value: Any) -> UUID | None:
    """A UUID from what somebody sent; None for what cannot be one."""
    try:
        return UUID(str(value))
    except ValueError:
        return None
