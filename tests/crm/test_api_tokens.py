"""Tokens of other programs: issued by administrators or in the shell, shown once, revocable."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from crm.models import ApiToken, AuditEntry, IdempotencyKey, User
from tests.factories import NOBODYS_ID

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

AsUser = Callable[[User | None], APIClient]


def speaks(value: str) -> Any:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {value}").get("/api/users/me")


# --- The API ----------------------------------------------------------------------------------


def test_a_token_acts_as_its_user_with_the_same_word(admin: APIClient, bob: User) -> None:
    answer = admin.post("/api/api-tokens/", {"name": "Marcador", "user_id": str(bob.pk)})
    assert answer.status_code == 201, answer.content
    found = answer.json()
    assert found["name"] == "Marcador"
    assert found["user_email"] == "bob@puente.test"
    assert found["token"].startswith(found["hint"])
    assert answer["Cache-Control"] == "no-store"
    me = speaks(found["token"])
    assert me.status_code == 200
    assert me.json()["id"] == str(bob.pk)
    assert APIClient(HTTP_AUTHORIZATION=f"Bearer {found['token']}").get("/api/users").status_code == 403


def test_without_a_user_it_acts_as_who_issued_it(admin: APIClient, alice: User) -> None:
    value = admin.post("/api/api-tokens", {"name": "Panel", "user_id": ""}).json()["token"]
    assert speaks(value).json()["id"] == str(alice.pk)


def test_its_value_is_stored_nowhere_and_listed_never(admin: APIClient, alice: User) -> None:
    headers = {"Idempotency-Key": "una-vez"}
    value = admin.post("/api/api-tokens", {"name": "Panel"}, headers=headers).json()["token"]
    token = ApiToken.objects.get()
    assert value not in str(token.__dict__)
    assert value not in str(AuditEntry.objects.values())
    assert value not in str(bytes(IdempotencyKey.objects.get().answer or b""))
    again = admin.post("/api/api-tokens", {"name": "Panel"}, headers=headers)
    assert (again.status_code, again.json()["token"], again.json()["id"]) == (201, None, str(token.pk))
    assert ApiToken.objects.count() == 1
    listed = admin.get("/api/api-tokens").json()
    assert (listed["total"], listed["items"][0]["name"]) == (1, "Panel")
    assert value not in str(listed)
    assert "token" not in listed["items"][0]
    assert value not in str(admin.get(f"/api/api-tokens/{token.pk}").json())


def test_a_revoked_token_ends_at_once_and_stays_listed(admin: APIClient, bob: User) -> None:
    found = admin.post("/api/api-tokens", {"name": "Panel", "user_id": str(bob.pk)}).json()
    for _ in range(2):
        assert admin.delete(f"/api/api-tokens/{found['id']}").status_code == 204
    assert speaks(found["token"]).status_code == 401
    assert admin.get("/api/api-tokens").json()["items"][0]["revoked_at"] is not None
    actions = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(actions) == ["token.issued", "token.revoked"]


def test_a_token_ends_with_its_date(admin: APIClient, bob: User) -> None:
    ends = timezone.now() + timedelta(hours=1)
    value = admin.post("/api/api-tokens", {"name": "Panel", "expires_at": ends.isoformat()}).json()["token"]
    assert speaks(value).status_code == 200
    with time_machine.travel(ends + timedelta(seconds=1)):
        assert speaks(value).status_code == 401


def test_a_token_ends_with_its_user(alice: User, bob: User) -> None:
    _, value = ApiToken.issue(user=bob, name="Panel")
    bob.deactivate()
    assert speaks(value).status_code == 401


@pytest.mark.parametrize(
    ("sent", "status", "sentence"),
    [
        ({}, 400, "Nombre: Este campo es requerido."),
        ({"name": ""}, 400, "Nombre"),
        ({"name": "x" * 101}, 400, "Nombre"),
        ({"name": "Panel", "user_id": "nadie"}, 400, "El ID no es válido."),
        ({"name": "Panel", "user_id": str(uuid4())}, 404, "Usuario no encontrado."),
        ({"name": "Panel", "expires_at": "mañana"}, 400, "La fecha no es válida."),
        ({"name": "Panel", "expires_at": "2020-01-01"}, 400, "ya ha pasado"),
    ],
)
def test_wrong_input_is_refused(admin: APIClient, sent: Any, status: int, sentence: str) -> None:
    answer = admin.post("/api/api-tokens", sent)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("token_id", ["nadie", NOBODYS_ID])
def test_an_unknown_token_is_404(admin: APIClient, token_id: str) -> None:
    assert admin.get(f"/api/api-tokens/{token_id}").status_code == 404
    assert admin.delete(f"/api/api-tokens/{token_id}").json()["detail"] == "Token no encontrado."


def test_only_administrators_handle_tokens(as_user: AsUser, bob: User, laura: User) -> None:
    token, _ = ApiToken.issue(user=bob, name="Panel")
    for user in (bob, laura):
        client = as_user(user)
        assert client.get("/api/api-tokens").status_code == 403
        assert client.post("/api/api-tokens", {"name": "Panel"}).status_code == 403
        assert client.delete(f"/api/api-tokens/{token.pk}").status_code == 403
    assert APIClient().get("/api/api-tokens").status_code == 401


# --- Use --------------------------------------------------------------------------------------


def test_its_use_is_noted_at_most_once_a_minute(bob: User, django_assert_num_queries: Any) -> None:
    token, value = ApiToken.issue(user=bob, name="Panel")
    with time_machine.travel(timezone.now(), tick=False) as clock:
        with django_assert_num_queries(2):
            speaks(value)
        first = ApiToken.objects.get().last_used_at
        assert first is not None
        clock.shift(timedelta(seconds=59))
        with django_assert_num_queries(1):
            speaks(value)
        clock.shift(timedelta(seconds=2))
        speaks(value)
        assert ApiToken.objects.get(pk=token.pk).last_used_at == first + timedelta(seconds=61)


def test_a_given_value_works_even_when_it_looks_like_a_jwt(bob: User) -> None:
    for value in ("mock-jwt-token-12345", "a1b2.c3d4.e5f6"):
        ApiToken.issue(user=bob, name=value, value=value)
        assert speaks(value).json()["id"] == str(bob.pk)
    # Somebody's own JWT is still theirs.
    assert speaks(str(AccessToken.for_user(bob))).status_code == 200


def test_a_short_value_is_not_told_by_its_hint(bob: User) -> None:
    token, _ = ApiToken.issue(user=bob, name="Panel", value="12345678")
    assert token.hint == "12"


@pytest.mark.parametrize("value", ["corto", "con espacio dentro", "ñandúñandú", "x" * 501, "línea\nnueva"])
def test_a_value_that_no_header_carries_is_refused(bob: User, value: str) -> None:
    with pytest.raises(ValidationError, match="ASCII"):
        ApiToken.issue(user=bob, name="Panel", value=value)


# --- The command ------------------------------------------------------------------------------


def run(*words: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("create_api_token", *words, stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def test_the_command_prints_the_value_alone(bob: User) -> None:
    out, err = run("--user", "BOB@puente.test", "--name", "Marcador")
    assert out.count("\n") == 1
    assert speaks(out.strip()).json()["id"] == str(bob.pk)
    assert "Marcador" in err
    assert "bob@puente.test" in err
    assert out.strip() not in err


def test_the_command_registers_a_given_value_for_some_days(bob: User) -> None:
    out, err = run("--user", "bob@puente.test", "--name", "Panel", "--value", "mock-jwt-token-12345", "--expires", "90")
    assert out == "mock-jwt-token-12345\n"
    assert "hasta el" in err
    assert speaks("mock-jwt-token-12345").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert speaks("mock-jwt-token-12345").status_code == 401


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--user", "nadie@puente.test", "--name", "P"], "No existe ningún usuario «nadie@puente.test»."),
        (["--user", "gone@puente.test", "--name", "P"], "está desactivado"),
        (["--user", "bob@puente.test", "--name", "P", "--value", "corto"], "8 a 500 caracteres"),
        (["--user", "bob@puente.test", "--name", "P", "--value", "ya-registrado-antes"], "ya está registrado"),
        (["--user", "bob@puente.test", "--name", "P", "--expires", "0"], "de 1 a 36500"),
        (["--user", "bob@puente.test", "--name", "P", "--expires", "-3"], "de 1 a 36500"),
        (["--user", "bob@puente.test", "--name", " "], "vacío"),
        (["--user", "bob@puente.test", "--name", "x" * 101], "100"),
        (["--user", "bob@puente.test"], "--name"),
    ],
)
def test_the_command_fails_with_a_sentence_and_makes_nothing(bob: User, words: list[str], sentence: str) -> None:
    User.objects.create_user("gone@puente.test", "x", is_active=False)
    ApiToken.issue(user=bob, name="Antes", value="ya-registrado-antes")
    with pytest.raises(CommandError, match=sentence.replace(".", r"\.")) as failure:
        run(*words)
    assert failure.value.returncode == 1
    assert ApiToken.objects.count() == 1


def test_the_help_of_the_command_shows_how(capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("create_api_token", "--help")
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "Ejemplos:" in text
    assert "--value VALOR" in text
