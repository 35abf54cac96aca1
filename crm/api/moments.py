"""Points in time in the address of a request."""

import re
from datetime import UTC, datetime, time
from typing import Any

import django_filters
from django import forms
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.timezone import is_naive, make_aware

from crm.api.base import FIRST_YEAR, INVALID_DATE, LAST_YEAR

# The plus of an offset is a space once an address has been decoded.
_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")


def read_moment(text: str, *, is_end: bool = False) -> datetime | None:
    """ISO 8601, without a zone in TIME_ZONE; a plain date is where its day starts, or ends. None for what is none."""
    text = _LOST_PLUS.sub(r"+\1", text.strip())
    try:
        if len(text) == 10 and (day := parse_date(text)):
            found: datetime | None = datetime.combine(day, time.max if is_end else time.min)
        else:
            found = parse_datetime(text)
        if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
            return None
        return (make_aware(found) if is_naive(found) else found).astimezone(UTC)
    except ValueError:
        return None


class DateTimeParameter(forms.Field):
    def __init__(self, *, is_end: bool = False, **kwargs: Any) -> None:
        self.is_end = is_end
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        found = read_moment(str(value), is_end=self.is_end)
        if found is None:
            raise forms.ValidationError(INVALID_DATE)
        return found


class DateTimeFilter(django_filters.Filter):
    """`is_end`: a plain date means the end of that day."""

    field_class = DateTimeParameter
