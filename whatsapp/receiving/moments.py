"""Meta's clock: Unix seconds as text, as a number, sometimes in milliseconds (whatsapp-anchors a.3)."""

from datetime import UTC, datetime

# Later than any second of this millennium: milliseconds.
_MILLISECONDS = 10**11
_EARLIEST = datetime(2009, 1, 1, tzinfo=UTC).timestamp()


def moment_of(raw: object, *, otherwise: datetime) -> datetime:
    """The moment that Meta names; `otherwise` for what is no time."""
    try:
        seconds = float(str(raw))
    except ValueError:
        return otherwise
    if seconds >= _MILLISECONDS:
        seconds /= 1000
    if not _EARLIEST <= seconds < _MILLISECONDS:
        return otherwise
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return otherwise
