"""Search that forgives accents, case and phone spelling, and stays fast at a million rows.

A searched model keeps one column of folded words. On PostgreSQL it is matched as a tsvector through
a GIN index (core, no extension); on SQLite with LIKE. Both match the *start* of words, all of them.
"""

import re
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import F, Lookup, OrderBy, QuerySet, TextField
from django.db.models.functions import Coalesce

from crm.phones import parse_phone
from crm.text import words

# Digits with phone punctuation between them: "rosa 987 654 321" holds the word rosa and one number. So does
# a Chilean document, "12.345.678-k", but for its check letter.
_TYPED_NUMBER = re.compile(r"(?<!\w)\+?\(?\d[\d\s()./\-]*\d(?:-[kK])?(?!\w)")
_FEWEST_DIGITS = 4
_FEWEST_OF_ONE = 8
_LONGEST_QUERY = 12
# How many rows are asked whether what was typed is common, and how many of them must have it.
_ASKED, _COMMON = 2000, 20

# What one typed word may be found as: at least one of these starts a word of the column.
Term = list[str]


class SearchColumn(TextField):
    """Space-separated folded words; filter it with `__finds="what was typed"`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", "")
        kwargs.setdefault("editable", False)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)


@SearchColumn.register_lookup
class Finds(Lookup):
    """Every typed word starts a word of the column. Nothing typed finds nothing out: all rows."""

    lookup_name = "finds"
    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, parameters = self.process_lhs(compiler, connection)
        typed = query_terms(str(self.rhs))
        if not typed:
            return "TRUE", []
        return f"{words_vector(column)} @@ %s::tsquery", [*parameters, _tsquery(typed)]

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, parameters = self.process_lhs(compiler, connection)
        typed = query_terms(str(self.rhs))
        if not typed:
            return "1 = 1", []
        one = f"(' ' || {column}) LIKE %s"
        clause = " AND ".join("(" + " OR ".join(one for _ in term) + ")" for term in typed)
        values = [value for term in typed for word in term for value in (*parameters, f"% {word}%")]
        return f"({clause})", values


def search_in_order(
    rows: QuerySet[Any], typed: str, *, column: str = "search_words", among: QuerySet[Any] | None = None
) -> QuerySet[Any]:
    """The ordered `rows` that are found by what was typed, read in the way that is quick for it.

    A common word is found soonest by walking the rows in their order, a rare one through the GIN index, and
    PostgreSQL cannot tell one from the other: it takes every start of a word for one in fifty rows. So the first
    rows of the list (`among`: the list before any filter) are asked how common it is. They need not be asked
    about most of a phone number.
    """
    found = rows.filter(**{f"{column}__finds": typed})
    terms = query_terms(typed)
    if connection.vendor != "postgresql" or not terms:
        return found
    if not _is_one_number(terms) and _is_common(rows if among is None else among, column, terms):
        return found
    return found.order_by(*map(_off_the_index, rows.query.order_by))


def _is_one_number(terms: list[Term]) -> bool:
    """Whether a number was typed that only a handful of people can have."""
    return any(min(map(len, term)) >= _FEWEST_OF_ONE and all(map(str.isdigit, term)) for term in terms)


def _is_common(rows: QuerySet[Any], column: str, terms: list[Term]) -> bool:
    first_rows, parameters = rows.values_list(column)[:_ASKED].query.sql_with_params()
    # Only Django's own SQL is put in; what was typed goes as a parameter.
    having = f"SELECT 1 FROM ({first_rows}) AS first_rows (words) WHERE {words_vector('words')} @@ %s::tsquery"  # noqa: S608
    sql = f"SELECT count(*) FROM ({having} LIMIT {_COMMON}) AS found"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [*parameters, _tsquery(terms)])
        row = cursor.fetchone()
    return bool(row and row[0] >= _COMMON)


def _off_the_index(order: Any) -> OrderBy:
    """The same order as an expression, which no index is on: the rows are found first and sorted then."""
    if isinstance(order, str):
        order = OrderBy(F(order.lstrip("-")), descending=order.startswith("-"))
    same = order.copy()
    column = same.get_source_expressions()[0]
    same.set_source_expressions([Coalesce(column, column)])
    return same


def words_vector(column: str) -> str:
    """The expression that the GIN indexes of the migrations are on. Built from the words as they are:
    no parser, no dictionary, no stop words."""
    return f"array_to_tsvector(string_to_array({column}, ' '))"


def _tsquery(terms: list[Term]) -> str:
    # Words are letters and digits only, so nothing in them can leave the quotes.
    return " & ".join("(" + " | ".join(f"'{word}':*" for word in term) + ")" for term in terms)


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
