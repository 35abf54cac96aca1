"""How commands read `--since`."""

import re
from datetime import datetime, timedelta

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

NOT_POSSIBLE = 2


def moment_since(text: str) -> datetime:
    """An ISO date or time, read in TIME_ZONE where it names no zone, or a number of days back from now."""
    try:
        if re.fullmatch(r"[0-9]{1,4}", text):
            return timezone.now() - timedelta(days=int(text))
        if found := parse_datetime(text):
            return found if timezone.is_aware(found) else timezone.make_aware(found)
        if day := parse_date(text):
            return timezone.make_aware(datetime.combine(day, datetime.min.time()))
    except (ValueError, OverflowError):
        pass  # a date that does not exist is told below, like any other text
    raise CommandError(f"«{text}» no es una fecha ISO ni un número de días.", returncode=NOT_POSSIBLE)
