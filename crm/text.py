"""Text as people search it: without accents, case or punctuation."""

import re
import unicodedata

_NOT_A_WORD = re.compile(r"[^a-z0-9]+")


def fold(text: str) -> str:
    """Lower case without accents: "Peña Núñez" → "pena nunez"."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def words(text: str) -> list[str]:
    """The plain words of a text, for the search column and for what is typed into a search box."""
    return [word for word in _NOT_A_WORD.split(fold(text)) if word]
