"""A Redis cache that nobody notices when it is gone.

What we keep in the cache is courtesy: limits, bookmarks, estimates. When its server refuses, hangs or is
being restarted, every question is answered "nothing there" and for a few seconds it is not asked again,
so that a silent server costs one request half a second, not every request.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from django.utils.functional import cached_property
from redis.exceptions import RedisError

logger = logging.getLogger("puente.cache")

LEFT_ALONE_SECONDS = 5.0


class ForgivingRedisCache(RedisCache):
    _ask_again_at = 0.0

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try(super().add, True, *args, **kwargs))

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        return self._try(super().get, default, key, default, version)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._try(super().set, None, *args, **kwargs)

    def touch(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try(super().touch, False, *args, **kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try(super().delete, False, *args, **kwargs))

    def get_many(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        found: dict[Any, Any] = self._try(super().get_many, {}, *args, **kwargs)
        return found

    def has_key(self, *args: Any, **kwargs: Any) -> bool:
        return bool(self._try(super().has_key, False, *args, **kwargs))

    def incr(self, *args: Any, **kwargs: Any) -> int:
        """0 when nobody counts: whoever limits by it lets everybody in."""
        return int(self._try(super().incr, 0, *args, **kwargs))

    def count(self, key: str, seconds: int) -> int:
        """How often this was asked for `key`, which is forgotten after `seconds`; 0 when nobody counts.

        One trip to the server; `incr` makes two, to ask first whether the key is there.
        """
        return int(self._try(self._count, 0, self.make_and_validate_key(key), seconds))

    def _count(self, key: str, seconds: int) -> int:
        found: int = self._counter.incr(key)
        if found == 1:
            self._counter.expire(key, seconds)
        return found

    @cached_property
    def _counter(self) -> Any:
        """Kept: Django makes a client for each question, which costs half of a count."""
        return self._cache.get_client(None, write=True)

    def set_many(self, *args: Any, **kwargs: Any) -> list[Any]:
        failed: list[Any] = self._try(super().set_many, [], *args, **kwargs)
        return failed

    def delete_many(self, *args: Any, **kwargs: Any) -> None:
        self._try(super().delete_many, None, *args, **kwargs)

    def clear(self) -> None:
        self._try(super().clear, None)

    def _try(self, ask: Callable[..., Any], otherwise: Any, *args: Any, **kwargs: Any) -> Any:
        cls = type(self)
        if time.monotonic() < cls._ask_again_at:
            return otherwise
        try:
            return ask(*args, **kwargs)
        except (RedisError, OSError) as error:
            cls._ask_again_at = time.monotonic() + LEFT_ALONE_SECONDS
            logger.warning("cache unavailable, left alone for %.0f s: %s", LEFT_ALONE_SECONDS, error)
            return otherwise
