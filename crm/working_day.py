"""The day in the team's time zone: when it starts and ends."""

from datetime import date, datetime, time, timedelta

from django.utils import timezone


def start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def today_bounds() -> tuple[datetime, datetime]:
    """Today's first moment and tomorrow's."""
    today = timezone.localdate()
    return start_of(today), start_of(today + timedelta(days=1))
