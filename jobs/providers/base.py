"""What a call provider can do. One more provider is a file beside this one and a line in `__init__.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from jobs.choices import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRequest:
    """One call to place. `key` is the attempt's id: the provider makes one call of it however often it is asked.

    `variables`: what the agent knows of the person, all texts. `max_seconds`: of talk; `ring_seconds`: of ringing.
    """

    key: UUID
    number: str
    max_seconds: int
    ring_seconds: int
    variables: Mapping[str, str] = field(default_factory=dict)
    job_id: str = ""
    batch_id: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class CallReport:
    """What a provider tells about a call, when asked or by webhook, in our words.

    `outcome` None: it goes on. `is_final`: price, summary and recording are in it; nothing more will come.
    `key`: the attempt's id where the provider gives it back. `look_again_in`: seconds after which asking again makes
    sense, where the provider knows better than the usual rhythm.
    """

    ref: str
    outcome: Outcome | None = None
    key: UUID | None = None
    is_final: bool = False
    status: str = ""
    reason: str = ""
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: int = 0
    cost_micros: int | None = None
    summary: str = ""
    sentiment: str = ""
    successful: bool | None = None
    transcript: str = ""
    recording_url: str = ""
    log_url: str = ""
    collected: Mapping[str, str] = field(default_factory=dict)
    look_again_in: float | None = None


class Refused(Exception):
    """No call was made, for sure. `outcome` says why, so what follows is decided as for any other end.

    `wait`: seconds for which the provider asks to be left alone.
    """

    def __init__(self, outcome: Outcome, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.wait = wait


class Uncertain(Exception):
    """The request may have arrived: there may be a call. Nobody is dialled before the provider was asked by key."""


class Unreachable(Exception):
    """A question or an order did not get through. Nothing has changed; ask again later."""


class BadSignature(Exception):
    """A webhook that this provider has not sent, or that is too old."""


class Provider(Protocol):
    """Methods block, for a few seconds at most. They are called outside of transactions and from several threads."""

    name: str

    @property
    def is_configured(self) -> bool:
        """Whether calls can be placed at all."""
        ...

    def place(self, request: CallRequest) -> str:
        """Make the call; the provider's reference. `Refused` or `Uncertain`, nothing else."""
        ...

    def fetch(self, ref: str) -> CallReport | None:
        """How the call stands; None when the provider knows no such call. `Unreachable`."""
        ...

    def find(self, key: UUID, *, since: datetime) -> str | None:
        """The reference of the call that was made for `key`, at or after `since`; None: surely none. `Unreachable`."""
        ...

    def stop(self, ref: str) -> None:
        """Hang up. Done, or over already, when it returns. `Unreachable`."""
        ...

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> CallReport | None:
        """What a webhook tells; None for an event that means nothing here. `BadSignature`."""
        ...

    def capacity(self) -> int | None:
        """How many calls it takes at once, in all; None where it does not say. `Unreachable`."""
        ...
