"""Pages far down a list, without walking past everything above them.

`OFFSET` reads what it skips. Two remedies, both only from DEEP rows on, so that shallow pages stay plain:
the skipped part is walked over the index alone, and the place where a page began and ended is remembered
for a minute, so that paging on, or asking again, starts there. While a bookmark lives, rows added at the
top do not shift the deep pages: nobody reads a row twice because a colleague added one.
"""

import hashlib
import pickle
from typing import Any

from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db.models import F, QuerySet
from django.db.models.fields.tuple_lookups import (
    Tuple,
    TupleGreaterThan,
    TupleGreaterThanOrEqual,
    TupleLessThan,
    TupleLessThanOrEqual,
)

DEEP = 2_000
KEPT_SECONDS = 60

# (descending, including the bookmarked row itself) → the comparison of whole sort keys.
_COMPARISONS = {
    (True, True): TupleLessThanOrEqual,
    (True, False): TupleLessThan,
    (False, True): TupleGreaterThanOrEqual,
    (False, False): TupleGreaterThan,
}


def deep_page(queryset: QuerySet[Any], skip: int, limit: int) -> list[Any]:
    """The rows `skip` to `skip + limit` of an ordered queryset."""
    order = _sort_fields(queryset)
    if order is None:
        return _by_offset(queryset, skip, limit)
    fields, descending = order
    signature = signature_of(queryset)
    bookmark = cache.get(f"{signature}:{skip}")
    if bookmark is None:
        rows = _by_offset(queryset, skip, limit)
    else:
        including, key = bookmark
        comparison = _COMPARISONS[descending, including]
        rows = list(queryset.filter(comparison(Tuple(*map(F, fields)), key))[:limit])
    if len(rows) == limit:
        marks = {
            f"{signature}:{skip}": (True, [getattr(rows[0], name) for name in fields]),
            f"{signature}:{skip + limit}": (False, [getattr(rows[-1], name) for name in fields]),
        }
        cache.set_many(marks, KEPT_SECONDS)
    return rows


def signature_of(queryset: QuerySet[Any]) -> str:
    """A name for the question a queryset asks, the same in every process."""
    try:
        sql, parameters = queryset.query.sql_with_params()
    except EmptyResultSet:  # a condition that nothing can meet has no SQL
        return "list:nothing"
    return f"list:{hashlib.sha256(pickle.dumps((sql, parameters))).hexdigest()[:32]}"


def _sort_fields(queryset: QuerySet[Any]) -> tuple[list[str], bool] | None:
    """The fields of the order and whether they all descend; None when rows cannot be compared by them:
    mixed directions, expressions, other tables, fields that may be null, no unique last one."""
    names = list(queryset.query.order_by)
    if not names or not all(isinstance(name, str) for name in names):
        return None
    fields = [str(name).lstrip("-") for name in names]
    directions = {str(name).startswith("-") for name in names}
    if len(directions) > 1 or fields[-1] not in ("id", "pk") or any("__" in name for name in fields):
        return None
    known = {field.name: field for field in queryset.model._meta.concrete_fields}
    fields[-1] = "id"
    if any(name not in known or known[name].null for name in fields):
        return None
    return fields, directions.pop()


def _by_offset(queryset: QuerySet[Any], skip: int, limit: int) -> list[Any]:
    """Skip over ids alone, which an index can answer, and read only the rows of the page."""
    ids = list(queryset.select_related(None).values_list("pk", flat=True)[skip : skip + limit])
    return list(queryset.filter(pk__in=ids)) if ids else []
