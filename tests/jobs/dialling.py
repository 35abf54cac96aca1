"""A provider that does what a test says, and attempts that are due to be looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from jobs import providers
from jobs.models import CallAttempt
from jobs.providers.base import CallReport, CallRequest


@dataclass
class Told:
    """`on_place` and the others are called, or raised, or answered as they are."""

    name: str = "told"
    poll_seconds: float = 12.0
    is_configured: bool = True
    on_place: Any = None
    on_fetch: Any = None
    on_find: Any = None
    on_stop: Any = None
    on_capacity: Any = None
    placed: list[CallRequest] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    found: list[UUID] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def place(self, request: CallRequest) -> str:
        self.placed.append(request)
        return str(_say(self.on_place, request) or f"ref_{request.key.hex}")

    def fetch(self, ref: str) -> CallReport | None:
        self.fetched.append(ref)
        return _say(self.on_fetch, ref)

    def find(self, key: UUID, *, since: datetime) -> str | None:
        self.found.append(key)
        return _say(self.on_find, key)

    def stop(self, ref: str) -> None:
        self.stopped.append(ref)
        _say(self.on_stop, ref)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> CallReport | None:
        return None

    def capacity(self) -> int | None:
        return _say(self.on_capacity, None)


def _say(what: Any, given: Any) -> Any:
    if isinstance(what, BaseException):
        raise what
    return what(given) if isinstance(what, Callable) else what


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Told:
    """The provider that is configured, and the one that every attempt named "told" has."""
    provider = Told()
    monkeypatch.setitem(providers.PROVIDERS, "told", "tests.jobs.dialling.current")
    monkeypatch.setattr("tests.jobs.dialling.current", lambda: provider, raising=False)
    settings.CALL_PROVIDER = "told"
    return provider


def make_due(*attempts: CallAttempt) -> None:
    """Time passes until somebody looks at them."""
    rows = CallAttempt.objects.filter(look_at__isnull=False)
    if attempts:
        rows = rows.filter(pk__in=[attempt.pk for attempt in attempts])
    rows.update(look_at=timezone.now() - timedelta(seconds=1))


def placed_ago(attempt: CallAttempt, **ago: float) -> CallAttempt:
    CallAttempt.objects.filter(pk=attempt.pk).update(placed_at=timezone.now() - timedelta(**ago))
    attempt.refresh_from_db()
    return attempt
