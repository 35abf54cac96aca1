"""Racing saves report once, whoever wins, and never wait for each other for good."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction

from crm.choices import AppointmentState, Typification
from crm.models import Appointment, Lead
from integrations.models import WebhookDelivery
from tests.crm.racing import at_once
from tests.factories import AppointmentFactory, LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)


def events() -> list[str]:
    return list(WebhookDelivery.objects.order_by("sequence").values_list("event", flat=True))


def test_twenty_stale_saves_of_the_same_visit_report_it_once() -> None:
    appointment = AppointmentFactory()
    copies = [Appointment.objects.get(pk=appointment.pk) for _ in range(20)]

    def save(copy: Appointment) -> None:
        copy.estado = AppointmentState.ATTENDED
        copy.save()

    assert at_once([lambda copy=copy: save(copy) for copy in copies]) == [None] * 20
    assert events() == ["presence.attended"]


def test_twenty_who_note_that_a_lead_came_make_one_appointment() -> None:
    lead = LeadFactory()
    copies = [Lead.objects.get(pk=lead.pk) for _ in range(20)]

    def typify(copy: Lead) -> None:
        copy.tipificacion = Typification.ATTENDED
        copy.save()

    assert at_once([lambda copy=copy: typify(copy) for copy in copies]) == [None] * 20
    assert Appointment.objects.filter(lead=lead).count() == 1
    assert events() == ["presence.attended"]


def test_a_visit_its_date_and_its_name_at_once_end_in_one_truth() -> None:
    for _ in range(5):
        WebhookDelivery.objects.all().delete()
        appointment = AppointmentFactory()
        visit, date = (Appointment.objects.get(pk=appointment.pk) for _ in range(2))
        lead = Lead.objects.get(pk=appointment.lead_id)
        visit.estado = AppointmentState.ATTENDED
        date.fecha_hora += timedelta(days=1)
        lead.nombre = "Nombre Corregido"
        results = at_once(
            [
                lambda visit=visit: visit.save(update_fields=["estado"]),
                lambda date=date: date.save(update_fields=["fecha_hora"]),
                lambda lead=lead: lead.save(),
            ]
        )
        assert results == [None] * 3
        last = WebhookDelivery.objects.order_by("sequence").last()
        assert last is not None
        assert last.payload["cliente"]["nombres_completos_razon_social"] == "Nombre Corregido"
        assert last.payload["fecha_hora_presencia"] == date.fecha_hora.isoformat()
        assert events()[0] == "presence.attended"
        assert set(events()[1:]) <= {"presence.corrected"}


def test_a_lead_typified_while_its_appointment_is_marked_reports_once() -> None:
    for _ in range(5):
        WebhookDelivery.objects.all().delete()
        appointment = AppointmentFactory()
        lead = Lead.objects.get(pk=appointment.lead_id)
        lead.tipificacion = Typification.ATTENDED
        results = at_once([lead.save, appointment.mark_attended, lead.save])
        assert results == [None] * 3
        assert events() == ["presence.attended"]


@pytest.mark.parametrize("first", ["rename", "move"])
def test_a_visit_that_moves_to_a_lead_while_it_is_renamed_is_told_with_the_new_name(first: str) -> None:
    """Whoever comes second waits for the other's transaction, and then sees what it stored."""
    appointment = AppointmentFactory(estado=AppointmentState.ATTENDED)
    lead = LeadFactory(nombre="Nombre Anterior")
    has_written = threading.Event()

    def rename() -> None:
        copy = Lead.objects.get(pk=lead.pk)
        copy.nombre = "Nombre Corregido"
        copy.save()

    def move() -> None:
        copy = Appointment.objects.get(pk=appointment.pk)
        copy.lead = lead
        copy.save(update_fields=["lead"])

    def begin(act: Callable[[], None]) -> None:
        with transaction.atomic():
            act()
            has_written.set()
            wait_for_a_waiter()

    def follow(act: Callable[[], None]) -> None:
        assert has_written.wait(20)
        act()

    acts = (rename, move) if first == "rename" else (move, rename)
    assert at_once([partial(begin, acts[0]), partial(follow, acts[1])]) == [None, None]
    last = WebhookDelivery.objects.order_by("sequence").last()
    assert last is not None
    assert last.payload["cliente"]["nombres_completos_razon_social"] == "Nombre Corregido"


def wait_for_a_waiter() -> None:
    """Until another session waits for a lock; after two seconds nobody will."""
    with connection.cursor() as cursor:
        for _ in range(400):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
            cursor.execute("SELECT pg_sleep(0.005)")


def test_saves_that_move_nothing_never_wait_for_a_lead_that_waits_for_them() -> None:
    for _ in range(5):
        appointment = AppointmentFactory(estado=AppointmentState.ATTENDED)
        date, lead = Appointment.objects.get(pk=appointment.pk), Lead.objects.get(pk=appointment.lead_id)
        date.fecha_hora += timedelta(days=1)
        lead.nombre = "Nombre Corregido"
        assert at_once([date.save, lead.save] * 4) == [None] * 8
