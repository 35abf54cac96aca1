"""Who did what to whom."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


def test_the_audit_tells_who_did_what_from_where(admin: APIClient, alice: User, bob: User) -> None:
    admin.patch(f"/api/users/{bob.pk}", {"city": "Lima"}, headers={"User-Agent": "Navegador/1.0"})
    answer = admin.get("/api/users/audit-logs?skip=0&limit=50")
    found = answer.json()
    assert (found["total"], found["skip"], found["limit"]) == (1, 0, 50)
    entry = found["items"][0]
    assert entry.keys() == {
        "id", "actor_id", "actor_email", "action", "entity_type", "entity_id", "details", "ip_address",
        "user_agent", "created_at",
    }  # fmt: skip
    assert isinstance(entry["id"], str)
    assert (entry["actor_id"], entry["actor_email"]) == (str(alice.pk), "alice@puente.test")
    assert (entry["action"], entry["entity_type"], entry["entity_id"]) == ("user.updated", "users", str(bob.pk))
    assert entry["details"] == {"city": "Lima"}
    assert (entry["ip_address"], entry["user_agent"]) == ("127.0.0.1", "Navegador/1.0")


def test_the_audit_of_one_user_is_what_they_did_and_what_was_done_to_them(
    admin: APIClient, as_user: AsUser, alice: User, bob: User, charlie: User
) -> None:
    admin.patch(f"/api/users/{bob.pk}", {"city": "Lima"})
    as_user(bob).patch("/api/users/me", {"city": "Cusco"})
    admin.patch(f"/api/users/{charlie.pk}", {"city": "Lima"})
    assert admin.get(f"/api/users/audit-logs?user_id={bob.pk}").json()["total"] == 2
    assert admin.get(f"/api/users/audit-logs?user_id={alice.pk}").json()["total"] == 2
    assert admin.get("/api/users/audit-logs?user_id=nadie").json()["total"] == 0
    assert admin.get("/api/users/audit-logs?action=user.updated").json()["total"] == 3


def test_the_audit_costs_the_same_however_long(admin: APIClient, bob: User, django_assert_num_queries: Any) -> None:
    for city in ("Lima", "Cusco", "Ica"):
        bob.edit(city=city)
    with django_assert_num_queries(2):
        assert len(admin.get("/api/users/audit-logs").json()["items"]) == 3
