"""POST /api/v1/conversaciones-whatsapp/{id}/tarea and /oportunidad: what becomes of a message beside an answer."""

from typing import Any

import pytest

from crm.models import Task, User
from opportunities.models import Opportunity
from tests.factories import NOBODYS_ID, ContactFactory
from tests.whatsapp.rows import LIST, AsUser, said, thread_with
from whatsapp.choices import LinkRule
from whatsapp.linking import link
from whatsapp.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def message(bob: User) -> Message:
    thread = thread_with()
    link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=bob)
    return said(thread, "Quiero una cita")


def test_a_message_becomes_one_task(as_user: AsUser, bob: User, charlie: User, message: Message) -> None:
    client, address = as_user(bob), f"{LIST}/{message.pk}/tarea"
    body = {"text": "Agendar", "complete_till": "2026-03-02T12:00:00Z", "responsible_user_id": str(charlie.pk)}
    told = client.post(address, body)
    assert told.status_code == 200, told.content
    assert told.json().items() >= {**body, "contact_id": str(message.cliente_id)}.items()
    assert client.post(address).json()["id"] == told.json()["id"]
    assert client.get(f"{LIST}/{message.pk}").json()["conversacion"]["ticket_id"] == told.json()["id"]


def test_without_words_of_its_own_a_task_has_those_of_the_message(as_user: AsUser, bob: User, message: Message) -> None:
    told = as_user(bob).post(f"{LIST}/{message.pk}/tarea", {}).json()
    assert "Quiero una cita" in told["text"]
    assert told["responsible_user_id"] == str(bob.pk)


@pytest.mark.parametrize(
    "body", [{"complete_till": "ayer"}, {"responsible_user_id": "x"}, {"responsible_user_id": NOBODYS_ID}]
)
def test_a_task_with_mistakes_is_refused(as_user: AsUser, bob: User, message: Message, body: dict[str, Any]) -> None:
    answer = as_user(bob).post(f"{LIST}/{message.pk}/tarea", body)
    assert answer.status_code == 400, answer.content
    assert not Task.objects.exists()


def test_a_message_becomes_one_opportunity(as_user: AsUser, bob: User, message: Message) -> None:
    client, address = as_user(bob), f"{LIST}/{message.pk}/oportunidad"
    told = client.post(address, {"notes": "Pregunta por una cita"})
    assert told.status_code == 200, told.content
    assert told.json()["contact_id"] == str(message.cliente_id)
    assert client.post(address).json()["id"] == told.json()["id"]
    assert Opportunity.objects.count() == 1


@pytest.mark.parametrize("what", ["tarea", "oportunidad"])
def test_of_nobody_nothing_can_become(as_user: AsUser, bob: User, what: str) -> None:
    answer = as_user(bob).post(f"{LIST}/{said(thread_with()).pk}/{what}")
    assert (answer.status_code, answer.json()["code"]) == (400, "sin_cliente")
    assert as_user(bob).post(f"{LIST}/999999/{what}").status_code == 404
