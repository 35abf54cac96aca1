"""The audit reads as sentences, whichever app noted the act."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from crm.admin.audit import ABOUT
from crm.audit_words import ACTS
from crm.models import AuditEntry, Contact, User
from crm.models.users import _name_of_edit
from tests.factories import ContactFactory
from tests.staff_pages import at_desk, list_of, page_of, text_of

APPS = ("crm", "calls", "opportunities", "jobs", "whatsapp", "integrations", "config")
NOTED = re.compile(r"""(?:AuditEntry\.write|\btell|\baction =)\(?\s*"([\w.]+)"(?:,\s*"(\w+)")?""")


def noted() -> list[tuple[str, str]]:
    """Every act that the code writes by name, with what it is about where that stands beside it."""
    files = [file for app in APPS for file in Path(settings.BASE_DIR, app).rglob("*.py")]
    return [match.groups(default="") for file in files for match in NOTED.finditer(file.read_text())]


def test_every_act_has_its_sentence() -> None:
    acts = {act for act, _ in noted()}
    edits = {_name_of_edit(changed) for changed in ({"role": 1}, {"is_active": 1}, {"is_active": 0}, {"city": 1})}
    assert len(acts) > 10
    assert (acts | edits) - ACTS.keys() == set()


def test_whatever_an_act_is_about_has_a_name() -> None:
    assert {about for _, about in noted() if about} - ABOUT.keys() == set()


@pytest.mark.sqlite
def test_an_entry_reads_as_a_sentence_and_leads_to_the_row(alice: User) -> None:
    contact = ContactFactory()
    contact.delete_softly(by=alice)
    AuditEntry.write("contact.merge", "contacts", contact.pk, merge_id="7")
    entry = AuditEntry.objects.get(action="contact.merge")
    client = at_desk(alice)
    response = client.get(list_of(AuditEntry))
    assert "Fusionó dos contactos" in text_of(response)
    assert page_of(contact) in response.content.decode()
    page = client.get(page_of(entry))
    assert str(entry) == "Fusionó dos contactos"
    assert "merge_id" in text_of(page)


def test_an_act_about_many_has_no_link(alice: User) -> None:
    AuditEntry.write("export", "contacts", rows=3)
    response = at_desk(alice).get(list_of(AuditEntry))
    assert "Exportó una lista" in text_of(response)
    assert list_of(Contact) + "None" not in response.content.decode()
