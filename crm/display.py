"""How values look in lists: people as links, moments short, states in colour."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Optional

from django.urls import reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html
from django.utils.safestring import SafeString

from crm.panels import Cell

if TYPE_CHECKING:
    from crm.models import User

NOTHING = "—"


def moment(value: datetime | None) -> str:
    """Short, in the team's time zone: "hoy 15:30", "mañana 9:00", "12 mar 15:30", "12 mar 2025"."""
    if value is None:
        return NOTHING
    local, now = timezone.localtime(value), timezone.localtime()
    days = (local.date() - now.date()).days
    clock = format_date(local, "G:i")
    near = {0: "hoy", 1: "mañana", -1: "ayer"}.get(days)
    if near:
        text = f"{near} {clock}"
    elif local.year == now.year:
        text = f"{format_date(local, 'j M').lower()} {clock}"
    else:
        text = format_date(local, "j M Y").lower()
    return text.replace(" ", "\N{NO-BREAK SPACE}")  # never cut in the middle of a narrow column


def name_of(user: Optional["User"]) -> str:
    return user.name if user else NOTHING


def address(page: str, **query: Any) -> str:
    """A list or form of the staff pages, filtered or prefilled as the query says."""
    return reverse(f"admin:{page}", query=query or None)


def person_of(row: Any) -> str | SafeString:
    """The contact or lead that a row is about, as a link to its page."""
    subject = row.subject
    return link_to(subject) if subject else NOTHING


def change_url(row: Any) -> str:
    """The page of a row."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def link_to(row: Any, text: str = "") -> str | SafeString:
    if row is None:
        return NOTHING
    return format_html('<a href="{}" class="puente-link">{}</a>', change_url(row), text or str(row))


def shortened(text: str | None, length: int = 70) -> str:
    plain = " ".join((text or "").split())
    return (plain if len(plain) <= length else f"{plain[: length - 1].rstrip()}…") or NOTHING


def minutes(seconds: int | None) -> str:
    """A duration as people say it: "4:05"."""
    if not seconds:
        return NOTHING
    return f"{seconds // 60}:{seconds % 60:02d}"


def cell_of(row: Any, text: str = "") -> Cell:
    """A table cell that links to a row's page."""
    if row is None:
        return Cell(NOTHING)
    return Cell(text or str(row), change_url(row))
