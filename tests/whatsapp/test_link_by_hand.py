"""POST /api/v1/conversaciones-whatsapp/{id}/vincular and /desvincular: a person says whose conversation it is."""

from typing import Any

import pytest

from crm.models import User
from tests.factories import NOBODYS_ID, ContactFactory
from tests.whatsapp.rows import LIST, AsUser, answered, said, thread_with
from whatsapp.choices import LinkRule, LinkState
from whatsapp.linking import link
from whatsapp.models import Message, MessageCount, ThreadLink

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_the_whole_thread_follows(as_user: AsUser, bob: User) -> None:
    contact, thread = ContactFactory(name="Luisa"), thread_with()
    message, reply = said(thread), answered(thread)
    answer = as_user(bob).post(f"{LIST}/{message.pk}/vincular", {"cliente_id": str(contact.pk), "motivo": "La conozco"})
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["success"] is True
    assert told["conversacion"]["cliente_id"] == str(contact.pk)
    assert (
        told["vinculo"].items()
        >= {
            "cliente_id": str(contact.pk),
            "cliente": "Luisa",
            "rule": "by_hand",
            "evidence": "La conozco",
            "linked_by": str(bob.pk),
            "linked_by_name": bob.name,
        }.items()
    )
    reply.refresh_from_db()
    thread.refresh_from_db()
    assert (reply.cliente, thread.contact) == (contact, contact)
    assert MessageCount.objects.totals()["linked"] == 2


def test_linking_again_changes_nothing_and_linking_elsewhere_replaces(as_user: AsUser, bob: User) -> None:
    first, second, message = ContactFactory(), ContactFactory(), said(thread_with())
    client = as_user(bob)
    for contact in (first, first, second):
        assert client.post(f"{LIST}/{message.pk}/vincular", {"cliente_id": str(contact.pk)}).status_code == 200
    assert ThreadLink.objects.count() == 2
    assert ThreadLink.objects.standing().get().contact == second


def test_undoing_gives_back_what_was_before(as_user: AsUser, bob: User) -> None:
    contact, thread = ContactFactory(), thread_with()
    message = said(thread)
    client = as_user(bob)
    client.post(f"{LIST}/{message.pk}/vincular", {"cliente_id": str(contact.pk)})
    answer = client.post(f"{LIST}/{message.pk}/desvincular")
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["success"], told["conversacion"]["cliente_id"]) == (True, None)
    assert told["vinculo"]["undone_by"] == str(bob.pk)
    assert told["vinculo"]["undone_at"]
    assert MessageCount.objects.totals()["linked"] == 0
    again = client.post(f"{LIST}/{message.pk}/desvincular")
    assert (again.status_code, again.json()["code"]) == (409, "sin_vinculo")


def test_what_a_rule_linked_and_a_person_unlinked_stays_unlinked(as_user: AsUser, bob: User) -> None:
    thread = thread_with("51987654321")
    link(thread, ContactFactory(mobile="+51987654321"), rule=LinkRule.EXACT_NUMBER, by=None)
    message = said(thread)
    assert as_user(bob).post(f"{LIST}/{message.pk}/desvincular").status_code == 200
    thread.refresh_from_db()
    assert thread.link_state == LinkState.UNLINKED


@pytest.mark.parametrize("unknown", [NOBODYS_ID])
def test_an_unknown_contact_is_404(as_user: AsUser, bob: User, unknown: str) -> None:
    message = said(thread_with())
    answer = as_user(bob).post(f"{LIST}/{message.pk}/vincular", {"cliente_id": unknown})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Cliente no encontrado")
    assert not ThreadLink.objects.exists()


@pytest.mark.parametrize("body", [{}, {"cliente_id": ""}, {"cliente_id": "x"}, {"cliente_id": 7}, {"cliente_id": None}])
def test_what_names_nobody_is_refused(as_user: AsUser, bob: User, body: dict[str, Any]) -> None:
    message = said(thread_with())
    answer = as_user(bob).post(f"{LIST}/{message.pk}/vincular", body)
    assert (answer.status_code, answer.json()["errors"].keys()) == (400, {"cliente_id"})


@pytest.mark.parametrize("action", ["vincular", "desvincular"])
@pytest.mark.parametrize("message_id", ["999999", "abc"])
def test_an_unknown_message_is_404(as_user: AsUser, bob: User, action: str, message_id: str) -> None:
    answer = as_user(bob).post(f"{LIST}/{message_id}/{action}", {"cliente_id": str(ContactFactory().pk)})
    assert (answer.status_code, answer.json()["detail"]) == (404, "Conversación no encontrada")


def test_agents_who_see_only_theirs_link_only_theirs(as_user: AsUser, bob: User, charlie: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    message = said(thread_with())
    mine, foreign = ContactFactory(responsible_user=bob), ContactFactory(responsible_user=charlie)
    client = as_user(bob)
    assert client.post(f"{LIST}/{message.pk}/vincular", {"cliente_id": str(mine.pk)}).status_code == 404
    message.thread.change(assigned_to=bob)
    assert client.post(f"{LIST}/{message.pk}/vincular", {"cliente_id": str(foreign.pk)}).status_code == 404
    assert client.post(f"{LIST}/{message.pk}/vincular", {"cliente_id": str(mine.pk)}).status_code == 200
    message.thread.change(assigned_to=None)
    # With the link goes what made it theirs; they still hear what they did.
    assert client.post(f"{LIST}/{message.pk}/desvincular").status_code == 200
    assert client.get(f"{LIST}/{message.pk}").status_code == 404
    assert Message.objects.get().cliente is None
