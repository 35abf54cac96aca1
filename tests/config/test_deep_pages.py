"""Pages far down a list start at a bookmark, and are the pages that skipping would give."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from crm.deep_pages import DEEP
from crm.models import User
from opportunities.models import Opportunity
from tests.factories import NOON, ContactFactory

ROWS = DEEP + 300


@pytest.fixture
def expected(db: None) -> list[str]:
    """The ids of the whole list, in its order; scores and dates repeat, so that ties are broken by id."""
    contact = ContactFactory()
    Opportunity.objects.bulk_create(
        Opportunity(contact=contact, opportunity_score=n % 5, detected_at=NOON - timedelta(hours=n % 7))
        for n in range(ROWS)
    )
    return [str(pk) for pk in Opportunity.objects.by_urgency().values_list("pk", flat=True)]


@pytest.fixture
def ids(as_user: Callable[[User], APIClient], alice: User) -> Callable[..., list[str]]:
    def page(**parameters: int) -> list[str]:
        answer = as_user(alice).get("/api/crm/opportunities", parameters)
        assert answer.status_code == 200
        return [str(UUID(item["id"])) for item in answer.json()["items"]]

    return page


@pytest.mark.sqlite
def test_a_deep_page_is_the_one_that_skipping_would_give(expected: list[str], ids: Callable[..., list[str]]) -> None:
    for skip in (DEEP - 1, DEEP, DEEP + 17):
        assert ids(skip=skip, limit=50) == expected[skip : skip + 50]
    assert ids(skip=DEEP, limit=50) == expected[DEEP : DEEP + 50], "the same again, from its bookmark"


@pytest.mark.sqlite
def test_paging_on_from_a_deep_page_loses_and_repeats_nothing(
    expected: list[str], ids: Callable[..., list[str]]
) -> None:
    found = [pk for skip in range(DEEP, ROWS, 60) for pk in ids(skip=skip, limit=60)]
    assert found == expected[DEEP:]


@pytest.mark.sqlite
def test_without_a_cache_the_pages_are_the_same(expected: list[str], ids: Callable[..., list[str]]) -> None:
    for skip in (DEEP, DEEP + 50):
        assert ids(skip=skip, limit=50) == expected[skip : skip + 50]
        cache.clear()


def test_a_bookmarked_page_skips_no_row(expected: list[str], ids: Callable[..., list[str]]) -> None:
    ids(skip=DEEP, limit=50)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert ids(skip=DEEP + 50, limit=50) == expected[DEEP + 50 : DEEP + 100]
    assert not [query["sql"] for query in queries if "OFFSET" in query["sql"]]


@pytest.mark.sqlite
def test_beyond_the_end_there_is_nothing_and_the_total_is_right(
    expected: list[str], as_user: Callable[[User], APIClient], alice: User
) -> None:
    answer = as_user(alice).get("/api/crm/opportunities", {"skip": ROWS + 5, "limit": 50}).json()
    assert answer["items"] == []
    assert answer["total"] == ROWS
