"""Search that forgives accents, case and phone spelling, and stays fast at a million rows.

A searched model keeps one column of folded words. On PostgreSQL it is matched as a tsvector through
a GIN index (core, no extension); on SQLite with LIKE. Both match the *start* of words, all of them.
"""

from typing import Any

from django.db.models import Lookup, TextField

from crm.phones import parse_phone
from crm.text import words

_PHONE_PUNCTUATION = set("+-() ./")
_LONGEST_QUERY = 12


class SearchColumn(TextField):  # type: ignore[type-arg]  # not subscriptable at run time
    """Space-separated folded words; filter it with `__finds="what was typed"`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", "")
        kwargs.setdefault("editable", False)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)


@SearchColumn.register_lookup
class Finds(Lookup):  # type: ignore[type-arg]
    """Every typed word starts a word of the column. Nothing typed finds nothing out: all rows."""

    lookup_name = "finds"
    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = self.process_lhs(compiler, connection)
        typed = query_words(str(self.rhs))
        if not typed:
            return "TRUE", []
        query = " & ".join(f"'{word}':*" for word in typed)
        return f"{words_vector(column)} @@ %s::tsquery", [*parameters, query]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = self.process_lhs(compiler, connection)
        typed = query_words(str(self.rhs))
        if not typed:
            return "1 = 1", []
        clause = " AND ".join(f"(' ' || {column}) LIKE %s" for _ in typed)
        return f"({clause})", [value for word in typed for value in [*parameters, f"% {word}%"]]


def words_vector(column: str) -> str:
    """The expression that the GIN indexes of the migrations are on. Built from the words as they are: no parser, no dictionary, no stop words."""
    return f"array_to_tsvector(string_to_array({column}, ' '))"


def query_words(typed: str) -> list[str]:
    """What was typed, as words; a phone in any spelling becomes its digits in canonical form."""
    text = typed.strip()
    digits = "".join(char for char in text if char.isdigit())
    if len(digits) >= 4 and all(char.isdigit() or char in _PHONE_PUNCTUATION for char in text):
        phone = parse_phone(text) if len(digits) >= 9 else None
        return [phone.number.removeprefix("+") if phone else digits]
    return words(text)[:_LONGEST_QUERY]


def column_words(*texts: str | None, extra: list[str] | None = None) -> str:
    """The content of a search column: each word once, in order."""
    found = [word for text in texts if text for word in words(text)]
    return " ".join(dict.fromkeys([*found, *(extra or [])]))
