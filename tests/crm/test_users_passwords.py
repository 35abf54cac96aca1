"""Passwords: set, changed by oneself, made anew."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User
from tests.crm.accounts import NEW_PASSWORD, audited
from tests.factories import PASSWORD

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


def test_an_administrator_sets_a_password_and_the_old_sessions_end(
    admin: APIClient, as_user: AsUser, bob: User
) -> None:
    session = as_user(bob)
    answer = admin.patch(f"/api/users/{bob.pk}/password", {"password": NEW_PASSWORD})
    assert answer.status_code == 200
    assert "message" in answer.json()
    assert session.get("/api/users/me").status_code == 401
    bob.refresh_from_db()
    assert bob.check_password(NEW_PASSWORD)
    assert NEW_PASSWORD not in str(audited("user.password_changed").details)


@pytest.mark.parametrize("password", ["", "corta", "x" * 73, "12345678", "bob@puente.test", None, ["a"], 12345678])
def test_a_weak_password_is_refused(admin: APIClient, bob: User, password: Any) -> None:
    answer = admin.patch(f"/api/users/{bob.pk}/password", {"password": password})
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_ones_own_password_asks_for_the_current_one(as_user: AsUser, bob: User) -> None:
    path = f"/api/users/{bob.pk}/password"
    client = as_user(bob)
    for wrong in ({}, {"current_password": "no"}, {"current_password": ""}):
        assert client.patch(path, {"password": NEW_PASSWORD, **wrong}).status_code == 400
    assert client.patch(path, {"password": NEW_PASSWORD, "current_password": PASSWORD}).status_code == 200
    bob.refresh_from_db()
    assert bob.check_password(NEW_PASSWORD)


def test_a_reset_password_is_shown_once_and_works(admin: APIClient, bob: User) -> None:
    headers = {"Idempotency-Key": "reset-1"}
    answer = admin.post(f"/api/users/{bob.pk}/reset-password", headers=headers)
    assert answer.status_code == 200
    password = answer.json()["password"]
    assert password in answer.json()["message"]
    bob.refresh_from_db()
    assert bob.check_password(password)
    again = admin.post(f"/api/users/{bob.pk}/reset-password", headers=headers)
    assert again["Idempotency-Replayed"] == "true"
    assert again.json()["password"] is None
    assert password not in again.content.decode()
    bob.refresh_from_db()
    assert bob.check_password(password)


def test_impersonation_is_honestly_not_there(admin: APIClient, bob: User) -> None:
    answer = admin.post(f"/api/users/{bob.pk}/impersonate")
    assert answer.status_code == 501
    assert answer.json()["detail"] == "Entrar como otro usuario no está disponible."
