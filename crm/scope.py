"""Who may see which row. The one place that decides it (contract section 1, CRM_AGENT_SCOPE).

open: agents see every contact, lead, opportunity and call, and their own tasks, notes and calendar.
own:  agents see only the contacts they are responsible for or assigned to, and what hangs on them.
Lawyers and administrators see everything.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q

if TYPE_CHECKING:
    from crm.models import User

_EVERYTHING = Q()

# Other apps say which contacts an agent reaches through them: user → condition on Contact.
_more_contacts: list[Callable[["User"], Q]] = []


def also_reaches_contacts(condition: Callable[["User"], Q]) -> None:
    """Register a way by which an agent is assigned to a contact; called from `AppConfig.ready()`."""
    if condition not in _more_contacts:
        _more_contacts.append(condition)


def is_limited(user: "User") -> bool:
    """An agent in an installation where agents see only what is theirs."""
    return user.is_agent_only and settings.CRM_AGENT_SCOPE == "own"


def contacts_of(user: "User") -> Q:
    """Theirs, those of an enquiry that is theirs, and those that other apps say they reach."""
    if not is_limited(user):
        return _EVERYTHING
    from crm.models import Lead

    reach = Q(responsible_user=user) | Q(pk__in=Lead.objects.filter(responsible_user=user).values("contact_id"))
    for condition in _more_contacts:
        reach |= condition(user)
    return reach


def _through_contact(user: "User", path: str) -> Q:
    from crm.models import Contact

    return Q(**{f"{path}__in": Contact.objects.filter(contacts_of(user)).values("pk")})


def leads_of(user: "User") -> Q:
    return Q(responsible_user=user) | _through_contact(user, "contact") if is_limited(user) else _EVERYTHING


def appointments_of(user: "User") -> Q:
    return Q(responsible_user=user) | _through_contact(user, "lead__contact") if is_limited(user) else _EVERYTHING


def subjects_of(user: "User") -> Q:
    """Rows with a subject (calls, and the tasks and notes of a contact's own page)."""
    if not is_limited(user):
        return _EVERYTHING
    return _through_contact(user, "contact") | _through_contact(user, "lead__contact")


def tasks_of(user: "User") -> Q:
    """Lists of tasks and the calendar: an agent's own."""
    return Q(responsible_user=user) | Q(created_by=user) if user.is_agent_only else _EVERYTHING


def notes_of(user: "User") -> Q:
    return Q(created_by=user) if user.is_agent_only else _EVERYTHING
