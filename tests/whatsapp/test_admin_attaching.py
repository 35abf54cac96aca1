"""Files from the composer: Meta has them before they are sent, and the page shows afterwards what was sent."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from crm.models import User
from tests.staff_pages import at_desk, text_of
from tests.whatsapp.graph_server import HTML, JPEG, NUMBER_ID, OGG, PDF, GraphServer, a_graph_server, refusing
from tests.whatsapp.rows import said
from whatsapp.admin.attaching import kind_for
from whatsapp.bubbles import bubbles_of
from whatsapp.choices import MediaState
from whatsapp.file_types import LARGEST_SENT, type_of
from whatsapp.models import Media, Message, Thread


@pytest.fixture(autouse=True)
def graph_api(settings: Any, tmp_path: Any) -> Iterator[GraphServer]:
    settings.MEDIA_ROOT = tmp_path
    with a_graph_server(settings) as server:
        yield server


def send(user: User, thread: Thread, body: bytes, name: str, *, background: bool = True, **typed: Any) -> Any:
    url = reverse("admin:whatsapp_thread_act", args=[thread.pk, "enviar"])
    typed = {"clave": uuid4(), "texto": "", **typed, "archivo": SimpleUploadedFile(name, body)}
    return at_desk(user).post(url, typed, **({"HTTP_HX_REQUEST": "true"} if background else {}))


def test_a_picture_goes_to_meta_is_queued_with_its_words_and_shown_as_it_was_sent(
    alice: User, thread: Thread, graph_api: GraphServer
) -> None:
    answer = send(alice, thread, JPEG, "plano.jpg", texto="El plano del lote")
    assert answer.status_code == 200
    assert [asked.path for asked in graph_api.asked] == [f"/{NUMBER_ID}/media"]
    message = Message.objects.outbound().get()
    assert (message.message_type, message.body, message.sent_by) == ("image", "El plano del lote", alice)
    assert message.content["image"] == {"id": "7001", "caption": "El plano del lote"}
    assert "El plano del lote" in text_of(answer)
    [bubble] = bubbles_of(thread, [message])
    assert bubble.file is not None
    assert (bubble.file.player, bubble.file.told) == ("image", "")
    shown = at_desk(alice).get(bubble.file.href)
    assert b"".join(shown.streaming_content) == JPEG
    thread.refresh_from_db()
    assert thread.unanswered_since is None
    assert thread.is_bot_silent


def test_a_document_keeps_its_name(alice: User, thread: Thread) -> None:
    send(alice, thread, PDF, "Contrato de separación.pdf")
    message = Message.objects.outbound().get()
    assert message.content["document"] == {"id": "7001", "filename": "Contrato de separación.pdf"}
    assert message.body == "[Documento: Contrato de separación.pdf]"
    assert message.media.filename == "Contrato de separación.pdf"
    assert message.media.state == MediaState.STORED


def test_the_words_beside_a_sound_follow_as_a_message(alice: User, thread: Thread) -> None:
    send(alice, thread, OGG, "nota.ogg", texto="Aquí se lo explico")
    assert [(row.message_type, row.body) for row in Message.objects.outbound().order_by("id")] == [
        ("audio", "[Audio]"),
        ("text", "Aquí se lo explico"),
    ]


def test_a_double_click_sends_one_file(alice: User, thread: Thread, graph_api: GraphServer) -> None:
    key = uuid4()
    for _ in range(2):
        assert send(alice, thread, JPEG, "plano.jpg", clave=key).status_code == 200
    assert Message.objects.outbound().count() == Media.objects.count() == len(graph_api.asked) == 1


def test_another_file_with_the_key_of_one_that_went_is_no_second_click(alice: User, thread: Thread) -> None:
    key = uuid4()
    send(alice, thread, JPEG, "plano.jpg", clave=key)
    answer = send(alice, thread, PDF, "plano.pdf", clave=key)
    assert answer.status_code == 409
    assert "ya se había enviado con otro archivo" in text_of(answer)
    assert Message.objects.outbound().count() == 1


@pytest.mark.parametrize(
    ("body", "name", "sentence"),
    [
        (HTML, "pagina.html", "Es una página web, un programa u otro archivo"),
        (b"MZ" + bytes(90), "foto.jpg", "Es una página web, un programa u otro archivo"),
    ],
)
def test_what_may_not_be_sent_is_refused_in_place(
    alice: User, thread: Thread, graph_api: GraphServer, body: bytes, name: str, sentence: str
) -> None:
    answer = send(alice, thread, body, name)
    assert answer.status_code == 400
    assert sentence in text_of(answer)
    assert graph_api.asked == []
    assert not Message.objects.outbound().exists()


def test_nothing_is_given_to_meta_that_could_not_be_sent(alice: User, thread: Thread, graph_api: GraphServer) -> None:
    quoted = said(thread)
    assert "quite la cita" in text_of(send(alice, thread, JPEG, "a.jpg", mensaje=quoted.pk))
    assert "admite hasta 1024 caracteres" in text_of(send(alice, thread, JPEG, "a.jpg", texto="a" * 1025))
    thread.change(last_inbound_at=timezone.now() - timedelta(hours=25))
    assert "Pasaron más de 24 horas" in text_of(send(alice, thread, JPEG, "a.jpg"))
    assert graph_api.asked == []
    assert not Message.objects.outbound().exists()


def test_what_meta_says_against_a_file_is_told_and_nothing_is_stored(
    alice: User, thread: Thread, graph_api: GraphServer
) -> None:
    graph_api.behaviours[f"{NUMBER_ID}/media"] = refusing(400, 131053, "Media upload error")
    answer = send(alice, thread, JPEG, "a.jpg")
    assert answer.status_code == 502
    assert "Meta rechazó la petición (código 131053)." in text_of(answer)
    assert not Message.objects.outbound().exists()
    assert not Media.objects.exists()


def test_without_scripts_the_same_form_sends_the_file(alice: User, thread: Thread) -> None:
    assert send(alice, thread, JPEG, "a.jpg", background=False).status_code == 302
    assert Message.objects.outbound().get().message_type == "image"


@pytest.mark.parametrize(
    ("body", "size", "kind"),
    [
        (JPEG, 10, "image"),
        (JPEG, LARGEST_SENT["image"] + 1, "document"),
        (b"RIFF\x00\x00\x00\x00WEBP" + bytes(20), 10, "document"),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(99), 10, "video"),
        (OGG, 10, "audio"),
        (PDF, 10, "document"),
        (b"nada conocido", 10, "document"),
    ],
)
def test_a_file_is_sent_as_what_whatsapp_shows_best(body: bytes, size: int, kind: str) -> None:
    assert kind_for(type_of(body), size) == kind
