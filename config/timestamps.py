"""Points in time as PostgreSQL sends them, read by the C function of the standard library.

Django reads each with a regular expression in Python (it replaces psycopg's own compiled loader), which was a
fifth of what a page of a list costs: there are five in every row.
"""

from datetime import UTC, datetime
from typing import Any

from django.db.backends.postgresql.psycopg_any import BaseTzLoader
from django.db.backends.signals import connection_created
from psycopg.adapt import Loader


class TimestampLoader(BaseTzLoader):
    """Like Django's, in the time zone of Django's connections, which is UTC."""

    timezone = UTC

    def __init__(self, oid: int, context: Any = None) -> None:
        # Only the last resort needs what the parent asks the connection: its zone and its style of dates.
        Loader.__init__(self, oid, context)

    def load(self, data: Any) -> datetime:
        try:
            found = datetime.fromisoformat(str(data, "ascii") if isinstance(data, memoryview) else data.decode())
        except ValueError:  # another DateStyle, or a year that Python does not have
            super().__init__(self.oid, self.connection)
            return super().load(data)
        return found if found.tzinfo is UTC else found.astimezone(UTC)


def connect() -> None:
    connection_created.connect(a_new_connection_reads_timestamps_quickly, dispatch_uid="config.timestamps")


def a_new_connection_reads_timestamps_quickly(sender: Any, connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "postgresql" and connection.timezone is UTC:
        connection.connection.adapters.register_loader("timestamptz", TimestampLoader)
