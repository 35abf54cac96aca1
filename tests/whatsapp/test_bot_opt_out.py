"""BAJA and ALTA: a whole message, heard at once, confirmed once, known to everybody who writes to people."""

import itertools
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from tests.factories import ContactFactory
from tests.whatsapp.bot_scenes import ask, bot_messages, is_due, only_rule, send, write
from tests.whatsapp.payloads import CUSTOMER, text_message, typed_message
from whatsapp.bot.opt_out import FAREWELL, WELCOME, Wish, wish_in
from whatsapp.models import BotSettings, Message, Thread

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def _one_rule(db: None) -> None:
    only_rule()


@pytest.mark.parametrize(
    "text", ["BAJA", "baja", " Baja. ", "STOP", "Stop!", "¡Darme de baja!", "Cancelar suscripción", "Stop promotions"]
)
def test_a_whole_message_opts_out(text):
    assert wish_in(text) == Wish.LEAVE


@pytest.mark.parametrize(
    "text",
    ["quiero darle de baja a mi otra línea", "la cuota más baja", "non-stop", "", None, "bajas", "BAJA " * 40, 7],
)
def test_a_sentence_that_contains_the_word_does_not(text):
    assert wish_in(text) is None


def test_it_is_confirmed_once_and_then_there_is_silence():
    thread = write("BAJA")
    assert [message.body for message in bot_messages(thread)] == [FAREWELL]
    assert thread.opted_out_at is not None
    assert ask("BAJA") is None
    assert ask("Hola") is None
    row = Message.objects.inbound().order_by("id")[0]
    assert (row.procesado, row.respuesta_bot) == (True, FAREWELL)


def test_a_burst_that_ends_in_an_opt_out_is_not_answered():
    thread = write("Hola", "BAJA")
    assert not is_due(thread)
    assert [message.body for message in bot_messages(thread)] == [FAREWELL]


def test_the_contact_is_told_also_when_it_is_their_first_message():
    luisa = ContactFactory(mobile=f"+{CUSTOMER}")
    write("BAJA")
    luisa.refresh_from_db()
    assert luisa.opted_out_of_messages
    assert luisa.opted_out_of_messages_at is not None
    write("ALTA", at=timezone.now() + timedelta(seconds=2))
    luisa.refresh_from_db()
    assert not luisa.opted_out_of_messages


def test_who_comes_back_is_answered_again():
    write("BAJA", at=timezone.now() - timedelta(seconds=10))
    thread = write("ALTA")
    assert [message.body for message in bot_messages(thread)] == [FAREWELL, WELCOME]
    assert Thread.objects.get().opted_out_at is None
    assert ask("Hola") == "Recibido"


def test_alta_of_somebody_who_never_left_is_a_word_like_any_other():
    assert ask("ALTA") == "Recibido"


def test_the_button_of_a_template_opts_out():
    now = int(timezone.now().timestamp())
    send(typed_message("button", {"text": "Dejar de recibir promociones", "payload": "x"}, at=now))
    assert Thread.objects.get().opted_out_at is not None


@pytest.mark.parametrize(
    "part",
    [
        {"type": "button_reply", "button_reply": {"id": "STOP", "title": "No, gracias"}},
        {"type": "list_reply", "list_reply": {"id": "9", "title": "Darme de baja"}},
    ],
)
def test_a_reply_button_opts_out_by_its_id_or_title(part):
    send(typed_message("interactive", part, at=int(timezone.now().timestamp())))
    assert Thread.objects.get().opted_out_at is not None


@pytest.mark.parametrize("part", [{}, {"type": "button_reply", "button_reply": "STOP"}, {"button_reply": None}])
def test_a_button_that_says_nothing_is_no_opt_out(part):
    send(typed_message("interactive", part, at=int(timezone.now().timestamp())))
    assert Thread.objects.get().opted_out_at is None


def test_an_old_one_counts_and_is_not_confirmed():
    thread = write("BAJA", at=timezone.now() - timedelta(days=3))
    assert thread.opted_out_at is not None
    assert bot_messages(thread) == []


def test_it_counts_where_the_bot_is_off_or_a_person_answers(bob):
    BotSettings.objects.create(pk=1, is_on=False)
    thread = write("BAJA")
    assert thread.opted_out_at is not None
    assert bot_messages(thread) == []


def moment(seconds: int) -> datetime:
    return timezone.now() - timedelta(minutes=5) + timedelta(seconds=seconds)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("said", [("BAJA", "ALTA", "BAJA"), ("BAJA", "BAJA", "ALTA"), ("ALTA", "BAJA", "Hola")])
def test_the_newest_word_counts_in_whatever_order_they_arrive(said, order):
    sent = [text_message(word, at=int(moment(10 * place).timestamp())) for place, word in enumerate(said)]
    for place in order:
        send(sent[place])
    words = [word for word in said if word != "Hola"]
    assert (Thread.objects.get().opted_out_at is not None) is (words[-1] == "BAJA")


def test_two_programs_that_opt_in_and_out_stop_at_the_hourly_cap():
    BotSettings.objects.create(pk=1, hourly_cap=3)
    start = timezone.now() - timedelta(seconds=60)
    for place in range(10):
        write("BAJA" if place % 2 == 0 else "ALTA", at=start + timedelta(seconds=3 * place))
    assert len(bot_messages(Thread.objects.get())) == 3
