"""What everybody reads and changes of their own account (contracts/crm-client.md 1.3)."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User
from tests.crm.accounts import NEW_PASSWORD, USER_FIELDS

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


@pytest.mark.sqlite
@pytest.mark.parametrize("path", ["/api/users/me", "/api/users/me/", "/api/auth/me", "/api/v1/auth/me/"])
def test_everybody_reads_their_own_user_in_the_clients_shape(as_user: AsUser, bob: User, path: str) -> None:
    found = as_user(bob).get(path).json()
    assert found.keys() >= USER_FIELDS
    assert (found["id"], found["email"], found["role"]) == (str(bob.pk), "bob@puente.test", "agent")
    assert (found["full_name"], found["first_name"], found["last_name"]) == ("Bob Salas", "Bob", "Salas")
    # The words of the other client.
    assert (found["nombre"], found["apellido"], found["rol"], found["is_admin"]) == ("Bob", "Salas", "agent", False)
    assert found["cargo"] == "Agente"
    assert found["created_at"].endswith("Z")
    assert found["phone_number"] is None


def test_one_changes_ones_own_profile(as_user: AsUser, bob: User) -> None:
    sent = {"full_name": "Roberto Salas Díaz", "phone_number": "+51 999 888 777", "city": "Lima", "bio": ""}
    for path in (f"/api/users/{bob.pk}", "/api/users/me"):
        answer = as_user(bob).patch(path, sent)
        assert answer.status_code == 200, answer.content
        found = answer.json()
        assert (found["first_name"], found["last_name"]) == ("Roberto", "Salas Díaz")
        assert (found["phone_number"], found["city"], found["bio"]) == ("+51 999 888 777", "Lima", None)
    bob.refresh_from_db()
    assert "roberto" in bob.search_words.split()


def test_a_form_that_sends_the_whole_user_back_may(as_user: AsUser, bob: User) -> None:
    whole = as_user(bob).get("/api/users/me").json()
    answer = as_user(bob).patch(f"/api/users/{bob.pk}", {**whole, "city": "Cusco"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["city"] == "Cusco"


@pytest.mark.parametrize("sent", [{"role": "admin"}, {"email": "jefe@puente.test"}, {"is_verified": True}])
def test_one_does_not_raise_oneself(as_user: AsUser, bob: User, sent: dict[str, Any]) -> None:
    answer = as_user(bob).patch(f"/api/users/{bob.pk}", {**sent, "city": "Lima"})
    assert answer.status_code == 403
    bob.refresh_from_db()
    assert (bob.role, bob.email, bob.is_verified, bob.city) == ("agent", "bob@puente.test", False, None)


def test_nobody_becomes_superuser_through_the_api(as_user: AsUser, alice: User, bob: User) -> None:
    for client in (as_user(alice), as_user(bob)):
        assert client.patch(f"/api/users/{bob.pk}", {"is_superuser": True, "is_staff": True}).status_code == 200
    bob.refresh_from_db()
    assert not bob.is_superuser
    assert not bob.is_staff


def test_others_are_none_of_an_agents_business(as_user: AsUser, bob: User, charlie: User) -> None:
    client = as_user(bob)
    path = f"/api/users/{charlie.pk}"
    answers = [
        client.get(path),
        client.patch(path, {"city": "Lima"}),
        client.delete(path),
        client.patch(f"{path}/role", {"role": "admin"}),
        client.patch(f"{path}/status", {"is_active": False}),
        client.patch(f"{path}/password", {"password": NEW_PASSWORD}),
        client.post(f"{path}/reset-password"),
        client.post(f"{path}/impersonate"),
        client.post("/api/users", {"email": "x@puente.test", "full_name": "X", "password": NEW_PASSWORD}),
        client.get("/api/users"),
        client.get("/api/users/export"),
        client.get("/api/users/audit-logs"),
    ]
    assert [answer.status_code for answer in answers] == [403] * len(answers)
    assert all(isinstance(answer.json()["detail"], str) for answer in answers)
    charlie.refresh_from_db()
    assert (charlie.role, charlie.is_active, charlie.city) == ("agent", True, None)


def test_without_a_token_everything_is_401(bob: User) -> None:
    client = APIClient()
    for path in ("/api/users", "/api/users/me", f"/api/users/{bob.pk}", "/api/users/audit-logs", "/api/crm/users"):
        assert client.get(path).status_code == 401
