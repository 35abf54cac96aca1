"""Search that forgives accents, case and phone spelling, and stays fast at a million rows.

A searched model keeps one column of folded words. On PostgreSQL it is matched as a tsvector through
a GIN index (core, no extension); on SQLite with LIKE. Both match the *start* of words, all of them.
"""

import re
from collections.abc import Iterator
from typing import Any

from django.db.models import Lookup, TextField

from crm.phones import parse_phone
from crm.text import words

# Digits with phone punctuation between them: "rosa 987 654 321" holds the word rosa and one number. So does
# a Chilean document, "12.345.678-k", but for its check letter.
_TYPED_NUMBER = re.compile(r"(?<!\w)\+?\(?\d[\d\s()./\-]*\d(?:-[kK])?(?!\w)")
_FEWEST_DIGITS = 4
_LONGEST_QUERY = 12

# What one typed word may be found as: at least one of these starts a word of the column.
Term = list[str]


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
        typed = query_terms(str(self.rhs))
        if not typed:
            return "TRUE", []
        # Words are letters and digits only, so nothing in them can leave the quotes.
        query = " & ".join("(" + " | ".join(f"'{word}':*" for word in term) + ")" for term in typed)
        return f"{words_vector(column)} @@ %s::tsquery", [*parameters, query]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = self.process_lhs(compiler, connection)
        typed = query_terms(str(self.rhs))
        if not typed:
            return "1 = 1", []
        one = f"(' ' || {column}) LIKE %s"
        clause = " AND ".join("(" + " OR ".join(one for _ in term) + ")" for term in typed)
        values = [value for term in typed for word in term for value in (*parameters, f"% {word}%")]
        return f"({clause})", values


def words_vector(column: str) -> str:
    """The expression that the GIN indexes of the migrations are on. Built from the words as they are:
    no parser, no dictionary, no stop words."""
    return f"array_to_tsvector(string_to_array({column}, ' '))"


def query_terms(typed: str) -> list[Term]:
    """What was typed, as terms; a phone in any spelling is one term, found by its digits or its canonical form."""
    found: list[Term] = []
    rest = typed[:500]
    for number in _TYPED_NUMBER.findall(rest):
        term = _number_term(number)
        if term:
            found.append(term)
            rest = rest.replace(number, " ", 1)
    return [*([word] for word in words(rest)), *found][:_LONGEST_QUERY]


def _number_term(typed: str) -> Term:
    """Nothing for a run too short to be part of a phone: its digits are plain words."""
    digits = "".join(char for char in typed if char.isdigit())
    if len(digits) < _FEWEST_DIGITS:
        return []
    return list(dict.fromkeys(_spellings(typed, digits)))


def _spellings(typed: str, digits: str) -> Iterator[str]:
    yield digits
    phone = parse_phone(typed)
    if phone is not None:
        yield phone.number.removeprefix("+")
        yield phone.key
    if digits.startswith("0") and len(digits) > 8:
        # Written with the prefixes of a country that is not ours ("011 15-2345-6789"): its last digits stay.
        yield digits[-8:]


def column_words(*texts: str | None, extra: list[str] | None = None) -> str:
    """The content of a search column: each word once, in order."""
    found = [word for text in texts if text for word in words(text)]
    return " ".join(dict.fromkeys([*found, *(extra or [])]))
