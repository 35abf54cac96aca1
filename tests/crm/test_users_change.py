"""What administrators change of an account: its fields, role and state."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from crm.models import AuditEntry, User
from tests.crm.accounts import NEW_PASSWORD, audited
from tests.factories import NOBODYS_ID, PASSWORD, UserFactory

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


def test_an_administrator_changes_a_user_and_the_audit_says_what(admin: APIClient, alice: User, bob: User) -> None:
    answer = admin.patch(f"/api/users/{bob.pk}", {"email": "roberto@puente.test", "city": "Lima", "first_name": "Bob"})
    assert answer.status_code == 200
    assert answer.json()["email"] == "roberto@puente.test"
    entry = audited("user.updated")
    assert entry.details == {"email": "roberto@puente.test", "city": "Lima"}
    assert entry.actor == alice


def test_what_does_not_change_leaves_no_trace(admin: APIClient, bob: User) -> None:
    before = bob.updated_at
    assert admin.patch(f"/api/users/{bob.pk}", {}).status_code == 200
    assert admin.patch(f"/api/users/{bob.pk}", {"first_name": "Bob"}).status_code == 200
    bob.refresh_from_db()
    assert bob.updated_at == before
    assert not AuditEntry.objects.exists()


def test_a_taken_email_is_refused_with_a_text(admin: APIClient, bob: User, charlie: User) -> None:
    answer = admin.patch(f"/api/users/{bob.pk}", {"email": "Charlie@puente.test"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "Ya existe un usuario con este correo."


def test_roles_change_and_take_effect_at_once(admin: APIClient, as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    assert client.get("/api/users").status_code == 403
    answer = admin.patch(f"/api/users/{bob.pk}/role", {"role": "admin"})
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert client.get("/api/users").status_code == 200
    assert audited("user.role_changed").details == {"role": "admin"}


@pytest.mark.parametrize("sent", [{}, {"role": ""}, {"role": "jefe"}, {"role": 5}, []])
def test_a_wrong_role_is_refused(admin: APIClient, bob: User, sent: Any) -> None:
    assert admin.patch(f"/api/users/{bob.pk}/role", sent).status_code == 400
    bob.refresh_from_db()
    assert bob.role == "agent"


@pytest.mark.sqlite
def test_a_user_is_switched_off_and_on(admin: APIClient, as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    assert admin.patch(f"/api/users/{bob.pk}/status", {"is_active": False}).json()["is_active"] is False
    assert client.get("/api/users/me").status_code == 401
    assert admin.patch(f"/api/users/{bob.pk}/status", {"is_active": True}).json()["is_active"] is True
    assert client.get("/api/users/me").status_code == 200
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == [
        "user.deactivated",
        "user.activated",
    ]


def test_deleting_only_deactivates(admin: APIClient, bob: User) -> None:
    for _ in range(2):
        assert admin.delete(f"/api/users/{bob.pk}").status_code == 204
    bob.refresh_from_db()
    assert not bob.is_active
    assert admin.get(f"/api/users/{bob.pk}").json()["is_active"] is False
    assert AuditEntry.objects.filter(action="user.deactivated").count() == 1


@pytest.mark.parametrize("user_id", ["nadie", NOBODYS_ID, "1", "%00", "../me", "me%20"])
def test_an_unknown_user_is_404_in_spanish(admin: APIClient, user_id: str) -> None:
    for method in ("get", "patch", "delete"):
        answer = getattr(admin, method)(f"/api/users/{user_id}", {} if method == "patch" else None)
        assert answer.status_code == 404, answer.content
    assert admin.get(f"/api/users/{uuid4()}").json()["detail"] == "Usuario no encontrado."


def test_an_administrator_gets_no_hold_of_a_superusers_account(admin: APIClient, as_user: AsUser) -> None:
    root = UserFactory(email="root@puente.test", admin=True, is_superuser=True)
    path = f"/api/users/{root.pk}"
    for answer in (
        admin.patch(path, {"email": "mio@puente.test"}),
        admin.patch(f"{path}/password", {"password": NEW_PASSWORD}),
        admin.post(f"{path}/reset-password"),
        admin.patch(f"{path}/status", {"is_active": False}),
        admin.delete(path),
        admin.post("/api/api-tokens", {"name": "Mío", "user_id": str(root.pk)}),
    ):
        assert answer.status_code == 403
        assert "superusuario" in answer.json()["detail"]
    assert admin.get(path).json()["email"] == "root@puente.test"
    other = UserFactory(is_superuser=True)
    assert as_user(other).patch(path, {"city": "Lima"}).status_code == 200
    assert as_user(root).patch(path, {"city": "Ica"}).status_code == 200
    assert User.objects.get(pk=root.pk).check_password(PASSWORD)
