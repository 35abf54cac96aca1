"""`manage.py whatsapp_simulate`: a file is a conversation, played as Meta would, and its end is an exit code."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client

from tests.integrations.running import Told, run
from tests.whatsapp.graph_server import JPEG, a_graph_server
from tests.whatsapp.payloads import NUMBER_ID, SECRET
from whatsapp import simulating
from whatsapp.bot import answering
from whatsapp.choices import Author, Direction, MessageStatus
from whatsapp.models import BotRule, BotSettings, Media, Message, Thread, WebhookEvent
from whatsapp.receiving.applying import apply_waiting
from whatsapp.simulating import Unreadable, parse

PROJECT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = PROJECT / "docs/examples/conversacion.txt"


# --- The file ---------------------------------------------------------------------------------


def test_every_line_has_its_meaning(tmp_path: Path) -> None:
    (tmp_path / "casa.jpg").write_bytes(JPEG)
    script = parse(
        "\n".join(
            [
                "# comentario",
                "number +51 999-000-111",
                "name: Luz Vega",
                "> Hola\\nqué tal",
                "< cita lunes",
                "<",
                "wait 0.5",
                "silence 3",
                "image casa.jpg Mi casa",
                "button si Sí, confirmo",
                "location -12.05,-77.04 Lima",
                "react 👍",
                "Status READ",
                "stop",
            ]
        ),
        folder=tmp_path,
    )
    assert (script.number, script.name) == ("51999000111", "Luz Vega")
    assert [(step.verb, step.text, step.more) for step in script.steps] == [
        ("say", "Hola\nqué tal", ""),
        ("expect", "cita lunes", ""),
        ("expect", "", ""),
        ("wait", "0.5", ""),
        ("silence", "3.0", ""),
        ("image", "casa.jpg", "Mi casa"),
        ("button", "si", "Sí, confirmo"),
        ("location", "-12.05,-77.04", "Lima"),
        ("react", "👍", ""),
        ("status", "read", ""),
        ("stop", "", ""),
    ]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("cantar algo", "Línea 2: «cantar» no es ninguna orden (véase --help)."),
        (">", "Línea 2: después de «>» falta el texto."),
        ("wait mucho", "Línea 2: «mucho» no son segundos."),
        ("wait nan", "Línea 2: «nan» no son segundos."),
        ("silence -1", "Línea 2: «-1» no son segundos."),
        ("image", "Línea 2: falta el archivo."),
        ("image no-hay.jpg", "Línea 2: no existe el archivo «no-hay.jpg»."),
        ("status dormido", "Línea 2: «dormido» no es un estado: sent, delivered, read, played, failed."),
        ("number 12", "Línea 2: «12» no es un número con su código de país."),
        ("name", "Línea 2: falta el nombre."),
        ("location aquí", "Línea 2: «aquí» no es un lugar: latitud,longitud."),
        ("location 100,0", "Línea 2: «100,0» no es un lugar: latitud,longitud."),
        ("button", "Línea 2: falta el botón."),
        ("react", "Línea 2: falta el emoji."),
    ],
)
def test_a_line_that_means_nothing_is_named_before_anything_is_sent(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(f"> Hola\n{line}", folder=tmp_path)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("text", ["", "# nada", "number 51999000111", "wait 3"])
def test_a_file_without_messages_is_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unreadable, match="no tiene ningún mensaje"):
        parse(text, folder=tmp_path)


@pytest.mark.django_db
def test_a_file_that_cannot_be_read_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "otro").write_bytes(b"\xff\xfe\x00")
    assert run("whatsapp_simulate", str(tmp_path / "no-hay")).code == 2
    told = run("whatsapp_simulate", str(tmp_path / "otro"))
    assert (told.code, told.err) == (2, f"«{tmp_path / 'otro'}» no es un texto en UTF-8.")


@pytest.mark.django_db
def test_the_example_is_understood() -> None:
    told = run("whatsapp_simulate", str(EXAMPLE), "--dry-run")
    assert told.code == 0
    assert told.out.splitlines()[0] == "Luz de Ejemplo, 51999000111"


# --- Against a server -------------------------------------------------------------------------


@pytest.fixture
def playing(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[..., Told]:
    """Plays these lines against our own webhook; while the player waits, the worker's and Meta's work is done."""
    settings.WHATSAPP_GRAPH_URL = "http://127.0.0.1:9/v25.0"
    settings.WHATSAPP_ACCESS_TOKEN = ""
    BotSettings.objects.update_or_create(pk=1, defaults={"debounce_seconds": 0})
    BotRule.objects.all().delete()
    BotRule.objects.create(name="Todo", answer="Hola, ¿en qué le podemos ayudar?")
    really = requests.post

    def post(url: str, *, data: bytes, headers: dict[str, str], **more: Any) -> Any:
        address = urlsplit(url)
        if address.hostname != "crm.test":
            return really(url, data=data, headers=headers, **more)
        return client.post(address.path, data, content_type="application/json", headers=headers)

    def work(seconds: float) -> None:
        apply_waiting()
        answering.answer_due()
        for row in Message.objects.filter(direccion=Direction.OUTBOUND, message_id__isnull=True):
            row.message_id = f"wamid.META{row.pk}"
            row.save()
            Message.objects.filter(pk=row.pk).advance(MessageStatus.ACCEPTED)

    monkeypatch.setattr(simulating.requests, "post", post)
    monkeypatch.setattr(simulating, "pause", work)

    def play(*lines: str, **options: str) -> Told:
        path = tmp_path / "conversacion.txt"
        path.write_text("\n".join(lines))
        given = {"url": "http://crm.test", "secret": SECRET, "patience": "0.5", **options}
        return run(
            "whatsapp_simulate", str(path), *(f"--{name.replace('_', '-')}={value}" for name, value in given.items())
        )

    return play


Playing = Callable[..., Told]


@pytest.mark.django_db
@pytest.mark.sqlite
def test_what_the_customer_says_arrives_signed_and_the_answer_is_shown(playing: Playing) -> None:
    told = playing("number 51999000111", "name Luz Vega", "> Hola", "< en que AYUDAR", "status read")
    assert told.code == 0, told.out + told.err
    lines = [line.strip() for line in told.out.splitlines()]
    assert "> Hola" in lines
    assert any(line.startswith("<") for line in lines)
    assert lines[-1] == "Todo salió como se esperaba."
    apply_waiting()
    thread = Thread.objects.get()
    assert (thread.address, thread.profile_name, thread.number.phone_number_id) == (
        "51999000111",
        "Luz Vega",
        NUMBER_ID,
    )
    assert Message.objects.get(author=Author.BOT).status == MessageStatus.READ


@pytest.mark.django_db
@pytest.mark.sqlite
def test_an_answer_without_the_words_is_a_failure_with_its_line(playing: Playing) -> None:
    told = playing("> Hola", "< ornitorrinco")
    assert (told.code, told.err) == (1, "Una línea no se cumplió.")
    assert "✗ Línea 2: en la respuesta falta: ornitorrinco." in told.out


@pytest.mark.django_db
@pytest.mark.sqlite
def test_silence_is_kept_or_is_a_failure(playing: Playing) -> None:
    told = playing("> Hola", "silence 0.5")
    assert "✗ Línea 2: se esperaba silencio y hubo respuesta." in told.out
    BotSettings.objects.update(is_on=False)
    told = playing("> Hola", "silence 0.3", "< algo", number="51999000222")
    assert told.code == 1
    assert "✗ Línea 3: no hubo respuesta en 0.5 segundos; se esperaba «algo»." in told.out
    assert "Línea 2" not in told.out


@pytest.mark.django_db
@pytest.mark.sqlite
def test_places_buttons_and_reactions_arrive_as_what_they_are(playing: Playing) -> None:
    told = playing("> Hola", "<", "react 👍", "location -12.05,-77.04 Lima", "button si Sí", "stop", "> nunca")
    assert told.code == 0, told.out + told.err
    apply_waiting()
    kinds = Message.objects.filter(direccion=Direction.INBOUND).order_by("pk").values_list("message_type", flat=True)
    assert list(kinds) == ["text", "reaction", "location", "interactive"]
    assert "nunca" not in told.out


@pytest.mark.django_db
@pytest.mark.sqlite
def test_a_picture_goes_up_first_so_that_the_server_can_fetch_it(
    playing: Playing, tmp_path: Path, settings: Any
) -> None:
    (tmp_path / "casa.jpg").write_bytes(JPEG)
    with a_graph_server(settings) as server:
        told = playing("image casa.jpg Mi casa", phone_number_id=settings.WHATSAPP_PHONE_NUMBER_ID)
        [asked] = server.asked
    assert told.code == 0, told.out + told.err
    assert JPEG in asked.body
    apply_waiting()
    row = Media.objects.select_related("message").get()
    assert (row.media_id, row.kind, row.message.body) == ("7001", "image", "Mi casa")


@pytest.mark.django_db
@pytest.mark.sqlite
def test_a_wrong_secret_a_wrong_address_and_no_server_end_with_2(playing: Playing) -> None:
    told = playing("> Hola", secret="otra")
    assert told.code == 2
    assert "no acepta la firma" in told.err
    assert not WebhookEvent.objects.exists()
    assert "no responde en http://127.0.0.1:9." in playing("> Hola", url="http://127.0.0.1:9").err
    assert "no es la dirección de un servidor" in playing("> Hola", url="aquí").err
    assert playing("> Hola", number="12").code == 2
    assert playing("> Hola", speed="0").code == 2


@pytest.mark.django_db
@pytest.mark.sqlite
def test_where_answers_would_leave_for_a_real_phone_it_asks_first(playing: Playing, settings: Any) -> None:
    settings.WHATSAPP_GRAPH_URL = "https://graph.facebook.com/v25.0"
    settings.WHATSAPP_ACCESS_TOKEN = "ficha"
    told = playing("number 51999000111", "> Hola")
    assert told.code == 2
    assert "el bot escribiría a 51999000111" in told.err
    assert not WebhookEvent.objects.exists()


@pytest.mark.django_db
@pytest.mark.sqlite
def test_without_a_secret_nothing_can_be_signed(playing: Playing, settings: Any) -> None:
    settings.WHATSAPP_APP_SECRET = []
    told = playing("> Hola", secret="")
    assert (told.code, told.err) == (2, "No se puede firmar: falta WHATSAPP_APP_SECRET o --secret.")
