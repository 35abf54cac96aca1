"""Who waits too long for an answer becomes a task of whoever is responsible (issue 4, follow-through)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from crm.display import address
from crm.models import Contact, Task, User
from tests.factories import ContactFactory
from tests.whatsapp.rows import answered, minutes_ago, said, thread_with
from whatsapp import following, notices
from whatsapp.choices import LinkRule
from whatsapp.linking import link
from whatsapp.models import BotSettings, OpeningHours, Thread
from whatsapp.sending.composing import send_text

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

NUMBER = "51987654321"


@pytest.fixture(autouse=True)
def _always_open(db: None) -> None:
    OpeningHours.objects.all().delete()
    BotSettings.objects.update_or_create(pk=1, defaults={"unanswered_minutes": 60})


@pytest.fixture
def contact(bob: User) -> Contact:
    return ContactFactory(name="Luz Vega", mobile=f"+{NUMBER}", responsible_user=bob)


def waiting(contact: Contact, minutes: float = 61, number: str = NUMBER) -> Thread:
    thread = thread_with(number)
    link(thread, contact, rule=LinkRule.EXACT_NUMBER, by=None)
    said(thread, "¿Hay alguien?", at=minutes_ago(minutes))
    return thread


def test_an_unanswered_thread_raises_a_task_for_the_responsible(contact: Contact, bob: User) -> None:
    thread = waiting(contact)
    assert following.nudge_unanswered() == 1
    task = Task.objects.get()
    assert (task.contact, task.responsible_user) == (contact, bob)
    assert "Luz Vega" in task.text
    assert "¿Hay alguien?" in task.text
    assert task.complete_till is not None
    thread.refresh_from_db()
    assert thread.nudged_at is not None


def test_it_is_raised_once(contact: Contact) -> None:
    waiting(contact)
    assert [following.nudge_unanswered(), following.nudge_unanswered()] == [1, 0]
    assert Task.objects.count() == 1


def test_whoever_has_the_thread_comes_before_whoever_has_the_contact(contact: Contact, charlie: User) -> None:
    waiting(contact).change(assigned_to=charlie)
    following.nudge_unanswered()
    assert Task.objects.get().responsible_user == charlie


def test_nobody_who_has_left_gets_the_task(contact: Contact, bob: User) -> None:
    waiting(contact)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    assert following.nudge_unanswered() == 1
    assert Task.objects.get().responsible_user is None


def test_before_its_time_nothing_happens(contact: Contact) -> None:
    waiting(contact, minutes=59)
    assert following.nudge_unanswered() == 0
    assert not Task.objects.exists()


def test_an_answered_thread_raises_nothing(contact: Contact) -> None:
    thread = waiting(contact)
    Thread.objects.filter(pk=thread.pk).update(unanswered_since=None)
    assert following.nudge_unanswered() == 0


def test_zero_minutes_mean_no_tasks(contact: Contact) -> None:
    waiting(contact, minutes=6_000)
    BotSettings.objects.update(unanswered_minutes=0)
    assert following.nudge_unanswered() == 0


def test_a_deleted_contact_raises_nothing(contact: Contact) -> None:
    waiting(contact)
    Contact.objects.filter(pk=contact.pk).update(is_deleted=True)
    assert following.nudge_unanswered() == 0


def test_only_hours_in_which_somebody_is_there_count(contact: Contact, settings: Any) -> None:
    """Written on Friday at 17:30, open until 18:00 and again on Monday at 9:00: due on Monday at 9:30."""
    settings.TIME_ZONE = "UTC"
    for weekday in range(5):
        OpeningHours.objects.create(weekday=weekday)
    thread = waiting(contact)
    written = datetime(2026, 3, 6, 17, 30, tzinfo=UTC)
    Thread.objects.filter(pk=thread.pk).update(unanswered_since=written)
    for day, hour, minute, raised in ((7, 12, 0, 0), (9, 9, 29, 0), (9, 9, 31, 1)):
        moment = datetime(2026, 3, day, hour, minute, tzinfo=UTC)
        with time_machine.travel(moment, tick=False), timezone.override(UTC):
            assert following.nudge_unanswered() == raised


def test_one_more_question_waits_for_the_same_task(contact: Contact) -> None:
    """The bot has answered in between; nobody has: a second task would say the same again."""
    thread = waiting(contact)
    following.nudge_unanswered()
    Thread.objects.filter(pk=thread.pk).update(unanswered_since=minutes_ago(61), nudged_at=minutes_ago(120))
    assert following.nudge_unanswered() == 0
    assert Task.objects.count() == 1


def test_answering_does_the_task(contact: Contact, bob: User) -> None:
    thread = waiting(contact)
    following.nudge_unanswered()
    send_text(thread, "Aquí estoy", by=bob)
    task = Task.objects.get()
    assert (task.is_completed, task.result_text) == (True, following.ANSWERED)
    thread.refresh_from_db()
    assert thread.nudged_at is None


def test_after_an_answer_the_next_silence_raises_the_next_task(contact: Contact, bob: User) -> None:
    thread = waiting(contact, minutes=200)
    following.nudge_unanswered()
    answered(thread, at=minutes_ago(150))
    thread.refresh_from_db()
    following.settle_nudge(thread)
    said(thread, "¿Y ahora?", at=minutes_ago(70))
    Thread.objects.filter(pk=thread.pk).update(unanswered_since=minutes_ago(70))
    assert following.nudge_unanswered() == 1
    assert Task.objects.filter(is_completed=True).count() == 1


def test_a_task_that_somebody_has_planned_anew_is_theirs(contact: Contact, bob: User) -> None:
    thread = waiting(contact)
    following.nudge_unanswered()
    Task.objects.get().change(by=bob, complete_till=timezone.now() + timedelta(days=2))
    following.settle_nudge(thread)
    assert not Task.objects.get().is_completed


def test_what_was_raised_for_a_thread_that_became_another_is_settled_there(contact: Contact) -> None:
    thread, other = waiting(contact), thread_with("51911111111")
    following.nudge_unanswered()
    Thread.objects.filter(pk=thread.pk).update(merged_into=other, contact=None, link_state="unknown")
    following.settle_nudge(other)
    assert Task.objects.get().is_completed


def test_a_hundred_threads_that_wait_cost_no_more_to_look_at_than_one(
    contact: Contact, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        waiting(contact, minutes=30, number=f"5198000{number:04d}")
    with django_assert_max_num_queries(3):
        assert following.nudge_unanswered() == 0


def test_a_stranger_who_waits_is_told_to_everybody(bob: User) -> None:
    thread = thread_with(NUMBER)
    said(thread, at=minutes_ago(61))
    assert following.nudge_unanswered() == 0
    (notice,) = notices.notices(bob)
    assert notice.text == "1 conversación de WhatsApp sin cliente y sin responder."
    assert notice.href == address("whatsapp_thread_changelist", situacion="desconocidos-sin-responder")
    thread.change(unanswered_since=None)
    assert not list(notices.notices(bob))
