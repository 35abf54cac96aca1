"""JSON as the clients read it: UTC times ending in Z, amounts as numbers, ids as strings."""

from decimal import Decimal
from typing import Any

import orjson
from django.utils.encoding import force_str
from django.utils.functional import Promise
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS


def to_json(data: Any) -> bytes:
    return orjson.dumps(data, default=_as_plain, option=_OPTIONS)


def _as_plain(value: Any) -> Any:
    """What orjson does not know by itself. Amounts are numbers, never strings (contract section 1)."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Promise):
        return force_str(value)
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list | tuple | set):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


class OrjsonRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else to_json(data)


class OurRenderer(DefaultContentNegotiation):
    """An endpoint with one way to answer answers that way, whatever `Accept` says: a browser's or curl's too."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        if len(renderers) == 1:
            return renderers[0], renderers[0].media_type
        found: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        return found
