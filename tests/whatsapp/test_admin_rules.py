"""The staff pages of the bot: rules that are checked while they are written and tried out before they answer."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from crm.models import User
from tests.factories import ContactFactory
from tests.staff_pages import add_to, at_desk, errors_of, filled, list_of, messages_of, page_of, text_of
from whatsapp.models import BotRule, BotSettings, OpeningHours

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

LIST = list_of(BotRule)
TRY = reverse("admin:whatsapp_botrule_try_it")
CHECK = reverse("admin:whatsapp_botrule_check")


@pytest.fixture(autouse=True)
def _no_rules(db: None) -> None:
    BotRule.objects.all().delete()


@pytest.fixture
def rule() -> BotRule:
    return BotRule.objects.create(name="Precio", position=5, keywords="precio\n=cuota", answer="Desde 300, {nombre}.")


def tried(client: Any, text: str, **more: Any) -> str:
    return text_of(client.get(f"{TRY}?{urlencode({'text': text, **more})}"))


# --- The list ---------------------------------------------------------------------------------


def test_the_list_shows_the_rules_in_the_order_in_which_they_are_asked(alice: User, rule: BotRule) -> None:
    BotRule.objects.create(name="Lo demás", position=90, answer="Recibido")
    BotRule.objects.create(name="Saludo", position=1, keywords="hola", answer="Hola")
    seen = text_of(at_desk(alice).get(LIST))
    assert seen.index("Saludo") < seen.index("Precio") < seen.index("Lo demás")
    for words in ("precio, =cuota", "Desde 300, {nombre}.", "Clientes vinculados", "todo"):
        assert words in seen


def test_order_and_switch_are_changed_in_the_list(alice: User, rule: BotRule) -> None:
    sent = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": rule.pk,
        "form-0-position": 70,
        "_save": "Guardar",
    }
    at_desk(alice).post(LIST, sent)
    rule.refresh_from_db()
    assert (rule.position, rule.is_active, rule.answer) == (70, False, "Desde 300, {nombre}.")


def test_agents_see_no_rules_and_lawyers_only_look(bob: User, laura: User, rule: BotRule) -> None:
    assert at_desk(bob).get(LIST).status_code == 403
    assert at_desk(bob).get(TRY).status_code in (403, 404)
    assert at_desk(bob).post(CHECK).status_code in (403, 404)
    lawyer = at_desk(laura)
    assert lawyer.get(LIST).status_code == 200
    assert lawyer.get(add_to(BotRule)).status_code == 403
    assert lawyer.post(page_of(rule), {"name": "Otro"}).status_code == 403


# --- Writing one ------------------------------------------------------------------------------


def test_a_rule_is_filed(alice: User) -> None:
    client = at_desk(alice)
    typed = filled(client, add_to(BotRule), name="Horario", keywords="horario", answer="Atendemos {horario}.")
    response = client.post(add_to(BotRule), typed, follow=True)
    assert BotRule.objects.get().keywords == "horario"
    assert not [told for told in messages_of(response) if "nadie conoce" in told]


def test_a_placeholder_that_nobody_knows_is_stored_and_told(alice: User) -> None:
    client = at_desk(alice)
    typed = filled(client, add_to(BotRule), name="Horario", keywords="horario", answer="Atendemos {orario}.")
    response = client.post(add_to(BotRule), typed, follow=True)
    assert BotRule.objects.exists()
    assert "nadie conoce {orario}" in " ".join(messages_of(response))


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [({"pattern": "(a"}, "El patrón no es válido"), ({"answer": ""}, "requerido"), ({"name": ""}, "requerido")],
)
def test_what_cannot_work_is_refused(alice: User, typed: dict[str, str], sentence: str) -> None:
    client = at_desk(alice)
    whole = {"name": "Horario", "answer": "Siempre", **typed}
    response = client.post(add_to(BotRule), filled(client, add_to(BotRule), **whole))
    assert sentence in errors_of(response)
    assert not BotRule.objects.exists()


def test_while_it_is_written_the_page_says_how_it_is_understood(alice: User) -> None:
    typed = {"keywords": "Teléfono\n=Información\n\n ¿?", "pattern": "(a", "answer": "Hola, {nonbre}"}
    seen = text_of(at_desk(alice).post(CHECK, typed))
    for words in ("telefono", "informacion (mensaje entero)", "El patrón no es válido", "nadie conoce {nonbre}"):
        assert words in seen
    assert not BotRule.objects.exists()


def test_the_form_names_the_data_that_an_answer_may_use(alice: User, rule: BotRule) -> None:
    seen = text_of(at_desk(alice).get(page_of(rule)))
    assert "{proxima_cita}" in seen
    assert "cuota (mensaje entero)" in seen


def test_it_is_deleted_by_administrators(alice: User, rule: BotRule) -> None:
    at_desk(alice).post(reverse("admin:whatsapp_botrule_delete", args=[rule.pk]), {"post": "yes"})
    assert not BotRule.objects.exists()


# --- Trying them out --------------------------------------------------------------------------


def test_the_box_says_what_would_be_answered_and_why(alice: User, rule: BotRule) -> None:
    contact = ContactFactory(name="Luz Vega", first_name="Luz")
    seen = tried(at_desk(alice), "¿Qué PRECIO tiene?", contact=contact.pk)
    for words in ("Desde 300, Luz.", "Precio", "Luz Vega", "Por qué"):
        assert words in seen


def test_the_box_says_when_the_bot_would_say_nothing(alice: User, rule: BotRule) -> None:
    seen = tried(at_desk(alice), "¿Dónde están?")
    assert "El bot calla" in seen
    assert "Ninguna regla activa encaja" in seen


def test_the_box_asks_at_another_moment(alice: User) -> None:
    OpeningHours.objects.all().delete()
    OpeningHours.objects.create(weekday=0)
    BotRule.objects.create(name="Cerrado", when="closed", answer="Abrimos el lunes.")
    client = at_desk(alice)
    assert "Abrimos el lunes." in tried(client, "Hola", at_0="07/03/2026", at_1="12:00")
    assert "El bot calla" in tried(client, "Hola", at_0="09/03/2026", at_1="12:00")


@pytest.mark.parametrize("more", [{"at_0": "ayer"}, {"contact": "nadie"}, {"contact": "7"}])
def test_the_box_says_what_it_cannot_read(alice: User, rule: BotRule, more: dict[str, str]) -> None:
    response = at_desk(alice).get(TRY, {"text": "precio", **more})
    assert response.status_code == 200
    assert response.context["form"].errors
    assert response.context["tried"] is None


def test_nothing_is_stored_by_trying(alice: User, rule: BotRule) -> None:
    from whatsapp.models import Message, Thread

    tried(at_desk(alice), "precio")
    tried(at_desk(alice), "BAJA")
    assert not Thread.objects.exists()
    assert not Message.objects.exists()


# --- Settings ---------------------------------------------------------------------------------


def test_the_settings_are_one_page_with_the_opening_hours_below(alice: User) -> None:
    client = at_desk(alice)
    response = client.get(list_of(BotSettings), follow=True)
    assert BotSettings.objects.count() == 1
    seen = text_of(response)
    for words in ("el bot responde", "tarea si nadie responde", "Horario de atención", "Sábado", "13:00"):
        assert words.lower() in seen.lower()


def test_settings_are_changed_by_administrators(alice: User, laura: User) -> None:
    settings = BotSettings.objects.create(pk=1)
    client = at_desk(alice)
    client.post(page_of(settings), filled(client, page_of(settings), unanswered_minutes="15", is_on=None))
    settings.refresh_from_db()
    assert (settings.unanswered_minutes, settings.is_on) == (15, False)
    assert at_desk(laura).post(page_of(settings), {"hourly_cap": "1"}).status_code == 403


def test_hours_that_close_before_they_open_are_refused(alice: User) -> None:
    OpeningHours.objects.all().delete()
    client = at_desk(alice)
    typed = filled(client, add_to(OpeningHours), weekday="6", opens="18:00", closes="9:00")
    assert "La hora de cierre es posterior" in errors_of(client.post(add_to(OpeningHours), typed))
    assert not OpeningHours.objects.exists()
