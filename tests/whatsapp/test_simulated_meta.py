"""The demonstration's Meta: it answers as the Graph API does, tells how each message fares, and is nowhere else."""

import hashlib
import hmac
from typing import Any

import orjson
import pytest
import requests
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.whatsapp.payloads import NUMBER_ID, SECRET
from whatsapp import file_types, simulated
from whatsapp.models import StatusEvent
from whatsapp.receiving.applying import apply_waiting

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite, pytest.mark.urls("tests.whatsapp.simulated_meta_urls")]

BASE = "/simulated-meta/v25.0"
ACCOUNT = "102290129340398"
TOKEN = {"HTTP_AUTHORIZATION": "Bearer demostracion"}
TEXT = {"messaging_product": "whatsapp", "to": "+51987654321", "type": "text", "text": {"body": "Hola"}}


@pytest.fixture(autouse=True)
def _demonstration(settings: Any) -> None:
    settings.DEMONSTRATION = True
    settings.WHATSAPP_ACCESS_TOKEN = "demostracion"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What would happen later happens at once; how many seconds later it would have been."""
    seconds: list[float] = []

    def now(wait: float, act: Any) -> None:
        seconds.append(wait)
        act()

    def post(url: str, *, data: bytes, headers: dict[str, str], **limits: Any) -> Any:
        sent = {"HTTP_X_HUB_SIGNATURE_256": headers["X-Hub-Signature-256"]}
        answered = Client().post("/api/v1/whatsapp/webhook", data, content_type="application/json", **sent)
        found = requests.Response()
        found.status_code = answered.status_code
        return found

    monkeypatch.setattr(simulated.LATER, "do", now)
    monkeypatch.setattr(simulated.requests, "post", post)
    return seconds


def sent(body: Any, **headers: str) -> Any:
    return Client().post(f"{BASE}/{NUMBER_ID}/messages", body, content_type="application/json", **(headers or TOKEN))


def asked(path: str) -> Any:
    return Client().get(f"{BASE}/{path}", **TOKEN)


# --- Sending ----------------------------------------------------------------------------------


def test_a_message_is_taken_as_the_graph_api_takes_it(told: list[float]) -> None:
    body = sent(TEXT).json()
    assert body["contacts"] == [{"input": "+51987654321", "wa_id": "51987654321"}]
    assert body["messages"][0]["id"].startswith("wamid.")
    assert body["messaging_product"] == "whatsapp"


def test_then_it_is_sent_delivered_and_read_in_signed_webhooks(told: list[float]) -> None:
    wamid = sent({**TEXT, "biz_opaque_callback_data": "clave-1"}).json()["messages"][0]["id"]
    apply_waiting()
    found = StatusEvent.objects.filter(message_id=wamid)
    assert set(found.values_list("status", "callback_data")) == {
        ("sent", "clave-1"),
        ("delivered", "clave-1"),
        ("read", "clave-1"),
    }
    assert told == sorted(told)


def test_to_some_numbers_nothing_can_be_delivered(told: list[float]) -> None:
    sent({**TEXT, "to": "+51900000099"})
    apply_waiting()
    assert StatusEvent.objects.get(status="failed").error_code == 131026
    assert not StatusEvent.objects.filter(status="delivered").exists()


def test_a_webhook_that_is_away_costs_nothing_but_a_status(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*args: Any, **kwargs: Any) -> None:
        raise requests.ConnectionError("nobody there")

    monkeypatch.setattr(simulated.requests, "post", away)
    simulated.post_status("http://127.0.0.1:1/", "wamid.X", "51987654321", "sent", {})
    assert "could not tell" in caplog.text


def test_it_signs_with_the_secret_of_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[Any] = []

    def post(url: str, **given: Any) -> None:
        posted.append(given)
        raise requests.ConnectionError

    monkeypatch.setattr(simulated.requests, "post", post)
    simulated.post_status("http://127.0.0.1:1/", "wamid.X", "51987654321", "sent", {})
    expected = hmac.new(SECRET.encode(), posted[0]["data"], hashlib.sha256).hexdigest()
    assert posted[0]["headers"]["X-Hub-Signature-256"] == f"sha256={expected}"


def test_reading_and_typing_are_taken(told: list[float]) -> None:
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X"}
    assert sent(body).json() == {"success": True}
    assert told == []


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"messaging_product": None}, 100, 400),
        ({"to": "12"}, 131009, 400),
        ({"to": None}, 131009, 400),
        ({"type": "carta"}, 100, 400),
        ({"text": {"body": ""}}, 100, 400),
        ({"text": {"body": "x" * 4097}}, 100, 400),
        ({"type": "template", "template": {"name": "nadie", "language": {"code": "es"}}}, 132001, 404),
        ({"type": "template", "template": {"name": "promocion_fin_de_mes", "language": {"code": "es"}}}, 132001, 404),
        ({"type": "template", "template": {"name": "bienvenida", "language": {"code": "es"}}}, 132000, 400),
        ({"type": "template", "template": {"name": "bienvenida", "language": "es", "components": ["x"]}}, 132001, 404),
    ],
)
def test_it_refuses_what_meta_refuses(told: list[float], change: dict[str, Any], code: int, status: int) -> None:
    response = sent({**TEXT, **change})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert told == []


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b""])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    response = Client().post(f"{BASE}/{NUMBER_ID}/messages", body, content_type="application/json", **TOKEN)
    assert response.json()["error"]["code"] == 100


def test_a_template_with_its_texts_is_accepted(told: list[float]) -> None:
    texts = [{"type": "text", "text": "Luz"}, {"type": "text", "text": "mañana"}]
    components = [{"type": "body", "parameters": texts}]
    template = {"name": "recordatorio_cita", "language": {"code": "es"}, "components": components}
    body = sent({**TEXT, "type": "template", "template": template}).json()
    assert body["messages"][0]["message_status"] == "accepted"


def test_somebody_without_a_number_is_reached_by_their_id(told: list[float]) -> None:
    body = {**TEXT, "recipient": "PE.13491208655302741918"}
    del body["to"]
    assert sent(body).json()["contacts"][0]["user_id"] == "PE.13491208655302741918"


# --- Who may ask ------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Bearer otro", "demostracion", "Bearer demostración"])
def test_without_the_token_it_says_nothing(header: str) -> None:
    response = sent(TEXT, HTTP_AUTHORIZATION=header)
    assert (response.status_code, response.json()["error"]["code"]) == (401, 190)


@pytest.mark.parametrize("path", ["", "/messages", "/message_templates", "/subscribed_apps", "/media"])
def test_outside_the_demonstration_it_does_not_exist(settings: Any, path: str) -> None:
    settings.DEMONSTRATION = False
    assert asked(f"{NUMBER_ID}{path}").status_code == 404
    assert Client().post(f"{BASE}/{NUMBER_ID}{path}", **TOKEN).status_code == 404


# --- What is asked ----------------------------------------------------------------------------


def test_it_knows_its_number_its_account_and_its_templates() -> None:
    assert asked(NUMBER_ID).json()["quality_rating"] == "GREEN"
    assert asked(ACCOUNT).json()["id"] == ACCOUNT
    assert asked(f"{ACCOUNT}/phone_numbers").json()["data"][0]["id"] == NUMBER_ID
    assert asked(f"{ACCOUNT}/subscribed_apps").json()["data"]
    assert {one["status"] for one in asked(f"{ACCOUNT}/message_templates").json()["data"]} == {"APPROVED", "REJECTED"}


@pytest.mark.parametrize("path", ["999", "999/message_templates", "999/subscribed_apps", "999/phone_numbers"])
def test_what_it_does_not_have_it_refuses(path: str) -> None:
    error = asked(path).json()["error"]
    assert (error["code"], error["error_subcode"]) == (100, 33)


@pytest.mark.parametrize(("media_id", "kind"), [("50010001", "image"), ("50020001", "document")])
def test_a_file_is_told_first_and_then_fetched(media_id: str, kind: str) -> None:
    told = asked(media_id).json()
    content = Client().get(told["url"], **TOKEN).content
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert told["file_size"] == str(len(content))
    assert file_types.type_of(content).fits(kind)
    assert Client().get(told["url"]).status_code == 401


def test_a_file_can_be_left_for_sending() -> None:
    file = SimpleUploadedFile("plano.pdf", simulated.a_document("x"), content_type="application/pdf")
    url = f"{BASE}/{NUMBER_ID}/media"
    assert Client().post(url, {"messaging_product": "whatsapp", "file": file}, **TOKEN).json()["id"]
    assert Client().post(url, {"messaging_product": "whatsapp"}, **TOKEN).json()["error"]["code"] == 100


def test_what_happens_later_happens_in_its_order() -> None:
    from threading import Event

    later, order, done = simulated.Later(), [], Event()

    def fail() -> None:
        raise ValueError("one act that fails keeps none of the others")

    later.do(0.06, lambda: (order.append("second"), done.set()))  # type: ignore[func-returns-value]
    later.do(0.01, fail)
    later.do(0.02, lambda: order.append("first"))
    assert done.wait(5)
    assert order == ["first", "second"]


def test_the_addresses_are_those_of_the_settings() -> None:
    assert reverse("simulated-meta-file", args=["1"]).startswith(BASE)
    assert orjson.loads(orjson.dumps(simulated.envelope({})))["object"] == "whatsapp_business_account"
