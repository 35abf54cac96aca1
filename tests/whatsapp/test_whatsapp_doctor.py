"""`manage.py whatsapp_doctor`: from the settings to Meta and back, one sentence for each thing, and an exit code."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.utils import timezone

from tests.integrations.running import Told, run
from tests.whatsapp.graph_server import (
    ACCOUNT_ID,
    NUMBER_ID,
    TOKEN,
    GraphServer,
    a_graph_server,
    answering,
    refusing,
)
from whatsapp.choices import EventState, TemplateStatus
from whatsapp.management.commands import whatsapp_doctor
from whatsapp.models import Template, WebhookEvent

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
NUMBER = {
    "display_phone_number": "+51 987 654 321",
    "verified_name": "Inmobiliaria Prueba",
    "quality_rating": "GREEN",
    "platform_type": "CLOUD_API",
    "throughput": {"level": "STANDARD"},
    "status": "CONNECTED",
    "id": NUMBER_ID,
}
SUBSCRIBED = {"data": [{"whatsapp_business_api_data": {"id": "1", "name": "Puente"}}]}


@pytest.fixture(autouse=True)
def ask_broker(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Whether there are workers is looked at in tests of its own, which call this; in the others nobody starts one."""
    really = whatsapp_doctor._broker
    monkeypatch.setattr(whatsapp_doctor, "_broker", lambda: iter(()))
    return lambda: monkeypatch.setattr(whatsapp_doctor, "_broker", really)


@pytest.fixture
def sound(settings: Any, db: None) -> Iterator[GraphServer]:
    """An installation that lacks nothing."""
    Template.objects.create(name="cita", language="es", status=TemplateStatus.APPROVED)
    WebhookEvent.objects.create(body=b"{}", state=EventState.APPLIED)
    settings.WHATSAPP_MESSAGES_PER_SECOND = 20
    with a_graph_server(settings) as server:
        server.behaviours[NUMBER_ID] = answering(200, NUMBER)
        server.behaviours[f"{ACCOUNT_ID}/subscribed_apps"] = answering(200, SUBSCRIBED)
        yield server


def marked(told: Told, mark: str) -> list[str]:
    return [line.strip()[2:] for line in told.out.splitlines() if line.strip().startswith(mark)]


def test_when_everything_is_there_it_says_so(sound: GraphServer) -> None:
    told = run("whatsapp_doctor")
    assert (told.code, marked(told, "✗"), marked(told, "!")) == (0, [], [])
    assert told.out.rstrip().endswith("Todo está en orden.")
    good = marked(told, "✓")
    for sentence in (
        "Hay token de acceso.",
        "Meta acepta el token.",
        "El número es +51 987 654 321 (Inmobiliaria Prueba).",
        "Su calidad es alta.",
        "Meta admite 80 mensajes por segundo; se envían hasta 20.",
        "El reloj va con el de Meta.",
        "La aplicación «Puente» recibe los mensajes de la cuenta; su dirección en Meta debe terminar en"
        " /api/v1/whatsapp/webhook.",
        "No hay avisos de Meta por procesar.",
        "Plantillas que se pueden usar: 1.",
    ):
        assert sentence in good
    assert TOKEN not in told.out


def test_it_only_asks(sound: GraphServer) -> None:
    run("whatsapp_doctor")
    assert {one.method for one in sound.asked} == {"GET"}
    assert sound.paths() == [f"/{NUMBER_ID}", f"/{ACCOUNT_ID}/subscribed_apps"]


@pytest.mark.parametrize("name", whatsapp_doctor._SETTINGS)
def test_what_is_not_set_is_named(sound: GraphServer, settings: Any, name: str) -> None:
    setattr(settings, name, type(getattr(settings, name))())
    told = run("whatsapp_doctor")
    assert told.code == 1
    assert any(name in line for line in marked(told, "✗"))
    assert told.err == "Hay 1 problema."


def test_a_token_that_ran_out_is_one_problem(sound: GraphServer) -> None:
    sound.behaviours[NUMBER_ID] = refusing(401, 190, "Session has expired", error_subcode=463)
    told = run("whatsapp_doctor")
    assert told.code == 1
    assert marked(told, "✗") == [
        "Meta no acepta el token de acceso; ponga uno nuevo en WHATSAPP_ACCESS_TOKEN (código 190)."
        " Meta dice: Session has expired"
    ]


def test_a_number_that_is_none_is_explained(sound: GraphServer) -> None:
    del sound.behaviours[NUMBER_ID]
    [line] = marked(run("whatsapp_doctor"), "✗")
    assert line.endswith("Revise WHATSAPP_PHONE_NUMBER_ID: es el identificador, no el teléfono.")


def test_a_meta_that_cannot_be_reached_is_told(sound: GraphServer) -> None:
    sound.close()
    told = run("whatsapp_doctor")
    assert told.code == 1
    [line] = marked(told, "✗")
    assert line.startswith("Meta no acepta conexiones. Se le preguntó en 127.0.0.1:")
    assert line.endswith("revise WHATSAPP_GRAPH_URL y la salida a Internet.")


