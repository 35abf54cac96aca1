"""The administrators' list of accounts."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User
from tests.crm.accounts import USER_FIELDS
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [user["first_name"] for user in answer.json()["items"]]


@pytest.mark.sqlite
def test_the_list_has_the_envelope_and_newest_first(admin: APIClient, bob: User, charlie: User) -> None:
    answer = admin.get("/api/users/?skip=0&limit=2")
    assert names(answer) == ["Charlie", "Bob"]
    found = answer.json()
    assert (found["total"], found["skip"], found["limit"], found["page"], found["total_pages"]) == (3, 0, 2, 1, 2)
    assert found["items"][0].keys() >= USER_FIELDS
    assert names(admin.get("/api/users?page=2&limit=2")) == ["Alice"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("role=agent", {"Bob", "Charlie"}),
        ("role=superuser", {"Root"}),
        ("is_active=false", {"Charlie"}),
        ("is_active=true&role=admin&limit=1000", {"Alice", "Root"}),
        ("is_verified=true", {"Laura"}),
        ("is_lawyer=true", {"Laura"}),
        ("is_lawyer=false&role=agent", {"Bob", "Charlie"}),
        ("nationality=peruana", {"Bob"}),
        ("profession=abog", {"Laura"}),
        ("city=LIMA", {"Bob"}),
        ("lawyer_specialty=extranj", {"Laura"}),
        ("search=nunez", {"Charlie"}),
        ("search=lau+iba", {"Laura"}),
        ("search=bob%40puente.test", {"Bob"}),
        ("last_login_from=2026-02-01T00:00:00Z", {"Bob"}),
        ("last_login_to=2026-01-31T00:00:00Z", {"Laura"}),
        ("created_to=2020-01-01", set()),
        ("created_from=2020-01-01&role=lawyer", {"Laura"}),
        ("view=cards&role=lawyer", {"Laura"}),
    ],
)
def test_the_list_is_narrowed(
    admin: APIClient, bob: User, charlie: User, laura: User, query: str, expected: set[str]
) -> None:
    UserFactory(first_name="Root", admin=True, is_superuser=True)
    bob.edit(nationality="Peruana", city="Lima", last_login="2026-02-02T00:00:00Z")
    charlie.edit(is_active=False)
    laura.edit(
        is_verified=True, profession="Abogada", lawyer_specialty="Extranjería", last_login="2026-01-02T00:00:00Z"
    )
    assert set(names(admin.get(f"/api/users?{query}"))) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sort_by=name&sort_order=asc", ["Alice", "Bob", "Charlie"]),
        ("sort_by=name", ["Alice", "Bob", "Charlie"]),
        ("sort_by=email&sort_order=desc", ["Charlie", "Bob", "Alice"]),
        ("sort_by=created_at&sort_order=desc", ["Charlie", "Bob", "Alice"]),
        ("sort_by=last_login&sort_order=desc", ["Bob", "Charlie", "Alice"]),
        ("sort_by=last_login&sort_order=asc", ["Bob", "Alice", "Charlie"]),
        ("sort_by=role&sort_order=asc", ["Alice", "Bob", "Charlie"]),
        ("sort_order=asc", ["Alice", "Bob", "Charlie"]),
    ],
)
def test_the_list_is_sorted(admin: APIClient, bob: User, charlie: User, query: str, expected: list[str]) -> None:
    bob.edit(last_login="2026-02-02T00:00:00Z")
    assert names(admin.get(f"/api/users?{query}")) == expected


@pytest.mark.parametrize(
    "query", ["sort_by=password", "sort_order=up", "role=jefe", "created_from=ayer", "last_login_to=0000-00-00"]
)
def test_a_wrong_filter_is_told(admin: APIClient, query: str) -> None:
    answer = admin.get(f"/api/users?{query}")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


@pytest.mark.parametrize("query", ["search=%00", "city=%00", "skip=-5&limit=0", "skip=x&limit=999999", "is_active=a"])
def test_an_odd_query_is_no_error_of_ours(admin: APIClient, query: str) -> None:
    assert admin.get(f"/api/users?{query}").status_code in (200, 400)
