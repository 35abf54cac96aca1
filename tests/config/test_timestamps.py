"""Points in time come from PostgreSQL as Django would read them, only sooner."""

from datetime import UTC, datetime

import pytest
from django.db import DataError, connection

from config.timestamps import TimestampLoader


def asked(sql: str) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT timestamptz {sql}")
        found: datetime = cursor.fetchone()[0]
    return found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("'2026-03-02 12:00+00'", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("'2026-03-02 12:00:00.5-05'", datetime(2026, 3, 2, 17, 0, 0, 500_000, tzinfo=UTC)),
        ("'2026-03-02 12:00:00.123456+05:30'", datetime(2026, 3, 2, 6, 30, 0, 123_456, tzinfo=UTC)),
        ("'0001-01-01 00:00+00'", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_to_the_microsecond_and_in_utc(written: str, read: datetime) -> None:
    assert asked(written) == read
    assert asked(written).tzinfo is UTC


@pytest.mark.django_db
def test_every_connection_reads_with_our_loader() -> None:
    connection.ensure_connection()
    loader = connection.connection.adapters.get_loader(connection.connection.adapters.types["timestamptz"].oid, 0)
    assert loader is TimestampLoader


@pytest.mark.django_db
def test_a_session_in_another_zone_is_read_in_utc() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'America/Lima'")
    assert asked("'2026-03-02 12:00+00'") == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert asked("'2026-03-02 12:00+00'").tzinfo is UTC


@pytest.mark.django_db
@pytest.mark.parametrize("written", ["'infinity'", "'0044-03-15 12:00 BC'"])
def test_what_python_cannot_hold_is_refused_as_ever(written: str) -> None:
    with pytest.raises(DataError):
        asked(written)
