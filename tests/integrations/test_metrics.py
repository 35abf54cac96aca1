"""GET /metrics: what a monitor reads, and who may."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from crm.models import ApiToken, User
from integrations.choices import DeliveryState
from integrations.models import Circuit, WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.integrations.receiver import Receiver, answering
from whatsapp.models import BusinessNumber, Thread, WebhookEvent

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Announced = Callable[..., WebhookDelivery]
AsUser = Callable[[User | None], APIClient]


def read(client: APIClient) -> dict[tuple[str, ...], float]:
    """Name and labels of each line, with its value."""
    answer = client.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain"})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.content.decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_every_line_is_there_at_nought_before_anything_was_sent(as_user: AsUser, alice: User) -> None:
    found = read(as_user(alice))
    assert found["puente_webhook_deliveries", "comercial", "dead"] == 0
    assert found["puente_webhook_oldest_due_age_seconds", "comercial"] == 0
    assert found["puente_webhook_circuit_open", "comercial"] == 0
    assert found["puente_webhook_attempts_last_hour", "comercial", "delivered"] == 0


def test_it_counts_what_waits_what_failed_and_what_was_tried(
    as_user: AsUser, alice: User, receiver: Receiver, announced: Announced
) -> None:
    receiver.behaviours = [answering(200), answering(410)]
    announced("CRM-1")
    empty_outbox("comercial")
    announced("CRM-2")
    empty_outbox("comercial")
    announced("CRM-3")
    WebhookDelivery.objects.filter(subject="CRM-3").update(next_try_at=timezone.now() - timedelta(minutes=5))
    found = read(as_user(alice))
    assert found["puente_webhook_deliveries", "comercial", "pending"] == 1
    assert found["puente_webhook_deliveries", "comercial", "dead"] == 1
    assert 300 <= found["puente_webhook_oldest_due_age_seconds", "comercial"] < 330
    assert found["puente_webhook_attempts_last_hour", "comercial", "delivered"] == 1
    assert found["puente_webhook_attempts_last_hour", "comercial", "refused"] == 1


def test_what_is_not_yet_due_has_no_age(as_user: AsUser, alice: User, announced: Announced) -> None:
    announced()
    WebhookDelivery.objects.update(next_try_at=timezone.now() + timedelta(hours=1))
    assert read(as_user(alice))["puente_webhook_oldest_due_age_seconds", "comercial"] == 0


def test_a_dismissed_message_alarms_nobody(as_user: AsUser, alice: User, announced: Announced) -> None:
    delivery = announced()
    WebhookDelivery.objects.update(state=DeliveryState.DEAD)
    WebhookDelivery.objects.filter(pk=delivery.pk).dismiss()
    assert read(as_user(alice))["puente_webhook_deliveries", "comercial", "dead"] == 0


def test_a_destination_that_is_left_alone_shows(as_user: AsUser, alice: User) -> None:
    Circuit.objects.create(destination="comercial", open_until=timezone.now())
    assert read(as_user(alice))["puente_webhook_circuit_open", "comercial"] == 1


def test_a_scrape_asks_a_fixed_number_of_queries(
    as_user: AsUser, alice: User, receiver: Receiver, announced: Announced
) -> None:
    client = as_user(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(client)
        return len(captured)

    few = queries()
    for number in range(30):
        announced(f"CRM-{number}")
    empty_outbox("comercial")
    assert queries() == few <= 8


def test_what_waits_of_whatsapp_is_counted(as_user: AsUser, alice: User) -> None:
    found = read(as_user(alice))
    assert found["puente_whatsapp_events", "failed"] == found["puente_whatsapp_oldest_event_age_seconds",] == 0
    WebhookEvent.objects.create(body=b"{}", received_at=timezone.now() - timedelta(minutes=5))
    WebhookEvent.objects.create(body=b"{}", state="failed")
    WebhookEvent.objects.create(body=b"{}", state="applied")
    number = BusinessNumber.objects.create(phone_number_id="1")
    Thread.objects.create(number=number, unanswered_since=timezone.now())
    WebhookDelivery.objects.create(
        event="whatsapp.message", destination="whatsapp", subject="1", sequence=1, payload={}, state="uncertain"
    )
    found = read(as_user(alice))
    assert (found["puente_whatsapp_events", "waiting"], found["puente_whatsapp_events", "failed"]) == (1, 1)
    assert 300 <= found["puente_whatsapp_oldest_event_age_seconds",] < 330
    assert found["puente_whatsapp_unanswered_threads",] == 1
    assert found["puente_whatsapp_uncertain_messages_last_day",] == 1


def test_a_program_reads_with_its_own_token_whatever_its_role(bob: User) -> None:
    _, value = ApiToken.issue(user=bob, name="Prometheus")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {value}")
    assert read(client)


def test_others_do_not(as_user: AsUser, bob: User, oscar: User) -> None:
    assert APIClient().get("/metrics").status_code == 401
    assert APIClient().get("/metrics", headers={"Authorization": "Bearer nada"}).status_code == 401
    assert as_user(bob).get("/metrics").status_code == 403
    _, value = ApiToken.issue(user=oscar, name="De fuera")
    assert APIClient().get("/metrics", headers={"Authorization": f"Bearer {value}"}).status_code == 403
    assert as_user(oscar).get("/metrics").status_code == 403
