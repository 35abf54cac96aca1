"""`manage.py verify_webhook`: from the setting to the receiver, one sentence for each thing, and an exit code."""

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.utils import timezone

from config.celery import app
from integrations.choices import DeliveryState
from integrations.management.commands import verify_webhook
from integrations.models import Circuit, WebhookDelivery
from tests.integrations.receiver import Receiver
from tests.integrations.running import Told, run
from tests.integrations.talking import Talking, talking

pytestmark = pytest.mark.django_db
TOKEN = "ficha-de-prueba"
PROJECT = Path(__file__).resolve().parent.parent.parent


def wrong_lines(told: Told) -> list[str]:
    return [line.split("MAL", 1)[1].strip() for line in told.out.splitlines() if line.strip().startswith("MAL")]


def doubts(told: Told) -> list[str]:
    return [line.split("OJO", 1)[1].strip() for line in told.out.splitlines() if line.strip().startswith("OJO")]


def demanding(handler: Any) -> None:
    """As the sales application: who are you, then what do you want."""
    known = handler.headers["X-CRM-Webhook-Token"] == TOKEN
    handler.send_response(400 if known else 401)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def always(status: int) -> Callable[[Any], None]:
    def behave(handler: Any) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


@pytest.fixture(autouse=True)
def ask_broker(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Whether there are workers is looked at in tests of its own, which call this; in the others nobody starts one."""
    really = verify_webhook._broker
    monkeypatch.setattr(verify_webhook, "_broker", lambda: iter(()))
    return lambda: monkeypatch.setattr(verify_webhook, "_broker", really)


@pytest.fixture
def sound(receiver: Receiver) -> Receiver:
    receiver.usual = demanding
    return receiver


@pytest.mark.sqlite
def test_when_everything_is_there_it_says_so(sound: Receiver) -> None:
    told = run("verify_webhook")
    assert (told.code, wrong_lines(told)) == (0, [])
    assert told.out.rstrip().endswith("Todo está en orden.")
    for sentence in (
        "Hay un token.",
        "La clave de firma 1 tiene 24 bytes.",
        "127.0.0.1 lleva a 127.0.0.1.",
        "El destino rechaza un token falso (401).",
        "El destino reconoce nuestro token.",
        "No hay avisos atascados.",
    ):
        assert f"bien  {sentence}" in told.out
    assert doubts(told) == ["La dirección no usa HTTPS: vale solo dentro de la red propia (WEBHOOK_ALLOW_PRIVATE)."]
    assert TOKEN not in told.out


@pytest.mark.sqlite
def test_it_leaves_no_trace(sound: Receiver) -> None:
    run("verify_webhook")
    assert [one.json for one in sound.received] == [{}, {}]
    assert [one.headers["x-crm-webhook-token"] == TOKEN for one in sound.received] == [False, True]
    assert not WebhookDelivery.objects.exists()


@pytest.mark.sqlite
def test_our_own_receiver_passes(sound: Receiver, client: Any, settings: Any) -> None:
    """Asked what it would answer to the two messages that the command sends."""
    settings.CRM_WEBHOOK_TOKEN = TOKEN
    asked = [
        client.post(
            "/api/webhook-presencia-crm/",
            "{}",
            content_type="application/json",
            headers={"X-CRM-Webhook-Token": token},
        ).status_code
        for token in ("no-es-el-token", TOKEN)
    ]
    assert asked == [401, 400]


@pytest.mark.sqlite
def test_without_an_address_it_ends_with_2(receiver: Receiver, settings: Any) -> None:
    settings.COMERCIAL_WEBHOOK_URL = ""
    told = run("verify_webhook")
    assert told.code == 2
    assert "falta COMERCIAL_WEBHOOK_URL" in told.err


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        (
            "COMERCIAL_WEBHOOK_URL",
            "ventas.example/api",
            "La dirección del destino debe empezar por https:// o http://.",
        ),
        (
            "COMERCIAL_WEBHOOK_URL",
            "https://ana:secreta@127.0.0.1/",
            "La dirección del destino no puede llevar usuario ni contraseña.",
        ),
        ("WEBHOOK_ALLOW_PRIVATE", False, "La dirección no usa HTTPS."),
        ("COMERCIAL_WEBHOOK_TOKEN", "", "No se puede enviar sin token: falta COMERCIAL_WEBHOOK_TOKEN."),
        ("WEBHOOK_SIGNING_SECRETS", ["whsec_QUJD"], "La clave de firma 1 tiene 3 bytes; deben ser de 24 a 64."),
    ],
)
def test_a_wrong_setting_is_told(sound: Receiver, settings: Any, setting: str, value: Any, sentence: str) -> None:
    setattr(settings, setting, value)
    told = run("verify_webhook", "--offline")
    assert (told.code, wrong_lines(told), told.err) == (1, [sentence], "Hay 1 problema.")
    assert "secreta" not in told.out
    assert sound.received == []


@pytest.mark.sqlite
def test_without_keys_it_warns(sound: Receiver, settings: Any) -> None:
    settings.WEBHOOK_SIGNING_SECRETS = []
    told = run("verify_webhook")
    assert told.code == 0
    assert "Los mensajes salen sin firmar: falta WEBHOOK_SIGNING_SECRETS." in doubts(told)


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (200, "El destino no comprueba el token: a uno falso le respondió 200."),
        (400, "El destino no comprueba el token: a uno falso le respondió 400."),
        (404, "La dirección no existe en el destino."),
        (405, "En esta dirección el destino no admite envíos (405): revise la ruta."),
        (302, "El destino quiso mandarnos a otra dirección (302); no se siguen desvíos."),
        (500, "El destino tiene un error propio (500)."),
        (401, "El destino no reconoce nuestro token ni nuestra firma: deben ser los mismos en los dos lados."),
    ],
)
def test_what_the_receiver_answers_tells_what_is_wrong(receiver: Receiver, status: int, sentence: str) -> None:
    receiver.usual = always(status)
    told = run("verify_webhook")
    assert (told.code, wrong_lines(told)) == (1, [sentence])


@pytest.mark.sqlite
def test_a_receiver_that_takes_empty_messages_is_doubtful(receiver: Receiver) -> None:
    receiver.behaviours = [always(401), always(200)]
    told = run("verify_webhook")
    assert told.code == 0
    assert "El destino reconoce nuestro token, pero acepta también mensajes vacíos." in doubts(told)


@pytest.mark.sqlite
def test_a_receiver_that_is_gone_is_told(sound: Receiver, settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    settings.COMERCIAL_WEBHOOK_URL = f"http://127.0.0.1:{port}/"
    assert wrong_lines(run("verify_webhook")) == ["El destino no acepta conexiones."]


@pytest.mark.sqlite
def test_a_name_that_leads_nowhere_is_told(sound: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    settings.COMERCIAL_WEBHOOK_URL = "https://ventas.example/"
    assert wrong_lines(run("verify_webhook")) == ["El nombre ventas.example no se puede resolver."]


@pytest.mark.sqlite
def test_a_name_that_leads_into_the_own_network_is_told(
    sound: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = socket.getaddrinfo("10.0.0.1", 443, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    settings.WEBHOOK_ALLOW_PRIVATE = False
    settings.COMERCIAL_WEBHOOK_URL = "https://ventas.example/"
    [sentence] = wrong_lines(run("verify_webhook"))
    assert sentence.startswith("ventas.example lleva a 10.0.0.1, adonde no se permite enviar")


# --- The certificate --------------------------------------------------------------------------


@contextmanager
def encrypted(settings: Any, folder: Path, *, days: float) -> Iterator[Talking]:
    """A receiver whose certificate ends in so many days; its authority is trusted."""
    authority, now = trustme.CA(), datetime.now(UTC)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    span = {"not_before": now - timedelta(days=90), "not_after": now + timedelta(days=days)}
    authority.issue_cert("127.0.0.1", **span).configure_cert(context)

    def script(receiver: Talking, conn: socket.socket) -> None:
        while heard := receiver.hear(conn):
            status = b"400 Falta" if TOKEN.encode() in heard else b"401 Quien"
            conn.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    with talking(script, tls=context) as found:
        settings.COMERCIAL_WEBHOOK_URL = found.url
        settings.WEBHOOK_CA_FILE = str(folder / "authority.pem")
        yield found


@pytest.mark.sqlite
def test_it_tells_how_long_the_certificate_is_valid(sound: Receiver, settings: Any, tmp_path: Path) -> None:
    with encrypted(settings, tmp_path, days=40.5):
        told = run("verify_webhook")
    ends = timezone.localtime(datetime.now(UTC) + timedelta(days=40.5))
    assert told.code == 0
    assert "bien  La dirección usa HTTPS." in told.out
    assert f"bien  El certificado vale hasta el {ends:%d/%m/%Y}, 40 días más." in told.out


@pytest.mark.sqlite
def test_it_warns_before_the_certificate_ends(sound: Receiver, settings: Any, tmp_path: Path) -> None:
    with encrypted(settings, tmp_path, days=5.5):
        told = run("verify_webhook")
    assert told.code == 0
    assert [sentence for sentence in doubts(told) if sentence.endswith(", 5 días más.")]


@pytest.mark.sqlite
def test_a_certificate_that_has_ended_is_wrong(sound: Receiver, settings: Any, tmp_path: Path) -> None:
    with encrypted(settings, tmp_path, days=-1):
        told = run("verify_webhook")
    assert wrong_lines(told) == ["El certificado del destino no es válido: está caducado."]


# --- Who sends --------------------------------------------------------------------------------


def test_a_broker_without_workers_is_told(sound: Receiver, ask_broker: Callable[[], None]) -> None:
    ask_broker()
    told = run("verify_webhook")
    assert "bien  El broker responde." in told.out
    assert wrong_lines(told) == ["Ningún proceso envía: falta «celery worker»."]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_there_is_found(sound: Receiver, ask_broker: Callable[[], None]) -> None:
    ask_broker()
    with start_worker(app, perform_ping_check=False, pool="solo", loglevel="error"):
        told = run("verify_webhook")
    assert told.code == 0
    assert "bien  Hay un proceso que envía." in told.out


def test_a_broker_that_is_gone_is_told(
    sound: Receiver, ask_broker: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_broker()
    gone = Celery(set_as_current=False, broker="redis://127.0.0.1:1/0", broker_transport_options={"max_retries": 0})
    monkeypatch.setattr(verify_webhook, "current_app", gone)
    [sentence] = wrong_lines(run("verify_webhook"))
    assert sentence.startswith("El broker no responde (REDIS_URL)")


@pytest.mark.sqlite
def test_messages_that_nobody_takes_are_told(sound: Receiver, announced: Callable[..., WebhookDelivery]) -> None:
    for n in range(3):
        announced(f"CRM-{n}")
    assert run("verify_webhook").code == 0, "they may just be on their way"
    WebhookDelivery.objects.update(next_try_at=timezone.now() - timedelta(minutes=30))
    [sentence] = wrong_lines(run("verify_webhook"))
    assert sentence.startswith("Nadie recoge los avisos: 3 esperan, el primero desde hace 30 minutos")


@pytest.mark.sqlite
def test_a_pause_and_what_is_dead_are_doubtful(sound: Receiver, announced: Callable[..., WebhookDelivery]) -> None:
    announced()
    WebhookDelivery.objects.update(state=DeliveryState.DEAD, event="presence.attended")
    Circuit.objects.note_trouble("comercial", count=9, error="El destino no acepta conexiones.")
    told = run("verify_webhook")
    assert told.code == 0
    assert doubts(told)[1:] == [
        "El destino está en pausa por sus errores. El último: El destino no acepta conexiones.",
        "Sin entregar: 1. Se repiten con «manage.py replay_webhooks --dead».",
    ]


def test_a_database_without_tables_is_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    """A process of its own: the demonstration, on a folder where nothing has been migrated."""
    # Empty rather than absent: a .env file of whoever runs the tests would fill in what is absent.
    environment = {**os.environ, "DATABASE_URL": "", "REDIS_URL": "", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "verify_webhook", "--offline"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "le faltan tablas" in done.stdout
    assert "Traceback" not in done.stderr
