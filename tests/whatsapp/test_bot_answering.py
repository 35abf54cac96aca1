"""The bot answers a burst once, and keeps quiet where it must (contract section 4)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.factories import ContactFactory
from tests.whatsapp import bot_scenes
from tests.whatsapp.bot_scenes import ask, bot_messages, finish, is_due, only_rule, send, write
from tests.whatsapp.payloads import CUSTOMER, text_message, typed_message
from whatsapp.bot import answering, provider, rules
from whatsapp.bot.answering import HANDED_OVER
from whatsapp.choices import Audience, Author, Direction, LinkRule, LinkState, MessageStatus, RuleAction, Silence
from whatsapp.linking import undo_link
from whatsapp.models import BotRule, BotSettings, BusinessNumber, Message, OpeningHours, Thread
from whatsapp.sending.composing import send_text

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

SCENES = "tests.whatsapp.bot_scenes"


@pytest.fixture(autouse=True)
def _one_rule(db: None) -> None:
    OpeningHours.objects.all().delete()
    only_rule()


def settings_of_bot(**values: object) -> None:
    BotSettings.objects.update_or_create(pk=1, defaults=values)


# --- A burst --------------------------------------------------------------------------------------


def test_a_burst_gets_one_answer_to_its_last_message(settings):
    settings.WHATSAPP_ANSWER_PROVIDER = f"{SCENES}.Echo"
    thread = write("Hola", "quisiera saber", "el precio")
    assert finish(thread) == 1
    first, second, last = Message.objects.inbound().order_by("id")
    [answer] = bot_messages(thread)
    assert (answer.body, answer.respuesta_id) == ("Dijo: Hola / quisiera saber / el precio", last.pk)
    assert (answer.direccion, answer.status, answer.author) == (Direction.OUTBOUND, MessageStatus.QUEUED, Author.BOT)
    assert [message.procesado for message in (first, second, last)] == [True, True, True]
    assert [message.respuesta_bot for message in (first, second, last)] == [None, None, answer.body]
    assert not is_due(thread)
    assert finish(thread) == 0


def test_an_answer_waits_for_the_end_of_the_burst():
    thread = write("Hola")
    assert answering.answer_due() == 0
    due = Thread.objects.get(pk=thread.pk).answer_due_at
    assert due is not None
    assert timedelta(seconds=6) < due - timezone.now() < timedelta(seconds=8.5)


def test_each_message_puts_the_answer_off_but_not_for_ever():
    thread = write("uno")
    begun = timezone.now() - timedelta(seconds=20)
    Message.objects.update(creado_en=begun)
    write("dos")
    thread.refresh_from_db()
    assert thread.answer_due_at is not None
    assert abs(thread.answer_due_at - begun - timedelta(seconds=24)) < timedelta(seconds=1)


def test_what_was_answered_before_is_not_part_of_the_next_burst(settings, bob):
    settings.WHATSAPP_ANSWER_PROVIDER = f"{SCENES}.Echo"
    assert ask("uno") == "Dijo: uno"
    assert ask("dos") == "Dijo: dos"
    thread = write("tres")
    send_text(thread, "Le atiendo", by=bob)
    thread.hand_back()
    assert ask("cuatro") == "Dijo: cuatro"


def test_a_message_while_the_answer_is_made_leaves_it_to_the_next_turn(monkeypatch):
    thread = write("uno")
    ask_rules, asked = answering.answer_to, []

    def slowly(conversation):
        asked.append(conversation.texts)
        if len(asked) == 1:
            write("dos")
        return ask_rules(conversation)

    monkeypatch.setattr(answering, "answer_to", slowly)
    assert finish(thread) == 0
    assert bot_messages(thread) == []
    assert finish(thread) == 1
    assert asked == [("uno",), ("uno", "dos")]


# --- Silence --------------------------------------------------------------------------------------


def test_nothing_while_a_person_has_the_thread(bob):
    thread = write("Hola")
    thread.take_over(bob)
    assert ask("¿Hay alguien?") is None
    thread.refresh_from_db()
    thread.hand_back()
    assert ask("¿Y ahora?") == "Recibido"


def test_the_silence_of_a_person_ends():
    thread = write("Hola")
    thread.change(silence=Silence.TAKEN_OVER, silent_until=timezone.now() - timedelta(minutes=1))
    assert ask("Hola") == "Recibido"


def test_nothing_where_the_bot_is_off():
    settings_of_bot(is_on=False)
    assert ask("Hola") is None
    settings_of_bot(is_on=True)
    thread = Thread.objects.get()
    thread.take_over(None, reason=Silence.OFF)
    assert ask("Hola") is None


def test_nothing_to_an_old_message_of_a_repeat():
    assert ask("Hola", at=timezone.now() - timedelta(minutes=16)) is None
    assert ask("Hola", at=timezone.now() - timedelta(minutes=14)) == "Recibido"


def test_nothing_once_the_message_has_become_old():
    thread = write("Hola")
    Message.objects.update(timestamp=timezone.now() - timedelta(hours=1))
    assert finish(thread) == 0
    assert not is_due(thread)


def test_nothing_after_the_24_hours():
    settings_of_bot(oldest_minutes=60 * 48)
    assert ask("Hola", at=timezone.now() - timedelta(hours=25)) is None


def test_nothing_to_reactions_statuses_echoes_and_what_nobody_wrote():
    thread = write("Hola")
    finish(thread)
    wamid = Message.objects.inbound().get().message_id
    now = int(timezone.now().timestamp())
    for kind, part in (
        ("reaction", {"message_id": wamid, "emoji": "👍"}),
        ("system", {"type": "user_changed_number", "body": "cambió", "new_wa_id": CUSTOMER}),
        ("request_welcome", {}),
    ):
        thread = send(typed_message(kind, part, at=now))
        assert not is_due(thread), kind
    thread = send({**text_message("a todos", at=now), "group_id": "120363"})
    assert not is_due(thread)


def test_nothing_to_one_of_our_own_numbers():
    BusinessNumber.objects.create(phone_number_id="2", display_number="+51 987 654 321")
    assert ask("Hola", wa_id="51987654321") is None
    assert ask("Hola", wa_id="51987654322") == "Recibido"


def test_enough_is_enough_in_one_hour(settings):
    settings.WHATSAPP_ANSWER_PROVIDER = f"{SCENES}.Echo"
    settings_of_bot(hourly_cap=2)
    assert [ask("uno"), ask("dos"), ask("tres")] == ["Dijo: uno", "Dijo: dos", None]
    Message.objects.filter(author=Author.BOT).update(timestamp=timezone.now() - timedelta(minutes=61))
    assert ask("cuatro") == "Dijo: tres / cuatro", "nobody has answered the third yet"


def test_the_same_answer_to_the_same_words_is_left_to_a_person():
    assert ask("Hola") == "Recibido"
    assert ask("¡HOLA!") == HANDED_OVER
    thread = Thread.objects.get()
    assert (thread.silence, thread.unanswered_since is not None) == (Silence.ASKED_FOR_PERSON, True)
    assert ask("Hola") is None


def test_the_same_words_later_are_a_new_question():
    ask("Hola")
    Message.objects.filter(author=Author.BOT).update(timestamp=timezone.now() - timedelta(minutes=11))
    assert ask("Hola") == "Recibido"


def test_a_takeover_drops_the_answer_in_progress(monkeypatch, bob):
    thread = write("Hola")
    ask_rules = answering.answer_to

    def slowly(conversation):
        send_text(Thread.objects.get(), "Yo le atiendo", by=bob)
        return ask_rules(conversation)

    monkeypatch.setattr(answering, "answer_to", slowly)
    assert finish(thread) == 0
    assert bot_messages(thread) == []
    assert thread.silenced_by == bob


def test_a_takeover_drops_it_also_when_the_thread_is_handed_back_at_once(monkeypatch, bob):
    thread = write("Hola")
    ask_rules = answering.answer_to

    def slowly(conversation):
        Thread.objects.get().take_over(bob)
        Thread.objects.get().hand_back()
        return ask_rules(conversation)

    monkeypatch.setattr(answering, "answer_to", slowly)
    assert finish(thread) == 0
    assert bot_messages(thread) == []


def test_a_takeover_withdraws_an_answer_that_has_not_left(bob):
    ask("Hola")
    send_text(Thread.objects.get(), "Yo le atiendo", by=bob)
    assert [message.status for message in bot_messages(Thread.objects.get())] == [MessageStatus.WITHDRAWN]


def test_who_has_lost_the_lease_writes_nothing(monkeypatch):
    thread = write("Hola")
    ask_rules = answering.answer_to

    def overtaken(conversation):
        bot_scenes.end_leases()
        monkeypatch.setattr(answering, "answer_to", ask_rules)
        assert answering.answer_due() == 1, "another worker"
        return ask_rules(conversation)

    monkeypatch.setattr(answering, "answer_to", overtaken)
    assert finish(thread) == 0
    assert len(bot_messages(thread)) == 1


def test_a_deleted_message_is_not_answered():
    thread = write("Hola")
    Message.objects.update(deleted_at=timezone.now())
    assert finish(thread) == 0
    assert not is_due(thread)


# --- A person -------------------------------------------------------------------------------------


def test_who_asks_for_a_person_is_told_so_and_waits_for_one():
    only_rule("Le paso con alguien", keywords="asesor", action=RuleAction.HAND_OVER)
    assert ask("un asesor por favor") == "Le paso con alguien"
    thread = Thread.objects.get()
    assert thread.silence == Silence.ASKED_FOR_PERSON
    assert thread.unanswered_since is not None
    assert [message.status for message in bot_messages(thread)] == [MessageStatus.QUEUED]
    assert ask("¿hola?") is None


def test_an_answer_of_a_rule_with_words_settles_and_a_catch_all_does_not():
    BotRule.objects.create(name="Precio", answer="Desde 100", keywords="precio", position=1)
    ask("precio")
    assert Thread.objects.get().unanswered_since is None
    ask("otra cosa", at=timezone.now() + timedelta(seconds=2))  # Meta's clock knows no fractions
    assert Thread.objects.get().unanswered_since is not None


# --- Providers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Raising", "Exiting", "Confused", "Missing"])
def test_where_the_provider_fails_the_rules_answer(settings, caplog, name):
    settings.WHATSAPP_ANSWER_PROVIDER = f"{SCENES}.{name}"
    assert ask("Hola") == "Recibido"
    assert "answer provider failed" in caplog.text


def test_where_the_provider_is_slow_the_rules_answer(settings, monkeypatch):
    monkeypatch.setattr(provider, "TIME_LIMIT_SECONDS", 0.05)
    settings.WHATSAPP_ANSWER_PROVIDER = f"{SCENES}.Slow"
    assert ask("Hola") == "Recibido"


def test_a_provider_may_choose_silence(settings):
    settings.WHATSAPP_ANSWER_PROVIDER = f"{SCENES}.Silent"
    thread = write("Hola")
    assert finish(thread) == 0
    assert not is_due(thread)
    assert Message.objects.get().procesado


def test_what_no_database_can_store_is_left_out_of_an_answer(settings):
    settings.WHATSAPP_ANSWER_PROVIDER = f"{SCENES}.Garbled"
    assert ask("Hola") == "Hola y adiós"


def test_a_provider_may_offer_buttons_and_hand_over(settings):
    settings.WHATSAPP_ANSWER_PROVIDER = f"{SCENES}.Offering"
    thread = write("Hola")
    assert finish(thread) == 1
    [message] = bot_messages(thread)
    assert (message.message_type, message.status) == ("interactive", MessageStatus.QUEUED)
    assert thread.silence == Silence.ASKED_FOR_PERSON
    assert thread.unanswered_since is not None


def test_a_thread_that_cannot_be_answered_does_not_cost_the_others_theirs(monkeypatch, caplog):
    first, second = write("Hola", wa_id="51911111111"), write("Hola", wa_id="51922222222")
    Thread.objects.update(answer_due_at=timezone.now())
    ask_rules = answering.answer_to

    def failing(conversation):
        if conversation.thread_id == first.pk:
            raise RuntimeError("roto")
        return ask_rules(conversation)

    monkeypatch.setattr(answering, "answer_to", failing)
    assert answering.answer_due() == 1
    assert (len(bot_messages(first)), len(bot_messages(second))) == (0, 1)
    monkeypatch.setattr(answering, "answer_to", ask_rules)
    bot_scenes.end_leases()
    assert answering.answer_due() == 1


def test_an_answer_that_may_not_be_sent_is_kept_with_the_reason():
    only_rule("x" * 4096)
    thread = write("Hola")
    BotRule.objects.update(answer="x" * 4097)
    assert finish(thread) == 0
    row = Message.objects.get()
    assert (row.procesado, row.respuesta_bot, bool(row.error)) == (True, "x" * 4097, True)
    assert not is_due(thread)


# --- Who it is ------------------------------------------------------------------------------------


@pytest.fixture
def rules_that_ask() -> None:
    BotRule.objects.all().delete()
    BotRule.objects.create(name="Conocido", answer="Hola, {nombre}.", audience=Audience.KNOWN)
    BotRule.objects.create(name="Desconocido", answer="Hola. {pedir_documento}", audience=Audience.UNKNOWN)


@pytest.mark.usefixtures("rules_that_ask")
def test_a_known_client_is_greeted_by_name():
    ContactFactory(name="Luisa Prueba", mobile=f"+{CUSTOMER}")
    assert ask("Hola") == "Hola, Luisa."


@pytest.mark.usefixtures("rules_that_ask")
def test_an_unknown_one_is_asked_for_the_document_and_linked_by_it():
    luisa = ContactFactory(name="Luisa Prueba", document_number="12345678")
    assert "documento" in str(ask("Hola"))
    assert Thread.objects.get().asked_for_document_at is not None
    assert str(ask("mi DNI es 12.345.678")).startswith("¡Gracias, Luisa!")
    thread = Thread.objects.get()
    assert (thread.contact, thread.link_state, thread.asked_for_document_at) == (luisa, LinkState.LINKED, None)
    made = thread.links.get()
    assert (made.rule, made.linked_by) == (LinkRule.DOCUMENT, None)
    assert "12345678" in made.evidence
    assert not Message.objects.exclude(cliente=luisa).exists(), "the whole thread follows"
    assert ask("Buenas") == "Hola, Luisa."


@pytest.mark.usefixtures("rules_that_ask")
def test_a_document_that_nobody_has_is_told_once_then_a_person_comes():
    ask("Hola")
    assert ask("12345678") == rules.UNKNOWN_DOCUMENT
    assert ask("87654321") == rules.STILL_UNKNOWN
    assert Thread.objects.get().silence == Silence.ASKED_FOR_PERSON


@pytest.mark.usefixtures("rules_that_ask")
def test_a_link_that_a_person_has_undone_is_not_made_again(alice):
    ContactFactory(name="Luisa Prueba", document_number="12345678")
    ask("12345678")
    thread = Thread.objects.get()
    undo_link(thread.links.get(), by=alice)
    assert ask("12345678") == "Hola."
    thread.refresh_from_db()
    assert (thread.link_state, thread.contact) == (LinkState.UNLINKED, None)


@pytest.mark.usefixtures("rules_that_ask")
def test_a_document_that_changes_hands_meanwhile_links_nobody(monkeypatch):
    luisa = ContactFactory(name="Luisa Prueba", document_number="12345678")
    thread = write("12345678")
    ask_rules = answering.answer_to

    def slowly(conversation):
        luisa.edit({"document_number": "99999999"})
        return ask_rules(conversation)

    monkeypatch.setattr(answering, "answer_to", slowly)
    finish(thread)
    assert thread.contact is None
    assert not any("Luisa" in str(message.body) for message in bot_messages(thread))


@pytest.mark.usefixtures("rules_that_ask")
def test_a_contact_who_wants_no_messages_is_linked_and_left_alone():
    luisa = ContactFactory(document_number="12345678", opted_out_of_messages_at=timezone.now())
    assert ask("12345678") is None
    assert Thread.objects.get().contact == luisa


def test_what_we_call_a_file_is_no_word_of_the_person():
    BotRule.objects.create(name="Documento", answer="Escriba su documento", keywords="documento", position=1)
    thread = send(
        typed_message("document", {"id": "1", "filename": "contrato.pdf"}, at=int(timezone.now().timestamp()))
    )
    finish(thread)
    assert [message.body for message in bot_messages(thread)] == ["Recibido"]


def test_an_answer_costs_the_same_whatever_was_said_before():
    def queries_for(words: int, wa_id: str) -> int:
        thread = write(*["Hola"] * words, wa_id=wa_id)
        with CaptureQueriesContext(connection) as spent:
            assert finish(thread) == 1
        return len(spent)

    few, many = queries_for(2, "51911111111"), queries_for(40, "51922222222")
    assert few == many
    assert many <= 50
