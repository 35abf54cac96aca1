"""What follows from a message: a task, an opportunity."""

import pytest
from django.utils import timezone

from crm.models import Task, User
from opportunities.models import Opportunity
from tests.factories import ContactFactory
from tests.staff_pages import at_desk, text_of
from tests.whatsapp.rows import said, thread_with
from tests.whatsapp.thread_page import act, shown
from whatsapp.choices import LinkRule
from whatsapp.linking import link
from whatsapp.models import Message, Thread


def test_a_message_becomes_a_task_and_an_opportunity_once(alice: User, thread: Thread) -> None:
    link(thread, ContactFactory(name="Rosa Peña"), rule=LinkRule.BY_HAND, by=alice)
    message = said(thread, "Quiero visitar la casa")
    client = at_desk(alice)
    for _ in range(2):
        act(client, thread, "tarea", mensaje=message.pk, texto="Agendar la visita", fecha="2027-03-02")
        act(client, thread, "oportunidad", mensaje=message.pk)
    task = Task.objects.get()
    assert task.text == "Agendar la visita"
    assert task.complete_till is not None
    assert timezone.localtime(task.complete_till).strftime("%Y-%m-%d %H:%M") == "2027-03-02 18:00"
    assert Opportunity.objects.count() == 1
    assert "Tarea: Agendar la visita" in shown(client, thread)


@pytest.mark.parametrize("typed", ["mañana", "2027-02-31", "0001-01-01", "9999-12-31"])
def test_a_day_that_is_none_is_refused(alice: User, thread: Thread, typed: str) -> None:
    link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=alice)
    message = said(thread)
    answer = act(at_desk(alice), thread, "tarea", background=True, mensaje=message.pk, fecha=typed)
    assert answer.status_code == 400
    assert not Task.objects.exists()


def test_without_a_contact_nothing_can_follow_and_the_page_says_so(alice: User, thread: Thread) -> None:
    message = said(thread)
    answer = act(at_desk(alice), thread, "tarea", background=True, mensaje=message.pk)
    assert answer.status_code == 400
    assert "cree un lead primero" in text_of(answer)


def test_a_message_of_another_thread_is_none_of_this_one(alice: User, thread: Thread) -> None:
    other = said(thread_with("51911111111"))
    for name in ("tarea", "oportunidad", "reenviar"):
        assert act(at_desk(alice), thread, name, background=True, mensaje=other.pk).status_code == 404, name


def test_a_second_task_or_opportunity_of_a_message_is_not_said_to_have_been_made(alice: User, thread: Thread) -> None:
    link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=alice, evidence="")
    message, client = Message.objects.get(message_id="wamid.HOLA"), at_desk(alice)
    for name, first, second in (
        ("tarea", "Tarea creada.", "Este mensaje ya tenía su tarea"),
        ("oportunidad", "Oportunidad creada.", "Este mensaje ya tenía su oportunidad"),
    ):
        assert first in text_of(act(client, thread, name, background=True, mensaje=message.pk))
        assert second in text_of(act(client, thread, name, background=True, mensaje=message.pk))
    assert Task.objects.count() == Opportunity.objects.count() == 1
    assert "Su último mensaje ya tiene" in shown(client, thread)
