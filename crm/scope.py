"""Who may see which row. The one place that decides it (contract section 1, CRM_AGENT_SCOPE).

open: agents see every contact, lead, opportunity and call, and their own tasks, notes and calendar.
own:  agents see only the contacts they are responsible for or assigned to, and what hangs on them.
Lawyers and administrators see everything.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Q, QuerySet

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
    return Q(pk__in=_reached(user)) if is_limited(user) else _EVERYTHING


def _reached(user: "User") -> QuerySet[Any, Any]:
    """The ids of these contacts. A union of index lookups: an OR of subqueries would be asked of every contact."""
    from crm.models import Contact, Lead

    ways: list[QuerySet[Any, Any]] = [Lead.objects.filter(responsible_user=user).values("contact_id")]
    ways += [Contact.objects.filter(condition(user)).values("pk") for condition in _more_contacts]
    return Contact.objects.filter(responsible_user=user).values("pk").union(*ways)


def _through_contact(user: "User", path: str) -> Q:
    return Q(**{f"{path}__in": _reached(user)})


def leads_of(user: "User") -> Q:
    """Those of the contacts they reach; an enquiry of theirs makes its contact one of these."""
    return _through_contact(user, "contact") if is_limited(user) else _EVERYTHING


def appointments_of(user: "User") -> Q:
    if not is_limited(user):
        return _EVERYTHING
    from crm.models import Appointment

    own = Appointment.objects.filter(responsible_user=user).values("pk")
    return Q(pk__in=own.union(Appointment.objects.filter(_through_contact(user, "lead__contact")).values("pk")))


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
