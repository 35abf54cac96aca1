"""A named lock for what has no row yet to lock."""

from collections.abc import Iterable

from django.db import connection


def hold(name: str) -> None:
    """Wait for, then keep until the transaction ends, the right to act on `name`.

    SQLite needs none: its writing transactions are IMMEDIATE, so there is only ever one.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def hold_all(names: Iterable[str]) -> None:
    """Like `hold` for many names in one query; always in the same order, so that two never wait for each other."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(name, 0))"
                " FROM unnest(%s::text[]) WITH ORDINALITY AS asked(name, position) ORDER BY position",
                [sorted(set(names))],
            )
