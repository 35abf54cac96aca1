"""Among many thousand deliveries, those of a rare event or destination are read from an index of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.models import User
from integrations.models import WebhookDelivery

ROWS = 60_000
RARE = 100


@pytest.fixture(scope="module")
def filled(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The oldest are a few presences, all the rest are messages: a walk from the newest finds what is rare last."""
    columns = [field.column for field in WebhookDelivery._meta.concrete_fields]
    different = {
        "id": "gen_random_uuid()",
        "created_at": "now() - (60001 - i) * interval '1 minute'",
        "subject": "'hilo:' || i",
        "event": f"CASE WHEN i <= {RARE} THEN 'presence.corrected' ELSE 'whatsapp.message' END",
        "destination": f"CASE WHEN i <= {RARE} THEN 'comercial' ELSE 'whatsapp' END",
    }
    values = ", ".join(different.get(column, f'"{column}"') for column in columns)
    with django_db_blocker.unblock():
        like = WebhookDelivery.objects.create(
            event="x", destination="x", subject="x", sequence=1, payload={}, state="delivered"
        )
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO integrations_webhookdelivery ({', '.join(columns)})"
                f" SELECT {values} FROM integrations_webhookdelivery, generate_series(1, {ROWS}) AS i WHERE id = %s",
                [like.pk],
            )
            cursor.execute("VACUUM ANALYZE integrations_webhookdelivery")
        yield
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE integrations_webhookdelivery CASCADE")


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("filled")]


def plans_of(ask: Callable[[], Any]) -> list[str]:
    """How PostgreSQL reads each question about deliveries that asking puts to it."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = ask()
    assert answer.status_code == 200, answer.content
    plans = []
    with connection.cursor() as cursor:
        for query in asked.captured_queries:
            if query["sql"].startswith("SELECT") and 'FROM "integrations_webhookdelivery"' in query["sql"]:
                cursor.execute("EXPLAIN " + query["sql"].replace("%", "%%"))
                plans.append("\n".join(line for (line,) in cursor.fetchall()))
    return plans


RARE_ONES = [
    ({"event": "presence.corrected"}, "delivery_by_event"),
    ({"destination": "comercial"}, "delivery_by_destination"),
]


def page_of(plans: list[str]) -> str:
    return next(plan for plan in plans if "Limit" in plan and "Aggregate" not in plan)


@pytest.mark.parametrize(("filters", "index"), RARE_ONES)
def test_what_is_rare_is_read_from_the_index_of_its_filter_in_order(
    as_user: Any, alice: User, filters: dict[str, str], index: str
) -> None:
    plans = plans_of(lambda: as_user(alice).get("/api/webhook-deliveries", filters))
    assert index in page_of(plans)
    assert "Sort" not in page_of(plans)
    assert not [plan for plan in plans if "Seq Scan" in plan]


def test_what_most_are_is_read_in_order_too(as_user: Any, alice: User) -> None:
    page = page_of(plans_of(lambda: as_user(alice).get("/api/webhook-deliveries", {"event": "whatsapp.message"})))
    assert "Index Scan using delivery_" in page
    assert "Sort" not in page


def test_two_filters_together_walk_through_no_others(as_user: Any, alice: User) -> None:
    filters = {"event": "presence.corrected", "destination": "comercial"}
    page = page_of(plans_of(lambda: as_user(alice).get("/api/webhook-deliveries", filters)))
    assert "delivery_by_" in page
    assert "Seq Scan" not in page


@pytest.mark.parametrize(("filters", "index"), RARE_ONES)
def test_so_is_the_staff_page(client: Client, alice: User, filters: dict[str, str], index: str) -> None:
    client.force_login(alice)
    plans = plans_of(lambda: client.get("/admin/integrations/webhookdelivery/", filters))
    filtered = [plan for plan in plans if next(iter(filters.values())) in plan]
    assert index in next(plan for plan in filtered if "Aggregate" not in plan)
    for plan in filtered:
        assert "Seq Scan" not in plan
