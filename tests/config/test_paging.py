"""The list envelope: two ways to page, clamped, never refused (contract section 1)."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def page(as_user: Any, alice: User) -> Any:
    """Alice and six others by e-mail; `page(query)` gives the envelope."""
    for number in range(6):
        UserFactory(email=f"b{number}@puente.test")
    client: APIClient = as_user(alice)

    def ask(query: str) -> Any:
        answer = client.get(f"/api/users?sort_by=email&sort_order=asc&{query}")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return ask


def shown(found: Any) -> str:
    return " ".join(item["email"].partition("@")[0] for item in found["items"])


def frame(found: Any) -> tuple[int, ...]:
    return tuple(found[name] for name in ("total", "skip", "limit", "page", "total_pages"))


@pytest.mark.parametrize(
    ("query", "emails", "envelope"),
    [
        ("", "alice b0 b1 b2 b3 b4 b5", (7, 0, 50, 1, 1)),
        ("limit=3", "alice b0 b1", (7, 0, 3, 1, 3)),
        ("skip=3&limit=3", "b2 b3 b4", (7, 3, 3, 2, 3)),
        ("page=3&limit=3", "b5", (7, 6, 3, 3, 3)),
        ("page=1&limit=3", "alice b0 b1", (7, 0, 3, 1, 3)),
        # Today's client sends both; skip wins.
        ("skip=3&limit=3&page=9", "b2 b3 b4", (7, 3, 3, 2, 3)),
        ("skip=0&limit=3&page=2", "alice b0 b1", (7, 0, 3, 1, 3)),
        ("skip=100&limit=3", "", (7, 100, 3, 34, 3)),
        ("page=100&limit=3", "", (7, 297, 3, 100, 3)),
    ],
)
def test_both_ways_of_paging(page: Any, query: str, emails: str, envelope: tuple[int, ...]) -> None:
    found = page(query)
    assert found.keys() == {"items", "total", "skip", "limit", "page", "total_pages"}
    assert shown(found) == emails
    assert frame(found) == envelope


@pytest.mark.parametrize(
    ("query", "envelope"),
    [
        ("limit=1000", (7, 0, 1000, 1, 1)),
        ("limit=1001", (7, 0, 1000, 1, 1)),
        ("limit=99999999999999999999", (7, 0, 1000, 1, 1)),
        ("limit=0", (7, 0, 1, 1, 7)),
        ("limit=-5", (7, 0, 1, 1, 7)),
        ("limit=x", (7, 0, 50, 1, 1)),
        ("limit=", (7, 0, 50, 1, 1)),
        ("limit=1e3", (7, 0, 50, 1, 1)),
        ("limit=٣", (7, 0, 3, 1, 3)),
        ("skip=-1", (7, 0, 50, 1, 1)),
        ("skip=x", (7, 0, 50, 1, 1)),
        ("page=0", (7, 0, 50, 1, 1)),
        ("page=-3", (7, 0, 50, 1, 1)),
        ("page=x&skip=", (7, 0, 50, 1, 1)),
        ("skip=%00&limit=%00&page=%00", (7, 0, 50, 1, 1)),
    ],
)
def test_odd_numbers_are_clamped_never_refused(page: Any, query: str, envelope: tuple[int, ...]) -> None:
    assert frame(page(query)) == envelope


MORE_THAN_PYTHON_READS = pytest.param(f"skip={'9' * 5000}", id="skip=more digits than Python reads")


@pytest.mark.parametrize(
    "query",
    ["page=99999999999999999999", "skip=99999999999999999999", MORE_THAN_PYTHON_READS, "skip=2500", "page=4000"],
)
def test_far_beyond_the_end_there_is_nothing(page: Any, query: str) -> None:
    found = page(query)
    assert (found["items"], found["total"]) == ([], 7)
    assert page(f"{query}&role=user")["total"] == 0


def test_a_filter_that_nothing_can_meet_has_deep_pages_too(as_user: Any, alice: User) -> None:
    for query in ("skip=5000", "page=5000", ""):
        answer = as_user(alice).get(f"/api/users/audit-logs?user_id=nadie&{query}")
        assert (answer.status_code, answer.json()["total"]) == (200, 0)


def test_a_page_that_is_not_full_is_not_counted(as_user: Any, alice: User, django_assert_num_queries: Any) -> None:
    UserFactory.create_batch(3)
    client = as_user(alice)
    with django_assert_num_queries(2):  # who asks, the page
        assert client.get("/api/users?limit=10").json()["total"] == 4
    with django_assert_num_queries(3):
        assert client.get("/api/users?limit=2").json()["total"] == 4


def test_beyond_the_cap_the_total_is_an_estimate_never_less_than_what_was_counted(page: Any, settings: Any) -> None:
    settings.LIST_COUNT_CAP = 3
    assert page("limit=2")["total"] >= 4
    assert page("limit=3&page=3")["total"] == 7, "the last page knows"
