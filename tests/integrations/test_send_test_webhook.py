"""`manage.py send_test_webhook`: a test from the shell, readable, with an exit code."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from crm.choices import AppointmentState
from crm.models.circuits import OPENS_AFTER
from integrations.choices import DeliveryState
from integrations.models import Circuit, WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.factories import AppointmentFactory, LeadFactory
from tests.integrations.receiver import Receiver, a_receiver, answering, dropping
from tests.integrations.running import run

pytestmark = pytest.mark.django_db
TOKEN = "ficha-de-prueba"


@pytest.mark.sqlite
def test_it_tells_what_was_sent_where_and_what_came_back(receiver: Receiver) -> None:
    told = run("send_test_webhook")
    assert told.code == 0
    [sent] = receiver.received
    for part in (
        "Presencia:  presencia inventada, porque no hay ninguna cita realizada",
        f"Destino:    Aplicación comercial, {receiver.url}",
        "X-CRM-Webhook-Token: (oculto)",
        f"webhook-id: {sent.headers['webhook-id']}",
        f'"id_presencia_crm": "{sent.json["id_presencia_crm"]}"',
        "Respuesta:  200, en ",
        '{"detail":"bien"}',
        "El destino aceptó la presencia de prueba CRM-TEST-",
    ):
        assert part in told.out
    assert TOKEN not in told.out + told.err
    assert receiver.received[0].headers["x-crm-webhook-token"] == TOKEN


@pytest.mark.sqlite
@pytest.mark.parametrize("spelling", ["{0.numero}", "CRM-{0.numero}", "crm-{0.numero}", "{0.pk}"])
def test_an_appointment_is_named_by_id_or_number(receiver: Receiver, spelling: str) -> None:
    AppointmentFactory(estado=AppointmentState.ATTENDED)
    chosen = AppointmentFactory(lead=LeadFactory(nombre="Rosa Peña"))
    told = run("send_test_webhook", "--appointment", spelling.format(chosen))
    assert told.code == 0
    assert f"Presencia:  cita {chosen.id_presencia_crm} de Rosa Peña" in told.out
    assert receiver.received[0].json["id_presencia_crm"] == chosen.id_presencia_crm


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["9999", "CRM-9999", "01930000-ffff-7000-8000-000000000000", "nada", "٣"])
def test_an_appointment_that_nobody_has_is_told(receiver: Receiver, name: str) -> None:
    told = run("send_test_webhook", "--appointment", name)
    assert (told.code, told.err) == (2, f"No existe ninguna cita «{name}».")
    assert receiver.received == []


@pytest.mark.sqlite
def test_another_address_gets_it_instead(receiver: Receiver) -> None:
    with a_receiver() as other:
        told = run("send_test_webhook", "--url", other.url)
        assert told.code == 0
        assert len(other.received) == 1
        assert other.received[0].headers["x-crm-webhook-token"] == TOKEN
        assert other.url in told.out
    assert receiver.received == []


@pytest.mark.sqlite
@pytest.mark.parametrize("how", ["command", "verb"])
def test_what_went_to_another_address_is_sent_there_again(receiver: Receiver, how: str) -> None:
    with a_receiver() as other:
        other.behaviours = [answering(500)]
        assert run("send_test_webhook", "--url", other.url).code == 1
        row = WebhookDelivery.objects.get()
        if how == "command":
            assert run("replay_webhooks", "--ids", str(row.pk)).code == 0
        else:
            row.replay()
        empty_outbox("comercial")
        assert [one.headers["webhook-id"] for one in other.received] == [row.message_id] * 2
        assert other.received[1].headers["x-crm-webhook-token"] == TOKEN
    assert receiver.received == []
    row.refresh_from_db()
    assert row.state == DeliveryState.DELIVERED


@pytest.mark.sqlite
def test_another_address_in_trouble_does_not_hold_up_the_destination(receiver: Receiver, announced: Any) -> None:
    with a_receiver() as other:
        other.usual = answering(500)
        for _ in range(OPENS_AFTER + 1):
            run("send_test_webhook", "--url", other.url)
        WebhookDelivery.objects.all().replay()
        empty_outbox("comercial")
        assert len(other.received) == 2 * (OPENS_AFTER + 1)
    assert not Circuit.objects.open().exists()
    announced("CRM-1")
    empty_outbox("comercial")
    assert [one.json["id_presencia_crm"] for one in receiver.received] == ["CRM-1"]


@pytest.mark.sqlite
def test_another_address_that_answers_says_nothing_of_the_destination(receiver: Receiver) -> None:
    Circuit.objects.note_trouble("comercial", count=OPENS_AFTER, error="El destino no responde.")
    with a_receiver() as other:
        assert run("send_test_webhook", "--url", other.url).code == 0
        WebhookDelivery.objects.all().replay()
        Circuit.objects.update(open_until=timezone.now())
        empty_outbox("comercial")
        assert len(other.received) == 2
    assert Circuit.objects.open().exists()


@pytest.mark.sqlite
def test_the_api_and_the_page_tell_the_other_address_without_what_may_be_secret(
    receiver: Receiver, as_user: Any, alice: Any, client: Any
) -> None:
    with a_receiver() as other:
        run("send_test_webhook", "--url", f"{other.url}?clave=secreta")
        run("send_test_webhook")
    usual, elsewhere = WebhookDelivery.objects.order_by("address")
    told = [as_user(alice).get(f"/api/webhook-deliveries/{row.pk}").json()["address"] for row in (usual, elsewhere)]
    assert told == ["", f"{other.url}?…"]
    client.force_login(alice)
    page = client.get(f"/admin/integrations/webhookdelivery/{elsewhere.pk}/change/").content.decode()
    assert f"POST {other.url}?…" in page
    assert "secreta" not in page


@pytest.mark.sqlite
def test_an_endless_address_is_told(receiver: Receiver) -> None:
    told = run("send_test_webhook", "--url", "https://ventas.example/" + "a" * 2000)
    assert (told.code, told.err) == (2, "La dirección del destino es demasiado larga: 2000 caracteres como máximo.")
    assert not WebhookDelivery.objects.exists()


@pytest.mark.sqlite
@pytest.mark.parametrize("url", ["ventas.example", "ftp://ventas.example/", "https://a:b@ventas.example/", "http://"])
def test_an_impossible_address_is_told(receiver: Receiver, url: str) -> None:
    told = run("send_test_webhook", "--url", url)
    assert told.code == 2
    assert told.err.startswith("La dirección del destino ")
    assert not WebhookDelivery.objects.exists()


@pytest.mark.sqlite
def test_a_dry_run_shows_everything_and_sends_nothing(receiver: Receiver) -> None:
    told = run("send_test_webhook", "--dry-run")
    assert told.code == 0
    assert told.out.rstrip().endswith("No se ha enviado nada (--dry-run).")
    assert "(oculto)" in told.out
    assert '"id_presencia_crm": "CRM-TEST-' in told.out
    assert TOKEN not in told.out
    assert receiver.received == []
    assert not WebhookDelivery.objects.exists()


@pytest.mark.sqlite
def test_a_refusal_ends_with_1_and_shows_the_answer(receiver: Receiver) -> None:
    receiver.usual = answering(401, b'{"detail":"Token de autenticaci\xc3\xb3n inv\xc3\xa1lido."}')
    told = run("send_test_webhook")
    assert told.code == 1
    assert "Respuesta:  401" in told.out
    assert "Token de autenticación inválido." in told.out
    assert told.err.endswith("El destino no reconoce nuestro token.")
    assert WebhookDelivery.objects.get().state == DeliveryState.DEAD


@pytest.mark.sqlite
def test_no_answer_ends_with_1(receiver: Receiver) -> None:
    receiver.usual = dropping
    told = run("send_test_webhook")
    assert (told.code, "Respuesta:  ninguna" in told.out) == (1, True)
    assert told.err.endswith("El destino cerró la conexión sin responder.")


@pytest.mark.sqlite
@pytest.mark.parametrize("missing", ["COMERCIAL_WEBHOOK_URL", "COMERCIAL_WEBHOOK_TOKEN"])
@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_what_is_not_configured_ends_with_2(
    receiver: Receiver, settings: Any, missing: str, options: list[str]
) -> None:
    setattr(settings, missing, "")
    told = run("send_test_webhook", *options)
    assert told.code == 2
    assert missing in told.err
    assert receiver.received == []


def test_the_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("send_test_webhook", "--help")
    told = capsys.readouterr().out
    for line in ("0  el destino la aceptó", "1  el destino la rechazó o no respondió", "2  no se pudo intentar"):
        assert line in told


def test_an_unknown_option_is_refused(receiver: Receiver) -> None:
    with pytest.raises(CommandError):
        call_command("send_test_webhook", "--adonde", "x")
