"""Meta knocks: proven by its signature over the raw bytes, stored as it came, answered at once."""

import json
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse

from tests.whatsapp.payloads import SAMPLES, a_request, signed, text_message
from whatsapp.choices import EventState
from whatsapp.models import Message, WebhookEvent
from whatsapp.receiving import storing

WEBHOOK = reverse("whatsapp-webhook")
VECTORS = json.loads((SAMPLES / "signatures/vectors.json").read_text())

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def post(client: Client, body: bytes, **headers: Any) -> Any:
    return client.post(WEBHOOK, data=body, content_type="application/json", **headers)


# --- The address is ours ----------------------------------------------------------------------


def test_the_right_token_gets_the_bare_challenge_as_text(client: Client) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": "token-de-verificacion", "hub.challenge": "1158201444"}
    answer = client.get(WEBHOOK, asked)
    assert (answer.status_code, answer.content) == (200, b"1158201444")
    assert answer["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"hub.mode": "subscribe", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.verify_token": "otro", "hub.challenge": "1"},
        {"hub.mode": "subscribe", "hub.verify_token": "ñandú", "hub.challenge": "1"},
        {"hub.mode": "unsubscribe", "hub.verify_token": "token-de-verificacion", "hub.challenge": "1"},
    ],
)
def test_nobody_else_is_told_the_challenge(client: Client, asked: dict[str, str]) -> None:
    assert client.get(WEBHOOK, asked).status_code == 403


def test_without_a_configured_token_nobody_verifies(client: Client, settings: Any) -> None:
    settings.WHATSAPP_VERIFY_TOKEN = ""
    assert (
        client.get(WEBHOOK, {"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"}).status_code == 403
    )


# --- Who sends --------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["file"])
def test_every_valid_vector_is_stored_with_its_very_bytes(
    client: Client, settings: Any, vector: dict[str, str]
) -> None:
    settings.WHATSAPP_APP_SECRET = [vector["app_secret"]]
    body = (SAMPLES / "signatures" / vector["file"]).read_bytes()
    answer = post(client, body, HTTP_X_HUB_SIGNATURE_256=vector["header"])
    assert answer.status_code == 200
    assert [event.raw for event in WebhookEvent.objects.all()] == [body]


@pytest.mark.parametrize("vector", VECTORS["invalid_for_meta_style_escaped"], ids=lambda vector: str(vector["header"]))
def test_every_other_header_is_refused_and_stores_nothing(
    client: Client, settings: Any, vector: dict[str, str | None]
) -> None:
    settings.WHATSAPP_APP_SECRET = [VECTORS["valid"][0]["app_secret"]]
    body = (SAMPLES / "signatures/meta_style_escaped.body").read_bytes()
    given = {} if vector["header"] is None else {"HTTP_X_HUB_SIGNATURE_256": vector["header"]}
    answer = post(client, body, **given)
    assert (answer.status_code, answer.json()["code"]) == (403, "firma_invalida")
    assert not WebhookEvent.objects.exists()


def test_two_secrets_count_while_one_is_being_changed(client: Client, settings: Any) -> None:
    settings.WHATSAPP_APP_SECRET = ["el-nuevo", "el-viejo"]
    body = a_request(text_message())
    for secret in ("el-nuevo", "el-viejo"):
        assert post(client, body, **signed(body, secret)).status_code == 200
    assert post(client, body, **signed(body, "otro")).status_code == 403


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_configured_secret_nobody_is_believed(client: Client, settings: Any, secrets: list[str]) -> None:
    settings.WHATSAPP_APP_SECRET = secrets
    body = a_request(text_message())
    assert post(client, body, **signed(body, "")).status_code == 403


# --- What is taken ----------------------------------------------------------------------------


def test_the_request_is_stored_and_answered_before_anything_is_applied(client: Client) -> None:
    body = a_request(text_message())
    answer = post(client, body, **signed(body))
    assert (answer.status_code, answer.json()) == (200, {"status": "success"})
    assert WebhookEvent.objects.get().state == EventState.STORED
    assert not Message.objects.exists()


def test_a_batch_of_three_megabytes_is_taken(client: Client) -> None:
    body = a_request(text_message("x" * 3_000_000))
    assert post(client, body, **signed(body)).status_code == 200


def test_more_than_that_is_too_large(client: Client) -> None:
    body = b"x" * (4 * 1024 * 1024 + 1)
    answer = post(client, body, **signed(body))
    assert (answer.status_code, answer.json()["detail"]) == (413, "La petición es demasiado grande.")


def test_a_final_slash_makes_no_difference(client: Client) -> None:
    body = a_request(text_message())
    answer = client.post(f"{WEBHOOK}/", data=body, content_type="application/json", **signed(body))
    assert answer.status_code == 200


def test_it_is_answered_before_sessions_and_sign_in(client: Client) -> None:
    """No browser's policy, no cookie, no token: what proves a request here is its signature."""
    body = a_request(text_message())
    answer = post(client, body, **signed(body), HTTP_AUTHORIZATION="Bearer nonsense", HTTP_IDEMPOTENCY_KEY="x" * 300)
    assert answer.status_code == 200
    assert "Content-Security-Policy" not in answer.headers
    assert answer.headers["X-Request-ID"]


def test_other_methods_are_told_so(client: Client) -> None:
    answer = client.put(WEBHOOK)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST")


def test_a_database_that_is_away_makes_meta_send_it_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(body: bytes) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(storing.WebhookEvent.objects, "keep", away)
    client.raise_request_exception = False
    body = a_request(text_message())
    answer = post(client, body, **signed(body))
    assert (answer.status_code, answer.json()["code"]) == (503, "no_disponible")


def test_a_broker_that_is_away_loses_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    from whatsapp.tasks import apply_events

    def away(**kwargs: Any) -> None:
        raise OSError("broker gone")

    monkeypatch.setattr(apply_events, "apply_async", away)
    body = a_request(text_message())
    with django_capture_on_commit_callbacks(execute=True):
        assert post(client, body, **signed(body)).status_code == 200
    assert WebhookEvent.objects.waiting().count() == 1
