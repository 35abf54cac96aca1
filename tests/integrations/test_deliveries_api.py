"""GET /api/webhook-deliveries, one with its attempts, again by hand, and the numbers of the last day."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from crm.models import User
from integrations.choices import AttemptOutcome, DeliveryState
from integrations.events import PRESENCE, PRESENCE_TEST
from integrations.models import DeliveryAttempt, WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.factories import NOBODYS_ID, AppointmentFactory, LeadFactory
from tests.integrations.receiver import Receiver, answering

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Announced = Callable[..., WebhookDelivery]
AsUser = Callable[[User | None], APIClient]
PATH = "/api/webhook-deliveries"


def found(client: APIClient, **query: str) -> list[str]:
    answer = client.get(PATH, query)
    assert answer.status_code == 200, answer.json()
    return [item["id_presencia_crm"] for item in answer.json()["items"]]


# --- The list ---------------------------------------------------------------------------------


def test_an_empty_list_is_an_envelope(as_user: AsUser, bob: User) -> None:
    assert as_user(bob).get(PATH).json() == {
        "items": [],
        "total": 0,
        "skip": 0,
        "limit": 50,
        "page": 1,
        "total_pages": 0,
    }


def test_an_item_tells_what_to_whom_and_how_it_stands(as_user: AsUser, bob: User, receiver: Receiver) -> None:
    [delivery] = PRESENCE.announce("CRM-5", {"id_presencia_crm": "CRM-5"}, by=bob)
    receiver.behaviours = [answering(404)]
    empty_outbox("comercial")
    [item] = as_user(bob).get(PATH).json()["items"]
    moments = {name: item.pop(name) for name in ("created_at", "updated_at", "next_try_at")}
    assert item == {
        "id": str(delivery.pk),
        "webhook_id": delivery.message_id,
        "event": "presence.attended",
        "event_title": "Presencia",
        "destination": "comercial",
        "destination_title": "Aplicación comercial",
        "id_presencia_crm": "CRM-5",
        "sequence": 1,
        "state": "pending",
        "attempt_count": 1,
        "last_status": 404,
        "last_error": "La dirección no existe en el destino.",
        "created_by_id": str(bob.pk),
        "finished_at": None,
        "dismissed_at": None,
    }
    assert all(moment.endswith("Z") for moment in moments.values())


def test_the_newest_come_first_in_pages(as_user: AsUser, bob: User, announced: Announced) -> None:
    for number in range(5):
        announced(f"CRM-{number}")
    client = as_user(bob)
    assert found(client, limit="2") == ["CRM-4", "CRM-3"]
    assert found(client, limit="2", page="3") == ["CRM-0"]


def test_it_is_narrowed_by_state_event_subject_and_destination(
    as_user: AsUser, bob: User, announced: Announced
) -> None:
    announced("CRM-1")
    PRESENCE.announce("CRM-2", {})
    WebhookDelivery.objects.filter(subject="CRM-2").update(state=DeliveryState.DEAD)
    client = as_user(bob)
    assert found(client, state="dead") == ["CRM-2"]
    assert found(client, event="presence.test") == ["CRM-1"]
    assert found(client, id_presencia_crm="CRM-2") == ["CRM-2"]
    assert found(client, id_presencia_crm="CRM") == []
    assert found(client, destination="comercial", state="pending") == ["CRM-1"]
    assert found(client, state="", event="", id_presencia_crm="", destination="") == ["CRM-2", "CRM-1"]


@pytest.mark.parametrize("query", [{"state": "roto"}, {"event": "nada"}, {"destination": "luna"}])
def test_a_value_that_nobody_knows_is_refused_in_a_sentence(as_user: AsUser, bob: User, query: dict[str, str]) -> None:
    answer = as_user(bob).get(PATH, query)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == set(query)


def test_a_list_costs_the_same_for_few_and_for_many(as_user: AsUser, bob: User, announced: Announced) -> None:
    client = as_user(bob)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(PATH)
        return len(captured)

    announced("CRM-0")
    few = queries()
    for number in range(1, 30):
        announced(f"CRM-{number}")
    assert queries() == few


# --- One --------------------------------------------------------------------------------------


def test_one_has_its_contents_and_every_try(as_user: AsUser, bob: User, receiver: Receiver) -> None:
    [delivery] = PRESENCE_TEST.announce("CRM-6", {"id_presencia_crm": "CRM-6", "cliente": {"tipo_documento": "DNI"}})
    receiver.behaviours = [answering(503, b"en obras")]
    empty_outbox("comercial")
    WebhookDelivery.objects.filter(pk=delivery.pk).send_now()
    empty_outbox("comercial")
    body = as_user(bob).get(f"{PATH}/{delivery.pk}").json()
    assert body["payload"] == {"id_presencia_crm": "CRM-6", "cliente": {"tipo_documento": "DNI"}}
    assert (body["state"], body["attempt_count"], body["next_try_at"]) == ("delivered", 2, None)
    last, first = body["attempts"]
    assert (last["number"], last["outcome"], last["status"], last["error"]) == (2, "delivered", 200, "")
    assert (first["number"], first["outcome"], first["status"]) == (1, "refused", 503)
    assert first["response_head"] == "en obras"
    assert first["duration_ms"] >= 0
    assert first["started_at"].endswith("Z")


def test_no_answer_has_the_token_or_a_secret_in_it(as_user: AsUser, alice: User, receiver: Receiver) -> None:
    [delivery] = PRESENCE_TEST.announce("CRM-6", {})
    receiver.behaviours = [answering(401, b"no vale ficha-de-prueba ni whsec_" + b"QUJD" * 8)]
    empty_outbox("comercial")
    text = as_user(alice).get(f"{PATH}/{delivery.pk}").content.decode() + as_user(alice).get(PATH).content.decode()
    assert "no vale ••••••" in text
    assert "ficha-de-prueba" not in text
    assert "QUJDQUJD" not in text


@pytest.mark.parametrize("unknown", [NOBODYS_ID, "nada", "12"])
def test_an_unknown_one_is_404(as_user: AsUser, alice: User, unknown: str) -> None:
    client = as_user(alice)
    for answer in (client.get(f"{PATH}/{unknown}"), client.post(f"{PATH}/{unknown}/replay")):
        assert answer.status_code == 404
        assert answer.json()["detail"] == "Envío no encontrado"


# --- Again by hand ----------------------------------------------------------------------------


def test_a_dead_one_is_sent_again(as_user: AsUser, alice: User, receiver: Receiver, announced: Announced) -> None:
    delivery = announced()
    receiver.behaviours = [answering(410)]
    empty_outbox("comercial")
    answer = as_user(alice).post(f"{PATH}/{delivery.pk}/replay")
    assert (answer.status_code, answer.json()["state"]) == (200, "pending")
    empty_outbox("comercial")
    assert receiver.ids() == [delivery.message_id] * 2
    assert as_user(alice).get(f"{PATH}/{delivery.pk}").json()["state"] == "delivered"


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.SENDING])
def test_what_has_not_ended_is_a_conflict(as_user: AsUser, alice: User, announced: Announced, state: str) -> None:
    delivery = announced()
    if state == DeliveryState.SENDING:
        WebhookDelivery.objects.claim("comercial", limit=1)
    answer = as_user(alice).post(f"{PATH}/{delivery.pk}/replay")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "Este envío todavía no ha terminado."


def test_the_same_request_again_sends_nothing_twice(as_user: AsUser, alice: User, announced: Announced) -> None:
    delivery = announced()
    WebhookDelivery.objects.update(state=DeliveryState.DEAD)
    client = as_user(alice)
    first = client.post(f"{PATH}/{delivery.pk}/replay", headers={"Idempotency-Key": "una-vez"})
    again = client.post(f"{PATH}/{delivery.pk}/replay", headers={"Idempotency-Key": "una-vez"})
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()


# --- Who may ----------------------------------------------------------------------------------


def test_staff_read_and_only_administrators_replay(
    as_user: AsUser, bob: User, laura: User, announced: Announced
) -> None:
    delivery = announced()
    WebhookDelivery.objects.update(state=DeliveryState.DEAD)
    for user in (bob, laura):
        for path in (PATH, f"{PATH}/{delivery.pk}", f"{PATH}/statistics"):
            assert as_user(user).get(path).status_code == 200
        answer = as_user(user).post(f"{PATH}/{delivery.pk}/replay")
        assert (answer.status_code, answer.json()["detail"]) == (403, "Solo administradores pueden repetir envíos.")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DEAD


def test_strangers_and_outsiders_learn_nothing(as_user: AsUser, oscar: User, announced: Announced) -> None:
    delivery = announced()
    for path in (PATH, f"{PATH}/{delivery.pk}", f"{PATH}/statistics"):
        assert APIClient().get(path).status_code == 401
        assert as_user(oscar).get(path).status_code == 403
    assert APIClient().post(f"{PATH}/{delivery.pk}/replay").status_code == 401


def test_in_an_installation_with_own_scope_agents_see_the_messages_about_their_people(
    as_user: AsUser, bob: User, laura: User, announced: Announced, settings: Any
) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    mine = AppointmentFactory(lead=LeadFactory(responsible_user=bob)).id_presencia_crm
    others = AppointmentFactory().id_presencia_crm
    announced(mine)
    hidden = announced(others)
    assert found(as_user(bob)) == [mine]
    assert as_user(bob).get(f"{PATH}/{hidden.pk}").status_code == 404
    assert found(as_user(laura)) == [others, mine]


# --- The last day -----------------------------------------------------------------------------


def test_the_statistics_are_those_of_the_last_day(as_user: AsUser, bob: User, announced: Announced) -> None:
    now = timezone.now()
    delivered, dead, waiting, old = (announced(f"CRM-{n}") for n in range(4))

    def attempt(row: WebhookDelivery, outcome: str, ago: timedelta, milliseconds: int) -> None:
        DeliveryAttempt.objects.create(
            delivery=row,
            number=row.tries.count() + 1,
            started_at=now - ago,
            outcome=outcome,
            duration_ms=milliseconds,
        )

    WebhookDelivery.objects.update(created_at=now - timedelta(minutes=10))
    attempt(delivered, AttemptOutcome.UNANSWERED, timedelta(minutes=9), 300)
    attempt(delivered, AttemptOutcome.DELIVERED, timedelta(minutes=5), 100)
    attempt(dead, AttemptOutcome.REFUSED, timedelta(minutes=5), 200)
    attempt(waiting, AttemptOutcome.RELEASED, timedelta(minutes=5), 0)
    attempt(old, AttemptOutcome.DELIVERED, timedelta(hours=26), 9_000)
    WebhookDelivery.objects.filter(pk=dead.pk).update(state=DeliveryState.DEAD, finished_at=now)
    WebhookDelivery.objects.filter(pk__in=[delivered.pk, old.pk]).update(state=DeliveryState.DELIVERED, finished_at=now)
    body = as_user(bob).get(f"{PATH}/statistics").json()
    counts = {"delivered": 1, "failed_attempts": 2, "dead": 1}
    assert {name: body["total"][name] for name in (*counts, "waiting")} == {**counts, "waiting": 1}
    assert body["total"]["delivery_latency"] == {"median_ms": 300_100, "p95_ms": 300_100}
    assert len(body["hours"]) == 24
    assert {name: sum(hour[name] for hour in body["hours"]) for name in counts} == counts
    assert body["hours"][0]["hour"] == body["since"]
    destination, whatsapp = body["destinations"]
    assert (whatsapp["destination"], whatsapp["delivered"]) == ("whatsapp", 0)
    assert (destination["destination"], destination["title"]) == ("comercial", "Aplicación comercial")
    assert destination["attempt_latency"] == body["total"]["attempt_latency"]


def test_without_anything_sent_the_numbers_are_noughts_and_times_unknown(as_user: AsUser, bob: User) -> None:
    body = as_user(bob).get(f"{PATH}/statistics").json()
    nothing = {"median_ms": None, "p95_ms": None}
    assert body["total"] == {
        "delivered": 0,
        "failed_attempts": 0,
        "dead": 0,
        "waiting": 0,
        "delivery_latency": nothing,
        "attempt_latency": nothing,
    }


def test_percentiles_are_values_that_occurred(as_user: AsUser, bob: User, announced: Announced) -> None:
    delivery = announced()
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(
            delivery=delivery,
            number=number,
            started_at=timezone.now(),
            outcome=AttemptOutcome.REFUSED,
            duration_ms=number,
        )
        for number in range(1, 101)
    )
    total = as_user(bob).get(f"{PATH}/statistics").json()["total"]
    assert total["attempt_latency"] == {"median_ms": 50, "p95_ms": 95}


def test_statistics_ask_a_fixed_number_of_queries(as_user: AsUser, bob: User, receiver: Receiver) -> None:
    client = as_user(bob)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(f"{PATH}/statistics")
        return len(captured)

    few = queries()
    for number in range(30):
        PRESENCE.announce(f"CRM-{number}", {})
    empty_outbox("comercial")
    assert queries() == few <= 5
