"""Who is acting right now, for whatever has to write a name down: audit, `created_by`, signals.

A request sets it (config/middleware.py); commands, tasks and tests set it with `acting_as(user)`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from crm.models import User


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an act comes from. `user` is asked late: a session or token is read only when needed."""

    user: Callable[[], Any]
    ip_address: str | None = None
    user_agent: str = ""


_NOBODY = Origin(user=lambda: None)
_origin: ContextVar[Origin] = ContextVar("origin", default=_NOBODY)


@contextmanager
def acting_through(origin: Origin) -> Iterator[None]:
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


@contextmanager
def acting_as(user: Optional["User"]) -> Iterator[None]:
    """Everything inside is done in the name of `user`."""
    with acting_through(Origin(user=lambda: user)):
        yield


def current_origin() -> Origin:
    return _origin.get()


def current_actor() -> Optional["User"]:
    """The user in whose name the running code acts; None for the system itself."""
    user = _origin.get().user()
    return user if user is not None and user.is_authenticated else None
