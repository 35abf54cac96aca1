"""Signing in, staying in and signing out, in every spelling that clients use."""

import base64
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt
from django.conf import settings as project_settings
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from config.api.signing_in import DEMONSTRATION_PASSWORD
from crm.models import User
from tests.factories import PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

LOGINS = ["/api/auth/login", "/api/auth/login/", "/api/v1/auth/login", "/api/v1/auth/login/"]
TOKENS = ["/api/token", "/api/token/"]


@pytest.fixture
def api() -> APIClient:
    return APIClient()


def sign_in(api: APIClient, email: str = "bob@puente.test", password: str = PASSWORD, **more: Any) -> Any:
    return api.post("/api/auth/login", {"email": email, "password": password, **more})


def claims(token: str) -> Any:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


# --- Login ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LOGINS)
def test_the_right_password_gives_a_pair_of_tokens_and_the_user(api: APIClient, bob: User, path: str) -> None:
    answer = api.post(path, {"email": "bob@puente.test", "password": PASSWORD, "remember": True})
    assert answer.status_code == 200
    found = answer.json()
    assert found.keys() == {
        "access_token", "refresh_token", "token_type", "expires_in", "refresh_expires_in", "user"
    }  # fmt: skip
    assert found["token_type"] == "bearer"
    assert found["expires_in"] == 3600
    assert found["refresh_expires_in"] == 30 * 24 * 3600
    assert found["user"]["id"] == str(bob.pk)
    assert found["user"]["email"] == "bob@puente.test"
    assert found["user"]["role"] == "agent"


def test_the_access_token_is_a_jwt_that_the_client_can_read_and_use(api: APIClient, bob: User) -> None:
    token = sign_in(api).json()["access_token"]
    # The client decodes it before each request and refreshes when it ends within two minutes.
    assert claims(token)["exp"] > time.time() + 10 * 60
    assert claims(token)["sub"] == str(bob.pk)
    assert claims(token)["username"] == "bob@puente.test"
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert api.get("/api/users/me").json()["id"] == str(bob.pk)


@pytest.mark.parametrize("field", ["email", "username"])
@pytest.mark.parametrize("name", ["bob@puente.test", "BOB@Puente.test ", "bob.salas", "Bob.Salas"])
def test_either_field_takes_the_email_or_the_user_name_in_any_case(
    api: APIClient, bob: User, field: str, name: str
) -> None:
    bob.edit(username="bob.salas")
    answer = api.post("/api/auth/login", {field: name, "password": PASSWORD})
    assert answer.status_code == 200, answer.content


@pytest.mark.parametrize("path", TOKENS)
def test_other_clients_get_the_same_pair_under_other_names(api: APIClient, bob: User, path: str) -> None:
    answer = api.post(path, {"username": "bob@puente.test", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access", "refresh"}
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    assert api.get("/api/auth/me").status_code == 200


def test_signing_in_is_remembered_as_the_last_access(api: APIClient, bob: User) -> None:
    assert bob.last_login is None
    assert sign_in(api).json()["user"]["last_login"].endswith("Z")
    bob.refresh_from_db()
    assert bob.last_login is not None


@pytest.mark.parametrize("path", [*LOGINS, *TOKENS])
@pytest.mark.parametrize("name", ["bob@puente.test", "nadie@puente.test", "nadie"])
def test_a_wrong_password_is_401_in_spanish_whether_or_not_the_user_exists(
    api: APIClient, bob: User, path: str, name: str
) -> None:
    answer = api.post(path, {"email": name, "password": "otra-clave-larga"})
    assert answer.status_code == 401
    assert answer.json()["detail"] == "Correo o contraseña incorrectos."
    assert answer.json()["message"] == answer.json()["detail"]


def test_an_inactive_user_is_401_and_hears_why_only_with_the_right_password(api: APIClient, bob: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False, username="bob.salas")
    for name in ("bob@puente.test", "bob.salas"):
        assert "desactivado" in sign_in(api, name).json()["detail"]
    wrong = sign_in(api, password="otra-clave-larga")
    assert wrong.status_code == 401
    assert wrong.json()["detail"] == "Correo o contraseña incorrectos."


def test_somebody_without_access_to_the_crm_may_sign_in_and_see_only_himself(api: APIClient, oscar: User) -> None:
    token = sign_in(api, "oscar@puente.test").json()["access_token"]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert api.get("/api/users/me").status_code == 200
    assert api.get("/api/crm/users").status_code == 403


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({}, "Contraseña"),
        ({"password": PASSWORD}, "correo"),
        ({"email": "", "username": "", "password": PASSWORD}, "correo"),
        ({"email": "bob@puente.test"}, "Contraseña"),
        ({"email": "bob@puente.test", "password": ""}, "Contraseña"),
        ({"email": ["bob@puente.test"], "password": PASSWORD}, "Correo"),
        ({"email": {"a": 1}, "password": PASSWORD}, "Correo"),
        ({"email": "bob@puente.test", "password": None}, "Contraseña"),
        ({"email": "bob@puente.test", "password": 12.5, "x": "y" * 10}, None),
        ({"email": "b" * 300, "password": PASSWORD}, "Correo"),
        ({"email": "bob\0@puente.test", "password": PASSWORD}, "Correo"),
        ({"email": "bob@puente.test", "password": "a" * 10_000}, "Contraseña"),
    ],
)
def test_an_empty_or_odd_body_is_refused_in_spanish(api: APIClient, bob: User, body: Any, names: str | None) -> None:
    answer = api.post("/api/auth/login", body)
    assert answer.status_code == (401 if names is None else 400)
    if names:
        assert names in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"[]", b'"texto"', b"null", b"5"])
