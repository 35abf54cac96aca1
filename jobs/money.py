"""Money in millionths of the account's unit, as whole numbers: sums are exact, and so are the database's."""

from decimal import ROUND_HALF_UP, Decimal

MICROS = 1_000_000
MICROS_A_CENT = 10_000


def micros_of(amount: Decimal | float | int | str) -> int:
    """1.25 → 1_250_000."""
    return int((Decimal(str(amount)) * MICROS).to_integral_value(ROUND_HALF_UP))


def micros_of_cents(cents: Decimal | float | int | str) -> int:
    """Providers tell cents, with a fraction: 14.5 → 145_000."""
    return int((Decimal(str(cents)) * MICROS_A_CENT).to_integral_value(ROUND_HALF_UP))


def amount_of(micros: int | None) -> float:
    """What the API answers: a JSON number, never a text."""
    return (micros or 0) / MICROS


def minutes_of(seconds: int | None) -> float:
    return round((seconds or 0) / 60, 2)
