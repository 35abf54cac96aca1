"""Who writes about one person at the same moment takes turns: nobody waits in a circle, and what was told last is true.

The order of locks is that of integrations/presences/firing.py: person, lead, its appointments, report, outbox.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from crm.choices import AppointmentState, Typification
from crm.models import Appointment, Lead, User
from integrations.models import WebhookDelivery
from integrations.presences.payload import digest_of, payload_of
from tests.crm.racing import at_once
from tests.factories import NOON, AppointmentFactory, LeadFactory

pytestmark = pytest.mark.django_db(transaction=True)
AsUser = Callable[[User | None], APIClient]
ATTENDED = AppointmentState.ATTENDED
ROUNDS = 8


def events_about(appointment: Appointment) -> list[str]:
    about = WebhookDelivery.objects.filter(subject=appointment.id_presencia_crm)
    return list(about.order_by("sequence").values_list("event", flat=True))


def assert_told_truly(lead: Lead) -> None:
    """Each that took place was told as a presence once; corrections followed; the last word is what is stored."""
    for appointment in Appointment.objects.filter(lead=lead, estado=ATTENDED).select_related("lead"):
        first, *others = events_about(appointment)
        assert first == "presence.attended"
        assert set(others) <= {"presence.corrected"}
        last = WebhookDelivery.objects.filter(subject=appointment.id_presencia_crm).order_by("-sequence")[0]
        assert digest_of(last.payload) == digest_of(payload_of(appointment))


def save(row: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def test_one_created_as_realizada_while_its_lead_is_corrected_is_told_as_the_lead_is_then() -> None:
    for number in range(ROUNDS):
        lead = LeadFactory()
        copy = Lead.objects.get(pk=lead.pk)
        results = at_once(
            [
                partial(Appointment.objects.create, lead=lead, fecha_hora=NOON, estado=ATTENDED),
                partial(save, copy, nombre=f"Nombre Corregido {number}"),
            ]
        )
        assert results[1] is None, results
        assert isinstance(results[0], Appointment), results
        assert_told_truly(lead)


def test_of_two_open_appointments_twenty_who_note_the_visit_take_the_newest_only() -> None:
    lead = LeadFactory()
    older, newest = (AppointmentFactory(lead=lead, fecha_hora=NOON + timedelta(days=n)) for n in range(2))
    copies = [Lead.objects.get(pk=lead.pk) for _ in range(20)]
    results = at_once([partial(save, copy, tipificacion=Typification.ATTENDED) for copy in copies])
    assert results == [None] * 20
    assert events_about(newest) == ["presence.attended"]
    assert events_about(older) == []


def test_twenty_requests_that_mark_one_appointment_report_it_once(as_user: AsUser, alice: User) -> None:
    appointment = AppointmentFactory()
    client = as_user(alice)

    def mark() -> int:
        answer = client.patch(f"/api/crm/appointments/{appointment.pk}", {"estado": "Realizada"})
        return int(answer.status_code)

    assert at_once([mark] * 20) == [200] * 20
    assert events_about(appointment) == ["presence.attended"]


def test_everything_at_once_about_one_lead_ends_in_one_truth(as_user: AsUser, alice: User) -> None:
    for number in range(ROUNDS):
        lead = LeadFactory()
        first, second = (AppointmentFactory(lead=lead, fecha_hora=NOON + timedelta(days=n)) for n in range(2))
        client = as_user(alice)

        def patch(path: str, client: APIClient = client, **body: Any) -> None:
            answer = client.patch(f"/api/crm/{path}", body)
            assert answer.status_code == 200, answer.content

        stale = [Appointment.objects.get(pk=first.pk) for _ in range(2)]
        results = at_once(
            [
                partial(patch, f"leads/{lead.pk}", tipificacion="YA ASISTIO"),
                partial(patch, f"leads/{lead.pk}", nombre=f"Nombre Corregido {number}"),
                partial(patch, f"appointments/{first.pk}", estado="Realizada"),
                partial(patch, f"appointments/{second.pk}", fecha_hora="2026-04-01T10:00:00Z"),
                second.mark_attended,
                partial(save, Lead.objects.get(pk=lead.pk), numero_documento="45678912"),
                partial(stale[0].edit, {"estado": ATTENDED}),
                partial(stale[1].edit, {"lugar": "Zoom"}),
            ]
        )
        assert [one for one in results if isinstance(one, Exception)] == []
        assert_told_truly(lead)


def test_one_that_is_thought_better_of_leaves_the_field_to_the_next() -> None:
    appointment = AppointmentFactory()

    def change_my_mind() -> None:
        with transaction.atomic():
            Appointment.objects.get(pk=appointment.pk).mark_attended()
            transaction.set_rollback(True)

    assert at_once([change_my_mind, appointment.mark_attended, change_my_mind]) == [None] * 3
    assert events_about(appointment) == ["presence.attended"]
