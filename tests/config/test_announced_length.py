"""What a request says of its own length is read by every door, and never believed (contract section 1)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from crm.models import IdempotencyKey, ImportRun, User
from whatsapp.models import WebhookEvent

AsUser = Callable[[User | None], APIClient]
NO_LENGTHS = ["muchos", "-1", "-99999999999999999999", "1.5", "1e9", "0x10", "1 2", "10, 10", "+5", "²", "٣"]
TOO_LONG = ["9" * 19, "9" * 30, "9" * 5000, "0" * 5000]

# Every door that looks at the length before the body, or whose body Django reads at once.
PROGRAMS = [
    "/api/webhook-presencia-crm/",
    "/api/v1/whatsapp/webhook",
    "/api/v1/calls/webhook/retell",
    "/api/auth/login",
]
UPLOADS = ["/api/crm/imports/preview", "/api/v1/batches/excel/preview", "/api/v1/batches/excel/create"]


def is_refused(answer: Any, status: int, code: str, sentence: str) -> None:
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/json"), answer.content
    assert answer.json() == {"detail": sentence, "message": sentence, "code": code}


def is_no_length(answer: Any) -> None:
    is_refused(answer, 400, "longitud_invalida", "El encabezado Content-Length no es un número de bytes.")


def is_too_large(answer: Any) -> None:
    is_refused(answer, 413, "demasiado_grande", "La petición es demasiado grande.")


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("told", NO_LENGTHS)
@pytest.mark.parametrize("path", PROGRAMS)
def test_what_is_no_length_is_a_400_at_every_door_for_programs(path: str, told: str) -> None:
    is_no_length(Client().post(path, data=b"{}", content_type="application/json", CONTENT_LENGTH=told))
    assert not WebhookEvent.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "clave-1"}])
@pytest.mark.parametrize("path", UPLOADS)
def test_an_upload_of_no_length_is_a_400_with_and_without_a_key(
    as_user: AsUser, alice: User, path: str, key: dict[str, str]
) -> None:
    for told in NO_LENGTHS:
        body, kind = b"--x--", "multipart/form-data; boundary=x"
        is_no_length(as_user(alice).post(path, body, content_type=kind, headers=key, CONTENT_LENGTH=told))
    assert not ImportRun.objects.exists()
    assert not IdempotencyKey.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize("told", TOO_LONG)
@pytest.mark.parametrize("path", [*PROGRAMS, *UPLOADS])
def test_a_length_that_nothing_could_hold_is_a_413(as_user: AsUser, alice: User, path: str, told: str) -> None:
    kind = "multipart/form-data; boundary=x" if path in UPLOADS else "application/json"
    is_too_large(as_user(alice).post(path, b"{}", content_type=kind, CONTENT_LENGTH=told))


@pytest.mark.django_db
def test_a_browser_reads_the_refusal(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://panel.test"]
    headers = {"Origin": "https://panel.test"}
    answer = Client().post("/api/auth/login", b"{}", "application/json", headers=headers, CONTENT_LENGTH="muchos")
    is_no_length(answer)
    assert answer["Access-Control-Allow-Origin"] == "https://panel.test"


@pytest.mark.django_db
def test_a_person_sees_a_page(client: Client) -> None:
    answer = client.post("/admin/login/", b"a=b", "application/x-www-form-urlencoded", CONTENT_LENGTH="muchos")
    assert answer.status_code == 400
    assert "El encabezado Content-Length no es un número de bytes." in answer.content.decode()


@pytest.mark.django_db
def test_leading_zeros_and_no_length_at_all_are_fine() -> None:
    for told in ("", "0002"):
        answer = Client().post("/api/auth/login", b"{}", "application/json", CONTENT_LENGTH=told)
        assert answer.json()["code"] == "datos_invalidos", answer.content
