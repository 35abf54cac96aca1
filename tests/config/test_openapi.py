"""The description of the API: complete, valid, readable, served from here alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient

pytestmark = [pytest.mark.django_db]

# Answer other programs than people's: their own views say what they take.
LEFT_OUT = {"/api/schema", "/api/docs", "/api/v1/whatsapp/webhook"}  # Meta's door has Meta's description
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema() -> Any:
    from config.api.documents import description

    return description()


def operations(schema: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield path, method, operation


def test_the_command_has_nothing_to_complain_about(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    assert "/api/crm/calls" in (tmp_path / "schema.yml").read_text()


@pytest.mark.parametrize("path", ["/api/schema", "/api/schema/"])
def test_programs_read_it_as_json_and_people_as_yaml(path: str) -> None:
    answer = APIClient().get(path)
    assert answer["Content-Type"] == "application/json"
    validate_schema(answer.json())
    answer = APIClient().get(path, headers={"Accept": "application/vnd.oai.openapi"})
    assert yaml.safe_load(answer.content)["info"]["title"] == "Puente CRM"


def routes(patterns: Any, prefix: str = "/") -> Iterator[str]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def test_every_endpoint_is_in_it(schema: Any) -> None:
    served = {path for path in routes(get_resolver().url_patterns) if path.startswith("/api/")}
    assert served - schema["paths"].keys() == LEFT_OUT
    assert schema["paths"].keys() - served == set()


def test_the_second_prefix_is_left_out_and_answers_all_the_same(schema: Any) -> None:
    assert not [path for path in schema["paths"] if path.startswith("/crm")]
    served = set(routes(get_resolver().url_patterns))
    crm = {path.removeprefix("/api") for path in schema["paths"] if path.startswith("/api/crm/")}
    assert crm
    assert crm <= served


def test_every_operation_tells_its_errors_and_their_body(schema: Any) -> None:
    for path, method, operation in operations(schema):
        expected = {"400", "401", "429"}
        if operation.get("security"):
            expected |= {"403"}
        if "{" in path:
            expected |= {"404"}
        if method != "get":
            expected |= {"409"}
        if "requestBody" in operation:
            expected |= {"413", "415"}
        assert expected <= operation["responses"].keys(), (path, method)
    error = schema["components"]["schemas"]["Error"]
    assert set(error["required"]) == {"detail", "message", "code"}
    for response in schema["components"]["responses"].values():
        assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}


def test_every_operation_but_signing_in_asks_for_a_bearer(schema: Any) -> None:
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    open_to_all = {path for path, _, operation in operations(schema) if not operation.get("security")}
    assert {re.sub(r"^/api(/v1)?", "", path) for path in open_to_all} == {
        "/auth/login",
        "/auth/refresh",
        "/auth/logout",
        "/token",
        "/token/refresh",
    }


def test_every_post_takes_an_idempotency_key(schema: Any) -> None:
    for path, method, operation in operations(schema):
        named = {"$ref": "#/components/parameters/IdempotencyKey"} in operation.get("parameters", [])
        assert named == (method == "post" and bool(operation.get("security"))), (path, method)


def test_every_operation_has_a_name_of_its_own_a_chapter_and_a_sentence(schema: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(schema)]
    assert len(ids) == len(set(ids))
    chapters = {tag["name"] for tag in schema["tags"]}
    for path, method, operation in operations(schema):
        assert operation["summary"], (path, method)
        assert set(operation["tags"]) <= chapters, (path, method)


def test_every_write_that_takes_a_body_describes_it(schema: Any) -> None:
    """A described body is more than "an object": it names fields."""
    for path, method, operation in operations(schema):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            found = content["schema"]
            name = found.get("$ref", "").rpartition("/")[2]
            assert found.get("properties") or schema["components"]["schemas"].get(name, {}).get("properties"), (
                path,
                method,
            )


def test_the_page_loads_everything_from_here(client: Any) -> None:
    page = client.get("/api/docs/").content.decode()
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    for source in sources:
        assert source.startswith("/"), source
        answer = client.get(source.replace("&amp;", "&"))
        assert answer.status_code == 200, source
    script = client.get("/api/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert "/api/schema" in script.content.decode()
