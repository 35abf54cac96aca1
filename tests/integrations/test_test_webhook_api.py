"""`POST /api/test-webhook/`: a test presence, now, without a worker."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from crm.choices import AppointmentState
from crm.models import AuditEntry, User
from integrations.choices import AttemptOutcome, DeliveryState
from integrations.models import Circuit, DeliveryAttempt, PresenceReport, WebhookDelivery
from integrations.sending.client import Sender
from integrations.sending.rounds import empty_outbox
from integrations.sending.trial import send_test
from tests.factories import NOON, AppointmentFactory, LeadFactory, UserFactory
from tests.integrations.receiver import Receiver, answering, dropping

URL = "/api/test-webhook/"
AsUser = Callable[[User | None], APIClient]


def attended(**fields: Any) -> Any:
    return AppointmentFactory(estado=AppointmentState.ATTENDED, **fields)


@pytest.mark.sqlite
def test_without_an_appointment_a_made_up_presence_is_sent(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    AppointmentFactory()
    answer = as_user(alice).post(URL)
    assert answer.status_code == 200
    [sent] = receiver.received
    assert sent.json["id_presencia_crm"].startswith("CRM-TEST-")
    assert "PRUEBA" in sent.json["cliente"]["nombres_completos_razon_social"]
    assert "se puede borrar" in sent.json["observaciones"]
    delivery = WebhookDelivery.objects.get()
    body = answer.json()
    assert body.pop("duration_ms") >= 0
    assert body == {
        "success": True,
        "delivery_id": str(delivery.pk),
        "status_code": 200,
        "response": '{"detail":"bien"}',
        "message": f"El destino aceptó la presencia de prueba {sent.json['id_presencia_crm']}.",
        "appointment_id": None,
        "lead_name": None,
    }


@pytest.mark.sqlite
def test_the_newest_appointment_that_took_place_is_sent(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    newest = attended(fecha_hora=NOON, lead=LeadFactory(nombre="Rosa Peña"))
    attended(fecha_hora=NOON - timedelta(days=1))
    AppointmentFactory(fecha_hora=NOON + timedelta(days=1))
    body = as_user(alice).post(URL).json()
    assert (body["appointment_id"], body["lead_name"]) == (str(newest.pk), "Rosa Peña")
    assert receiver.received[-1].json["id_presencia_crm"] == newest.id_presencia_crm


@pytest.mark.sqlite
def test_it_is_signed_sent_and_on_record_like_every_other(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    as_user(alice).post(URL)
    delivery = WebhookDelivery.objects.get()
    assert receiver.received[0].headers["x-crm-webhook-token"] == "ficha-de-prueba"
    assert receiver.received[0].headers["webhook-signature"].startswith("v1,")
    assert receiver.ids() == [delivery.message_id]
    assert (delivery.event, delivery.state, delivery.attempts) == ("presence.test", DeliveryState.DELIVERED, 1)
    assert (delivery.lease_token, delivery.created_by) == (None, alice)
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.delivery, attempt.number, attempt.status) == (delivery, 1, 200)
    assert (attempt.outcome, attempt.response_head) == (AttemptOutcome.DELIVERED, '{"detail":"bien"}')
    entry = AuditEntry.objects.get(action="webhook.test")
    assert (entry.actor, entry.entity_id, entry.details) == (alice, str(delivery.pk), {"host": "127.0.0.1"})


@pytest.mark.sqlite
@pytest.mark.parametrize("status", [301, 400, 401, 410, 500])
def test_what_the_receiver_refuses_is_told_and_never_tried_again(
    receiver: Receiver, as_user: AsUser, alice: User, status: int
) -> None:
    receiver.usual = answering(status, b"no")
    answer = as_user(alice).post(URL)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["success"], body["status_code"], body["response"]) == (False, status, "no")
    assert body["message"].startswith("El destino no aceptó la presencia de prueba CRM-TEST-")
    assert WebhookDelivery.objects.get().state == DeliveryState.DEAD
    assert empty_outbox("comercial") == 0
    assert len(receiver.received) == 1


@pytest.mark.sqlite
def test_a_receiver_that_does_not_answer_is_told(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    receiver.usual = dropping
    body = as_user(alice).post(URL).json()
    assert (body["success"], body["status_code"], body["response"]) == (False, None, "")
    assert body["message"].endswith("El destino cerró la conexión sin responder.")


@pytest.mark.sqlite
@pytest.mark.parametrize("missing", ["COMERCIAL_WEBHOOK_URL", "COMERCIAL_WEBHOOK_TOKEN"])
def test_without_a_destination_it_is_refused(
    receiver: Receiver, as_user: AsUser, alice: User, settings: Any, missing: str
) -> None:
    setattr(settings, missing, "")
    answer = as_user(alice).post(URL)
    assert (answer.status_code, answer.json()["code"]) == (400, "sin_configurar")
    assert missing in answer.json()["detail"]
    assert not WebhookDelivery.objects.exists()


@pytest.mark.sqlite
def test_only_administrators_send_tests(
    receiver: Receiver, as_user: AsUser, bob: User, laura: User, oscar: User
) -> None:
    assert as_user(None).post(URL).status_code == 401
    for user in (bob, laura, oscar):
        assert as_user(user).post(URL).status_code == 403
    assert receiver.received == []
    assert not WebhookDelivery.objects.exists()


@pytest.mark.sqlite
def test_other_methods_are_refused_and_the_slash_is_optional(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    assert as_user(alice).get(URL).status_code == 405
    assert as_user(alice).post(URL.rstrip("/")).status_code == 200


# --- It is a test -----------------------------------------------------------------------------


@pytest.mark.sqlite
def test_it_does_not_count_as_the_presence(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    appointment = attended()
    before = list(PresenceReport.objects.values())
    as_user(alice).post(URL)
    assert list(PresenceReport.objects.values()) == before
    assert not WebhookDelivery.objects.filter(event="presence.test", subject=appointment.id_presencia_crm).exists()


@pytest.mark.sqlite
def test_it_neither_waits_for_messages_about_the_appointment_nor_holds_them_up(
    receiver: Receiver, announced: Callable[..., WebhookDelivery], as_user: AsUser, alice: User
) -> None:
    appointment = attended()
    WebhookDelivery.objects.all().delete()
    waiting = announced(appointment.id_presencia_crm)
    assert as_user(alice).post(URL).json()["success"]
    waiting.refresh_from_db()
    assert waiting.state == DeliveryState.PENDING
    assert empty_outbox("comercial") == 1
    assert [one.headers["webhook-id"] for one in receiver.received][-1] == waiting.message_id


@pytest.mark.django_db(transaction=True)
def test_while_it_is_under_way_no_worker_takes_it(receiver: Receiver, alice: User) -> None:
    claimed: list[int] = []

    def look(handler: Any) -> None:
        claimed.append(len(WebhookDelivery.objects.claim("comercial", limit=10).deliveries))
        claimed.append(WebhookDelivery.objects.get().attempts)
        connection.close()
        answering(200)(handler)

    receiver.usual = look
    assert send_test(by=alice).is_success
    assert claimed == [0, 1], "its row is there already, and nobody else can hold it"


@pytest.mark.sqlite
def test_a_test_whose_process_ended_is_set_aside_and_not_sent_again(receiver: Receiver, alice: User) -> None:
    trial = send_test(by=alice)
    as_if_cut = {"state": DeliveryState.SENDING, "lease_token": trial.delivery.pk, "lost_leases": 2}
    WebhookDelivery.objects.update(**as_if_cut, lease_until=NOON, finished_at=None)
    WebhookDelivery.objects.take_back()
    assert WebhookDelivery.objects.get().state == DeliveryState.ASIDE
    assert empty_outbox("comercial") == 0


@pytest.mark.sqlite
def test_a_test_that_arrives_lets_messages_flow_again(receiver: Receiver, alice: User) -> None:
    Circuit.objects.note_trouble("comercial", count=9, error="caído")
    assert Circuit.objects.open().exists()
    receiver.behaviours = [answering(500)]
    send_test(by=alice)
    assert Circuit.objects.open().exists()
    send_test(by=alice)
    assert not Circuit.objects.open().exists()


# --- Repeats ----------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_repeat_with_the_same_key_gets_the_first_answer(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    attended(lead=LeadFactory(nombre="Rosa Peña"))
    receiver.behaviours = [answering(503, b"luego")]
    first, second = (as_user(alice).post(URL, headers={"Idempotency-Key": "a"}).json() for _ in range(2))
    assert first == second
    assert (first["status_code"], first["lead_name"]) == (503, "Rosa Peña")
    assert as_user(alice).post(URL, headers={"Idempotency-Key": "b"}).json()["success"]
    assert len(receiver.received) == 2


@pytest.mark.sqlite
def test_the_key_of_another_person_is_another_key(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    for user in (alice, UserFactory(admin=True)):
        assert as_user(user).post(URL, headers={"Idempotency-Key": "a"}).status_code == 200
    assert len(receiver.received) == 2


@pytest.mark.django_db(transaction=True)
def test_a_repeat_while_the_first_is_under_way_is_a_conflict(receiver: Receiver, as_user: AsUser, alice: User) -> None:
    repeated: list[int] = []

    def look(handler: Any) -> None:
        repeated.append(as_user(alice).post(URL, headers={"Idempotency-Key": "a"}).status_code)
        connection.close()
        answering(200)(handler)

    receiver.usual = look
    assert as_user(alice).post(URL, headers={"Idempotency-Key": "a"}).json()["success"]
    assert repeated == [409]
    assert len(receiver.received) == 1


@pytest.mark.django_db(transaction=True)
def test_nothing_is_held_in_the_database_while_the_receiver_thinks(
    receiver: Receiver, as_user: AsUser, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with an `Idempotency-Key`, which elsewhere keeps a transaction open around the whole request."""
    held: list[bool] = []
    really = Sender.send

    def note(self: Sender, *args: Any) -> Any:
        held.append(connection.in_atomic_block)
        return really(self, *args)

    monkeypatch.setattr(Sender, "send", note)
    assert as_user(alice).post(URL, headers={"Idempotency-Key": "a"}).json()["success"]
    assert held == [False]
