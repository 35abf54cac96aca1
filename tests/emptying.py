"""How the tables are emptied after a test that commits: only those that have rows.

Django truncates all of them, which makes some six hundred new files on each turn: a quarter of a second, against a
hundredth for deleting the few rows of a test.
"""

from typing import Any

from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations

# Beyond this a table is truncated after all: deleted rows stay in it until they are vacuumed.
MOST_BYTES = 1_000_000
WRITTEN_BY_TRIGGERS = {'"jobs_count"', '"jobs_dialcount"'}


def statements(self: DatabaseOperations, style: Any, tables: list[str], **usual: Any) -> list[str]:
    """In place of `sql_flush`. Foreign keys are asked at the commit; what triggers write meanwhile goes last."""
    if not tables or usual.get("reset_sequences"):
        return list(_usual(self, style, tables, **usual))
    sizes = " UNION ALL ".join(
        f"SELECT '{table}', pg_relation_size('{table}') WHERE EXISTS (SELECT FROM {table})" for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(sizes)
        filled = cursor.fetchall()
    large = [table for table, size in filled if size > MOST_BYTES]
    if large:
        return list(_usual(self, style, tables, **usual))
    written_by_us = [table for table, _ in filled if table not in WRITTEN_BY_TRIGGERS]
    return [f"DELETE FROM {table}" for table in (*written_by_us, *sorted(WRITTEN_BY_TRIGGERS))]


_usual = DatabaseOperations.sql_flush


def install() -> None:
    """For the whole run (tests/conftest.py)."""
    DatabaseOperations.sql_flush = statements  # type: ignore[method-assign]
