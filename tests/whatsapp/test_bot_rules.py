"""Rules as staff write them: which one answers, and what the person reads."""

import time
from datetime import datetime, timedelta
from datetime import time as clock_time
from importlib import import_module
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from crm.choices import AppointmentState
from tests.factories import AppointmentFactory, ContactFactory, LeadFactory, TaskFactory
from whatsapp.bot import patterns, placeholders
from whatsapp.bot.documents import candidates_in, look_up
from whatsapp.bot.provider import ContactFacts, Conversation, DocumentState
from whatsapp.bot.rules import RuleProvider, try_out
from whatsapp.choices import Audience, RuleAction, WhenOpen
from whatsapp.models import BotRule, OpeningHours

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

MORNING = timezone.make_aware(datetime(2026, 3, 2, 10, 0))  # a Monday
NIGHT = timezone.make_aware(datetime(2026, 3, 2, 22, 0))


@pytest.fixture(autouse=True)
def _no_rules(db: None) -> None:
    BotRule.objects.all().delete()
    OpeningHours.objects.all().delete()


@pytest.fixture
def first_rules() -> None:
    """Those that an installation begins with."""
    migration = import_module("whatsapp.migrations.0003_first_rules")
    migration.add(apps, SimpleNamespace(connection=connection))


def rule(answer: str = "Sí", keywords: str = "", **fields: object) -> BotRule:
    return BotRule.objects.create(name=answer[:20], answer=answer, keywords=keywords, **fields)


def says(*texts: str, known: bool = False, at: datetime = MORNING, **fields: object) -> str | None:
    facts = ContactFacts(id=uuid4(), name="Luisa Prueba", first_name="Luisa") if known else None
    answer = RuleProvider().answer(Conversation(texts=texts, at=at, contact=facts, **fields))
    return answer.text if answer else None


# --- Which rule answers ---------------------------------------------------------------------------


def test_the_first_rule_in_order_that_fits_answers():
    rule("Segunda", "precio", position=20)
    rule("Primera", "precio", position=10)
    rule("Apagada", "precio", position=1, is_active=False)
    assert says("¿Qué precio tiene?") == "Primera"


def test_no_rule_that_fits_means_silence():
    rule("Precio", "precio")
    assert says("Hola") is None


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("HORARIO", True),
        ("¿me dice el horario?", True),
        ("Hórario", True),
        ("mis horarios", False),
        ("a qué hora  abren?", True),
        ("a qué hora no abren", False),
        ("", False),
        ("👍", False),
    ],
)
def test_keywords_are_whole_words_without_accents_and_case(text, fits):
    rule("Sí", "horario\n\na que HORA abren\n!!!")
    assert (says(text) == "Sí") is fits


def test_a_greeting_inside_another_word_is_none():
    rule("Hola", "hi")
    assert says("le mando el archivo de mi hijo") is None


def test_a_keyword_with_an_equals_sign_is_the_whole_message():
    rule("De nada", "=gracias")
    assert says("¡Gracias!") == "De nada"
    assert says("quiero saber el precio, gracias") is None
    assert says("quiero saber el precio", "gracias") == "De nada"


def test_rules_are_for_known_people_or_unknown_ones():
    rule("Conocido", audience=Audience.KNOWN, position=1)
    rule("Desconocido", audience=Audience.UNKNOWN, position=2)
    assert (says("hola", known=True), says("hola")) == ("Conocido", "Desconocido")


def test_rules_are_for_opening_hours_or_the_rest():
    rule("Abierto", when=WhenOpen.OPEN, position=1)
    rule("Cerrado", when=WhenOpen.CLOSED, position=2)
    assert (says("hola", is_open=True), says("hola", is_open=False)) == ("Abierto", "Cerrado")


def test_a_catch_all_leaves_the_thread_unanswered():
    rule("Recibido")
    answer = RuleProvider().answer(Conversation(texts=("¿cuánto cuesta?",), at=MORNING))
    assert answer is not None
    assert not answer.settles


# --- Patterns -------------------------------------------------------------------------------------


