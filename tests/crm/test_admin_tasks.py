"""Tasks, notes, leads and appointments on the staff pages."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from crm.choices import AppointmentState
from crm.models import Appointment, Contact, Lead, Note, Task, User
from tests.factories import AppointmentFactory, ContactFactory, LeadFactory, NoteFactory, TaskFactory
from tests.staff_pages import add_to, at_desk, filled, list_of, messages_of, page_of, text_of


def listed(client: Any, **query: str) -> str:
    return text_of(client.get(list_of(Task), query))


# --- Tasks ------------------------------------------------------------------------------------


@pytest.fixture
def four_tasks(alice: User) -> None:
    now = timezone.now()
    noon = timezone.localtime(now).replace(hour=12, minute=0)
    TaskFactory(text="Vencida", complete_till=now - timedelta(days=2), responsible_user=alice)
    TaskFactory(text="De hoy", complete_till=noon, responsible_user=alice)
    TaskFactory(text="De otra semana", complete_till=now + timedelta(days=7))
    TaskFactory(text="Ya hecha", complete_till=noon, is_completed=True)


@pytest.mark.sqlite
@pytest.mark.usefixtures("four_tasks")
@pytest.mark.parametrize(
    ("view", "there", "absent"),
    [
        ("", {"Vencida", "De hoy", "De otra semana"}, {"Ya hecha"}),
        ("vencidas", {"Vencida"}, {"De otra semana", "Ya hecha"}),
        ("hoy", {"De hoy"}, {"Vencida", "De otra semana", "Ya hecha"}),
        ("hechas", {"Ya hecha"}, {"Vencida", "De hoy", "De otra semana"}),
        ("todas", {"Vencida", "De hoy", "De otra semana", "Ya hecha"}, set()),
    ],
)
def test_the_list_shows_open_tasks_unless_another_view_is_asked_for(
    alice: User, view: str, there: set[str], absent: set[str]
) -> None:
    seen = set(listed(at_desk(alice), **({"ver": view} if view else {})).splitlines())
    assert there <= seen
    assert not absent & seen


@pytest.mark.usefixtures("four_tasks")
def test_open_tasks_stand_by_due_date_and_done_ones_newest_first(alice: User) -> None:
    client = at_desk(alice)
    open_ones = [task.text for task in client.get(list_of(Task)).context["cl"].result_list]
    assert open_ones == ["Vencida", "De hoy", "De otra semana"]
    every = [task.text for task in client.get(list_of(Task), {"ver": "todas"}).context["cl"].result_list]
    assert every == ["Ya hecha", "De otra semana", "De hoy", "Vencida"]


def test_an_agent_lists_only_tasks_of_their_own(bob: User, charlie: User) -> None:
    TaskFactory(text="De Bob", responsible_user=bob)
    TaskFactory(text="De Charlie", responsible_user=charlie)
    seen = listed(at_desk(bob))
    assert "De Bob" in seen
    assert "De Charlie" not in seen


def test_a_colleagues_task_is_read_from_the_contacts_page_and_not_changed(bob: User, charlie: User) -> None:
    task = TaskFactory(text="De Charlie", responsible_user=charlie)
    client = at_desk(bob)
    response = client.get(page_of(task))
    assert response.status_code == 200
    assert "De Charlie" in text_of(response)
    assert client.post(page_of(task), {"text": "Cambiada"}).status_code == 403


@pytest.mark.sqlite
@pytest.mark.parametrize("which", ["neither", "both"])
def test_a_task_is_about_exactly_one(alice: User, which: str) -> None:
    client = at_desk(alice)
    about = {"contact": str(ContactFactory().pk), "lead": str(LeadFactory().pk)} if which == "both" else {}
    response = client.post(add_to(Task), filled(client, add_to(Task), text="Llamar", **about))
    assert response.status_code == 200
    assert "Indique un contacto o un lead, y solo uno." in text_of(response)
    assert not Task.objects.exists()


def test_the_call_that_was_just_planned_is_not_planned_twice(bob: User) -> None:
    contact = ContactFactory()
    client = at_desk(bob)
    typed = {
        "text": "Llamar por el lote",
        "contact": str(contact.pk),
        "complete_till_0": "02/03/2027",
        "complete_till_1": "10:00",
    }
    for _ in range(2):
        response = client.post(add_to(Task), filled(client, add_to(Task), **typed), follow=True)
    assert Task.objects.count() == 1
    assert any("es la misma tarea" in message for message in messages_of(response))


def test_ticking_done_notes_when_and_unticking_opens_again(alice: User) -> None:
    task = TaskFactory(responsible_user=alice)
    client = at_desk(alice)
    client.post(page_of(task), filled(client, page_of(task), is_completed="on", result_text="Hecho"))
    task.refresh_from_db()
    assert task.is_completed
    assert task.completed_at is not None
    client.post(page_of(task), filled(client, page_of(task), is_completed=None))
    task.refresh_from_db()
    assert (task.is_completed, task.completed_at, task.result_text) == (False, None, "Hecho")


@pytest.mark.sqlite
def test_several_are_done_at_once_and_the_first_moment_stays(alice: User) -> None:
    done_before = timezone.now() - timedelta(days=3)
    old = TaskFactory(is_completed=True, completed_at=done_before)
    tasks = TaskFactory.create_batch(3)
    data = {"action": "complete_selected", "_selected_action": [task.pk for task in (old, *tasks)]}
    response = at_desk(alice).post(f"{list_of(Task)}?ver=todas", data, follow=True)
    assert messages_of(response) == ["Tareas hechas: 3."]
    assert Task.objects.filter(is_completed=True).count() == 4
    old.refresh_from_db()
    assert old.completed_at == done_before


def test_an_agent_completes_no_task_of_a_colleague_by_a_hand_made_request(bob: User, charlie: User) -> None:
    task = TaskFactory(responsible_user=charlie)
    at_desk(bob).post(list_of(Task), {"action": "complete_selected", "_selected_action": [task.pk]})
    task.refresh_from_db()
    assert not task.is_completed


def test_a_task_moves_to_another_person(alice: User) -> None:
    task, lead = TaskFactory(), LeadFactory()
    client = at_desk(alice)
    response = client.post(page_of(task), filled(client, page_of(task), contact="", lead=str(lead.pk)))
    assert response.status_code == 302
    task.refresh_from_db()
    assert (task.contact_id, task.lead_id) == (None, lead.pk)


# --- Notes ------------------------------------------------------------------------------------


def test_a_note_is_changed_by_its_author_and_by_administrators(bob: User, laura: User, alice: User) -> None:
    note = NoteFactory(created_by=bob)
    for user, status in ((bob, 302), (laura, 403), (alice, 302)):
        client = at_desk(user)
        sent = {"content": f"De {user}", "contact": str(note.contact_id), "note_type": "comment"}
        assert client.post(page_of(note), sent).status_code == status
    note.refresh_from_db()
    assert (note.content, note.created_by) == ("De Alice Torres", bob)


def test_an_agent_lists_only_notes_of_their_own(bob: User, charlie: User) -> None:
    NoteFactory(content="De Bob", created_by=bob)
    NoteFactory(content="De Charlie", created_by=charlie)
    seen = text_of(at_desk(bob).get(list_of(Note)))
    assert "De Bob" in seen
    assert "De Charlie" not in seen


# --- Leads ------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_lead_finds_its_person_by_phone_or_makes_it(bob: User) -> None:
    known = ContactFactory(mobile="+51987654321")
    client = at_desk(bob)
    for name, phone in (("Rosa", "987 654 321"), ("Luis", "911 222 333")):
        client.post(add_to(Lead), filled(client, add_to(Lead), nombre=name, celular=phone))
    assert Lead.objects.get(nombre="Rosa").contact == known
    assert Lead.objects.get(nombre="Luis").contact.mobile == "+51911222333"
    assert Contact.objects.count() == 2


def test_a_lead_of_a_deleted_contact_is_out_of_sight(alice: User) -> None:
    lead = LeadFactory()
    lead.contact.delete_softly(by=alice)
    client = at_desk(alice)
    assert client.get(list_of(Lead)).context["cl"].result_count == 0
    assert client.get(page_of(lead)).status_code == 302


# --- Appointments -----------------------------------------------------------------------------


@pytest.mark.sqlite
def test_attended_appointments_are_marked_once(alice: User) -> None:
    pending, attended = AppointmentFactory(), AppointmentFactory(estado=AppointmentState.ATTENDED)
    first_moment = attended.attended_at
    data = {"action": "mark_attended", "_selected_action": [pending.pk, attended.pk]}
    response = at_desk(alice).post(list_of(Appointment), data, follow=True)
    assert messages_of(response) == ["Citas marcadas como realizadas: 1."]
    pending.refresh_from_db()
    attended.refresh_from_db()
    assert pending.estado == AppointmentState.ATTENDED
    assert attended.attended_at == first_moment


def test_saving_an_appointment_as_attended_notes_when(alice: User) -> None:
    appointment = AppointmentFactory()
    client = at_desk(alice)
    client.post(page_of(appointment), filled(client, page_of(appointment), estado="Realizada"))
    appointment.refresh_from_db()
    assert appointment.attended_at is not None


@pytest.mark.parametrize("typed", ["CRM-{}", "crm-{}"])
def test_an_appointment_is_found_by_its_code(alice: User, typed: str) -> None:
    first, _ = AppointmentFactory(), AppointmentFactory()
    found = at_desk(alice).get(list_of(Appointment), {"q": typed.format(first.numero)})
    assert [row.pk for row in found.context["cl"].result_list] == [first.pk]
