"""How often a caller may ask. Fixed windows counted in the shared cache: fairness, not accounting."""

import time
from typing import TYPE_CHECKING

from django.core.cache import cache, caches
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from config.addresses import client_address
from config.cache import ForgivingRedisCache

if TYPE_CHECKING:
    from rest_framework.views import APIView

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class FixedWindowThrottle(BaseThrottle):
    """At most N requests per window of the rate `scope`; one increment a request.

    DRF's own throttle reads, edits and writes a list of times, which two requests at once overwrite.
    """

    scope = ""

    def caller(self, request: Request) -> str:
        user = request.user
        return str(user.pk) if user and user.is_authenticated else str(client_address(request))

    def allow_request(self, request: Request, view: "APIView") -> bool:
        rate = str(api_settings.DEFAULT_THROTTLE_RATES[self.scope] or "0")
        if rate == "0":
            return True
        number, _, period = rate.partition("/")
        seconds = _SECONDS[period[0]]
        now = time.time()
        self._left = seconds - now % seconds
        key = f"throttle:{self.scope}:{self.caller(request)}:{int(now // seconds)}"
        return _count(key, seconds) <= int(number)

    def wait(self) -> float:
        return self._left


def _count(key: str, seconds: int) -> int:
    """Requests so far in this window. Without a cache nobody is locked out: the limit is courtesy."""
    if isinstance(caches["default"], ForgivingRedisCache):
        return caches["default"].count(key, seconds)
    if cache.add(key, 1, seconds):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # it ended between the two
        return 1


class CallerThrottle(FixedWindowThrottle):
    """Every endpoint: stops a page that asks in an endless loop."""

    scope = "caller"


class LoginThrottle(FixedWindowThrottle):
    """Sign-in attempts from one address, whoever they name."""

    scope = "login"

    def caller(self, request: Request) -> str:
        return str(client_address(request))


class ViewThrottle(FixedWindowThrottle):
    """Endpoints with a limit of their own name its rate: `throttle_scope = "bulk-assign"`."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        self.scope = getattr(view, "throttle_scope", "")
        return not self.scope or super().allow_request(request, view)