def test_a_pattern_looks_at_folded_text():
    rule("Préstamo", pattern=r"pr[eé]stamos?\s+\d+")
    assert says("Un PRÉSTAMO 500 por favor") == "Préstamo"
    assert says("un préstamo") is None


def test_a_hostile_pattern_costs_a_second_once_and_the_next_rule_answers():
    rule("Nunca", pattern=r"(a+)+$", position=1)
    rule("Después", position=2)
    hostile = "a" * 60 + "!"
    begun = time.monotonic()
    assert says(hostile) == "Después"
    again = time.monotonic()
    assert says(hostile) == "Después"
    assert again - begun < patterns.WALL_SECONDS
    assert time.monotonic() - again < patterns.CPU_SECONDS, "it is left out for a while"


def test_a_pattern_that_is_none_fits_nothing():
    rule("Nunca", pattern="(", position=1)
    assert says("(") is None


def test_a_pattern_reads_only_the_beginning_of_a_long_text():
    assert patterns.find("fin", "x" * 600 + "fin") is None


# --- Placeholders -----------------------------------------------------------------------------------


def filled(text: str, contact: ContactFacts | None = None, at: datetime = MORNING, **fields: object) -> str:
    return placeholders.fill(text, Conversation(texts=("hola",), at=at, contact=contact, **fields))


def luisa(**fields: object) -> ContactFacts:
    return ContactFacts(id=uuid4(), name="Luisa Prueba", first_name="Luisa", **fields)


@pytest.mark.parametrize(
    ("text", "known", "unknown"),
    [
        ("Hola, {nombre}. ¿Qué tal?", "Hola, Luisa. ¿Qué tal?", "Hola. ¿Qué tal?"),
        ("{nombre}, buenas", "Luisa, buenas", "Buenas"),
        ("¡{saludo}, {nombre}!", "¡Buenos días, Luisa!", "¡Buenos días!"),
        ("{ Nombre_Completo }", "Luisa Prueba", ""),
        ("Hola {inventado} y adiós", "Hola y adiós", "Hola y adiós"),
        (
            "Su cita es {proxima_cita}. Gracias.",
            "No tiene citas pendientes. Gracias.",
            "No tiene citas pendientes. Gracias.",
        ),
        ("Le atiende {responsable}", "Le atenderá nuestro equipo.", "Le atenderá nuestro equipo."),
        ("Abrimos {horario}", "Atendemos todos los días.", "Atendemos todos los días."),
        ("Hola. {pedir_documento}", "Hola.", f"Hola. {placeholders.ASK_FOR_DOCUMENT}"),
        ("Cuesta 9.50 {moneda", "Cuesta 9.50 {moneda", "Cuesta 9.50 {moneda"),
    ],
)
def test_a_value_that_is_not_there_leaves_no_hole(text, known, unknown):
    assert (filled(text, luisa()), filled(text)) == (known, unknown)


def test_appointments_and_tasks_are_told_in_words():
    monday = timezone.make_aware(datetime(2026, 3, 9, 10, 30))
    facts = luisa(appointment_at=monday, appointment_place="Sala Lince", task_at=MORNING + timedelta(hours=3))
    assert filled("Es {proxima_cita}.", facts) == "Es el lunes 9 de marzo a las 10:30 en Sala Lince."
    assert filled("Le llamamos {tarea}.", facts) == "Le llamamos hoy a las 13:00."
    assert placeholders.spoken(MORNING + timedelta(days=1, hours=3, minutes=5), now=MORNING) == "mañana a las 13:05"
    assert placeholders.spoken(MORNING + timedelta(days=365), now=MORNING).endswith("de marzo de 2027 a las 10:00")


@pytest.mark.parametrize(("hour", "expected"), [(6, "días"), (12, "tardes"), (19, "noches"), (3, "noches")])
def test_the_greeting_follows_the_clock(hour, expected):
    assert filled("{saludo}", at=MORNING.replace(hour=hour)).endswith(expected)


