"""The demonstration's ground floor (contract section 7): the same on every machine, dates around today."""

from datetime import datetime

from crm.demo.enquiries import load_appointments, load_leads
from crm.demo.people import address_of, load_contacts, load_users
from crm.demo.story import Cast, Story, keep
from crm.demo.work import load_notes, load_tasks

__all__ = ["Cast", "Story", "address_of", "keep", "load"]


def load(now: datetime, password: str) -> Cast:
    """Accounts, contacts, leads, appointments, notes and what is to be done by hand."""
    story = Story("crm", now)
    admin, lawyer, *agents = load_users(story, password)
    contacts = load_contacts(story, [*agents, lawyer])
    leads = load_leads(story, contacts, admin)
    cast = Cast(admin, lawyer, agents, contacts, leads)
    load_appointments(story, leads)
    load_notes(story, cast)
    load_tasks(story, cast)
    return cast