def test_a_body_that_is_no_object_is_refused(api: APIClient, bob: User, body: bytes) -> None:
    answer = api.post("/api/auth/login", body, content_type="application/json")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


# --- Lock-out ---------------------------------------------------------------------------------


def fail(api: APIClient, times: int, *, name: str = "bob@puente.test", path: str = "/api/auth/login") -> Any:
    for _ in range(times):
        answer = api.post(path, {"email": name, "password": "no-es-la-clave"})
    return answer


def test_five_failures_lock_the_account_for_this_address_even_with_the_right_password(
    api: APIClient, bob: User
) -> None:
    assert fail(api, 4).status_code == 401
    locked = fail(api, 1)
    assert locked.status_code == 429
    assert 0 < int(locked["Retry-After"]) <= 15 * 60
    assert locked.json()["detail"] == "Demasiados intentos fallidos. Espere 15 minutos e inténtelo de nuevo."
    assert sign_in(api).status_code == 429
    assert api.post("/api/token", {"username": "bob@puente.test", "password": PASSWORD}).status_code == 429


def test_the_lock_ends_when_it_said_it_would_however_often_one_asks_meanwhile(api: APIClient, bob: User) -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        fail(api, 5)
        clock.shift(timedelta(minutes=10))
        waiting = sign_in(api)
        assert waiting.status_code == 429
        assert int(waiting["Retry-After"]) == 5 * 60
        clock.shift(timedelta(minutes=5, seconds=1))
        assert sign_in(api).status_code == 200


def test_every_spelling_of_one_account_counts_together(api: APIClient, bob: User) -> None:
    bob.edit(username="bob.salas")
    names = ["bob@puente.test", "BOB@puente.test", "bob.salas", "Bob.Salas", " bob@puente.test "]
    answers = [fail(api, 1, name=name).status_code for name in names]
    assert answers == [401, 401, 401, 401, 429]


def test_others_and_other_addresses_are_not_locked(api: APIClient, bob: User, charlie: User) -> None:
    fail(api, 5)
    assert sign_in(api, "charlie@puente.test").status_code == 200
    elsewhere = APIClient(REMOTE_ADDR="203.0.113.9")
    assert sign_in(elsewhere).status_code == 200


def test_success_forgets_the_failures_before_it(api: APIClient, bob: User) -> None:
    fail(api, 4)
    assert sign_in(api).status_code == 200
    assert not AccessAttempt.objects.exists()
    assert fail(api, 4).status_code == 401


def test_the_staff_pages_share_the_lock_and_say_so_on_a_page(api: APIClient, alice: User) -> None:
    login = reverse("admin:login")
    for _ in range(5):
        page = api.post(login, {"username": "alice@puente.test", "password": "no"}, format="multipart")
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 0
    assert "Demasiados intentos fallidos" in page.content.decode()
    assert page["Content-Type"].startswith("text/html")
    assert sign_in(api, "alice@puente.test").status_code == 429