def test_every_placeholder_has_a_description_and_unknown_ones_are_named():
    assert all(placeholder.description for placeholder in placeholders.KNOWN.values())
    assert placeholders.unknown_in("{nombre} {monto} {Próxima_Cita} {monto}") == ["monto"]


# --- Document numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("12345678", "12345678"),  # Peru
        ("12.345.678", "12345678"),  # Argentina
        ("V-12.345.678", "V12345678"),  # Venezuela
        ("12.345.678-k", "12345678K"),  # Chile
        ("x1234567l", "X1234567L"),  # Spain, NIE
        ("12345678Z.", "12345678Z"),  # Spain, DNI
        ("PELJ850101HDFRRN09", "PELJ850101HDFRRN09"),  # Mexico, CURP
        ("PELJ850101AB1", "PELJ850101AB1"),  # Mexico, RFC
        ("1 020 304 050", "1020304050"),  # Colombia
        ("DNI: 12345678", "12345678"),
    ],
)
def test_a_message_that_is_nothing_but_a_number_is_a_document(written, number):
    assert [found.number for found in candidates_in([written], asked=False)] == [number]


@pytest.mark.parametrize("text", ["hola", "sí, claro", "12", "+51987654321", "mi DNI es 12345678", "calle 45 67", ""])
def test_anything_else_is_none_unless_it_was_asked_for(text):
    assert candidates_in([text], asked=False) == []


@pytest.mark.parametrize(
    ("text", "number", "is_all"),
    [
        ("mi DNI es 12345678", "12345678", True),
        ("Claro, mi cédula es V-12.345.678.", "V12345678", True),
        ("es 12 345 678 gracias a usted por todo", "12345678", False),
        ("DNI:12345678", "12345678", True),
    ],
)
def test_where_it_was_asked_for_it_may_stand_in_a_sentence(text, number, is_all):
    found = candidates_in([text], asked=True)
    assert (found[0].number, found[0].is_all) == (number, is_all)


def test_a_document_must_be_exactly_one_persons():
    luisa = ContactFactory(document_number="12345678")
    found = look_up(["12345678"], asked=False)
    assert found is not None
    assert (found.state, found.contact_id) == (DocumentState.RECOGNISED, luisa.pk)
    assert look_up(["87654321"], asked=False) is None
    unknown = look_up(["87654321"], asked=True)
    assert unknown is not None
    assert unknown.state == DocumentState.UNKNOWN


def test_the_letter_of_a_venezuelan_number_may_be_left_away_in_venezuela_only():
    ContactFactory(document_number="V12345678")
    assert look_up(["12345678"], asked=False, address="584121112233") is not None
    assert look_up(["12345678"], asked=False, address="51987654321") is None


# --- What an installation begins with, tried out ---------------------------------------------------------


@pytest.mark.usefixtures("first_rules")
@pytest.mark.parametrize(
    ("text", "name", "answer"),
    [
        ("Hola", "Saludo", "¡Buenos días, Luisa! Soy el asistente virtual."),
        (
            "Hola, ¿cuándo es mi cita?",
            "Cita",
            "Luisa, su próxima cita es el lunes 9 de marzo a las 10:30 en Sala Lince.",
        ),
        (
            "¿cuándo me llaman?",
            "Llamada o gestión pendiente",
            "Luisa, tenemos previsto comunicarnos con usted mañana a",
        ),
        ("quién me atiende", "Quién le atiende", "Luisa, le atiende Bob."),
        ("quiero hablar con un asesor", "Asesor", "De acuerdo, Luisa. Le paso con una persona"),
        ("¿qué horario tienen?", "Horario", "Nuestro horario de atención es lunes a viernes de 9:00 a 18:00"),
        ("Muchas gracias", "Gracias y despedida", "Gracias a usted, Luisa."),
        ("cuánto cuesta el terreno", "Lo demás", "Recibí su mensaje, Luisa."),
    ],
)
def test_a_known_client_is_told_what_is_known(text, name, answer, bob):
    contact = ContactFactory(name="LUISA PRUEBA", responsible_user=bob)
    lead = LeadFactory(contact=contact)
    AppointmentFactory(lead=lead, fecha_hora=MORNING + timedelta(days=7, minutes=30))
    AppointmentFactory(lead=lead, fecha_hora=MORNING + timedelta(days=1), estado=AppointmentState.CANCELLED)
    AppointmentFactory(lead=lead, fecha_hora=MORNING - timedelta(days=1))
    TaskFactory(contact=contact, complete_till=MORNING + timedelta(days=2))
    TaskFactory(contact=None, lead=lead, complete_till=MORNING + timedelta(days=1))
    tried = try_out(text, contact=contact, at=MORNING)
    assert tried.rule is not None
    assert (tried.rule.name, tried.answer[: len(answer)]) == (name, answer)


