"""What comes late, comes in another order or never goes leaves the conversation as it is for the people in it."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from crm import services
from crm.exceptions import Conflict
from crm.models import User
from tests.factories import ContactFactory
from tests.whatsapp.bot_scenes import ask, bot_messages, finish, only_rule, write
from tests.whatsapp.payloads import CUSTOMER, contact, envelope, raw, status, text_message, value_of
from tests.whatsapp.rows import answered, minutes_ago, said, thread_with
from tests.whatsapp.snapshots import apply_all
from whatsapp import media
from whatsapp.choices import Author, LinkRule, LinkState, MediaState, MessageStatus, Silence
from whatsapp.linking import link, undo_link
from whatsapp.models import Media, Message, Thread
from whatsapp.models.media import RETRY_SECONDS
from whatsapp.sending import outcomes
from whatsapp.sending.composing import send_text

pytestmark = pytest.mark.django_db


def echo(at: datetime, *, to: str = CUSTOMER) -> None:
    item = text_message("desde el teléfono", wa_id="15550783881", to=to, at=int(at.timestamp()))
    apply_all([raw(envelope(value_of(message_echoes=[item], contacts=[]), field="smb_message_echoes"))])


def fresh(thread: Thread) -> Thread:
    return Thread.objects.get(pk=thread.pk)


# --- Echoes that Meta repeats for a week -------------------------------------------------------


def test_an_echo_of_last_week_does_not_silence_the_bot_now() -> None:
    only_rule("Buenas")
    thread = write("Hola")
    echo(minutes_ago(60 * 24 * 6))
    assert not fresh(thread).is_bot_silent
    assert finish(thread) == 1


def test_an_echo_keeps_the_bot_quiet_from_when_it_was_written() -> None:
    thread = write("Hola")
    echo(minutes_ago(60))
    until = fresh(thread).silent_until
    assert until is not None
    assert until < timezone.now() + timedelta(hours=11, minutes=1)
    echo(minutes_ago(120))
    assert fresh(thread).silent_until == until


def test_an_echo_that_came_late_and_was_written_before_does_not_answer_what_came_after_it() -> None:
    only_rule("Buenas")
    thread = write("Hola")
    echo(minutes_ago(5))
    fresh(thread).hand_back()
    Thread.objects.filter(pk=thread.pk).update(answer_due_at=timezone.now())
    assert finish(thread) == 1


def test_an_echo_that_was_written_after_the_message_answers_it() -> None:
    only_rule("Buenas")
    thread = write("Hola", at=minutes_ago(3))
    echo(minutes_ago(1))
    fresh(thread).hand_back()
    Thread.objects.filter(pk=thread.pk).update(answer_due_at=timezone.now())
    assert finish(thread) == 0


# --- The bot is off, or speaks no more ---------------------------------------------------------


def test_where_the_bot_is_switched_off_an_answer_of_a_person_does_not_switch_it_on_for_later(bob: User) -> None:
    thread = write("Hola")
    thread.take_over(bob, reason=Silence.OFF)
    send_text(thread, "Soy Bob", by=bob)
    echo(timezone.now())
    found = fresh(thread)
    assert (found.silence, found.silent_until) == (Silence.OFF, None)


def test_two_threads_that_become_one_keep_the_longer_silence(bob: User) -> None:
    first, second = thread_with("51911111111"), thread_with("51922222222")
    first.take_over(bob)
    second.take_over(bob, reason=Silence.OFF)
    item = text_message("soy yo", wa_id="51911111111", at=int(timezone.now().timestamp()))
    apply_all([raw(envelope(value_of(messages=[item], contacts=[contact("51922222222")])))])
    found = Thread.objects.present().get()
    assert (found.silence, found.silent_until) == (Silence.OFF, None)


@pytest.mark.parametrize("end", ["withdrawn", "refused"])
def test_what_the_bot_had_to_say_and_did_not_leaves_somebody_waiting(end: str) -> None:
    only_rule("Buenas", keywords="hola")
    at = minutes_ago(2).replace(microsecond=0)
    thread = write("Hola", at=at)
    assert finish(thread) == 1
    assert fresh(thread).unanswered_since is None
    if end == "withdrawn":
        fresh(thread).take_over(None)
    else:
        outcomes.refused(str(bot_messages(thread)[0].key), 131026)
    assert fresh(thread).unanswered_since == at


def test_a_reaction_is_no_answer_when_the_answer_fails(bob: User) -> None:
    from whatsapp.sending.composing import send_reaction

    thread = write("Hola", at=minutes_ago(2))
    answer = send_text(thread, "Buenas", by=bob)
    send_reaction(thread, Message.objects.filter(author=Author.CONTACT).get(), "👍", by=bob)
    outcomes.refused(str(answer.key), 131026)
    assert fresh(thread).unanswered_since is not None


@pytest.mark.parametrize("words", [("failed", "delivered"), ("delivered", "failed")])
def test_a_message_that_one_device_has_is_delivered_in_either_order(words: tuple[str, str], bob: User) -> None:
    thread = write("Hola", at=minutes_ago(2))
    answer = send_text(thread, "Buenas", by=bob)
    outcomes.accepted(str(answer.key), "wamid.DE.BOB", [])
    for word in words:
        apply_all([raw(envelope(value_of(statuses=[status("wamid.DE.BOB", word)])))])
    answer.refresh_from_db()
    assert (answer.status, answer.error, answer.error_code) == (MessageStatus.DELIVERED, None, None)
    assert fresh(thread).unanswered_since is None


# --- A thread that became another ---------------------------------------------------------------


def test_who_still_has_the_page_of_a_thread_that_became_another_writes_into_that_one(bob: User) -> None:
    first, second = thread_with("51911111111"), thread_with("51922222222")
    said(first)
    said(second)
    item = text_message("soy yo", wa_id="51911111111", at=int(timezone.now().timestamp()))
    apply_all([raw(envelope(value_of(messages=[item], contacts=[contact("51922222222")])))])
    message = send_text(Thread.objects.get(pk=second.pk), "Buenas", by=bob)
    assert message.thread_id == first.pk
    assert fresh(first).unanswered_since is None
    with pytest.raises(Conflict):
        link(second, ContactFactory(), rule=LinkRule.BY_HAND, by=bob)


def test_one_key_is_one_message_of_one_thread(bob: User) -> None:
    first, second, key = thread_with("51911111111"), thread_with("51922222222"), uuid4()
    said(first)
    said(second)
    one = send_text(first, "Buenas", by=bob, key=key)
    assert send_text(first, "Buenas", by=bob, key=key).pk == one.pk
    with pytest.raises(Conflict):
        send_text(second, "Buenas", by=bob, key=key)
    assert Message.objects.filter(author=Author.USER).count() == 1


# --- Whose it is ----------------------------------------------------------------------------------


def test_no_rule_repeats_a_link_that_a_person_has_undone_even_one_made_by_hand(bob: User) -> None:
    person = ContactFactory(mobile=f"+{CUSTOMER}")
    thread = thread_with()
    undo_link(link(thread, person, rule=LinkRule.BY_HAND, by=bob), by=bob)
    write("Hola")
    assert fresh(thread).contact_id is None
    link(fresh(thread), person, rule=LinkRule.BY_HAND, by=bob)
    assert fresh(thread).contact_id == person.pk


def test_who_was_merged_away_since_is_linked_as_who_has_absorbed_them(bob: User) -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    stale = type(absorbed).objects.get(pk=absorbed.pk)
    services.merge_contacts(survivor_id=survivor.pk, absorbed_id=absorbed.pk, by=bob)
    thread = thread_with()
    link(thread, stale, rule=LinkRule.BY_HAND, by=bob)
    assert fresh(thread).contact_id == survivor.pk
    survivor.refresh_from_db()
    survivor.delete_softly(by=bob)
    with pytest.raises(Conflict):
        link(thread_with("51911111111"), survivor, rule=LinkRule.BY_HAND, by=bob)
    assert Thread.objects.exclude(link_state=LinkState.LINKED).count() == 1


def test_a_merge_and_its_undoing_take_the_conversations_along(bob: User) -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    thread = thread_with()
    link(thread, absorbed, rule=LinkRule.BY_HAND, by=bob)
    message = answered(thread)
    merge = services.merge_contacts(survivor_id=survivor.pk, absorbed_id=absorbed.pk, by=bob)
    message.refresh_from_db()
    assert (fresh(thread).contact_id, message.cliente_id) == (survivor.pk, survivor.pk)
    newer = said(fresh(thread))
    services.undo_merge(merge, by=bob)
    assert fresh(thread).contact_id == absorbed.pk
    newer.refresh_from_db()
    assert newer.cliente_id == absorbed.pk


# --- Files ----------------------------------------------------------------------------------------


def test_a_file_that_ends_its_worker_again_and_again_is_given_up() -> None:
    message = said(thread_with(), message_type="image")
    row = Media.objects.create(message=message, media_id="1", kind="image")
    for _ in range(len(RETRY_SECONDS) + 1):
        assert Media.objects.claim() is not None  # and the worker is gone
        Media.objects.update(lease_until=minutes_ago(1))
    last = Media.objects.claim()
    assert last is not None
    media.fetch(last)
    row.refresh_from_db()
    assert (row.state, row.error) == (MediaState.FAILED, media.INTERRUPTED)


# --- Who wants no messages ------------------------------------------------------------------------


def test_a_stop_that_comes_after_the_later_alta_stops_nothing() -> None:
    now = timezone.now()
    write("BAJA", at=now - timedelta(minutes=9))
    thread = write("ALTA", at=now - timedelta(minutes=3))
    _prefers("stop", now - timedelta(minutes=6))
    assert fresh(thread).opted_out_at is None


def test_a_resume_of_last_week_does_not_undo_what_staff_noted_since() -> None:
    thread = write("Hola")
    person = ContactFactory()
    link(thread, person, rule=LinkRule.BY_HAND, by=None)
    person.edit({"opted_out_of_messages": True})
    _prefers("resume", timezone.now() - timedelta(days=6))
    person.refresh_from_db()
    assert person.opted_out_of_messages
    _prefers("resume", timezone.now() + timedelta(seconds=2))
    person.refresh_from_db()
    assert not person.opted_out_of_messages


def _prefers(word: str, at: datetime) -> None:
    row = {"wa_id": CUSTOMER, "value": word, "timestamp": str(int(at.timestamp()))}
    apply_all([raw(envelope(value_of(user_preferences=[row]), field="user_preferences"))])


def test_who_opted_out_under_one_name_has_opted_out_as_the_contact_of_the_other() -> None:
    person = ContactFactory(mobile="+51911111111")
    write("Hola", wa_id="51911111111")
    write("BAJA", wa_id="51922222222")
    item = text_message("soy yo", wa_id="51911111111", at=int(timezone.now().timestamp()))
    apply_all([raw(envelope(value_of(messages=[item], contacts=[contact("51922222222")])))])
    person.refresh_from_db()
    assert person.opted_out_of_messages


def test_a_face_and_nothing_else_is_answered_like_any_word() -> None:
    only_rule("Buenas")
    assert ask("🙂") == "Buenas"
