"""Files of messages: each fetched once, checked, stored under its own name, and given up in a sentence."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection, connections
from django.utils import timezone

from tests.whatsapp.graph_server import (
    HTML,
    JPEG,
    OGG,
    PDF,
    Behaviour,
    File,
    GraphServer,
    a_graph_server,
    answering,
    endless,
    mumbling,
    promising,
    refusing,
    trickling,
)
from whatsapp import graph, media
from whatsapp.choices import Author, Direction, MediaState, MessageStatus
from whatsapp.models import BusinessNumber, Media, Message, Thread
from whatsapp.models.media import RETRY_SECONDS

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
NotedAs = Callable[..., Media]


@pytest.fixture
def graph_api(settings: Any, tmp_path: Path) -> Iterator[GraphServer]:
    settings.MEDIA_ROOT = tmp_path
    with a_graph_server(settings) as server:
        yield server


@pytest.fixture
def noted(db: None) -> NotedAs:
    """A message with a file that is still to be fetched."""

    def note(media_id: str = "9001", kind: str = "image", **fields: Any) -> Media:
        number, _ = BusinessNumber.objects.get_or_create(phone_number_id="105500000000001")
        thread = Thread.objects.create(number=number)
        message = Message.objects.create(
            thread=thread,
            from_number="51987654321",
            to_number=number.phone_number_id,
            message_type=kind,
            timestamp=timezone.now(),
            direccion=Direction.INBOUND,
            author=Author.CONTACT,
            status=MessageStatus.RECEIVED,
        )
        return Media.objects.create(message=message, media_id=media_id, kind=kind, **fields)

    return note


def of(row: Media) -> tuple[str, str]:
    row.refresh_from_db()
    return row.state, row.error


def due_now(row: Media) -> None:
    Media.objects.filter(pk=row.pk).update(next_try_at=timezone.now())


def test_a_picture_is_fetched_checked_and_stored_under_its_own_name(graph_api: GraphServer, noted: NotedAs) -> None:
    graph_api.files["9001"] = File(JPEG)
    row = noted(sha256=graph_api.files["9001"].digest, filename="../../etc/passwd.jpg")
    assert media.fetch_due() == 1
    assert of(row) == (MediaState.STORED, "")
    assert row.file.name == f"whatsapp/{row.message_id}/{row.pk}.jpg"
    assert row.file.open().read() == JPEG
    assert (row.size, row.mime_type, row.lease_token) == (len(JPEG), "image/jpeg", None)
    assert [one.has_token for one in graph_api.asked] == [True, True]
    assert media.fetch_due() == 0


@pytest.mark.parametrize(
    ("kind", "body", "mime_type", "extension"),
    [
        ("document", PDF, "application/pdf", ".pdf"),
        ("audio", OGG, "audio/ogg", ".ogg"),
        ("voice", OGG, "audio/ogg", ".ogg"),
        ("video", b"\x00\x00\x00\x18ftypmp42" + bytes(99), "video/mp4", ".mp4"),
        ("video", b"\x00\x00\x00\x18ftyp3gp4" + bytes(99), "video/3gpp", ".3gp"),
        ("sticker", b"RIFF\x10\x00\x00\x00WEBPVP8 " + bytes(99), "image/webp", ".webp"),
        ("audio", b"#!AMR\n" + bytes(99), "audio/amr", ".amr"),
        ("audio", b"ID3\x04" + bytes(99), "audio/mpeg", ".mp3"),
        ("audio", b"\xff\xf1\x50" + bytes(99), "audio/aac", ".aac"),
        ("document", JPEG, "image/jpeg", ".jpg"),
        ("document", "Señora: adjunto mi ficha.\n".encode(), "text/plain", ".txt"),
        ("document", b"\x01\x02\x00 drawing" + bytes(99), "application/octet-stream", ".bin"),
    ],
)
def test_the_bytes_say_what_it_is(
    graph_api: GraphServer, noted: NotedAs, kind: str, body: bytes, mime_type: str, extension: str
) -> None:
    graph_api.files["9001"] = File(body)
    row = noted(kind=kind, mime_type="text/html")
    media.fetch_due()
    assert of(row) == (MediaState.STORED, "")
    assert (row.mime_type, row.extension) == (mime_type, extension)


@pytest.mark.parametrize(
    ("kind", "body", "filename", "sentence"),
    [
        ("image", HTML, "", "Es una página web"),
        ("document", HTML, "contrato.pdf", "Es una página web"),
        ("document", b"\xef\xbb\xbf  <svg xmlns='http://www.w3.org/2000/svg'>", "plano.pdf", "Es una página web"),
        ("document", b"<?xml version='1.0'?><!-- x --><html xmlns='x'>", "factura.xml", "Es una página web"),
        ("document", "<html>".encode("utf-16"), "nota.txt", "Es una página web"),
        ("document", b"MZ\x90\x00" + bytes(99), "contrato.pdf", "Es una página web, un programa"),
        ("document", b"\x7fELF" + bytes(99), "", "Es una página web, un programa"),
        ("document", b"PK\x03\x04" + bytes(26) + b"AndroidManifest.xml", "app.zip", "Es una página web, un programa"),
        ("document", b"hola", "foto.jpg.vbs", "Es una página web, un programa"),
        ("image", PDF, "", "No es una imagen: su contenido es de otro tipo (application/pdf)."),
        ("audio", JPEG, "", "No es un audio: su contenido es de otro tipo (image/jpeg)."),
    ],
)
def test_what_a_browser_or_a_desk_would_run_is_refused_and_not_asked_for_again(
    graph_api: GraphServer, noted: NotedAs, kind: str, body: bytes, filename: str, sentence: str
) -> None:
    graph_api.files["9001"] = File(body)
    row = noted(kind=kind, filename=filename)
    assert media.fetch_due() == 1
    state, error = of(row)
    assert state == MediaState.REFUSED
    assert error.startswith(sentence)
    assert not row.file
    due_now(row)
    assert media.fetch_due() == 0


def test_an_invoice_in_xml_is_a_document(graph_api: GraphServer, noted: NotedAs) -> None:
    graph_api.files["9001"] = File(b'<?xml version="1.0"?><Comprobante Total="10"/>')
    row = noted(kind="document", filename="factura.xml")
    media.fetch_due()
    assert of(row)[0] == MediaState.STORED
    assert row.extension == ".xml"


# --- What may go wrong ------------------------------------------------------------------------


def failures() -> dict[str, tuple[File, str]]:
    return {
        "another fingerprint": (File(JPEG, sha256="A" * 43 + "="), "El archivo llegó alterado"),
        "nothing in it": (File(b""), "Meta entregó un archivo vacío."),
        "shorter than told": (File(JPEG, behaviour=promising(JPEG, len(JPEG) + 9)), ""),
        "expired address": (File(JPEG, behaviour=answering(404, b"")), "Meta no tiene lo que se pidió"),
        "elsewhere": (File(JPEG, url="https://ejemplo.com/x"), "Meta indicó una dirección que no es suya"),
        "another port": (File(JPEG, url="http://127.0.0.1:1/x"), "Meta indicó una dirección que no es suya"),
        "half a name": (File(JPEG, url="https://evilfbsbx.com/x"), "Meta indicó una dirección que no es suya"),
        "no encryption": (File(JPEG, url="http://lookaside.fbsbx.com/x"), "Meta indicó una dirección que no es suya"),
        "with a password": (File(JPEG, url="https://a@lookaside.fbsbx.com/"), "Meta indicó una dirección que no es"),
        "its own error": (File(JPEG, behaviour=answering(502, b"<html>")), "Meta tiene un error propio (502)."),
    }


@pytest.mark.parametrize("case", failures())
def test_what_goes_wrong_is_tried_again_later(graph_api: GraphServer, noted: NotedAs, case: str) -> None:
    file, sentence = failures()[case]
    graph_api.files["9001"] = file
    row = noted()
    assert media.fetch_due() == 1
    state, error = of(row)
    assert (state, row.attempts) == (MediaState.PENDING, 1)
    assert error.startswith(sentence)
    assert error
    wait = row.next_try_at - timezone.now()
    assert timedelta(seconds=RETRY_SECONDS[0] - 5) < wait <= timedelta(seconds=RETRY_SECONDS[0])
    assert not default_storage.exists("whatsapp")


def test_after_the_last_of_the_waits_it_has_failed_for_good(graph_api: GraphServer, noted: NotedAs) -> None:
    graph_api.files["9001"] = File(JPEG, sha256="A" * 43 + "=")
    row = noted()
    for attempt in range(1, len(RETRY_SECONDS) + 2):
        assert of(row)[0] == MediaState.PENDING
        due_now(row)
        assert media.fetch_due() == 1
        row.refresh_from_db()
        assert row.attempts == attempt
    assert of(row) == (MediaState.FAILED, "El archivo llegó alterado: su huella no es la que Meta anunció.")
    due_now(row)
    assert media.fetch_due() == 0


def test_what_heals_is_stored(graph_api: GraphServer, noted: NotedAs) -> None:
    graph_api.files["9001"] = File(JPEG, behaviour=answering(500, b""))
    row = noted()
    media.fetch_due()
    graph_api.files["9001"] = File(JPEG)
    due_now(row)
    media.fetch_due()
    assert of(row) == (MediaState.STORED, "")


def test_an_id_that_meta_no_longer_has_is_asked_for_twice_and_no_more(graph_api: GraphServer, noted: NotedAs) -> None:
    row = noted("vencido")
    media.fetch_due()
    assert of(row)[0] == MediaState.PENDING
    due_now(row)
    media.fetch_due()
    state, error = of(row)
    assert state == MediaState.FAILED
    assert error.startswith("Meta no tiene lo que se pidió, o ya no lo tiene (código 100).")


def test_a_token_that_meta_does_not_take_costs_no_try_and_stops_all_questions(
    graph_api: GraphServer, noted: NotedAs, settings: Any
) -> None:
    settings.WHATSAPP_ACCESS_TOKEN = "otra"
    rows = [noted("9001"), noted("9002")]
    assert media.fetch_due() == 1
    assert len(graph_api.asked) == 1
    assert [of(row)[0] for row in rows] == [MediaState.PENDING] * 2
    assert sorted(row.attempts for row in rows) == [0, 0]
    assert "WHATSAPP_ACCESS_TOKEN" in rows[0].error
    assert media.is_paused()


def test_one_file_that_is_forbidden_does_not_stop_the_others(graph_api: GraphServer, noted: NotedAs) -> None:
    graph_api.files["9001"] = File(JPEG, behaviour=answering(401, b"no"))
    graph_api.files["9002"] = File(JPEG)
    graph_api.behaviours["9003"] = refusing(403, 10, "No permission")
    rows = [noted("9001"), noted("9003"), noted("9002")]
    assert media.fetch_due() == 3
    assert [of(row)[0] for row in rows] == [MediaState.PENDING, MediaState.PENDING, MediaState.STORED]
    assert [row.attempts for row in rows] == [1, 1, 1]
    assert not media.is_paused()


def test_without_a_token_nothing_is_asked_and_nothing_is_lost(
    graph_api: GraphServer, noted: NotedAs, settings: Any
) -> None:
    settings.WHATSAPP_ACCESS_TOKEN = ""
    row = noted()
    assert media.fetch_due() == 0
    assert (of(row), row.attempts) == ((MediaState.PENDING, ""), 0)


def test_before_meta_closes_its_door_we_stop_knocking(graph_api: GraphServer, noted: NotedAs) -> None:
    """Twenty errors in an hour and Meta answers nothing for half an hour."""
    rows = [noted(f"no-{number}") for number in range(media.MOST_ERRORS + 3)]
    assert media.fetch_due() == media.MOST_ERRORS
    assert len(graph_api.asked) == media.MOST_ERRORS
    assert media.is_paused()
    assert media.fetch_due() == 0
    assert Media.objects.filter(attempts=0).count() == len(rows) - media.MOST_ERRORS


# --- Slow, endless, lying ---------------------------------------------------------------------


def test_an_endless_file_is_cut_at_the_limit(graph_api: GraphServer, noted: NotedAs, settings: Any) -> None:
    settings.WHATSAPP_MEDIA_MAX_BYTES = 3 * 1024 * 1024
    graph_api.files["9001"] = File(JPEG, behaviour=endless)
    row = noted()
    media.fetch_due()
    assert of(row) == (MediaState.REFUSED, "El archivo pasa de 3 MB.")


@pytest.mark.parametrize("told", [None, 10])
def test_too_large_a_file_is_not_even_begun(
    graph_api: GraphServer, noted: NotedAs, settings: Any, told: int | None
) -> None:
    """Whether Meta says so beforehand, or only the download does."""
    settings.WHATSAPP_MEDIA_MAX_BYTES = 1024
    graph_api.files["9001"] = File(JPEG, size=told)
    row = noted()
    media.fetch_due()
    assert of(row)[0] == MediaState.REFUSED
    assert len(graph_api.asked) == (1 if told is None else 2)


@pytest.mark.parametrize("path", ["9001", "archivos/9001"])
@pytest.mark.parametrize("behaviour", [trickling, mumbling])
def test_a_trickle_is_cut_when_the_whole_takes_too_long(
    graph_api: GraphServer,
    noted: NotedAs,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    behaviour: Behaviour,
) -> None:
    monkeypatch.setattr(graph, "TRANSFER_SECONDS", 0.5)
    monkeypatch.setattr(graph, "QUESTION_SECONDS", 0.5)
    graph_api.files["9001"] = File(JPEG)
    graph_api.behaviours[path] = behaviour
    row = noted()
    media.fetch_due()
    assert of(row) == (MediaState.PENDING, "Meta tardó más de 0.5 segundos en total.")


def test_a_redirect_to_somebody_else_does_not_get_the_token(
    graph_api: GraphServer, noted: NotedAs, settings: Any
) -> None:
    graph_api.files["9001"] = File(JPEG)
    graph_url = graph_api.url
    with a_graph_server(settings) as stranger:
        settings.WHATSAPP_GRAPH_URL = graph_url
        graph_api.behaviours["archivos/9001"] = answering(302, b"", Location=f"{stranger.host}/archivos/9001")
        row = noted()
        media.fetch_due()
        assert stranger.asked == []
    assert of(row) == (MediaState.PENDING, "Meta indicó una dirección que no es suya; no se le entrega el token.")


def test_a_redirect_within_meta_is_followed(graph_api: GraphServer, noted: NotedAs) -> None:
    graph_api.files["9001"] = File(JPEG)
    graph_api.behaviours["archivos/9001"] = answering(302, b"", Location="/archivos/2")
    graph_api.behaviours["archivos/2"] = answering(200, JPEG)
    row = noted()
    media.fetch_due()
    assert of(row)[0] == MediaState.STORED


def test_a_redirect_in_a_circle_ends(graph_api: GraphServer, noted: NotedAs) -> None:
    graph_api.files["9001"] = File(JPEG)
    graph_api.behaviours["archivos/9001"] = answering(302, b"", Location="/archivos/9001")
    row = noted()
    media.fetch_due()
    assert of(row) == (MediaState.PENDING, "Meta mandó de una dirección a otra sin llegar al archivo.")


@pytest.mark.parametrize("body", [b"no soy json", b"[1]", b"", b'{"error":7}', b'{"url":7}'])
def test_an_answer_that_makes_no_sense_is_tried_again(graph_api: GraphServer, noted: NotedAs, body: bytes) -> None:
    graph_api.behaviours["9001"] = answering(200, body)
    row = noted()
    media.fetch_due()
    assert of(row)[0] == MediaState.PENDING
    assert row.error


def test_a_plain_address_on_the_open_internet_gets_no_token(settings: Any) -> None:
    settings.WHATSAPP_ACCESS_TOKEN = "ficha"
    settings.WHATSAPP_GRAPH_URL = "http://93.184.215.14/v25.0"
    with pytest.raises(graph.GraphError, match="debe empezar por https"):
        graph.get("1")


def test_a_limit_of_meta_is_told_apart(graph_api: GraphServer) -> None:
    graph_api.behaviours["1"] = refusing(400, 80007, "Rate limit")
    with pytest.raises(graph.GraphError) as caught:
        graph.get("1")
    assert (caught.value.is_limit, caught.value.is_token) == (True, False)
    assert caught.value.sentence == "Meta pide que preguntemos más despacio (código 80007). Meta dice: Rate limit"


# --- Workers that die, and workers that meet --------------------------------------------------


class Died(BaseException):
    """As if the process had been killed here."""


def test_a_worker_that_dies_after_the_download_leaves_a_row_that_the_next_one_takes(
    graph_api: GraphServer, noted: NotedAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph_api.files["9001"] = File(JPEG)
    row = noted()

    def die(*args: Any, **values: Any) -> bool:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Media, "settle", die)
        with pytest.raises(Died):
            media.fetch_due()
    assert of(row)[0] == MediaState.FETCHING
    assert not row.file
    assert media.fetch_due() == 0  # the dead worker's lease still stands
    Media.objects.filter(pk=row.pk).update(lease_until=timezone.now())
    assert media.fetch_due() == 1
    assert of(row)[0] == MediaState.STORED
    directories, files = default_storage.listdir(f"whatsapp/{row.message_id}")
    assert (directories, files) == ([], [f"{row.pk}.jpg"])


def test_a_worker_that_lost_its_lease_writes_nothing(graph_api: GraphServer, noted: NotedAs) -> None:
    graph_api.files["9001"] = File(JPEG)
    row = noted()
    slow = Media.objects.claim()
    assert slow is not None
    Media.objects.filter(pk=row.pk).update(lease_until=timezone.now())
    assert media.fetch_due() == 1
    stored = Media.objects.get(pk=row.pk)
    graph_api.files["9001"] = File(PDF)
    media.fetch(slow)
    row.refresh_from_db()
    assert (row.state, row.mime_type, row.file.open().read()) == (MediaState.STORED, "image/jpeg", JPEG)
    assert row.sha256 == stored.sha256


def test_a_full_disk_is_a_sentence_and_another_try(
    graph_api: GraphServer, noted: NotedAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph_api.files["9001"] = File(JPEG)
    row = noted()

    def full(*args: Any, **values: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(default_storage._wrapped or default_storage), "save", full, raising=False)
    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.save", full)
    assert media.fetch_due() == 1
    assert of(row) == (MediaState.PENDING, "El archivo no se pudo guardar: OSError.")


@pytest.mark.django_db(transaction=True)
def test_several_workers_download_each_file_once(graph_api: GraphServer, noted: NotedAs) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    rows = [noted(str(number)) for number in range(8)]
    for row in rows:
        graph_api.files[row.media_id] = File(JPEG)
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        try:
            media.fetch_due()
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert {of(row)[0] for row in rows} == {MediaState.STORED}
    assert sorted(path for path in graph_api.paths() if path.startswith("/archivos/")) == sorted(
        f"/archivos/{row.media_id}" for row in rows
    )