def test_one_address_that_tries_many_names_is_slowed_down(api: APIClient, bob: User, settings: Any) -> None:
    rates = {**settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"], "login": "6/min"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    with time_machine.travel(timezone.now(), tick=False):
        answers = [
            fail(api, 1, name=f"nadie{number}@puente.test", path=("/api/auth/login", "/api/token")[number % 2])
            for number in range(7)
        ]
        # Who is in already is not kept from going on, or from leaving.
        assert api.post("/api/auth/refresh", {"refresh_token": str(RefreshToken.for_user(bob))}).status_code == 200
        assert api.post("/api/auth/logout", {}).status_code == 200
    assert [answer.status_code for answer in answers] == [401] * 6 + [429]
    assert 0 < int(answers[-1]["Retry-After"]) <= 60


# --- The demonstration ------------------------------------------------------------------------


def test_demonstration_passwords_open_nothing_outside_the_demonstration(api: APIClient, settings: Any) -> None:
    UserFactory(email="admin@puente.test", admin=True, password=DEMONSTRATION_PASSWORD)
    settings.DEMONSTRATION = False
    assert sign_in(api, "admin@puente.test", DEMONSTRATION_PASSWORD).status_code == 401
    page = api.post(
        reverse("admin:login"),
        {"username": "admin@puente.test", "password": DEMONSTRATION_PASSWORD},
        format="multipart",
    )
    assert page.status_code == 200  # the form again
    settings.DEMONSTRATION = True
    assert sign_in(api, "admin@puente.test", DEMONSTRATION_PASSWORD).status_code == 200


def test_the_refused_password_is_that_of_the_demonstration() -> None:
    from config.demo import PASSWORD as used_by_the_demonstration

    assert used_by_the_demonstration == DEMONSTRATION_PASSWORD


# --- Refresh ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/auth/refresh", "/api/auth/refresh/", "/api/v1/auth/refresh"])
def test_a_refresh_token_gives_a_new_access_token_as_often_as_asked(api: APIClient, bob: User, path: str) -> None:
    refresh = str(RefreshToken.for_user(bob))
    for _ in range(2):  # two tabs at the same moment
        answer = api.post(path, {"refresh_token": refresh})
        assert answer.status_code == 200
        assert answer.json().keys() == {
            "access_token", "refresh_token", "token_type", "expires_in", "refresh_expires_in"
        }  # fmt: skip
        assert answer.json()["refresh_token"] == refresh
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access_token']}")
        assert api.get("/api/users/me").status_code == 200


def test_other_clients_refresh_under_other_names(api: APIClient, bob: User) -> None:
    answer = api.post("/api/token/refresh/", {"refresh": str(RefreshToken.for_user(bob))})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access", "refresh"}


def test_what_is_left_of_a_refresh_token_is_told(api: APIClient, bob: User) -> None:
    refresh = str(RefreshToken.for_user(bob))
    with time_machine.travel(timezone.now() + timedelta(days=10)):
        left = api.post("/api/auth/refresh", {"refresh_token": refresh}).json()["refresh_expires_in"]
    assert abs(left - 20 * 24 * 3600) < 60


def bad_refresh_tokens(user: User) -> dict[str, Callable[[], str]]:
    def expired() -> str:
        token = RefreshToken.for_user(user)
        token.set_exp(lifetime=-timedelta(seconds=1))
        return str(token)

    def of_another_key() -> str:
        head, payload, _ = str(RefreshToken.for_user(user)).split(".")
        return f"{head}.{payload}.{'A' * 43}"

    def of_an_inactive_user() -> str:
        token = str(RefreshToken.for_user(user))
        User.objects.filter(pk=user.pk).update(is_active=False)
        return token

    def of_a_deleted_user() -> str:
        gone = UserFactory()
        token = str(RefreshToken.for_user(gone))
        gone.delete()
        return token

    def revoked() -> str:
        token = RefreshToken.for_user(user)
        token.blacklist()
        return str(token)

    def before_the_new_password() -> str:
        token = str(RefreshToken.for_user(user))
        user.change_password("otra-clave-muy-larga-8")
        return token

    return {
        "no token at all": lambda: "abc",
        "an access token": lambda: str(AccessToken.for_user(user)),
        "expired": expired,
        "of another key": of_another_key,
        "of an inactive user": of_an_inactive_user,
        "of a deleted user": of_a_deleted_user,
        "revoked": revoked,
        "before the new password": before_the_new_password,
    }


@pytest.mark.parametrize("kind", [
    "no token at all", "an access token", "expired", "of another key", "of an inactive user", "of a deleted user",
    "revoked", "before the new password",
])  # fmt: skip
def test_a_bad_refresh_token_is_401_with_the_word_that_clients_look_for(api: APIClient, bob: User, kind: str) -> None:
    value = bad_refresh_tokens(bob)[kind]()
    for path, field in (("/api/auth/refresh", "refresh_token"), ("/api/token/refresh", "refresh")):
        answer = api.post(path, {field: value})
        assert answer.status_code == 401
        assert "token" in answer.json()["detail"]


@pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": None}, {"refresh_token": [1]}])
def test_a_missing_refresh_token_is_400_and_named(api: APIClient, db: None, body: Any) -> None:
    answer = api.post("/api/auth/refresh", body)
    assert answer.status_code == 400
    assert "token" in answer.json()["detail"].lower()


# --- Logout -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/auth/logout", "/api/v1/auth/logout/"])
def test_signing_out_ends_the_refresh_token(api: APIClient, bob: User, path: str) -> None:
    refresh = str(RefreshToken.for_user(bob))
    for _ in range(2):
        answer = api.post(path, {"refresh_token": refresh})
        assert answer.status_code == 200
        assert answer.json() == {"message": "Sesión cerrada."}
    assert BlacklistedToken.objects.count() == 1
    assert api.post("/api/auth/refresh", {"refresh_token": refresh}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"refresh_token": "abc"}, {"refresh_token": 5}, []])