@pytest.mark.usefixtures("first_rules")
@pytest.mark.parametrize("text", ["Hola", "¿cuándo es mi cita?", "cuándo me llaman", "cuánto cuesta"])
def test_somebody_unknown_is_asked_for_the_document(text):
    assert placeholders.ASK_FOR_DOCUMENT in try_out(text, at=MORNING).answer


@pytest.mark.usefixtures("first_rules")
def test_at_night_the_hours_are_told_and_a_person_is_promised_for_later():
    asked = try_out("quiero hablar con una persona", at=NIGHT)
    assert asked.rule is not None
    assert asked.rule.action == RuleAction.HAND_OVER
    assert "lunes a viernes de 9:00 a 18:00" in asked.answer
    assert "fuera de nuestro horario" in try_out("cuánto cuesta", at=NIGHT).answer


@pytest.mark.usefixtures("first_rules")
def test_first_rules_are_added_to_nothing_but_an_empty_table():
    BotRule.objects.exclude(name="Cita").delete()
    OpeningHours.objects.exclude(weekday=0).delete()
    import_module("whatsapp.migrations.0003_first_rules").add(apps, SimpleNamespace(connection=connection))
    assert (BotRule.objects.count(), OpeningHours.objects.count()) == (1, 1)


def test_trying_out_says_why():
    rule("Precio {monto}", "precio", position=1)
    rule("Número", pattern="lote [0-9]+", position=2)
    tried = try_out("¿Precio?")
    assert (tried.answer, tried.why) == ("Precio {monto}", "Dice «precio».")
    assert try_out("el lote 45").why == "El patrón encuentra «lote 45»."
    assert try_out("hola").why == "Ninguna regla activa encaja: el bot no dice nada."
    assert try_out("BAJA").why.startswith("Es una palabra de baja")
    rule("Todo", position=3)
    assert try_out("hola").why == "Vale para cualquier mensaje."


def test_trying_out_recognises_a_document_and_stores_nothing():
    ContactFactory(name="Luisa Prueba", document_number="12345678")
    tried = try_out("12345678")
    assert tried.rule is None
    assert tried.answer.startswith("¡Gracias, Luisa!")
    assert tried.why == "El documento 12345678 es de un cliente."


@pytest.mark.usefixtures("first_rules")
def test_a_number_with_a_question_gets_an_answer_to_the_question():
    ContactFactory(name="Luisa Prueba", document_number="12345678")
    for text in ("Mi DNI es 12345678, ¿cuándo es mi cita?", "hola, mi dni es 12345678 quiero saber de mi cita"):
        assert try_out(text).answer.startswith("No tiene citas pendientes.")


def test_a_question_in_another_message_of_the_burst_counts_too():
    ContactFactory(name="Luisa Prueba", document_number="12345678")
    for texts, is_all in ((("12345678", "¿y mi cita?"), False), (("Hola, buenas", "12.345.678"), True)):
        found = look_up(texts, asked=True)
        assert found is not None
        assert (found.state, found.is_all) == (DocumentState.RECOGNISED, is_all)


def test_closing_time_is_read_once_for_many_rules(django_assert_max_num_queries):
    OpeningHours.objects.create(weekday=0, opens=clock_time(9), closes=clock_time(18))
    for position in range(30):
        rule(f"R{position}", "nunca", position=position)
    contact = ContactFactory()
    with django_assert_max_num_queries(8):
        try_out("hola", contact=contact)
