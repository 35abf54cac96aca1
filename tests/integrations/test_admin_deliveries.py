"""The staff pages of deliveries: what they show, what they never show, and what can be done there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import AuditEntry, User
from integrations.choices import AttemptOutcome, DeliveryState
from integrations.events import PRESENCE
from integrations.models import Circuit, DeliveryAttempt, WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.factories import AppointmentFactory
from tests.integrations.receiver import Receiver, answering
from tests.staff_pages import at_desk, list_of, messages_of, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Announced = Callable[..., WebhookDelivery]
LIST = list_of(WebhookDelivery)


@pytest.fixture
def dead(announced: Announced) -> WebhookDelivery:
    delivery = announced("CRM-7", cliente={"nombres_completos_razon_social": "Rosa Peña"})
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=timezone.now(),
        outcome=AttemptOutcome.REFUSED,
        duration_ms=35,
        status=500,
        response_head='{"detail":"se rompió con ficha-de-prueba"}',
        error="El destino tiene un error propio (500).",
    )
    now = timezone.now()
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.DEAD,
        attempts=1,
        last_status=500,
        last_error="El destino tiene un error propio (500).",
        finished_at=now,
    )
    delivery.refresh_from_db()
    return delivery


def chosen(client: Any, action: str, *rows: WebhookDelivery) -> Any:
    return client.post(LIST, {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)


def pressed(client: Any, row: WebhookDelivery, action: str) -> Any:
    """A button of the page: its dialog, then the answer in the dialog."""
    url = reverse(f"admin:integrations_webhookdelivery_{action}", args=[row.pk])
    assert client.get(url).status_code == 200
    client.post(url, {"_form_submitted": "1"})
    return client.get(page_of(row))


# --- The list ---------------------------------------------------------------------------------


def test_the_list_tells_what_to_whom_how_it_stands_and_why(alice: User, dead: WebhookDelivery) -> None:
    seen = text_of(at_desk(alice).get(LIST))
    for words in ("CRM-7", "Presencia de prueba", "Aplicación comercial", "Sin entregar", "500 · El destino tiene"):
        assert words in seen


@pytest.mark.parametrize("typed", ["CRM-7", "crm-7", "7", " CRM-7 "])
def test_the_messages_of_an_appointment_are_found_by_its_number(alice: User, announced: Announced, typed: str) -> None:
    announced("CRM-7"), announced("CRM-7"), announced("CRM-77")
    found = at_desk(alice).get(LIST, {"q": typed}).context["cl"].result_list
    assert [row.subject for row in found] == ["CRM-7", "CRM-7"]


def test_the_list_is_narrowed_by_state_event_destination_and_day(
    alice: User, announced: Announced, dead: WebhookDelivery
) -> None:
    waiting = announced("CRM-8")
    [presence] = PRESENCE.announce("CRM-9", {})
    client = at_desk(alice)

    def found(**query: str) -> set[Any]:
        return {row.pk for row in client.get(LIST, query).context["cl"].result_list}

    assert found(state__exact="dead") == {dead.pk}
    assert found(situacion="fallidos") == {dead.pk}
    assert found(situacion="pendientes") == {waiting.pk, presence.pk}
    assert found(event="presence.attended") == {presence.pk}
    assert found(destination="comercial") == {dead.pk, waiting.pk, presence.pk}
    assert found(destination="otro") == set()
    yesterday = str(timezone.localdate() - timedelta(days=1))
    assert found(created_at_to=yesterday) == set()


def test_a_message_that_is_overdue_goes_as_soon_as_possible(alice: User, announced: Announced) -> None:
    announced("CRM-8")
    assert "en cuanto se pueda" in text_of(at_desk(alice).get(LIST))


# --- The page of one --------------------------------------------------------------------------


def test_a_page_shows_the_message_the_request_and_every_try(
    alice: User, receiver: Receiver, dead: WebhookDelivery
) -> None:
    seen = text_of(at_desk(alice).get(page_of(dead)))
    for words in ("Rosa Peña", f"POST {receiver.url}", f"webhook-id: {dead.message_id}", "35 ms", "se rompió"):
        assert words in seen


def test_no_page_shows_the_token_or_a_signature(alice: User, receiver: Receiver, dead: WebhookDelivery) -> None:
    """Not even where the receiver repeated it in its answer."""
    page = at_desk(alice).get(page_of(dead)).content.decode()
    assert "X-CRM-Webhook-Token: ••••••" in page
    assert "webhook-signature: v1,••••••" in page
    assert "ficha-de-prueba" not in page
    assert "QUJD" not in page


def test_secrets_in_the_address_of_a_destination_are_hidden(alice: User, dead: WebhookDelivery, settings: Any) -> None:
    settings.COMERCIAL_WEBHOOK_URL = "https://quien:secreto@comercial.test/presencias/?clave=oculta"
    page = at_desk(alice).get(page_of(dead)).content.decode()
    assert "POST https://comercial.test/presencias/?…" in page
    assert "secreto" not in page
    assert "oculta" not in page


def test_without_an_address_the_page_says_that_the_message_waits(
    alice: User, announced: Announced, settings: Any
) -> None:
    settings.COMERCIAL_WEBHOOK_URL = ""
    assert "no tiene dirección configurada" in text_of(at_desk(alice).get(page_of(announced())))


def test_what_a_receiver_answers_is_shown_as_text_and_never_run(alice: User, dead: WebhookDelivery) -> None:
    DeliveryAttempt.objects.update(response_head="<script>alert(1)</script>")
    page = at_desk(alice).get(page_of(dead)).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_page_leads_to_the_appointment_while_there_is_one(alice: User, announced: Announced) -> None:
    appointment = AppointmentFactory()
    delivery = announced(appointment.id_presencia_crm)
    client = at_desk(alice)
    assert page_of(appointment) in client.get(page_of(delivery)).content.decode()
    path = page_of(appointment)
    appointment.delete()
    assert path not in client.get(page_of(delivery)).content.decode()


@pytest.mark.parametrize("subject", ["CRM-", "CRM-x", "CRM-99999999999999999999", "prueba"])
def test_a_subject_that_names_no_appointment_is_no_error(alice: User, announced: Announced, subject: str) -> None:
    assert subject in text_of(at_desk(alice).get(page_of(announced(subject))))


def test_a_page_costs_the_same_for_one_try_and_for_many(alice: User, dead: WebhookDelivery) -> None:
    client = at_desk(alice)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(page_of(dead)).status_code == 200
        return len(found)

    few = queries()
    DeliveryAttempt.objects.bulk_create(
        DeliveryAttempt(delivery=dead, number=number, started_at=timezone.now()) for number in range(2, 150)
    )
    assert queries() == few


# --- Sending again ----------------------------------------------------------------------------


def test_a_dead_message_is_sent_again_from_its_page(alice: User, receiver: Receiver, dead: WebhookDelivery) -> None:
    response = pressed(at_desk(alice), dead, "replay_one")
    assert messages_of(response) == ["Se envía otra vez, en unos segundos."]
    empty_outbox("comercial")
    dead.refresh_from_db()
    assert dead.state == DeliveryState.DELIVERED
    assert receiver.ids() == [dead.message_id]
    assert AuditEntry.objects.get(action="webhook.replay").actor == alice


def test_opening_the_dialog_alone_sends_nothing(alice: User, dead: WebhookDelivery) -> None:
    at_desk(alice).get(reverse("admin:integrations_webhookdelivery_replay_one", args=[dead.pk]))
    dead.refresh_from_db()
    assert dead.state == DeliveryState.DEAD


def test_what_is_still_under_way_is_told_and_left_alone(alice: User, announced: Announced) -> None:
    waiting = announced()
    response = pressed(at_desk(alice), waiting, "replay_one")
    assert messages_of(response) == ["Este envío todavía no ha terminado."]


def test_many_are_sent_again_and_those_still_waiting_are_counted(
    alice: User, announced: Announced, dead: WebhookDelivery
) -> None:
    waiting = announced("CRM-8")
    response = chosen(at_desk(alice), "replay_many", dead, waiting)
    assert messages_of(response) == [
        "Se envían otra vez, en unos segundos: 1.",
        "Todavía no habían terminado y siguen su curso: 1.",
    ]
    dead.refresh_from_db()
    assert (dead.state, dead.failures) == (DeliveryState.PENDING, 0)


def test_a_message_that_waits_for_its_next_try_need_not_wait(
    alice: User, receiver: Receiver, announced: Announced
) -> None:
    delivery = announced()
    receiver.behaviours = [answering(500)]
    empty_outbox("comercial")
    assert empty_outbox("comercial") == 0, "its time has not come"
    response = pressed(at_desk(alice), delivery, "send_one_now")
    assert messages_of(response) == ["Se intenta en unos segundos."]
    empty_outbox("comercial")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED


def test_nothing_but_what_waits_is_hurried(alice: User, announced: Announced, dead: WebhookDelivery) -> None:
    later = announced("CRM-8")
    WebhookDelivery.objects.filter(pk=later.pk).update(next_try_at=timezone.now() + timedelta(hours=5))
    response = chosen(at_desk(alice), "send_many_now", later, dead)
    assert messages_of(response) == [
        "Se intentan en unos segundos: 1.",
        "No esperaban ninguna hora, así que siguen igual: 1.",
    ]
    later.refresh_from_db()
    dead.refresh_from_db()
    assert later.next_try_at <= timezone.now()
    assert dead.state == DeliveryState.DEAD


def test_buttons_fit_what_the_message_can_become(alice: User, announced: Announced, dead: WebhookDelivery) -> None:
    client = at_desk(alice)
    for row, fitting in ((dead, {"replay_one", "dismiss_one"}), (announced("CRM-8"), {"send_one_now"})):
        page = client.get(page_of(row)).content.decode()
        shown = {name for name in ("replay_one", "send_one_now", "dismiss_one") if f"/{name}" in page}
        assert shown == fitting


# --- The warning ------------------------------------------------------------------------------


def warning_on(client: Any, path: str = reverse("admin:index")) -> str:
    return " ".join(line for line in text_of(client.get(path)).splitlines() if "sin entregar a otros" in line)


def test_while_something_is_dead_every_page_says_so_until_it_is_replayed(alice: User, dead: WebhookDelivery) -> None:
    client = at_desk(alice)
    for path in (reverse("admin:index"), LIST, page_of(dead), list_of(User)):
        assert "1 mensaje quedó sin entregar a otros sistemas." in warning_on(client, path), path
    dead.replay()
    assert not warning_on(client)


def test_the_warning_leads_to_what_it_speaks_of(alice: User, announced: Announced, dead: WebhookDelivery) -> None:
    announced("CRM-8")
    client = at_desk(alice)
    page = client.get(reverse("admin:index")).content.decode()
    assert f'href="{LIST}?situacion=fallidos"' in page
    assert [row.pk for row in client.get(f"{LIST}?situacion=fallidos").context["cl"].result_list] == [dead.pk]


def test_what_was_set_aside_is_warned_of_too(laura: User, dead: WebhookDelivery) -> None:
    WebhookDelivery.objects.update(state=DeliveryState.ASIDE)
    assert warning_on(at_desk(laura))


def test_agents_who_see_no_deliveries_are_not_warned(bob: User, dead: WebhookDelivery) -> None:
    client = at_desk(bob)
    assert not warning_on(client)
    assert client.get(LIST).status_code == 403


def test_nobody_who_is_signed_out_learns_of_it(client: Any, dead: WebhookDelivery) -> None:
    assert "sin entregar" not in text_of(client.get(reverse("admin:login")))


def test_a_dismissed_message_is_warned_of_no_more_and_can_still_be_sent(alice: User, dead: WebhookDelivery) -> None:
    client = at_desk(alice)
    response = pressed(client, dead, "dismiss_one")
    assert messages_of(response) == ["Descartado: ya no se avisa de él."]
    assert not warning_on(client)
    assert "Descartada" in text_of(client.get(LIST))
    assert AuditEntry.objects.get(action="webhook.dismiss").actor == alice
    dead.replay()
    dead.refresh_from_db()
    assert (dead.state, dead.dismissed_at) == (DeliveryState.PENDING, None)


def test_only_what_failed_is_dismissed(alice: User, announced: Announced, dead: WebhookDelivery) -> None:
    waiting = announced("CRM-8")
    response = chosen(at_desk(alice), "dismiss_many", waiting, dead)
    assert messages_of(response)[0].startswith("Descartados: 1.")
    assert "siguen igual: 1" in messages_of(response)[1]
    waiting.refresh_from_db()
    assert waiting.dismissed_at is None


# --- Destinations that are left alone ---------------------------------------------------------


@pytest.fixture
def paused(db: None) -> Circuit:
    until = timezone.now() + timedelta(minutes=10)
    return Circuit.objects.create(
        destination="comercial", troubles=5, open_until=until, last_error="El destino no acepta conexiones."
    )


def resume_path(destination: str = "comercial") -> str:
    return reverse("admin:integrations_resume", args=[destination])


def test_a_paused_destination_is_shown_and_resumed_by_an_administrator(alice: User, paused: Circuit) -> None:
    client = at_desk(alice)
    seen = " ".join(text_of(client.get(LIST)).split())
    assert "«Aplicación comercial» está en pausa" in seen
    assert "El destino no acepta conexiones." in seen
    response = client.post(resume_path(), follow=True)
    assert messages_of(response) == ["Se vuelve a enviar a «Aplicación comercial»."]
    assert "está en pausa" not in text_of(response)
    paused.refresh_from_db()
    assert (paused.is_open, paused.troubles) == (False, 0)
    assert AuditEntry.objects.get(action="webhook.resume").entity_id == "comercial"


def test_resuming_takes_a_post_and_a_destination_that_is_known(alice: User, paused: Circuit) -> None:
    client = at_desk(alice)
    assert client.get(resume_path()).status_code == 405
    assert client.post(resume_path("otro")).status_code == 404
    paused.refresh_from_db()
    assert paused.is_open


# --- Who may ----------------------------------------------------------------------------------


def test_lawyers_look_and_change_nothing(laura: User, paused: Circuit, dead: WebhookDelivery) -> None:
    client = at_desk(laura)
    assert "Reanudar" not in text_of(client.get(LIST))
    assert "Enviar otra vez" not in text_of(client.get(page_of(dead)))
    for action in ("replay_one", "send_one_now", "dismiss_one"):
        url = reverse(f"admin:integrations_webhookdelivery_{action}", args=[dead.pk])
        assert client.post(url, {"_form_submitted": "1"}).status_code == 403
    for action in ("replay_many", "send_many_now", "dismiss_many"):
        chosen(client, action, dead)
    assert client.post(resume_path()).status_code == 404
    dead.refresh_from_db()
    paused.refresh_from_db()
    assert (dead.state, dead.dismissed_at, paused.is_open) == (DeliveryState.DEAD, None, True)


def test_a_delivery_is_edited_and_deleted_by_nobody(alice: User, dead: WebhookDelivery) -> None:
    client = at_desk(alice)
    assert client.post(page_of(dead), {"subject": "CRM-1"}).status_code == 403
    assert client.post(reverse("admin:integrations_webhookdelivery_delete", args=[dead.pk])).status_code == 403
    assert client.get(reverse("admin:integrations_webhookdelivery_add")).status_code == 403
