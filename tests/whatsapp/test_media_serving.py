"""Who gets a file, and how: only staff, only of threads they may see, and nothing of it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from crm.models import User
from tests.whatsapp.graph_server import JPEG, PDF
from whatsapp.choices import Author, Direction, MediaState, MessageStatus
from whatsapp.models import BusinessNumber, Media, Message, Thread

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def kept(settings: Any, tmp_path: Path) -> Callable[..., Media]:
    settings.MEDIA_ROOT = tmp_path

    def keep(body: bytes = JPEG, mime_type: str = "image/jpeg", *, extension: str = ".jpg", **fields: Any) -> Media:
        number, _ = BusinessNumber.objects.get_or_create(phone_number_id="1")
        message = Message.objects.create(
            thread=Thread.objects.create(number=number, assigned_to=fields.pop("assigned_to", None)),
            from_number="51987654321",
            to_number="1",
            message_type="image",
            timestamp=timezone.now(),
            direccion=Direction.INBOUND,
            author=Author.CONTACT,
            status=MessageStatus.RECEIVED,
        )
        row = Media(
            message=message,
            media_id="9001",
            kind="image",
            mime_type=mime_type,
            extension=extension,
            sha256="ab" * 32,
            size=len(body),
            **{"state": MediaState.STORED, **fields},
        )
        if row.state == MediaState.STORED:
            row.file.save("x", ContentFile(body), save=False)
        row.save()
        return row

    return keep


Kept = Callable[..., Media]
AsUser = Callable[[User | None], Any]


def address(row: Media) -> str:
    return f"/api/v1/conversaciones-whatsapp/{row.message_id}/archivo"


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_a_picture_is_shown_and_nothing_of_it_runs(kept: Kept, as_user: AsUser, bob: User) -> None:
    response = as_user(bob).get(address(kept(filename="mi casa.JPG")))
    assert response.status_code == 200
    assert body_of(response) == JPEG
    headers = response.headers
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["Content-Disposition"] == "inline; filename=\"mi casa.JPG\"; filename*=UTF-8''mi%20casa.JPG"
    assert headers["Content-Security-Policy"].endswith("; sandbox")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Content-Length"] == str(len(JPEG))


@pytest.mark.parametrize(
    ("mime_type", "extension", "disposition", "content_type"),
    [
        ("application/pdf", ".pdf", "inline", "application/pdf"),
        ("audio/ogg", ".ogg", "inline", "audio/ogg"),
        ("video/mp4", ".mp4", "inline", "video/mp4"),
        ("text/plain", ".txt", "attachment", "application/octet-stream"),
        ("application/xml", ".xml", "attachment", "application/octet-stream"),
        ("application/zip", ".zip", "attachment", "application/zip"),
        ("application/octet-stream", ".bin", "attachment", "application/octet-stream"),
        ("image/heic", ".heic", "attachment", "image/heic"),
        ("", "", "attachment", "application/octet-stream"),
    ],
)
def test_what_a_browser_cannot_show_safely_is_saved(
    kept: Kept, as_user: AsUser, bob: User, mime_type: str, extension: str, disposition: str, content_type: str
) -> None:
    response = as_user(bob).get(address(kept(PDF, mime_type, extension=extension)))
    assert response.headers["Content-Disposition"].startswith(f'{disposition}; filename="whatsapp-')
    assert response.headers["Content-Type"] == content_type


@pytest.mark.parametrize(
    ("filename", "saved"),
    [
        ("../../etc/passwd", ".._.._etc_passwd.jpg"),
        ('"; filename="x.exe', "_; filename=_x.exe.jpg"),
        ("foto\r\nSet-Cookie: a=b.jpg", "foto__Set-Cookie_ a=b.jpg"),
        ("\u202egpj.exe", "_gpj.exe.jpg"),
        ("ñandú.jpg", "_and_.jpg"),
        (" . ", "whatsapp-"),
    ],
)
def test_a_strangers_name_is_only_a_name(kept: Kept, as_user: AsUser, bob: User, filename: str, saved: str) -> None:
    response = as_user(bob).get(address(kept(filename=filename)))
    name = response.headers["Content-Disposition"].split('filename="')[1].split('"')[0]
    assert name.lstrip(".").startswith(saved.lstrip("."))
    assert name.endswith(".jpg")


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, slice(0, 10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-5", 206, slice(-5, None)),
        ("bytes=0-999999", 206, slice(0, None)),
        ("bytes=-999999", 206, slice(0, None)),
        ("bytes=5-2", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("metros=1-2", 200, slice(None)),
        ("bytes=999999-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
    ],
)
def test_a_player_may_ask_for_a_part(
    kept: Kept, as_user: AsUser, bob: User, wanted: str, status: int, part: slice
) -> None:
    response = as_user(bob).get(address(kept(mime_type="video/mp4")), headers={"Range": wanted})
    assert response.status_code == status
    assert body_of(response) == JPEG[part]
    assert response.headers["Accept-Ranges"] == "bytes"
    if status == 206:
        first = part.indices(len(JPEG))[0]
        expected = JPEG[part]
        assert response.headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{len(JPEG)}"
        assert response.headers["Content-Length"] == str(len(expected))
    if status == 416:
        assert response.headers["Content-Range"] == f"bytes */{len(JPEG)}"


def test_who_has_it_already_does_not_get_it_again(kept: Kept, as_user: AsUser, bob: User) -> None:
    row = kept()
    etag = as_user(bob).get(address(row)).headers["ETag"]
    again = as_user(bob).get(address(row), headers={"If-None-Match": etag})
    assert (again.status_code, body_of(again)) == (304, b"")
    other = as_user(bob).get(address(row), headers={"Range": "bytes=0-1", "If-Range": '"otra"'})
    assert (other.status_code, body_of(other)) == (200, JPEG)


def test_strangers_and_outsiders_get_nothing(kept: Kept, as_user: AsUser, oscar: User) -> None:
    row = kept()
    assert as_user(None).get(address(row)).status_code == 401
    assert as_user(oscar).get(address(row)).status_code == 403


def test_an_agent_who_sees_only_what_is_theirs_does_not_learn_of_the_others(
    kept: Kept, as_user: AsUser, bob: User, charlie: User, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    row = kept(assigned_to=bob)
    assert as_user(bob).get(address(row)).status_code == 200
    hidden, missing = as_user(charlie).get(address(row)), as_user(charlie).get(address(row).replace("archivo", "x"))
    assert hidden.status_code == 404
    assert hidden.json()["message"] == "Este mensaje no tiene archivo."
    assert missing.status_code == 404


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (MediaState.PENDING, "todavía se está descargando"),
        (MediaState.FETCHING, "todavía se está descargando"),
        (MediaState.REFUSED, "no se admitió. Es un programa."),
        (MediaState.FAILED, "no se pudo descargar. Es un programa."),
    ],
)
def test_a_file_that_is_not_there_says_why(
    kept: Kept, as_user: AsUser, bob: User, state: MediaState, sentence: str
) -> None:
    error = "Es un programa." if state in (MediaState.REFUSED, MediaState.FAILED) else ""
    response = as_user(bob).get(address(kept(state=state, error=error)))
    assert response.status_code == 409
    assert sentence in response.json()["message"]


@pytest.mark.parametrize("name", ["x", "-1", "9" * 40, "²"])
def test_what_is_no_message_has_no_file(as_user: AsUser, bob: User, name: str) -> None:
    assert as_user(bob).get(f"/api/v1/conversaciones-whatsapp/{name}/archivo").status_code == 404


def test_a_file_that_somebody_removed_from_the_disk_is_missing(kept: Kept, as_user: AsUser, bob: User) -> None:
    row = kept()
    Path(row.file.path).unlink()
    assert as_user(bob).get(address(row)).status_code == 404


def test_on_the_staff_pages_the_session_opens_it(kept: Kept, client: Client, alice: User, bob: User) -> None:
    row = kept()
    url = reverse("admin:whatsapp_media_file", args=[row.pk])
    assert client.get(url).headers["Location"].startswith("/admin/login")
    client.force_login(bob)
    assert client.get(url).status_code == 302  # no access to the staff pages
    client.force_login(alice)
    response = client.get(url)
    assert (response.status_code, body_of(response)) == (200, JPEG)
    head = client.head(url)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(JPEG)))
    assert client.post(url).status_code == 405
    assert client.get(reverse("admin:whatsapp_media_file", args=[row.pk + 1])).status_code == 404


def test_it_costs_the_same_few_queries(
    kept: Kept, as_user: AsUser, bob: User, django_assert_max_num_queries: Any
) -> None:
    row = kept()
    client = as_user(bob)
    with django_assert_max_num_queries(3):
        client.get(address(row))
