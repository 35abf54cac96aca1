"""What holds for every address: slashes, origins, ids in the log, security headers, who the sender is."""

import json
import logging
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from rest_framework.test import APIClient

from config.addresses import client_address
from config.logs import JsonFormatter, RequestIdFilter, current_request_id
from crm.acting import current_origin
from crm.models import User

AsUser = Callable[[User | None], APIClient]
ORIGIN = "http://localhost:5173"

# --- Slashes ----------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("ending", ["", "/", "//", "/?", "/?skip=0"])
def test_a_final_slash_changes_nothing_and_redirects_nobody(as_user: AsUser, alice: User, ending: str) -> None:
    client = as_user(alice)
    for path in ("/api/users", "/api/crm/users", "/crm/users", "/api/v1/timezone", f"/api/users/{alice.pk}"):
        assert client.get(path + ending).status_code == 200, path + ending
    assert APIClient().post(f"/api/auth/logout{ending}", {}).status_code == 200
    assert client.put(f"/api/v1/timezone{ending}", {"timezone": "Europe/Madrid"}).status_code == 200
    assert client.delete(f"/api/v1/timezone{ending}").status_code == 200


@pytest.mark.django_db
def test_health_and_documents_take_a_slash_too() -> None:
    for path in ("/health", "/health/", "/api/schema", "/api/schema/", "/api/docs", "/api/docs/"):
        assert APIClient().get(path).status_code == 200


@pytest.mark.django_db
def test_people_who_type_the_bare_address_reach_the_staff_pages(client: Any) -> None:
    for path in ("/", "/admin"):
        answer = client.get(path)
        assert answer.status_code == 302
        assert answer["Location"] == "/admin/"


# --- Origins ----------------------------------------------------------------------------------


@pytest.fixture
def _one_origin(settings: Any) -> None:
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]


def preflight(path: str, *, origin: str = ORIGIN, method: str = "PUT") -> Any:
    return APIClient().options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )


