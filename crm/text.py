"""Text as people search it and as they mean it: without accents, case or punctuation."""

import re
import unicodedata
from collections.abc import Iterable

_NOT_A_WORD = re.compile(r"[\W_]+")
# A tsvector holds no longer word; nobody types one either.
_LONGEST_WORD = 100
_IN_DOCUMENTS = re.compile(r"[\s.\-_/]+")


def fold(text: str) -> str:
    """Lower case without accents: "Peña Núñez" → "pena nunez"."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def words(text: str) -> list[str]:
    """The plain words of a text, for the search column and for what is typed into a search box."""
    return [word[:_LONGEST_WORD] for word in _NOT_A_WORD.split(fold(text)) if word]


def meant(typed: object, values: Iterable[str]) -> str | None:
    """The value of a closed list that was meant, however it was written: "Ya asistió" → "YA ASISTIO".

    None when none of them was.
    """
    wanted = words(str(typed)) if typed is not None else []
    return next((value for value in values if words(value) == wanted), None) if wanted else None


def tidy_document(raw: object) -> str | None:
    """A document number as it identifies a person: "12.345.678-k" → "12345678K"; None when there is none."""
    if isinstance(raw, float) and raw.is_integer():  # a spreadsheet's idea of a number
        raw = int(raw)
    return _IN_DOCUMENTS.sub("", str(raw)).upper() or None if raw is not None else None


def in_number(count: int, one: str, many: str) -> str:
    """What is said of one or of several: "1 fila no se pudo leer", "3 filas no se pudieron leer"."""
    return f"{count} {one if count == 1 else many}"
