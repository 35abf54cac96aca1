"""The inbox: who wrote, who waits, what can still be answered, found by whatever one knows of a person."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse_lazy
from django.utils import timezone

from crm.models import User
from tests.factories import ContactFactory
from tests.staff_pages import at_desk, list_of, page_of, text_of
from tests.whatsapp.rows import minutes_ago, said, thread_with
from whatsapp.choices import LinkRule, LinkState
from whatsapp.linking import link
from whatsapp.models import BusinessNumber, Thread

WRITE = reverse_lazy("admin:whatsapp_thread_write")


def titles(client: Any, **query: str) -> list[str]:
    return [thread.title for thread in client.get(list_of(Thread), query).context["cl"].result_list]


def test_an_empty_inbox_says_what_will_appear_and_how_to_write_first(alice: User) -> None:
    shown = text_of(at_desk(alice).get(list_of(Thread)))
    assert "Cuando alguien escriba al número del negocio" in shown
    assert "Escribir por WhatsApp" in shown


@pytest.mark.sqlite
def test_a_line_tells_who_what_when_and_what_waits(alice: User, bob: User, thread: Thread) -> None:
    thread.change(assigned_to=bob)
    shown = text_of(at_desk(alice).get(list_of(Thread)))
    for told in ("Luz Vega", "+51 987 654 321", "Recibido:", "Hola", "1 min", "cierra en 23 h", "Sin cliente", "Bob"):
        assert told in shown, told


@pytest.mark.sqlite
def test_the_newest_stand_first_and_those_without_messages_last(alice: User) -> None:
    thread_with("51911111111", profile_name="Muda")
    said(thread_with("51922222222", profile_name="Ayer"), at=minutes_ago(1500))
    said(thread_with("51933333333", profile_name="Ahora"))
    assert titles(at_desk(alice)) == ["Ahora", "Ayer", "Muda"]


@pytest.fixture
def various(alice: User) -> None:
    """One thread for each question that the inbox is opened with."""
    said(thread_with("51911111111", profile_name="Espera poco"), at=minutes_ago(5))
    said(thread_with("51922222222", profile_name="Espera mucho"), at=minutes_ago(90))
    closing = thread_with("51933333333", profile_name="Por cerrar")
    said(closing, at=timezone.now() - timedelta(hours=22))
    answered_one = thread_with("51944444444", profile_name="Respondida")
    said(answered_one, at=minutes_ago(50))
    for one in (closing, answered_one):
        one.change(unanswered_since=None, unread=0)
    linked = thread_with("51955555555", profile_name="Mía")
    link(linked, ContactFactory(name="Mía"), rule=LinkRule.BY_HAND, by=None)
    linked.change(assigned_to=alice)
    several = thread_with("51966666666", profile_name="Varios")
    several.change(link_state=LinkState.SEVERAL)


@pytest.mark.sqlite
@pytest.mark.usefixtures("various")
@pytest.mark.parametrize(
    ("situation", "shown"),
    [
        ("sin-responder", ["Espera mucho", "Espera poco"]),
        ("desconocidos-sin-responder", ["Espera mucho", "Espera poco"]),
        ("sin-leer", ["Espera poco", "Espera mucho"]),
        ("por-cerrar", ["Por cerrar"]),
        ("con-candidatos", ["Varios"]),
        ("mias", ["Mía"]),
        ("sin-cliente", ["Espera poco", "Respondida", "Espera mucho", "Por cerrar"]),
    ],
)
def test_each_situation_shows_its_threads(alice: User, situation: str, shown: list[str]) -> None:
    assert titles(at_desk(alice), situacion=situation) == shown


@pytest.mark.sqlite
def test_a_thread_is_found_by_name_by_digits_and_by_its_contact(alice: User, thread: Thread) -> None:
    other = thread_with("5491123456789", profile_name="Otro")
    link(other, ContactFactory(name="Rosa Peña", document_number="45678912"), rule=LinkRule.BY_HAND, by=None)
    client = at_desk(alice)
    for typed in ("luz", "LUZ VEGA", "987 654", "+51 987654321", "654321"):
        assert titles(client, q=typed) == ["Luz Vega"], typed
    for typed in ("pena", "2345 6789", "45678912"):
        assert titles(client, q=typed) == ["Rosa Peña"], typed
    assert titles(client, q="nadie así") == []


def test_the_inbox_costs_the_same_for_two_threads_and_for_forty(alice: User) -> None:
    client = at_desk(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            client.get(list_of(Thread))
        return len(seen)

    for digit in range(2):
        said(thread_with(f"5191111111{digit}"))
    queries()
    few = queries()
    for number in range(10, 50):
        thread = thread_with(f"519222222{number}")
        link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=None)
        thread.change(assigned_to=alice)
        said(thread)
    assert queries() == few


def test_an_agent_who_sees_only_their_own_meets_no_other_thread(settings: Any, bob: User, thread: Thread) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    mine = thread_with("51911111111", profile_name="Mía")
    mine.change(assigned_to=bob)
    client = at_desk(bob)
    assert titles(client) == ["Mía"]
    assert client.get(page_of(thread)).status_code == 404
    assert client.get(page_of(mine)).status_code == 200
    assert titles(client, q="luz") == []


def test_somebody_without_a_role_in_the_crm_may_not_come_in(oscar: User, thread: Thread) -> None:
    assert at_desk(oscar).get(list_of(Thread)).status_code == 302


def test_the_filter_by_number_takes_only_numbers(alice: User, thread: Thread) -> None:
    said(thread_with("51911111111", number_id="999", profile_name="Otra línea"))
    line = BusinessNumber.objects.get(phone_number_id="999")
    client = at_desk(alice)
    assert titles(client, numero=str(line.pk)) == ["Otra línea"]
    assert len(titles(client, numero="' OR 1=1")) == 2


def test_the_command_palette_finds_a_thread(alice: User, thread: Thread) -> None:
    shown = at_desk(alice).get("/admin/search/", {"s": "luz vega"}).content.decode()
    assert page_of(thread) in shown


def test_writing_first_makes_the_thread_only_when_the_form_is_sent(alice: User) -> None:
    contact = ContactFactory(name="Rosa Peña", mobile="+51987654321")
    client = at_desk(alice)
    url = f"{WRITE}?contact={contact.pk}"
    shown = client.get(url)
    assert "+51 987 654 321" in text_of(shown)
    assert not Thread.objects.exists()
    sent = client.post(url, {"numero": "+51987654321"})
    made = Thread.objects.get()
    assert sent.url == page_of(made)
    assert made.contact == contact
    assert made.assigned_to == alice


def test_what_is_no_number_is_refused_with_a_sentence(alice: User) -> None:
    shown = at_desk(alice).post(WRITE, {"numero": "no es"})
    assert "Número de teléfono inválido" in text_of(shown)
    assert not Thread.objects.exists()


def test_a_limited_agent_cannot_begin_with_somebody_elses_client(settings: Any, bob: User, charlie: User) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    ContactFactory(mobile="+51987654321", responsible_user=charlie)
    shown = at_desk(bob).post(WRITE, {"numero": "+51987654321"})
    assert "lleva otra persona" in text_of(shown)
    assert not Thread.objects.exists()


def test_the_list_alone_is_told_to_a_page_that_is_there(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    rows = client.get(list_of(Thread), headers={"X-Part": "lista"})
    assert rows.status_code == 200
    assert "Luz Vega" in text_of(rows)
    assert b"<html" not in rows.content
    assert titles(client) == ["Luz Vega"]
