"""Who works here, as everybody sees it (contracts/crm-client.md 3.6)."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


@pytest.mark.sqlite
@pytest.mark.parametrize("prefix", ["/api/crm", "/crm"])
def test_colleagues_are_a_bare_array_by_name(
    as_user: AsUser, alice: User, bob: User, laura: User, oscar: User, prefix: str
) -> None:
    gone = UserFactory(first_name="Zoe", is_active=False)
    found = as_user(bob).get(f"{prefix}/users").json()
    assert [user["name"] for user in found] == ["Alice Torres", "Bob Salas", "Laura Ibáñez", str(gone)]
    assert found[0].keys() == {
        "id", "name", "email", "phone", "role_name", "is_active", "avatar_url", "daily_lead_quota",
        "created_at", "updated_at",
    }  # fmt: skip
    assert [user["role_name"] for user in found] == ["admin", "agent", "lawyer", "agent"]
    active = as_user(bob).get(f"{prefix}/users?is_active=true").json()
    assert [user["name"] for user in active] == ["Alice Torres", "Bob Salas", "Laura Ibáñez"]
    assert [user["name"] for user in as_user(bob).get(f"{prefix}/users?is_active=false").json()] == [str(gone)]


def test_the_session_user_is_the_first_responsible(
    as_user: AsUser, alice: User, bob: User, charlie: User, laura: User, oscar: User
) -> None:
    UserFactory(first_name="Aaron", is_active=False)
    for path in ("/api/crm/users/responsibles", "/api/crm/users/responsibles/?is_active=true"):
        found = as_user(charlie).get(path).json()
        assert [user["name"] for user in found] == ["Charlie Núñez", "Alice Torres", "Bob Salas", "Laura Ibáñez"]


def test_somebody_without_access_sees_no_colleagues(as_user: AsUser, oscar: User) -> None:
    assert as_user(oscar).get("/api/crm/users").status_code == 403
    assert as_user(oscar).get("/api/crm/users/responsibles").status_code == 403


def test_colleagues_cost_the_same_however_many(as_user: AsUser, bob: User, django_assert_num_queries: Any) -> None:
    UserFactory.create_batch(5)
    client = as_user(bob)
    for path in ("/api/crm/users", "/api/crm/users/responsibles"):
        with django_assert_num_queries(2):
            assert len(client.get(path).json()) == 6
