"""Where ids come from (docs/adr/0001-ids.md)."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A version 7 UUID: time-ordered, so new rows land at the end of every index. Never a secret."""
    return uuid7()
