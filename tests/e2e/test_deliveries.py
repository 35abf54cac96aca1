"""A message that did not arrive, sent again from the staff pages with the keyboard."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.models import User
from integrations.choices import DeliveryState
from integrations.events import PRESENCE, PRESENCE_TEST
from integrations.models import Circuit, WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.e2e.conftest import DESKTOP, PHONE, Desk
from tests.factories import AppointmentFactory
from tests.integrations.conftest import receiver  # noqa: F401  a fixture
from tests.integrations.receiver import Receiver, answering
from tests.staff_pages import list_of, page_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

Sit = Callable[..., Desk]


@pytest.fixture
def outbox(receiver: Receiver) -> WebhookDelivery:  # noqa: F811
    """A day with everything in it; the one that is dead."""
    for number in range(100, 112):
        PRESENCE_TEST.announce(f"CRM-{number}", {})
    empty_outbox("comercial")
    appointment = AppointmentFactory()
    name = "María Fernanda Guadalupe de la Concepción Altamirano Valdivieso"
    payload = {"cliente": {"nombres_completos_razon_social": name}, "observaciones": "Prefiere las tardes " * 30}
    [dead] = PRESENCE.announce(appointment.id_presencia_crm, payload)
    receiver.behaviours = [answering(410, b'{"detail":"' + b"no" * 300 + b'"}')]
    empty_outbox("comercial")
    receiver.behaviours = [answering(500)]
    PRESENCE_TEST.announce("CRM-120", {})
    empty_outbox("comercial")
    until = timezone.now() + timedelta(minutes=9)
    Circuit.objects.update_or_create(
        pk="comercial", defaults={"open_until": until, "last_error": "El destino no acepta conexiones."}
    )
    dead.refresh_from_db()
    assert dead.state == DeliveryState.DEAD
    return dead


def test_the_warning_leads_to_the_message_which_is_sent_again_by_keyboard(
    desk: Sit, alice: User, outbox: WebhookDelivery
) -> None:
    seat = desk(alice)
    seat.open("/admin/")
    assert "1 mensaje quedó sin entregar a otros sistemas." in seat.text
    seat.page.locator(".puente-notice a").press("Enter")
    seat.page.wait_for_url("**situacion=fallidos")
    seat.page.locator("#result_list a").first.press("Enter")
    seat.page.wait_for_url(f"**{page_of(outbox)}**")
    seat.page.locator("a:has-text('Enviar otra vez')").press("Enter")
    seat.page.wait_for_selector("#dialog button:has-text('Enviar')")
    seat.page.locator("#dialog button:has-text('Enviar')").press("Enter")
    seat.page.wait_for_selector("text=Se envía otra vez, en unos segundos.")
    assert "sin entregar a otros sistemas" not in seat.text
    outbox.refresh_from_db()
    assert outbox.state == DeliveryState.PENDING
    assert not seat.complaints


def test_a_paused_destination_is_resumed_by_keyboard(desk: Sit, alice: User, outbox: WebhookDelivery) -> None:
    seat = desk(alice)
    seat.open(list_of(WebhookDelivery))
    seat.page.locator("button:has-text('Reanudar')").press("Enter")
    seat.page.wait_for_selector("text=Se vuelve a enviar a «Aplicación comercial».")
    assert not Circuit.objects.open().exists()
    assert not seat.complaints


def test_no_page_of_deliveries_is_wider_than_its_window(desk: Sit, alice: User, outbox: WebhookDelivery) -> None:
    seat = desk(alice, size=PHONE)
    base = list_of(WebhookDelivery)
    for path in (base, f"{base}?q=nada", page_of(outbox), reverse("admin:integrations_webhookdelivery_last_day")):
        seat.open(path)
        assert not seat.is_wider_than_its_window(DESKTOP, PHONE), path
    assert not seat.complaints
