"""The names of messages are remembered for 180 days; what the messages brought stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as product
from django.db import connection
from django.utils import timezone

from integrations.models import Cliente, Presencia, Recepcion, Venta
from integrations.models import receptions as rules
from integrations.models.deliveries import KEPT_FOR
from integrations.tasks import forget_old_receptions
from tests.integrations.sender import TOKEN, message, sale, told

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def _token(settings: Any) -> None:
    settings.CRM_WEBHOOK_TOKEN = TOKEN


def heard(name: str, *, days: float, **changes: Any) -> dict[str, Any]:
    """What a message of so many days ago was answered."""
    answer = told(message(**changes), **{"webhook-id": name})
    at = timezone.now() - timedelta(days=days)
    Recepcion.objects.filter(message=f"msg:{name}").update(received_at=at)
    return answer


def test_a_name_goes_after_its_time_and_nothing_else_does() -> None:
    heard("old", days=180.1, venta=sale())
    recent = heard("recent", days=179.9)
    forget_old_receptions()
    assert Recepcion.objects.get().message == "msg:recent"
    assert [model.objects.count() for model in (Presencia, Cliente, Venta)] == [1, 1, 1]
    assert told(message(), **{"webhook-id": "recent"}) == recent


def test_what_is_forgotten_and_comes_again_is_still_the_same_presence_by_its_number() -> None:
    first = heard("old", days=200)
    forget_old_receptions()
    again = told(message(), **{"webhook-id": "old"})
    assert again == first
    assert Presencia.objects.count() == 1


def test_many_go_in_chunks_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "FORGOTTEN_TOGETHER", 2)
    for number in range(3):
        heard(f"old-{number}", days=190 + number)
    forget_old_receptions()
    assert Recepcion.objects.get().message == "msg:old-0"
    forget_old_receptions()
    assert not Recepcion.objects.exists()


def test_it_is_done_every_hour() -> None:
    tasks = {entry["task"]: entry["schedule"] for entry in product.CELERY_BEAT_SCHEDULE.values()}
    assert tasks["integrations.tasks.forget_old_receptions"] == timedelta(hours=1)


def test_names_outlive_what_the_outbox_of_a_crm_could_send_again() -> None:
    assert KEPT_FOR < rules.HEARD_FOR


def test_the_old_ones_are_found_by_an_index() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite tells its plans in another way")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    old = Recepcion.objects.filter(received_at__lt=timezone.now()).order_by("received_at")
    assert "reception_age" in old[:5000].explain()
