"""Takes a request of Meta's apart: every item by itself, nothing required but a JSON object (whatsapp-anchors a.2).

Nothing here touches the database, and nothing raises because of what an item says: what is odd is found out when the
item is applied, and costs only that item.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

# Programs in between wrap Meta's object; these are the names they put it under.
_WRAPPERS = ("body", "data", "json")
_DEEPEST_WRAPPER = 3
# Meta goes six deep. What is kept is cut beyond this; the request's own bytes have it all.
_DEEPEST_KEPT = 60
_LONGEST_NAME = 200


class Kind(StrEnum):
    MESSAGE = "messages"
    ECHO = "message_echoes"
    STATUS = "statuses"
    ERROR = "errors"
    CHANGE = "change"  # of a field that has no list of items we know


# What may stand in a value, in the order in which it is applied: a message before what is said about it.
_LISTS = (Kind.MESSAGE, Kind.ECHO, Kind.STATUS, Kind.ERROR)
# A value with anything else in it is kept as a whole besides.
_KNOWN_KEYS = {*_LISTS, "messaging_product", "metadata", "contacts"}


class NotMeta(ValueError):
    """The request is no JSON object of Meta's."""


@dataclass(frozen=True)
class Item:
    """One thing that Meta tells, and where it stood."""

    path: str
    field: str
    kind: Kind
    data: Any
    value: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The word for it: a message's type, a status, the field of a change."""
        found = self.data.get("status" if self.kind == Kind.STATUS else "type") if isinstance(self.data, dict) else ""
        return tidy(found)[:80]

    @property
    def phone_number_id(self) -> str:
        metadata = as_object(self.value.get("metadata"))
        return tidy(metadata.get("phone_number_id"))[:64]

    @property
    def display_number(self) -> str:
        return tidy(as_object(self.value.get("metadata")).get("display_phone_number"))[:40]

    @property
    def contacts(self) -> list[dict[str, Any]]:
        return [row for row in as_list(self.value.get("contacts")) if isinstance(row, dict)]

    @property
    def people(self) -> set[str]:
        """Everybody who wrote in the same value, or was written to: a lone contact belongs to a lone person, whatever
        they are called."""
        rows = [row for row in as_list(self.value.get(self.kind)) if isinstance(row, dict)]
        if self.kind == Kind.ECHO:  # all are from us, and which side the customer stands on differs
            return {f"{row.get('from')}>{row.get('to') or row.get('to_user_id')}" for row in rows}
        return {str(row.get("from") or row.get("from_user_id") or "") for row in rows}


def items_of(raw: bytes) -> list[Item]:
    """Everything that a request tells; `NotMeta` when it is none of Meta's."""
    body = _unwrapped(_parsed(raw))
    return [item for entry, change, path in _changes(body) for item in _items(entry, change, path)]


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)


def _parsed(raw: bytes) -> Any:
    """The whole request as JSON. One odd text in it, which a strict reader refuses, must not cost all the others."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw.decode("utf-8-sig", "replace"), parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise NotMeta("El contenido no es JSON.") from error


def _unwrapped(found: Any) -> dict[str, Any]:
    for _ in range(_DEEPEST_WRAPPER):
        if isinstance(found, str):
            try:
                found = orjson.loads(found)
            except orjson.JSONDecodeError:
                break
        if isinstance(found, list) and len(found) == 1:
            found = found[0]
        if isinstance(found, dict) and "entry" not in found:
            found = next((found[name] for name in _WRAPPERS if name in found), None)
            continue
        break
    if not isinstance(found, dict) or not isinstance(found.get("entry"), list):
        raise NotMeta("No es un aviso de WhatsApp.")
    return found


def _changes(body: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], str]]:
    for at, entry in enumerate(as_list(body.get("entry"))):
        for within, change in enumerate(as_list(as_object(entry).get("changes"))):
            yield as_object(entry), as_object(change), f"{at}.{within}"


def _items(entry: Mapping[str, Any], change: Mapping[str, Any], path: str) -> Iterator[Item]:
    field = tidy(change.get("field"))[:80]
    value = as_object(change.get("value"))
    found = False
    for kind in _LISTS:
        for at, data in enumerate(as_list(value.get(kind))):
            found = True
            yield Item(f"{path}.{kind}.{at}", field, kind, data, value)
    if not found or value.keys() - _KNOWN_KEYS:
        yield Item(path, field, Kind.CHANGE, change.get("value"), value)


def as_object(found: Any) -> dict[str, Any]:
    """`found` if it is a JSON object, else an empty one: nobody promised what stands where."""
    return found if isinstance(found, dict) else {}


def as_list(found: Any) -> Sequence[Any]:
    return found if isinstance(found, list) else ()


def storable(data: Mapping[str, Any]) -> dict[str, Any]:
    """The item as JSON that PostgreSQL takes: no NUL in a text, no number beyond all, not endlessly deep."""
    found: dict[str, Any] = _storable(data, _DEEPEST_KEPT)
    return found


def _storable(value: Any, deeper: int) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if not isinstance(value, Mapping | list):
        return value
    if not deeper:
        return "…"
    if isinstance(value, list):
        return [_storable(one, deeper - 1) for one in value]
    return {clean(str(name)): _storable(one, deeper - 1) for name, one in value.items()}


def clean(text: str) -> str:
    """Without what PostgreSQL cannot store: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def tidy(raw: object) -> str:
    """The text of a name; "" for what is none."""
    return _text_of(raw)[:_LONGEST_NAME]


def id_of(raw: object) -> str:
    """The text of an id; "" for what is none. Two that are too long for their column stay two, however they begin."""
    text = _text_of(raw)
    if len(text) <= _LONGEST_NAME:
        return text
    mark = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[: _LONGEST_NAME - len(mark)]}{mark}"


def _text_of(raw: object) -> str:
    if raw is None or isinstance(raw, bool | dict | list):
        return ""
    return clean(str(raw)).strip()


def lock_of(wamid: str) -> str:
    """What is held while something about this id of Meta's is stored: a message and its statuses meet here."""
    return f"whatsapp:wamid:{wamid}"
