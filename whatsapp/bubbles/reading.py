"""Reads what a stranger sent, whatever shape it has."""

from collections.abc import Mapping
from typing import Any


def dig(value: Any, *names: str) -> Any:
    """`value[a][b]…`; None as soon as something is not an object or has no such name."""
    for name in names:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def words(value: Any) -> str:
    """A text or a number as text; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def number(value: Any) -> float | None:
    """A coordinate; None for what is no number on this globe."""
    try:
        found = float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        return None
    return found if found is not None and abs(found) <= 180 else None


def web_address(value: Any) -> str:
    """An address that a browser may be sent to; nothing that runs."""
    text = words(value)
    return text if text.lower().startswith(("https://", "http://")) and len(text) < 2_000 else ""
