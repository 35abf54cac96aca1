"""Who may do what on the page of a thread, and how it is asked for."""

from uuid import uuid4

from django.urls import reverse

from crm.models import User
from tests.staff_pages import at_desk, page_of
from tests.whatsapp.thread_page import act
from whatsapp.models import Message, Thread


def test_acts_are_posted_and_known(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    assert client.get(reverse("admin:whatsapp_thread_act", args=[thread.pk, "tomar"])).status_code == 405
    assert act(client, thread, "borrar-todo").status_code == 404
    assert client.post(page_of(thread)).status_code == 405
    assert client.get(page_of(thread).replace(str(thread.pk), "9" * 25)).status_code == 404


def test_acts_are_protected_against_other_sites(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    client.handler.enforce_csrf_checks = True
    assert act(client, thread, "tomar").status_code == 403
    thread.refresh_from_db()
    assert not thread.is_bot_silent


def test_every_role_of_the_team_may_answer(bob: User, laura: User, thread: Thread) -> None:
    for person in (bob, laura):
        act(at_desk(person), thread, "enviar", texto=f"Soy {person.first_name}", clave=uuid4())
    assert Message.objects.outbound().count() == 2
