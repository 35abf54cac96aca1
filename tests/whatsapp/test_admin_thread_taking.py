"""Who answers: the bot, whoever took the thread, somebody elsewhere."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from crm.models import Task, User
from tests.factories import ContactFactory
from tests.staff_pages import at_desk, text_of
from tests.whatsapp.rows import minutes_ago, said
from tests.whatsapp.thread_page import act, shown
from whatsapp.choices import LinkRule, Silence
from whatsapp.following import nudge_key
from whatsapp.linking import link
from whatsapp.models import Message, Thread


def test_taking_a_thread_silences_the_bot_and_says_until_when(alice: User, thread: Thread) -> None:
    client = at_desk(alice)
    assert "El bot responde en esta conversación." in shown(client, thread)
    act(client, thread, "tomar")
    thread.refresh_from_db()
    assert (thread.silence, thread.silenced_by, thread.assigned_to) == (Silence.TAKEN_OVER, alice, alice)
    assert "La atiende Alice Torres. Vuelve a responder en" in shown(client, thread)
    act(client, thread, "devolver")
    thread.refresh_from_db()
    assert not thread.is_bot_silent


def test_taking_a_thread_of_a_colleague_leaves_it_theirs(alice: User, bob: User, thread: Thread) -> None:
    thread.change(assigned_to=bob)
    act(at_desk(alice), thread, "tomar")
    thread.refresh_from_db()
    assert (thread.silenced_by, thread.assigned_to) == (alice, bob)


def test_the_bot_can_be_switched_off_in_one_thread(alice: User, thread: Thread) -> None:
    act(at_desk(alice), thread, "apagar-bot")
    thread.refresh_from_db()
    assert (thread.silence, thread.silent_until) == (Silence.OFF, None)


def test_a_thread_is_given_to_somebody_and_to_nobody(alice: User, bob: User, oscar: User, thread: Thread) -> None:
    client = at_desk(alice)
    act(client, thread, "asignar", persona=bob.pk)
    thread.refresh_from_db()
    assert thread.assigned_to == bob
    assert act(client, thread, "asignar", background=True, persona=oscar.pk).status_code == 400
    assert act(client, thread, "asignar", background=True, persona="x").status_code == 400
    act(client, thread, "asignar", persona="")
    thread.refresh_from_db()
    assert thread.assigned_to is None


def test_who_gives_away_what_they_then_may_not_see_returns_to_the_inbox(
    settings: Any, bob: User, charlie: User, thread: Thread
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    thread.change(assigned_to=bob)
    answer = act(at_desk(bob), thread, "asignar", persona=charlie.pk)
    assert answer.url == reverse("admin:whatsapp_thread_changelist")


def test_who_was_answered_by_phone_waits_no_more_and_nothing_is_sent(alice: User, thread: Thread) -> None:
    assert "Respondida sin escribir" in shown(at_desk(alice), thread)
    answer = act(at_desk(alice), thread, "respondida", background=True)
    assert "ya nadie espera aquí" in text_of(answer)
    thread.refresh_from_db()
    assert thread.unanswered_since is None
    assert not Message.objects.outbound().exists()
    assert "Respondida sin escribir" not in shown(at_desk(alice), thread)


def test_what_was_written_before_is_answered_too_when_it_comes_late_and_what_comes_later_is_not(
    alice: User, thread: Thread
) -> None:
    act(at_desk(alice), thread, "respondida")
    said(thread, "Esto lo escribí antes", at=minutes_ago(3))
    thread.refresh_from_db()
    assert thread.unanswered_since is None
    late = said(thread, "¿Y entonces?", at=timezone.now() + timedelta(seconds=2))
    thread.refresh_from_db()
    assert thread.unanswered_since == late.timestamp


def test_the_task_about_somebody_unanswered_is_done_when_they_were_answered_elsewhere(
    alice: User, thread: Thread
) -> None:
    link(thread, ContactFactory(), rule=LinkRule.BY_HAND, by=alice, evidence="")
    task = Task.objects.create(
        contact=thread.contact,
        text="Responder en WhatsApp",
        task_type="follow_up",
        responsible_user=alice,
        complete_till=timezone.now(),
        planned_key=nudge_key(thread),
    )
    act(at_desk(alice), thread, "respondida")
    task.refresh_from_db()
    assert task.is_completed
