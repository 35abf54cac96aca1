"""Whatever door a visit comes in by (staff pages, imports, commands), it is reported once, and costs little."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from crm.choices import AppointmentState, Project, Typification
from crm.demo.story import keep
from crm.models import Appointment, AppointmentNumber, Contact, Lead, User
from crm.services import merge_contacts, undo_merge
from integrations.models import PresenceReport, WebhookDelivery
from tests.crm.importing import counts, imported, lines
from tests.factories import NOON, AppointmentFactory, LeadFactory
from tests.staff_pages import add_to, at_desk, filled, list_of, page_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
AsUser = Callable[[User | None], APIClient]
ATTENDED = AppointmentState.ATTENDED


def events() -> list[str]:
    return list(WebhookDelivery.objects.order_by("created_at", "sequence").values_list("event", flat=True))


@pytest.fixture
def own_media(settings: Any, tmp_path: Path) -> None:
    """Uploaded files land in a folder of this test."""
    settings.MEDIA_ROOT = tmp_path / "media"


# --- Staff pages ------------------------------------------------------------------------------


def test_the_page_of_an_appointment_reports_once(alice: User) -> None:
    appointment = AppointmentFactory()
    desk = at_desk(alice)
    for _ in range(2):
        desk.post(page_of(appointment), filled(desk, page_of(appointment), estado="Realizada"))
    assert events() == ["presence.attended"]
    assert WebhookDelivery.objects.get().created_by == alice


def test_marking_in_the_list_reports_each_once(alice: User) -> None:
    marked = [AppointmentFactory() for _ in range(3)]
    data = {"action": "mark_attended", "_selected_action": [one.pk for one in marked]}
    for _ in range(2):
        at_desk(alice).post(list_of(Appointment), data)
    assert events() == ["presence.attended"] * 3


def test_the_page_of_a_lead_reports_who_came(alice: User) -> None:
    lead = LeadFactory()
    desk = at_desk(alice)
    for _ in range(2):
        desk.post(page_of(lead), filled(desk, page_of(lead), tipificacion=Typification.ATTENDED))
    assert events() == ["presence.attended"]
    assert Appointment.objects.get(lead=lead).created_by == alice


def test_a_lead_added_as_one_who_came_is_reported(alice: User) -> None:
    desk = at_desk(alice)
    typed = {"nombre": "Rosa", "celular": "987654321", "tipificacion": Typification.ATTENDED}
    desk.post(add_to(Lead), filled(desk, add_to(Lead), **typed))
    assert events() == ["presence.attended"]


# --- The API ----------------------------------------------------------------------------------


def test_an_appointment_put_to_another_lead_is_corrected(as_user: AsUser, alice: User) -> None:
    appointment, other = AppointmentFactory(estado=ATTENDED), LeadFactory()
    as_user(alice).patch(f"/api/crm/appointments/{appointment.pk}", {"lead_id": str(other.pk)})
    assert events() == ["presence.attended", "presence.corrected"]
    last = WebhookDelivery.objects.order_by("-sequence")[0]
    assert last.payload["cliente"]["nombres_completos_razon_social"] == other.nombre


def test_an_appointment_made_for_who_came_is_the_responsibles(as_user: AsUser, alice: User, bob: User) -> None:
    lead = LeadFactory(responsible_user=bob)
    as_user(alice).put(f"/api/crm/leads/{lead.pk}", {"tipificacion": "Ya asistió"})
    made = Appointment.objects.get(lead=lead)
    assert (made.responsible_user, made.created_by) == (bob, alice)


# --- Imports ----------------------------------------------------------------------------------


def test_an_imported_lead_that_came_is_reported(as_user: AsUser, alice: User, own_media: None) -> None:
    header = "Nombre,Celular,Tipificación"
    run = imported(as_user(alice), lines(header, "Rosa,987654321,Ya asistió", "Luz,987654322,Apagado"))
    assert counts(run)["created"] == 2
    assert events() == ["presence.attended"]
    assert Appointment.objects.get().lead.nombre == "Rosa"


def test_a_file_imported_again_reports_nothing(as_user: AsUser, alice: User, own_media: None) -> None:
    content = lines("Nombre,Celular,Tipificación", "Rosa,987654321,Ya asistió")
    for duplicates in ("report", "merge", "merge"):
        imported(as_user(alice), content, duplicates=duplicates)
    assert events() == ["presence.attended"]
    assert Appointment.objects.count() == 1


def test_an_import_that_completes_a_lead_marks_its_open_appointment(
    as_user: AsUser, alice: User, own_media: None
) -> None:
    lead = LeadFactory(nombre="Rosa", celular="987654321")
    appointment = AppointmentFactory(lead=lead)
    content = lines("Nombre,Celular,Tipificación", "Rosa,987654321,Ya asistió")
    assert counts(imported(as_user(alice), content, duplicates="merge"))["merged"] == 1
    appointment.refresh_from_db()
    assert appointment.estado == ATTENDED
    assert events() == ["presence.attended"]


def test_an_import_that_completes_a_document_corrects_the_presence(
    as_user: AsUser, alice: User, own_media: None
) -> None:
    lead = LeadFactory(nombre="Rosa", celular="987654321")
    AppointmentFactory(lead=lead, estado=ATTENDED)
    content = lines("Nombre,Celular,DNI", "Rosa,987654321,45678912")
    assert counts(imported(as_user(alice), content, duplicates="merge"))["merged"] == 1
    assert events() == ["presence.attended", "presence.corrected"]
    last = WebhookDelivery.objects.order_by("-sequence")[0]
    assert last.payload["cliente"]["numero_documento"] == "45678912"


def test_an_import_from_the_shell_reports_who_came(alice: User, own_media: None, tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(lines("Nombre,Celular,Tipificación", "Rosa,987654321,Ya asistió"))
    call_command("import_file", str(path), kind="leads", user=alice.email, dry_run=True)
    assert events() == [], "only looked at"
    call_command("import_file", str(path), kind="leads", user=alice.email)
    assert events() == ["presence.attended"]


# --- What is no visit -------------------------------------------------------------------------


def test_a_merge_of_contacts_and_its_undo_report_nothing(alice: User) -> None:
    first, second = AppointmentFactory(estado=ATTENDED), AppointmentFactory(estado=ATTENDED)
    merge = merge_contacts(survivor_id=first.lead.contact_id, absorbed_id=second.lead.contact_id, by=alice)
    undo_merge(merge, by=alice)
    assert events() == ["presence.attended"] * 2


def test_a_corrected_contact_corrects_no_lead(alice: User) -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    Contact.objects.get(pk=appointment.lead.contact_id).edit({"name": "Otro Nombre"}, by=alice)
    assert events() == ["presence.attended"]


def test_one_that_was_stored_as_a_fixture_is_no_news_whatever_is_edited() -> None:
    lead = LeadFactory()
    dates = {"fecha_hora": NOON, "attended_at": NOON, "created_at": NOON, "updated_at": NOON}
    [stored] = keep([Appointment(lead=lead, numero=AppointmentNumber.take(), estado=ATTENDED, **dates)])
    appointment = Appointment.objects.get(pk=stored.pk)
    appointment.observaciones = "Vino con su hermana"
    appointment.save()
    appointment.fecha_hora += timedelta(hours=1)
    appointment.save()
    lead.nombre = "Otro Nombre"
    lead.save()
    assert events() == []


def test_ya_asistio_of_a_stale_instance_takes_no_second_appointment() -> None:
    lead = LeadFactory()
    AppointmentFactory(lead=lead, fecha_hora=NOON)
    AppointmentFactory(lead=lead, fecha_hora=NOON + timedelta(days=1))
    for copy in [Lead.objects.get(pk=lead.pk) for _ in range(2)]:
        copy.tipificacion = Typification.ATTENDED
        copy.save()
    assert events() == ["presence.attended"]


def test_ya_asistio_that_a_save_leaves_out_is_no_visit() -> None:
    lead = LeadFactory()
    lead.tipificacion = Typification.ATTENDED
    lead.observacion = "Llamar"
    lead.save(update_fields=["observacion"])
    assert events() == []
    assert not Appointment.objects.exists()


def test_a_stale_saver_of_the_date_corrects_what_took_place_meanwhile() -> None:
    appointment = AppointmentFactory()
    stale = Appointment.objects.get(pk=appointment.pk)
    appointment.mark_attended()
    stale.fecha_hora += timedelta(days=1)
    stale.save(update_fields=["fecha_hora"])
    assert events() == ["presence.attended", "presence.corrected"]


# --- What it costs ----------------------------------------------------------------------------


def statements(act: Callable[[], Any], table: str = "") -> list[str]:
    with CaptureQueriesContext(connection) as spent:
        act()
    return [query["sql"] for query in spent if table in query["sql"]]


@pytest.mark.parametrize(
    ("state", "change"),
    [
        (AppointmentState.PENDING, {"observaciones": "Trae a su hermana"}),
        (AppointmentState.PENDING, {"estado": AppointmentState.CONFIRMED}),
        (AppointmentState.PENDING, {"lugar": "Sala Los Olivos"}),
        (AppointmentState.CANCELLED, {"estado": AppointmentState.NO_SHOW}),
    ],
)
def test_saving_one_that_never_took_place_asks_integrations_nothing(state: str, change: dict[str, Any]) -> None:
    appointment = AppointmentFactory(estado=state)
    for name, value in change.items():
        setattr(appointment, name, value)
    assert statements(appointment.save, "integrations_") == []


def test_remarks_about_one_that_took_place_ask_integrations_nothing() -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    assert statements(lambda: appointment.edit({"observaciones": "Vino tarde"}), "integrations_") == []


@pytest.mark.parametrize("change", [{"observacion": "Llamar"}, {"captador": "Juan"}, {"tipificacion": "APAGADO"}])
def test_unrelated_edits_of_a_lead_ask_integrations_nothing(change: dict[str, Any]) -> None:
    lead = AppointmentFactory(estado=ATTENDED).lead
    for name, value in change.items():
        setattr(lead, name, value)
    asked = statements(lead.save)
    assert not [sql for sql in asked if "integrations_" in sql or "crm_appointment" in sql]


def test_a_presence_costs_a_few_statements_whatever_is_there_already() -> None:
    costs = []
    for _ in range(2):
        appointment = AppointmentFactory()
        costs.append(len(statements(lambda appointment=appointment: appointment.edit({"estado": ATTENDED}))))
        for _ in range(20):
            AppointmentFactory(estado=ATTENDED)
    assert costs[0] == costs[1]
    # The appointment; its report, held and noted; the outbox: its turn, the number before, the row; savepoints.
    assert costs[0] <= 14


def test_one_row_remembers_all_that_was_told_of_an_appointment() -> None:
    appointment = AppointmentFactory(estado=ATTENDED)
    for project in (Project.OASIS_1, Project.OASIS_2):
        lead = Lead.objects.get(pk=appointment.lead_id)
        lead.proyecto_interes = project
        lead.save()
    assert PresenceReport.objects.filter(appointment=appointment).count() == 1
    assert [one.sequence for one in WebhookDelivery.objects.order_by("sequence")] == [1, 2, 3]
