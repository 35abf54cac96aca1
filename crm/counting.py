"""How many rows a list has, told without reading them all."""

from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import QuerySet

from crm.deep_pages import KEPT_SECONDS, signature_of


def bounded_count(queryset: QuerySet[Any]) -> int:
    """Exact up to LIST_COUNT_CAP; beyond it the planner's estimate, never less than what was counted.

    Counting a million rows exactly costs more than the page itself; nobody reads the last digit. An
    estimate is remembered for a minute: it would not be truer if it were made again.
    """
    cap = settings.LIST_COUNT_CAP
    plain = queryset.order_by().values("pk")  # the columns of the rows would only have to be spelled out
    if connection.vendor != "postgresql":
        return plain.count()
    name = f"{signature_of(plain)}:total"
    remembered: int | None = cache.get(name)
    if remembered is not None:
        return remembered
    counted = plain[: cap + 1].count()
    if counted <= cap:
        return counted
    estimated = max(counted, _estimate(plain))
    cache.set(name, estimated, KEPT_SECONDS)
    return estimated


def _estimate(queryset: QuerySet[Any]) -> int:
    sql, parameters = queryset.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        row = cursor.fetchone()
    return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0