@pytest.mark.usefixtures("_one_origin")
@pytest.mark.parametrize(
    "path", ["/api/crm/calls", "/api/crm/calls/", "/crm/contacts", "/api/users/", "/api/v1/timezone/", "/api/nada"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_preflight_is_answered_without_token_or_redirect(path: str, method: str) -> None:
    answer = preflight(path, method=method)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert method in answer["Access-Control-Allow-Methods"]
    allowed = answer["Access-Control-Allow-Headers"]
    assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.split(", "))
    assert int(answer["Access-Control-Max-Age"]) >= 600


@pytest.mark.usefixtures("_one_origin")
def test_another_origin_gets_no_leave() -> None:
    assert "Access-Control-Allow-Origin" not in preflight("/api/users", origin="https://malo.example")


@pytest.mark.django_db
@pytest.mark.usefixtures("_one_origin")
def test_a_browser_may_read_refusals_too_and_there_are_no_cookies(as_user: AsUser, oscar: User) -> None:
    for client, path, status in (
        (APIClient(), "/api/users/me", 401),
        (as_user(oscar), "/api/crm/users", 403),
        (APIClient(), "/api/nada", 404),
        (as_user(oscar), "/api/users/me", 200),
    ):
        answer = client.get(path, headers={"Origin": ORIGIN})
        assert answer.status_code == status
        assert answer["Access-Control-Allow-Origin"] == ORIGIN
        assert "Access-Control-Allow-Credentials" not in answer
        assert "x-total-count" in answer["Access-Control-Expose-Headers"]
        assert "retry-after" in answer["Access-Control-Expose-Headers"]
        assert not answer.cookies


# --- Ids and the log --------------------------------------------------------------------------


@pytest.mark.django_db
def test_each_answer_names_its_request_as_the_log_does(as_user: AsUser, bob: User, caplog: Any) -> None:
    seen: list[str] = []
    caplog.set_level(logging.INFO, logger="puente.request")
    caplog.handler.addFilter(RequestIdFilter())
    caplog.handler.addFilter(lambda record: seen.append(getattr(record, "request_id", "")) or True)
    first, second = (as_user(bob).get("/api/users/me")["X-Request-ID"] for _ in range(2))
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != second
    assert seen == [first, second]
    assert re.fullmatch(r"GET /api/users/me 200 \d+ ms", caplog.messages[0])


@pytest.mark.django_db
def test_a_sane_id_of_the_caller_is_kept_and_another_is_not() -> None:
    def answered(given: str) -> str:
        return str(APIClient().get("/health", headers={"X-Request-ID": given})["X-Request-ID"])

    assert answered("abc-123.def_456") == "abc-123.def_456"
    for odd in ("corto", "x" * 65, "con espacio dentro", 'a"b{c}d<e>f', "línea-ñandú-00"):
        assert answered(odd) != odd


@pytest.mark.django_db
def test_an_answer_that_something_is_wrong_is_a_warning_and_logged_once(
    as_user: AsUser, alice: User, caplog: Any
) -> None:
    assert as_user(alice).post(f"/api/users/{alice.pk}/impersonate").status_code == 501
    logged = [(record.name, record.levelname) for record in caplog.records if record.levelno >= logging.WARNING]
    assert logged == [("puente.request", "WARNING")]


@pytest.mark.django_db
def test_the_log_keeps_no_query_and_no_token(as_user: AsUser, bob: User, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    as_user(bob).get("/api/crm/users?search=999888777")
    text = "\n".join(caplog.messages)
    assert "/api/crm/users 200" in text
    assert "999888777" not in text
    assert "Bearer" not in text


def test_a_deployment_logs_one_json_object_a_line() -> None:
    try:
        raise ValueError("línea uno\nlínea dos")
    except ValueError:
        record = logging.LogRecord("puente.x", logging.ERROR, "f.py", 1, "Falló %s", ("algo",), sys.exc_info())
    record.fields = {"contact": object()}
    token = current_request_id.set("pedido-1")
    try:
        RequestIdFilter().filter(record)
    finally:
        current_request_id.reset(token)
    text = JsonFormatter().format(record)
    assert "\n" not in text
    line = json.loads(text)
    assert line["at"].endswith("+00:00")
    assert (line["level"], line["logger"], line["request_id"]) == ("ERROR", "puente.x", "pedido-1")
    assert line["message"] == "Falló algo"
    assert "ValueError" in line["exception"]
    assert "contact" in line


def test_json_in_a_deployment_text_at_home(settings: Any) -> None:
    kind = settings.LOGGING["handlers"]["console"]["formatter"]
    assert kind == ("line" if settings.DEMONSTRATION else "json")


# --- Who sends --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        (2, "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (3, "203.0.113.9", "203.0.113.9"),
        (1, "", "10.0.0.1"),
        (1, "desconocido", "10.0.0.1"),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_behind_proxies_only_what_they_wrote_is_believed(
    settings: Any, proxies: int, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == expected


def test_on_a_unix_socket_nobody_has_an_address() -> None:
    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) is None


@pytest.mark.django_db
def test_what_runs_inside_a_request_knows_who_acts_from_where(bob: User) -> None:
    from config.middleware import RememberActor

    found: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        origin = current_origin()
        found.extend([origin.user(), origin.ip_address, origin.user_agent])
        return HttpResponse()

    request = RequestFactory().get("/", headers={"User-Agent": "N" * 999})
    request.user = bob
    RememberActor(view)(request)
    assert found == [bob, "127.0.0.1", "N" * 300]
    assert current_origin().user() is None


# --- Headers that protect ---------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/users/me", "/health", "/admin/login/", "/api/docs", "/api/nada", "/nada"])
def test_every_answer_is_protected(client: Any, path: str) -> None:
    answer = client.get(path)
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline'" not in answer["Content-Security-Policy"]


@pytest.mark.django_db
def test_an_installation_asks_browsers_to_stay_with_tls(client: Any) -> None:
    assert "max-age=2592000" in client.get("/health", secure=True)["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in client.get("/health")


def policy(client: Any, path: str) -> dict[str, list[str]]:
    parts = [part.split() for part in client.get(path)["Content-Security-Policy"].split(";")]
    return {words[0]: words[1:] for words in parts}


@pytest.mark.django_db
def test_data_loads_nothing_documents_load_our_own_and_staff_pages_may_evaluate(client: Any) -> None:
    assert policy(client, "/api/users/me")["default-src"] == ["'none'"]
    assert policy(client, "/api/schema")["default-src"] == ["'none'"]
    assert policy(client, "/api/docs")["script-src"] == ["'self'"]
    assert policy(client, "/admin/login/")["script-src"] == ["'self'", "'unsafe-eval'"]


@pytest.mark.django_db
def test_no_page_has_a_script_inside_that_the_policy_would_stop(client: Any) -> None:
    for path in ("/api/docs", "/admin/login/"):
        page = client.get(path).content.decode()
        inline = [tag for tag in re.findall(r"<script[^>]*>", page) if "src=" not in tag and "json" not in tag]
        assert inline == [], path
        assert not re.search(r"\son[a-z]+=", page), path