def test_signing_out_of_nothing_is_no_error(api: APIClient, db: None, body: Any) -> None:
    assert api.post("/api/auth/logout", body).status_code == 200
    assert not BlacklistedToken.objects.exists()


# --- Access tokens ----------------------------------------------------------------------------


def get_me(header: str) -> Any:
    return APIClient(HTTP_AUTHORIZATION=header).get("/api/users/me")


def test_without_a_token_one_is_told_to_sign_in() -> None:
    answer = APIClient().get("/api/users/me")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["detail"] == "Inicie sesión para continuar."


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YWxpY2U6cHc=", "Token abc", "bearerabc", ""])
def test_a_header_that_names_no_bearer_is_no_token(db: None, header: str) -> None:
    answer = get_me(header)
    assert answer.status_code == 401
    assert answer.json()["code"] == "sin_credenciales"


@pytest.mark.parametrize("value", ["abc", "a.b.c", "ñandú", "a" * 5000, "eyJhbGciOiJub25lIn0.e30.", "a b"])
def test_a_token_of_nobody_is_refused(db: None, value: str) -> None:
    answer = get_me(f"Bearer {value}")
    assert answer.status_code == 401
    assert answer.json()["detail"] == "El token no es válido o ha expirado."


def test_the_word_bearer_is_read_in_any_case(bob: User) -> None:
    assert get_me(f"bEaReR   {AccessToken.for_user(bob)}").status_code == 200


def test_an_expired_access_token_is_refused(bob: User) -> None:
    token = AccessToken.for_user(bob)
    with time_machine.travel(timezone.now() + project_settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]):
        assert get_me(f"Bearer {token}").status_code == 401


def test_a_refresh_token_opens_no_endpoint(bob: User) -> None:
    assert get_me(f"Bearer {RefreshToken.for_user(bob)}").status_code == 401


def test_a_new_password_ends_every_session(bob: User) -> None:
    token = AccessToken.for_user(bob)
    assert get_me(f"Bearer {token}").status_code == 200
    bob.change_password("otra-clave-muy-larga-8")
    assert get_me(f"Bearer {token}").status_code == 401


def test_a_deactivated_user_is_out_at_once(bob: User, alice: User) -> None:
    token = AccessToken.for_user(bob)
    bob.deactivate()
    assert get_me(f"Bearer {token}").status_code == 401


def test_knowing_who_asks_costs_one_query(bob: User, as_user: Any, django_assert_num_queries: Any) -> None:
    client = as_user(bob)
    with django_assert_num_queries(1):
        assert client.get("/api/users/me").status_code == 200
