"""Limits are fair, per caller and by the clock; without their cache everybody comes in, at once."""

import socket
import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from rest_framework.test import APIClient

from config.cache import ForgivingRedisCache
from crm.models import User

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


@pytest.fixture
def limit(settings: Any) -> Callable[..., None]:
    """Set rates: `limit(caller="3/min")`."""

    def set_rates(**rates: str) -> None:
        known = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
        settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {**known, **rates}}

    return set_rates


def statuses(client: APIClient, times: int, path: str = "/api/users/me") -> list[int]:
    return [client.get(path).status_code for _ in range(times)]


@pytest.mark.sqlite
def test_a_caller_gets_so_many_requests_a_window(as_user: AsUser, bob: User, limit: Callable[..., None]) -> None:
    limit(caller="3/min")
    with time_machine.travel("2026-03-02T12:00:50Z", tick=False) as clock:
        client = as_user(bob)
        assert statuses(client, 4) == [200, 200, 200, 429]
        assert client.get("/api/crm/users")["Retry-After"] == "10"
        clock.shift(10)
        assert statuses(client, 4) == [200, 200, 200, 429]


def test_each_caller_has_a_window_of_their_own(
    as_user: AsUser, bob: User, charlie: User, limit: Callable[..., None]
) -> None:
    limit(caller="2/min")
    with time_machine.travel("2026-03-02T12:00:00Z", tick=False):
        assert statuses(as_user(bob), 3) == [200, 200, 429]
        # Another session of the same person is the same caller, also at another address.
        elsewhere = as_user(bob)
        assert elsewhere.get("/api/users/me", REMOTE_ADDR="203.0.113.9").status_code == 429
        assert statuses(as_user(charlie), 2) == [200, 200]


def test_strangers_are_told_apart_by_their_address(limit: Callable[..., None]) -> None:
    limit(caller="2/min")
    with time_machine.travel("2026-03-02T12:00:00Z", tick=False):
        asked = [APIClient().post("/api/auth/logout", {}).status_code for _ in range(3)]
        assert asked == [200, 200, 429]
        assert APIClient(REMOTE_ADDR="203.0.113.9").post("/api/auth/logout", {}).status_code == 200


@pytest.mark.parametrize("rate", ["0", ""])
def test_no_rate_is_no_limit(as_user: AsUser, bob: User, limit: Callable[..., None], rate: str) -> None:
    limit(caller=rate)
    assert statuses(as_user(bob), 5) == [200] * 5


def test_many_at_once_are_counted_exactly(limit: Callable[..., None]) -> None:
    from config.api.throttles import _count

    def count() -> None:
        for _ in range(25):
            _count("throttle:test", 60)

    threads = [Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _count("throttle:test", 60) == 201


def test_counters_do_not_stay_for_ever() -> None:
    from config.api.throttles import _count

    _count("throttle:gone", 60)
    client = cache._cache.get_client("x")  # type: ignore[attr-defined]
    assert 0 < client.ttl(cache.make_key("throttle:gone")) <= 60


# --- Without the cache ------------------------------------------------------------------------


@pytest.fixture
def silent_redis(settings: Any) -> Iterator[str]:
    """A server that accepts every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        address = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        yield address
    ForgivingRedisCache._ask_again_at = 0.0


def use_cache_at(settings: Any, address: str) -> None:
    options = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    settings.CACHES = {
        "default": {"BACKEND": "config.cache.ForgivingRedisCache", "LOCATION": address, "OPTIONS": options}
    }
    ForgivingRedisCache._ask_again_at = 0.0


def test_a_silent_redis_locks_nobody_out_and_costs_one_request_half_a_second(
    as_user: AsUser, bob: User, settings: Any, limit: Callable[..., None], silent_redis: str
) -> None:
    limit(caller="1/min")
    client = as_user(bob)
    use_cache_at(settings, silent_redis)
    started = time.monotonic()
    assert statuses(client, 20) == [200] * 20
    # Half a second for the first; twenty waits would be ten seconds.
    assert time.monotonic() - started < 4


def test_a_redis_that_is_away_locks_nobody_out(
    as_user: AsUser, bob: User, settings: Any, limit: Callable[..., None]
) -> None:
    limit(caller="1/min")
    client = as_user(bob)
    use_cache_at(settings, "redis://127.0.0.1:1/0")
    try:
        assert statuses(client, 5) == [200] * 5
    finally:
        ForgivingRedisCache._ask_again_at = 0.0
