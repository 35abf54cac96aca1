"""The cache is courtesy: when its server is gone, the product goes on."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from config.cache import ForgivingRedisCache
from tests.servers import RedisServer


def cache_at(url: str) -> ForgivingRedisCache:
    ForgivingRedisCache._ask_again_at = 0.0
    return ForgivingRedisCache(url, {"OPTIONS": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3}})


@pytest.fixture(autouse=True)
def _asked_again_afterwards() -> Iterator[None]:
    yield
    ForgivingRedisCache._ask_again_at = 0.0


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []
        stopped = threading.Event()

        def accept() -> None:
            while not stopped.is_set():
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        stopped.set()
        for connection in held:
            connection.close()


def test_it_keeps_and_counts_while_its_server_is_there(own_redis: RedisServer) -> None:
    cache = cache_at(own_redis.url)
    cache.set("a", 1, 60)
    assert cache.incr("a") == 2
    assert cache.get("a") == 2
    with pytest.raises(ValueError, match="not found"):
        cache.incr("b")


def test_without_a_server_every_question_is_answered_with_nothing() -> None:
    cache = cache_at("redis://127.0.0.1:1/0")
    assert cache.get("a", "otherwise") == "otherwise"
    ForgivingRedisCache._ask_again_at = 0.0
    assert cache.incr("a") == 0
    ForgivingRedisCache._ask_again_at = 0.0
    assert cache.add("a", 1) is True


def test_a_silent_server_holds_up_one_question_not_every_one(silent_port: int) -> None:
    cache = cache_at(f"redis://127.0.0.1:{silent_port}/0")
    started = time.monotonic()
    for _ in range(50):
        assert cache.get("a") is None
    # One wait of 0.3 s; fifty would be 15 s.
    assert time.monotonic() - started < 3


def test_it_is_asked_again_after_a_while(own_redis: RedisServer) -> None:
    cache = cache_at(own_redis.url)
    own_redis.stop()
    assert cache.get("a") is None
    own_redis.start()
    cache.set("a", 1)
    assert cache.get("a") is None, "still left alone"
    ForgivingRedisCache._ask_again_at = 0.0
    cache.set("a", 1)
    assert cache.get("a") == 1
