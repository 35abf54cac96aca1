"""A named lock for what has no row yet to lock."""

from django.db import connection


def hold(name: str) -> None:
    """Wait for, then keep until the transaction ends, the right to act on `name`.

    SQLite needs none: its writing transactions are IMMEDIATE, so there is only ever one.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
