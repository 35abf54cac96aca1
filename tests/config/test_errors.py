"""One error shape from one handler; bad input is never a 500 and nothing is half stored (contract section 1)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError, connection
from django.http import Http404
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.test import APIClient

from config.api import errors
from crm.exceptions import Conflict, Refusal
from crm.models import AuditEntry, User
from tests.factories import UserFactory

AsUser = Callable[[User | None], APIClient]
NEW_USER = {"email": "nueva@puente.test", "full_name": "Nora Vila", "password": "otra-clave-muy-larga-8"}


@pytest.fixture
def admin(as_user: AsUser, alice: User) -> APIClient:
    return as_user(alice)


def send(client: APIClient, body: bytes, path: str = "/api/users", content_type: str = "application/json") -> Any:
    return client.post(path, body, content_type=content_type)


def is_one_shape(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    found = answer.json()
    assert found.keys() - {"errors"} == {"detail", "message", "code"}
    assert isinstance(found["detail"], str)
    assert found["detail"]
    assert found["message"] == found["detail"]
    assert found["code"].replace("_", "").isalpha()


# --- Bodies -----------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'a': 1}",
        b"nada",
        b'{"email": NaN}',
        b'{"price": Infinity}',
        b'{"price": 1e999}',
        b'{"email": "\xff\xfe"}',
        b'{"email": "\\ud800"}',
        b"\x00\x01\x02",
        b"[" * 100_000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b"[" * 70 + b"]" * 70,
        '{"email": "a"}'.encode("utf-16"),
    ],
)
def test_a_body_that_is_not_our_json_is_400(admin: APIClient, body: bytes) -> None:
    answer = send(admin, body)
    is_one_shape(answer, 400)
    assert "JSON" in answer.json()["detail"] or "niveles" in answer.json()["detail"]


@pytest.mark.sqlite
@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"[1, 2]",
        b'"texto"',
        b"5",
        b"null",
        b"true",
        b"{}",
        b"",
        b"   ",
        b'{"email": [], "full_name": {}, "password": 5, "role": [1], "is_active": "x", "daily_lead_quota": "x"}',
        b'{"email": "a@b.co", "password": "otra-clave-muy-larga-8", "daily_lead_quota": 99999999999999999999999}',
        b'{"email": "a@b.co", "password": "otra-clave-muy-larga-8", "daily_lead_quota": 9007199254740993}',
        b'{"email": "a@b.co", "password": "otra-clave-muy-larga-8", "full_name": "a\\u0000b"}',
        b'{"email": "a\\u0000@b.co", "password": "otra-clave-muy-larga-8"}',
    ],
)
def test_json_of_the_wrong_kind_is_400_and_stores_nothing(admin: APIClient, body: bytes) -> None:
    is_one_shape(send(admin, body), 400)
    assert User.objects.count() == 1
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db
def test_reasonable_nesting_is_no_error(admin: APIClient) -> None:
    body = b'{"email": "a@b.co", "password": "otra-clave-muy-larga-8", "x": ' + b"[" * 60 + b"]" * 60 + b"}"
    assert send(admin, body).status_code == 201
    wide = b'{"email": "c@b.co", "password": "otra-clave-muy-larga-8", "x": [' + b"[]," * 5000 + b"[]]}"
    assert send(admin, wide).status_code == 201


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"],
)
def test_another_content_type_is_415(admin: APIClient, content_type: str) -> None:
    is_one_shape(send(admin, b"a=b", content_type=content_type), 415)


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_body_over_the_limit_is_413_with_and_without_a_key(admin: APIClient, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = b'{"email": "' + b"a" * 2000 + b'"}'
    is_one_shape(send(admin, body), 413)
    is_one_shape(admin.post("/api/users", body, content_type="application/json", headers={"Idempotency-Key": "k"}), 413)


@pytest.mark.django_db
def test_the_charset_and_parameters_of_json_do_not_matter(admin: APIClient) -> None:
    body = '{"email": "ñandú@puente.test", "full_name": "Ñ", "password": "otra-clave-muy-larga-8"}'.encode()
    is_one_shape(send(admin, body, content_type="application/json; charset=utf-8"), 400)  # no such e-mail
    body = body.replace("ñandú".encode(), b"nandu")
    assert send(admin, body, content_type="application/json; charset=utf-8").status_code == 201


# --- Addresses and methods --------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/nada", "/crm/nada", "/api/users/x/y/z", "/api", "/api/%00", "/health/nada"])
def test_an_unknown_address_is_404(admin: APIClient, path: str) -> None:
    is_one_shape(admin.get(path), 404)


@pytest.mark.django_db
def test_a_wrong_method_is_405_and_names_the_right_ones(admin: APIClient) -> None:
    answer = admin.put("/api/users", {})
    is_one_shape(answer, 405)
    assert set(answer["Allow"].split(", ")) >= {"GET", "POST"}
    assert answer.json()["detail"] == "Este método no se admite en esta dirección."


@pytest.mark.django_db
def test_whatever_is_accepted_the_answer_is_json(admin: APIClient) -> None:
    for accept in ("text/html", "application/xml", "image/png", "*/*", "sin sentido", "application/json; version=2"):
        answer = admin.get("/api/users/me", headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/json"


@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_400() -> None:
    is_one_shape(APIClient(HTTP_HOST="otro.example").get("/api/users/me"), 400)


@pytest.mark.django_db
def test_the_staff_pages_get_a_page_instead_of_json(client: Any) -> None:
    answer = client.get("/admin/nada/de/nada/")
    assert answer.status_code in (302, 404)
    page = errors.page_not_found(RequestFactory().get("/admin/nada"))
    assert page["Content-Type"].startswith("text/html")
    assert "No encontrado." in page.content.decode()
    assert 'lang="es"' in page.content.decode()


# --- Who --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_401_is_who_are_you_and_403_is_you_may_not(as_user: AsUser, oscar: User) -> None:
    answer = APIClient().get("/api/crm/users")
    is_one_shape(answer, 401)
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    answer = as_user(oscar).get("/api/crm/users")
    is_one_shape(answer, 403)
    assert answer.json()["detail"] == "Su usuario no tiene acceso al CRM."


@pytest.mark.django_db
def test_too_often_is_429_with_the_seconds_to_wait(admin: APIClient, settings: Any) -> None:
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "caller": "3/min"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    answers = [admin.get("/api/users/me") for _ in range(4)]
    if answers[-1].status_code == 200:  # a new minute began in between
        answers = [admin.get("/api/users/me") for _ in range(4)]
    is_one_shape(answers[-1], 429)
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60


# --- Validation -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_validation_has_every_field_and_one_readable_sentence(admin: APIClient) -> None:
    answer = admin.post("/api/users", {"email": "sin arroba", "role": "jefe"})
    is_one_shape(answer, 400)
    assert answer.json()["errors"] == {
        "email": ["El email no es válido."],
        "role": ["No es un valor permitido. Use uno de estos: admin, lawyer, agent, user."],
        "password": ["Este campo es requerido."],
    }
    assert answer.json()["detail"] == "Correo: El email no es válido."
    assert answer.json()["code"] == "datos_invalidos"


def described(error: Exception) -> tuple[int, dict[str, Any]]:
    found = errors.answer_error(error, {})
    assert found is not None
    return found.status_code, found.data


def test_nested_and_repeated_errors_are_flat() -> None:
    error = exceptions.ValidationError(
        {
            "contact": {"email": ["El email no es válido."]},
            "items": [{}, {"n": ["Mal."]}],
            "ids": {3: ["El ID no es válido."]},
        }
    )
    status, body = described(error)
    assert status == 400
    assert body["errors"] == {
        "contact.email": ["El email no es válido."],
        "items.1.n": ["Mal."],
        "ids.3": ["El ID no es válido."],
    }
    assert body["detail"] == "Correo: El email no es válido."


def test_a_sentence_that_names_its_field_stays_as_it_is() -> None:
    _, body = described(exceptions.ValidationError({"email": ["Ya existe un usuario con este correo."]}))
    assert body["detail"] == "Ya existe un usuario con este correo."
    _, body = described(exceptions.ValidationError("La venta ya está cerrada."))
    assert body["detail"] == "La venta ya está cerrada."
    assert body["errors"] == {"errores": ["La venta ya está cerrada."]}


def test_validation_of_models_is_the_same_shape() -> None:
    _, body = described(DjangoValidationError({"name": ["Este campo no puede estar vacío."]}))
    assert body["detail"] == "Nombre: Este campo no puede estar vacío."
    _, body = described(DjangoValidationError({"__all__": ["Falta algo."]}))
    assert body["errors"] == {"errores": ["Falta algo."]}
    _, body = described(DjangoValidationError(["Uno.", "Dos."]))
    assert body["errors"] == {"errores": ["Uno.", "Dos."]}
    assert body["detail"] == "Uno."


def test_an_empty_validation_still_says_something() -> None:
    assert described(exceptions.ValidationError({}))[1]["detail"] == "Datos inválidos."
    assert described(exceptions.ValidationError([]))[1]["detail"] == "Datos inválidos."


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("entity_type", "Tipo de registro"),
        ("email", "Correo"),
        ("contact.email", "Correo"),
        ("opportunity_ids.3", "Oportunidades"),
        ("proxima_llamada_fecha", "Próxima llamada"),
        ("responsible_user_id", "Responsable"),
        ("assigned_to_id", "Asignada a"),
        ("algo_sin_nombre", "Algo_sin_nombre"),
        ("0", "0"),
    ],
)
def test_fields_are_called_as_people_call_them(path: str, label: str) -> None:
    assert errors.field_label(path) == label


# --- Refusals of verbs and of the database ----------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status", "sentence", "code"),
    [
        (Conflict("Ya está llamando."), 409, "Ya está llamando.", "conflicto"),
        (Refusal("Uno.", code="otro", status=418), 418, "Uno.", "otro"),
        (Http404(), 404, "No encontrado.", "no_encontrado"),
        (exceptions.NotFound(), 404, "No encontrado.", "no_encontrado"),
        (exceptions.NotFound("Llamada no encontrada"), 404, "Llamada no encontrada", "no_encontrado"),
        (exceptions.PermissionDenied("Eso no."), 403, "Eso no.", "sin_permiso"),
        (exceptions.AuthenticationFailed("Mal."), 401, "Mal.", "credenciales_invalidas"),
        (exceptions.Throttled(wait=0.2), 429, "Demasiadas peticiones. Espere 1 s e inténtelo de nuevo.",
         "demasiadas_peticiones"),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), 400,
         "Un valor está fuera de lo que se puede guardar.", "valor_invalido"),
    ],
)  # fmt: skip
def test_what_we_know_how_to_say(error: Exception, status: int, sentence: str, code: str) -> None:
    assert described(error) == (status, {"detail": sentence, "message": sentence, "code": code})


def test_what_nobody_foresaw_is_left_to_the_500() -> None:
    assert errors.answer_error(RuntimeError("?"), {}) is None


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_a_value_that_somebody_else_took_meanwhile_is_409(as_user: AsUser, monkeypatch: Any) -> None:
    admin = as_user(UserFactory(admin=True))
    monkeypatch.setattr(User, "full_clean", lambda self, *args, **kwargs: None)
    assert admin.post("/api/users", NEW_USER).status_code == 201
    answer = admin.post("/api/users", NEW_USER)
    is_one_shape(answer, 409)
    assert answer.json()["detail"] == "Ya existe un usuario con este correo."
    assert AuditEntry.objects.count() == 1


@pytest.mark.sqlite
@pytest.mark.django_db
def test_a_broken_rule_of_the_database_is_400(bob: User) -> None:
    from django.db import transaction

    with pytest.raises(IntegrityError) as check, transaction.atomic():
        User.objects.filter(pk=bob.pk).update(role="jefe")
    assert described(check.value)[0] == 400
    with pytest.raises(IntegrityError) as missing, transaction.atomic():
        User.objects.filter(pk=bob.pk).update(first_name=None)
    assert described(missing.value)[0] == 400


@pytest.mark.django_db
def test_a_value_too_long_for_its_column_is_400(bob: User) -> None:
    from django.db import DataError, transaction

    with pytest.raises(DataError) as refused, transaction.atomic():
        User.objects.filter(pk=bob.pk).update(phone_number="9" * 99)
    assert described(refused.value)[0] == 400


# --- The database is away ---------------------------------------------------------------------


@contextmanager
def database_away() -> Iterator[None]:
    """The connection is gone and its server does not answer any more."""
    connection.close()
    there = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = 1
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["PORT"] = there


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_503_and_comes_back(as_user: AsUser) -> None:
    client = as_user(UserFactory(admin=True))
    client.raise_request_exception = False
    with database_away():
        for answer in (
            client.get("/api/users/me"),
            client.post("/api/users", NEW_USER),
            client.post("/api/users", NEW_USER, headers={"Idempotency-Key": "clave-503"}),
            client.post("/api/auth/login", {"email": "a@puente.test", "password": "x"}),
            client.get("/health"),
        ):
            assert answer.status_code == 503, answer.content
        answer = client.get("/api/users/me")
        is_one_shape(answer, 503)
        assert int(answer["Retry-After"]) >= 1
    assert client.get("/api/users/me").status_code == 200


@pytest.mark.django_db
def test_an_error_of_ours_is_500_in_the_same_shape(as_user: AsUser, bob: User, monkeypatch: Any) -> None:
    client = as_user(bob)
    client.raise_request_exception = False
    monkeypatch.setattr("crm.api.views.users.UserAnswer", None)
    answer = client.get("/api/users/me")
    is_one_shape(answer, 500)
    assert "NoneType" not in answer.content.decode()
