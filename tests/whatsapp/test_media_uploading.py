"""Files on their way to a customer: what Meta would refuse is refused here, the rest goes up in one form."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from crm.exceptions import Refusal
from tests.whatsapp.graph_server import (
    HTML,
    JPEG,
    NUMBER_ID,
    OGG,
    PDF,
    GraphServer,
    a_graph_server,
    answering,
    refusing,
)
from whatsapp import media
from whatsapp.file_types import LARGEST_SENT


@pytest.fixture
def graph_api(settings: Any) -> Iterator[GraphServer]:
    with a_graph_server(settings) as server:
        yield server


def test_a_file_goes_up_as_a_form_and_comes_back_as_an_id(graph_api: GraphServer) -> None:
    file = SimpleUploadedFile('ficha "a".pdf', PDF, content_type="text/html")
    assert media.upload(file, kind="document") == "7001"
    [asked] = graph_api.asked
    assert (asked.method, asked.path, asked.has_token) == ("POST", f"/{NUMBER_ID}/media", True)
    assert asked.headers["content-length"] == str(len(asked.body))
    boundary = asked.headers["content-type"].partition("boundary=")[2].encode()
    parts = asked.body.split(b"--" + boundary)
    assert len(parts) == 5
    assert b'name="messaging_product"\r\n\r\nwhatsapp\r\n' in parts[1]
    assert b'name="type"\r\n\r\napplication/pdf\r\n' in parts[2]
    assert b'filename="ficha %22a%22.pdf"\r\nContent-Type: application/pdf\r\n\r\n' + PDF in parts[3]
    assert parts[4] == b"--\r\n"


def test_a_large_file_arrives_whole(graph_api: GraphServer) -> None:
    body = PDF + bytes(range(256)) * 12_000
    media.upload(io.BytesIO(body), kind="document", filename="grande.pdf")
    assert body in graph_api.asked[0].body


def test_a_recording_in_the_container_of_films_is_sent_as_sound(graph_api: GraphServer) -> None:
    media.upload(io.BytesIO(b"\x00\x00\x00\x18ftypmp42" + bytes(99)), kind="audio", filename="nota.m4a")
    assert b"Content-Type: audio/mp4" in graph_api.asked[0].body


@pytest.mark.parametrize(
    ("body", "kind", "sentence"),
    [
        (b"", "image", "El archivo está vacío."),
        (PDF, "image", "No es una imagen"),
        (HTML, "document", "Es una página web"),
        (b"GIF89a" + bytes(99), "image", "WhatsApp no admite este formato"),
        (b"RIFF\x00\x00\x00\x00WAVE" + bytes(99), "audio", "WhatsApp no admite este formato"),
        (JPEG + bytes(LARGEST_SENT["image"]), "image", "El archivo pasa de 5 MB, lo más que admite WhatsApp."),
        (JPEG, "contacts", "El tipo de archivo debe ser imagen"),
    ],
)
def test_what_meta_would_refuse_is_refused_here(graph_api: GraphServer, body: bytes, kind: str, sentence: str) -> None:
    with pytest.raises(Refusal) as caught:
        media.upload(io.BytesIO(body), kind=kind)
    assert caught.value.message.startswith(sentence)
    assert caught.value.status == 400
    assert graph_api.asked == []


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (refusing(400, 131053, "Media upload error"), "Meta rechazó la petición (código 131053)."),
        (refusing(401, 190, "expired"), "Meta no acepta el token de acceso"),
        (answering(200, {"success": True}), "Meta aceptó el archivo y no dijo cómo lo llama."),
        (answering(302, b"", Location="http://127.0.0.1:9/x"), "Meta quiso mandarnos a otra dirección (302)"),
    ],
)
def test_what_meta_says_against_it_is_a_sentence(graph_api: GraphServer, behaviour: Any, sentence: str) -> None:
    graph_api.behaviours[f"{NUMBER_ID}/media"] = behaviour
    with pytest.raises(Refusal) as caught:
        media.upload(io.BytesIO(OGG), kind="audio")
    assert caught.value.message.startswith(sentence)
    assert caught.value.status == 502


def test_without_a_number_there_is_nowhere_to_put_it(graph_api: GraphServer, settings: Any) -> None:
    settings.WHATSAPP_PHONE_NUMBER_ID = ""
    with pytest.raises(Refusal, match="WHATSAPP_PHONE_NUMBER_ID"):
        media.upload(io.BytesIO(JPEG), kind="image")