@pytest.mark.parametrize(
    ("changed", "mark", "beginning"),
    [
        ({"quality_rating": "RED"}, "✗", "Su calidad es baja."),
        ({"quality_rating": "YELLOW"}, "!", "Su calidad es media."),
        ({"platform_type": "ON_PREMISE"}, "✗", "El número no está en la API de la nube (ON_PREMISE)"),
        ({"status": "BANNED"}, "✗", "El número no está conectado (BANNED)"),
    ],
)
def test_what_is_wrong_with_the_number(sound: GraphServer, changed: dict[str, str], mark: str, beginning: str) -> None:
    sound.behaviours[NUMBER_ID] = answering(200, {**NUMBER, **changed})
    [line] = marked(run("whatsapp_doctor"), mark)
    assert line.startswith(beginning)


def test_more_than_meta_bears_is_a_doubt(sound: GraphServer, settings: Any) -> None:
    settings.WHATSAPP_MESSAGES_PER_SECOND = 200
    told = run("whatsapp_doctor")
    assert told.code == 0
    assert marked(told, "!") == [
        "WHATSAPP_MESSAGES_PER_SECOND es 200 y Meta admite 80 por segundo: rechazará lo que sobre."
    ]


@pytest.mark.parametrize(
    ("skew", "mark", "words"),
    [
        (-300, "✗", "El reloj de este equipo va 300 segundos adelantado"),
        (300, "✗", "El reloj de este equipo va 300 segundos atrasado"),
        (20, "!", "segundos atrasado."),
    ],
)
def test_a_clock_that_is_wrong_is_told(sound: GraphServer, skew: int, mark: str, words: str) -> None:
    at = format_datetime(timezone.now() + timedelta(seconds=skew), usegmt=True)
    sound.behaviours[NUMBER_ID] = answering(200, NUMBER, Date=at)
    [line] = marked(run("whatsapp_doctor"), mark)
    assert words in line or abs(skew) == 300  # a second may have passed
    assert "El reloj" in line


def test_an_account_that_nobody_listens_to_is_told_how(sound: GraphServer) -> None:
    sound.behaviours[f"{ACCOUNT_ID}/subscribed_apps"] = answering(200, {"data": []})
    [line] = marked(run("whatsapp_doctor"), "✗")
    assert "https://SU-DOMINIO/api/v1/whatsapp/webhook" in line


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://crm.ejemplo.com/api/v1/whatsapp/webhook", 0),
        ("https://crm.ejemplo.com/otra", 1),
        ("http://crm.ejemplo.com/api/v1/whatsapp/webhook", 1),
    ],
)
def test_an_address_of_its_own_is_looked_at(sound: GraphServer, url: str, code: int) -> None:
    row = {**SUBSCRIBED["data"][0], "override_callback_uri": url}
    sound.behaviours[f"{ACCOUNT_ID}/subscribed_apps"] = answering(200, {"data": [row]})
    told = run("whatsapp_doctor")
    assert told.code == code
    assert url in told.out


def test_what_waits_too_long_and_what_failed_are_counted(sound: GraphServer) -> None:
    WebhookEvent.objects.create(body=b"{}", received_at=timezone.now() - timedelta(minutes=10))
    WebhookEvent.objects.create(body=b"{}", state=EventState.FAILED, failures=1)
    told = run("whatsapp_doctor")
    assert told.code == 1
    assert marked(told, "✗") == [
        "Por procesar: 1, el primero desde hace 10 minutos (faltan «celery worker» o «celery beat»)."
    ]
    assert marked(told, "!") == ["Avisos con fallos: 1. Se repiten con «manage.py replay_whatsapp --failed»."]


def test_what_has_just_come_is_no_problem(sound: GraphServer) -> None:
    WebhookEvent.objects.create(body=b"{}")
    assert run("whatsapp_doctor").code == 0


def test_offline_it_asks_nobody(sound: GraphServer) -> None:
    told = run("whatsapp_doctor", "--offline")
    assert (told.code, sound.asked) == (0, [])


def test_a_program_gets_json(sound: GraphServer, settings: Any) -> None:
    told = run("whatsapp_doctor", "--json")
    answer = json.loads(told.out)
    assert (told.code, answer["ok"]) == (0, True)
    assert {"name": "token", "state": "bien", "sentence": "Meta acepta el token."} in answer["checks"]
    settings.WHATSAPP_VERIFY_TOKEN = ""
    told = run("whatsapp_doctor", "--json")
    assert (told.code, json.loads(told.out)["ok"]) == (1, False)


def test_without_a_worker_it_says_who_is_missing(
    sound: GraphServer, ask_broker: Callable[[], None], settings: Any
) -> None:
    ask_broker()
    if str(settings.CELERY_BROKER_URL).startswith("memory:"):
        pytest.skip("no broker of its own here")
    told = run("whatsapp_doctor")
    assert "El broker responde." in marked(told, "✓")
    assert marked(told, "✗") == ["Nadie procesa lo que llega: falta «celery worker»."]
