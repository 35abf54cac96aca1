"""A message becomes a task, a lead, an opportunity: once, whoever clicks twice (issue 4, follow-through)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.choices import LeadStatus
from crm.exceptions import Conflict, NotFound, Refusal
from crm.models import Contact, Lead, Task, User
from opportunities.models import Opportunity
from tests.factories import ContactFactory
from tests.whatsapp.rows import said, thread_with
from whatsapp import following
from whatsapp.choices import LinkRule, LinkState
from whatsapp.linking import link
from whatsapp.models import Message, Thread, ThreadLink

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NUMBER = "51987654321"


def linked(contact: Contact | None = None) -> Message:
    thread = thread_with(NUMBER, profile_name="Luz Vega")
    link(thread, contact or ContactFactory(mobile=f"+{NUMBER}"), rule=LinkRule.BY_HAND, by=None)
    return said(thread, "¿Me llaman mañana a las 10?")


# --- A task -----------------------------------------------------------------------------------


def test_a_message_becomes_a_task_of_its_contact(bob: User) -> None:
    message = linked()
    task = following.make_task(message, by=bob)
    assert task.contact_id == message.cliente_id
    assert task.responsible_user == bob
    assert task.text == "WhatsApp: ¿Me llaman mañana a las 10?"
    assert task.complete_till is not None
    assert task.complete_till > timezone.now()
    assert Message.objects.get(pk=message.pk).ticket == task


def test_the_task_says_what_was_typed_for_whom_and_until_when(bob: User, charlie: User) -> None:
    until = timezone.now() + timedelta(hours=3)
    task = following.make_task(linked(), by=bob, text=" Llamarle ", complete_till=until, responsible_user=charlie)
    assert (task.text, task.complete_till, task.responsible_user) == ("Llamarle", until, charlie)


def test_a_second_click_returns_the_same_task(bob: User) -> None:
    message = linked()
    first = following.make_task(message, by=bob)
    assert following.make_task(Message.objects.get(pk=message.pk), by=bob, text="Otra cosa") == first
    assert Task.objects.count() == 1


def test_without_a_contact_there_is_nobody_to_make_a_task_about(bob: User) -> None:
    message = said(thread_with(NUMBER))
    with pytest.raises(Refusal, match="vincúlela a uno o cree un lead"):
        following.make_task(message, by=bob)
    assert not Task.objects.exists()


def test_a_contact_that_one_does_not_see_gets_no_task_from_one(bob: User, charlie: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    message = linked(ContactFactory(mobile=f"+{NUMBER}", responsible_user=charlie))
    with pytest.raises(NotFound):
        following.make_task(message, by=bob)
    assert not Task.objects.exists()


# --- An opportunity ---------------------------------------------------------------------------


def test_a_message_becomes_one_opportunity(bob: User) -> None:
    message = linked()
    made = following.make_opportunity(message, by=bob, notes="Quiere dos lotes")
    assert (made.contact_id, made.notes, made.created_by) == (message.cliente_id, "Quiere dos lotes", bob)
    assert made.detection_reason == {"whatsapp_message": message.pk}
    assert following.make_opportunity(message, by=bob) == made
    assert Opportunity.objects.count() == 1


def test_without_a_contact_there_is_no_opportunity(bob: User) -> None:
    with pytest.raises(Refusal, match="no tiene cliente"):
        following.make_opportunity(said(thread_with(NUMBER)), by=bob)


# --- A lead -----------------------------------------------------------------------------------


def test_an_unknown_number_becomes_a_lead_with_its_contact(bob: User) -> None:
    thread = thread_with(NUMBER, profile_name="Luz Vega")
    said(thread)
    lead = following.make_lead(thread, by=bob)
    assert (lead.nombre, lead.celular, lead.medio) == ("Luz Vega", f"+{NUMBER}", following.MEDIUM)
    thread.refresh_from_db()
    assert (thread.contact, thread.link_state) == (lead.contact, LinkState.LINKED)
    assert ThreadLink.objects.standing().get(thread=thread).rule == LinkRule.NEW_CONTACT
    assert not Message.objects.exclude(cliente=lead.contact).exists()


def test_a_second_click_returns_the_same_lead(bob: User) -> None:
    thread = thread_with(NUMBER)
    assert following.make_lead(thread, by=bob) == following.make_lead(Thread.objects.get(pk=thread.pk), by=bob)
    assert (Lead.objects.count(), Contact.objects.count()) == (1, 1)


def test_a_linked_person_gets_a_new_lead_once_the_last_one_is_over(bob: User) -> None:
    thread = linked().thread
    first = following.make_lead(thread, by=bob)
    assert first.contact == thread.contact
    Lead.objects.filter(pk=first.pk).update(status=LeadStatus.LOST)
    assert following.make_lead(thread, by=bob) != first
    assert Contact.objects.count() == 1


def test_somebody_without_a_number_becomes_a_lead_too(bob: User) -> None:
    lead = following.make_lead(thread_with("PE.13491208655302741918", username="rosa.tello"), by=bob)
    assert (lead.nombre, lead.celular) == ("rosa.tello", "")


def test_of_several_contacts_a_person_must_choose(bob: User) -> None:
    ContactFactory(mobile=f"+{NUMBER}"), ContactFactory(mobile=f"+{NUMBER}")
    thread = thread_with(NUMBER)
    thread.change(link_state=LinkState.SEVERAL)
    with pytest.raises(Conflict, match="Varios clientes"):
        following.make_lead(thread, by=bob)
    assert not Lead.objects.exists()


def test_who_is_none_of_those_with_the_number_is_somebody_new(bob: User) -> None:
    """A person has undone the link: the number's contact must not come back by the way of a lead."""
    known = ContactFactory(mobile=f"+{NUMBER}")
    thread = thread_with(NUMBER, profile_name="Hijo de Luz")
    thread.change(link_state=LinkState.UNLINKED)
    lead = following.make_lead(thread, by=bob)
    assert lead.contact != known
    assert lead.contact.name == "Hijo de Luz"
