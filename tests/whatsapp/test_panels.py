"""What WhatsApp adds to a contact's page and to the first page."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import User
from crm.panels import blocks_of_first_page
from tests.factories import ContactFactory
from tests.staff_pages import at_desk, page_of, text_of
from tests.whatsapp.rows import answered, said, thread_with
from whatsapp.choices import Author, LinkRule, LinkState, MessageStatus
from whatsapp.linking import link
from whatsapp.models import Thread
from whatsapp.panels import messages_of_contact, register, waiting_threads


@pytest.fixture(autouse=True)
def _registered() -> None:
    register()


def figures(user: User) -> dict[str, str]:
    return {figure.title: figure.value for figure in waiting_threads(user)}  # type: ignore[union-attr]


@pytest.mark.sqlite
def test_a_contacts_page_shows_what_was_said_last_and_where_to_write(alice: User, thread: Thread) -> None:
    contact = ContactFactory(name="Rosa Peña")
    link(thread, contact, rule=LinkRule.BY_HAND, by=alice)
    answered(thread, "Su cita es el lunes", author=Author.BOT, status=MessageStatus.READ)
    page = text_of(at_desk(alice).get(page_of(contact)))
    for told in ("WhatsApp", "Su cita es el lunes", "Leído", "Bot", "Hola", "Escribir por WhatsApp"):
        assert told in page, told


def test_messages_of_every_thread_of_the_contact_are_there_newest_first(alice: User) -> None:
    contact = ContactFactory()
    for digit in range(2):
        one = thread_with(f"5191111111{digit}")
        link(one, contact, rule=LinkRule.BY_HAND, by=alice)
        said(one, f"Desde {digit}")
    assert [row[2] for row in messages_of_contact(contact, alice)] == ["Desde 1", "Desde 0"]


def test_the_panel_costs_one_query_and_shows_one_row_more_than_it_has_room_for(alice: User, thread: Thread) -> None:
    contact = ContactFactory()
    link(thread, contact, rule=LinkRule.BY_HAND, by=alice)
    for number in range(30):
        answered(thread, f"Uno {number}", sent_by=alice)
    with CaptureQueriesContext(connection) as seen:
        rows = messages_of_contact(contact, alice)
    assert (len(rows), len(seen)) == (21, 1)


@pytest.mark.sqlite
def test_the_first_page_counts_who_waits_and_who_is_nobodys_client(alice: User, thread: Thread) -> None:
    several = thread_with("51911111111")
    several.change(link_state=LinkState.SEVERAL)
    linked = thread_with("51922222222")
    link(linked, ContactFactory(), rule=LinkRule.BY_HAND, by=alice)
    said(linked)
    assert figures(alice) == {"WhatsApp sin responder": "2", "WhatsApp sin cliente": "1"}


def test_every_number_is_that_of_the_list_it_links_to(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    for figure in waiting_threads(alice):
        listed = client.get(figure.href).context["cl"].result_count
        assert str(listed) == figure.value  # type: ignore[union-attr]


def test_an_installation_without_whatsapp_is_told_nothing_of_it(alice: User) -> None:
    assert not waiting_threads(alice)
    assert not [block for block in blocks_of_first_page(alice) if "WhatsApp" in block.title]


def test_a_limited_agent_counts_only_their_own(settings: Any, bob: User, thread: Thread) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    assert figures(bob) == {"WhatsApp sin responder": "0", "WhatsApp sin cliente": "0"}
