"""A telephone company of the test's own, in place of the configured provider: it remembers what it was asked."""

from typing import Any
from uuid import UUID

import pytest

from jobs import hanging_up
from jobs.providers.base import Unreachable


class Company:
    """`is_away`: no question or order gets through. `calls`: what it knows by key; `stopped`: what was hung up."""

    def __init__(self) -> None:
        self.is_away = False
        self.calls: dict[UUID, str] = {}
        self.stopped: list[str] = []
        self.meanwhile: Any = None

    def stop(self, ref: str) -> None:
        if self.is_away:
            raise Unreachable("no route to host")
        self.stopped.append(ref)
        if self.meanwhile is not None:
            self.meanwhile()

    def find(self, key: UUID, **_: Any) -> str | None:
        if self.is_away:
            raise Unreachable("no route to host")
        return self.calls.get(key)


def in_place_of_the_provider(monkeypatch: pytest.MonkeyPatch) -> Company:
    """Nothing waits long: what the provider takes three seconds for is over in a tenth."""
    company = Company()
    monkeypatch.setattr(hanging_up, "provider_named", lambda name: company)
    monkeypatch.setattr(hanging_up, "PATIENCE", 0.05)
    monkeypatch.setattr(hanging_up, "PAUSE", 0.01)
    return company
