"""JSON bodies, strictly: no NaN, no broken encoding, no more than the limit, not nested beyond reason."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

# Deeper than any real body; what is stored must also be written again, and orjson writes 254 levels.
DEEPEST = 64


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig
        if not body.strip():
            return {}
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError("El cuerpo de la petición no es JSON válido.", code="json_invalido") from error
        if body.count(b"[") + body.count(b"{") > DEEPEST and _is_deeper(data, DEEPEST):
            raise ParseError("El cuerpo de la petición tiene demasiados niveles.", code="json_invalido")
        return data


def _is_deeper(data: Any, levels: int) -> bool:
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    return levels < 0 or any(_is_deeper(value, levels - 1) for value in inner)
