"""Whose the thread is: candidates, links by hand, a new lead."""

from typing import Any

from crm.models import Lead, User
from tests.factories import ContactFactory
from tests.staff_pages import at_desk, text_of
from tests.whatsapp.thread_page import act, part, shown
from whatsapp.choices import LinkRule, LinkState
from whatsapp.models import Thread, ThreadLink


def test_candidates_are_shown_with_the_reason_and_linked_by_hand(alice: User, thread: Thread) -> None:
    rosa, ana = (ContactFactory(name=name, mobile="+51987654321") for name in ("Rosa Peña", "Ana Ríos"))
    thread.change(link_state=LinkState.SEVERAL)
    client = at_desk(alice)
    page = shown(client, thread)
    for told in ("Rosa Peña", "Ana Ríos", "Tiene este mismo número", "Varios candidatos"):
        assert told in page
    act(client, thread, "vincular", cliente=rosa.pk, motivo="Tiene este mismo número; elegido entre los candidatos.")
    thread.refresh_from_db()
    assert thread.contact == rosa
    page = shown(client, thread)
    for told in ("Vinculada a mano", "Tiene este mismo número; elegido", "Alice Torres", "Deshacer vínculo"):
        assert told in page
    act(client, thread, "desvincular")
    thread.refresh_from_db()
    assert thread.contact is None
    assert "deshecho el" in shown(client, thread)
    assert ana.whatsapp_threads.count() == 0


def test_any_contact_is_found_and_linked(alice: User, thread: Thread) -> None:
    rosa = ContactFactory(name="Rosa Peña")
    client = at_desk(alice)
    assert "Rosa Peña" in text_of(part(client, thread, "clientes", buscar="pena"))
    assert "Nadie coincide" in text_of(part(client, thread, "clientes", buscar="zzzz"))
    assert "Rosa Peña" in shown(client, thread, buscar="pena")
    act(client, thread, "vincular", cliente=rosa.pk)
    assert ThreadLink.objects.get().evidence == "Elegido a mano en la conversación."


def test_a_limited_agent_neither_finds_nor_links_somebody_elses_client(
    settings: Any, bob: User, charlie: User, thread: Thread
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    thread.change(assigned_to=bob)
    other = ContactFactory(name="Rosa Peña", mobile="+51987654321", responsible_user=charlie)
    client = at_desk(bob)
    assert "Rosa Peña" not in text_of(part(client, thread, "clientes", buscar="pena"))
    assert "Rosa Peña" not in shown(client, thread)
    assert act(client, thread, "vincular", background=True, cliente=other.pk).status_code == 404
    assert act(client, thread, "vincular", background=True, cliente="x").status_code == 404


def test_an_unknown_number_becomes_a_lead_with_one_click(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    for _ in range(2):
        act(client, thread, "lead")
    lead = Lead.objects.get()
    assert (lead.nombre, lead.celular) == ("Luz Vega", "+51987654321")
    thread.refresh_from_db()
    assert thread.contact == lead.contact
    assert ThreadLink.objects.get().rule == LinkRule.NEW_CONTACT
