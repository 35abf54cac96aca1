"""What the pages, the API and monitors ask of deliveries has an index behind it (PostgreSQL's own word)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from integrations.models import DeliveryAttempt, WebhookDelivery

pytestmark = pytest.mark.django_db

deliveries = WebhookDelivery.objects
QUESTIONS: dict[str, tuple[Callable[[], QuerySet[Any]], str]] = {
    "the list": (lambda: deliveries.newest_first()[:50], "delivery_newest"),
    "one state": (lambda: deliveries.filter(state="dead").newest_first()[:50], "delivery_by_state"),
    "one event": (lambda: deliveries.filter(event="presence.attended").newest_first()[:50], "delivery_by_event"),
    "one destination": (lambda: deliveries.filter(destination="x").newest_first()[:50], "delivery_by_destination"),
    "one appointment": (lambda: deliveries.about("CRM-7"), "delivery_is_written_once"),
    "the warning": (lambda: deliveries.needing_attention().order_by()[:1000], "delivery_needs_attention"),
    "what waits": (lambda: deliveries.unfinished(), "delivery_by_state"),
    "the last attempts": (
        lambda: DeliveryAttempt.objects.filter(started_at__gte=timezone.now() - timedelta(hours=1)),
        "attempt_newest",
    ),
    "the attempts of one": (lambda: WebhookDelivery().newest_tries, "attempt_is_counted_once"),
}


@pytest.mark.parametrize("asked", QUESTIONS)
def test_an_index_answers(asked: str) -> None:
    rows, index = QUESTIONS[asked]
    with connection.cursor() as cursor:
        # An empty table is read whole whatever there is; this asks whether there is another way.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    assert index in rows().explain()


def test_the_warning_names_its_states_in_the_statement_so_that_a_kept_plan_finds_the_index() -> None:
    sql, parameters = WebhookDelivery.objects.needing_attention().query.sql_with_params()
    assert "IN ('dead', 'aside')" in sql
    assert parameters == ()
