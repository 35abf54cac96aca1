"""A call that names its next date, or changes it, gets a follow-up task for that date (contract section 2)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core import serializers
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client

from calls.models import Call
from calls.services import plan_follow_up
from crm.acting import acting_as
from crm.models import Task
from tests.calls.helpers import (
    CALLS,
    LATER,
    LATER_AT,
    NEXT,
    NEXT_AT,
    STARTED_AT,
    TASKS,
    call_body,
    task_body,
)
from tests.factories import CallFactory, ContactFactory, LeadFactory, TaskFactory

pytestmark = pytest.mark.django_db


def dates():
    return list(Task.objects.order_by("created_at", "id").values_list("complete_till", flat=True))


def later_by(**units):
    return time_machine.travel(datetime.now(UTC) + timedelta(**units))


# --- Created ----------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_call_with_a_next_date_gets_its_task(as_user, bob, charlie):
    contact = ContactFactory()
    body = call_body(contact, proxima_llamada_fecha=NEXT, responsible_user_id=str(charlie.pk))
    call_id = as_user(bob).post(CALLS, body).json()["id"]

    task = Task.objects.get()
    assert task.text == "Llamada de seguimiento programada"
    assert task.task_type == "call"
    assert (task.entity_type, task.entity_id) == ("contacts", contact.pk)
    assert task.responsible_user == charlie
    assert task.created_by == bob
    assert task.complete_till == NEXT_AT
    assert not task.is_completed
    assert task.planned_key == f"call:{call_id}:{int(NEXT_AT.timestamp())}"


@pytest.mark.sqlite
def test_a_lead_gets_it_too(as_user, bob):
    lead = LeadFactory()
    as_user(bob).post(CALLS, call_body(lead, proxima_llamada_fecha=NEXT))
    task = Task.objects.get()
    assert (task.entity_type, task.entity_id) == ("leads", lead.pk)


def test_without_a_responsible_the_current_user_is_it_of_both(as_user, bob):
    as_user(bob).post(CALLS, call_body(ContactFactory(), proxima_llamada_fecha=NEXT))
    assert Call.objects.get().responsible_user == Task.objects.get().responsible_user == bob


@pytest.mark.sqlite
@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_date_there_is_no_task(as_user, bob, nothing):
    assert as_user(bob).post(CALLS, call_body(ContactFactory(), proxima_llamada_fecha=nothing)).status_code == 201
    assert not Task.objects.exists()


def test_the_next_action_plans_nothing(as_user, bob):
    as_user(bob).post(CALLS, call_body(ContactFactory(), proxima_accion_fecha=NEXT))
    assert not Task.objects.exists()


def test_a_date_that_has_passed_is_planned_like_any_other(as_user, bob):
    as_user(bob).post(CALLS, call_body(ContactFactory(), proxima_llamada_fecha="2019-05-01T09:00:00Z"))
    assert dates() == [datetime(2019, 5, 1, 9, tzinfo=UTC)]


def test_an_invalid_date_stores_nothing(as_user, bob):
    answer = as_user(bob).post(CALLS, call_body(ContactFactory(), proxima_llamada_fecha="27/01/2026"))
    assert answer.status_code == 400
    assert not Call.objects.exists()
    assert not Task.objects.exists()


# --- Set, changed, unchanged ------------------------------------------------------------------


@pytest.fixture
def call(as_user, bob):
    """A call of Bob's with a next date, and so with one task."""
    call_id = as_user(bob).post(CALLS, call_body(ContactFactory(), proxima_llamada_fecha=NEXT)).json()["id"]
    return Call.objects.get(pk=call_id)


@pytest.mark.sqlite
@pytest.mark.parametrize("method", ["put", "patch"])
def test_setting_the_date_later_plans_a_task(as_user, bob, laura, method):
    call_id = as_user(bob).post(CALLS, call_body(ContactFactory())).json()["id"]
    answer = getattr(as_user(laura), method)(f"{CALLS}/{call_id}", {"proxima_llamada_fecha": NEXT})
    assert answer.status_code == 200
    assert answer.json()["proxima_llamada_fecha"] == "2026-01-27T09:00:00Z"
    task = Task.objects.get()
    assert (task.complete_till, task.responsible_user, task.created_by) == (NEXT_AT, bob, laura)


@pytest.mark.sqlite
@pytest.mark.parametrize("method", ["put", "patch"])
def test_changing_the_date_plans_a_new_task_and_the_earlier_one_stays(as_user, bob, call, method):
    getattr(as_user(bob), method)(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": LATER})
    assert dates() == [NEXT_AT, LATER_AT]
    assert Task.objects.open().count() == 2


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "spelling",
    [
        NEXT,
        "2026-01-27T09:00:00Z",
        "2026-01-27T04:00:00-05:00",
        "2026-01-27T04:00:00",
        "2026-01-27 09:00:00+00:00",
        "2026-01-27T09:00:00.750Z",
    ],
)
def test_the_same_date_again_plans_nothing(as_user, bob, call, spelling):
    body = call_body(call.contact, proxima_llamada_fecha=spelling, resumen_llamada="corregido")
    answer = as_user(bob).put(f"{CALLS}/{call.pk}", body)
    assert answer.status_code == 200
    assert answer.json()["resumen_llamada"] == "corregido"
    assert dates() == [NEXT_AT]


@pytest.mark.parametrize("wait", [timedelta(), timedelta(hours=3)])
def test_other_changes_of_a_call_with_a_date_plan_nothing(as_user, bob, call, wait):
    with time_machine.travel(datetime.now(UTC) + wait):
        as_user(bob).patch(f"{CALLS}/{call.pk}", {"call_status": "busy", "duration": 4})
    assert dates() == [NEXT_AT]


def test_taking_the_date_away_leaves_the_task(as_user, bob, call):
    answer = as_user(bob).patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": ""})
    assert answer.json()["proxima_llamada_fecha"] is None
    assert dates() == [NEXT_AT]


def test_an_earlier_date_once_more_finds_its_task_still_open(as_user, bob, call):
    client = as_user(bob)
    with later_by(minutes=30):
        client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": LATER})
        client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": NEXT})
    assert dates() == [NEXT_AT, LATER_AT]


def test_an_earlier_date_once_more_is_planned_anew_when_its_task_is_done(as_user, bob, call):
    Task.objects.get().complete()
    client = as_user(bob)
    client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": LATER})
    client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": NEXT})
    assert dates() == [NEXT_AT, LATER_AT, NEXT_AT]


def test_an_earlier_date_once_more_is_planned_anew_when_its_task_was_put_off(as_user, bob, call):
    """The task is the agent's own plan by then; the call's date would have nobody to remember it."""
    client = as_user(bob)
    client.put(f"{TASKS}/{Task.objects.get().pk}", {"complete_till": "2026-03-01T10:00:00Z"})
    client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": LATER})
    answer = client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": NEXT})
    assert answer.status_code == 200
    assert sorted(dates()) == [NEXT_AT, LATER_AT, datetime(2026, 3, 1, 10, tzinfo=UTC)]


def test_a_reopened_task_does_not_stand_in_the_way_of_its_successor(as_user, bob, call):
    client, first = as_user(bob), Task.objects.get()
    first.complete()
    client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": LATER})
    client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": NEXT})
    assert client.put(f"{TASKS}/{first.pk}", {"is_completed": False}).status_code == 200
    assert Task.objects.open().count() == 3


def test_an_invalid_date_changes_nothing(as_user, bob, call):
    answer = as_user(bob).patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": "nunca", "duration": 99})
    assert answer.status_code == 400
    call.refresh_from_db()
    assert call.duration == 0
    assert dates() == [NEXT_AT]


def test_moving_a_task_by_hand_plans_nothing(as_user, bob, call):
    as_user(bob).put(f"{TASKS}/{Task.objects.get().pk}", {"complete_till": LATER})
    assert dates() == [LATER_AT]


def test_a_deleted_call_leaves_its_tasks(as_user, bob, call):
    assert as_user(bob).delete(f"{CALLS}/{call.pk}").status_code == 204
    assert dates() == [NEXT_AT]


# --- The client's own task --------------------------------------------------------------------


@pytest.mark.sqlite
def test_the_clients_task_after_the_call_is_the_same_task(as_user, bob, call):
    answer = as_user(bob).post(TASKS, task_body(call.contact))
    assert answer.status_code == 200
    assert answer.json()["id"] == str(Task.objects.get().pk)
    assert answer.json()["created_at"]
    assert answer.json()["contact_name"] == call.contact.name


@pytest.mark.sqlite
def test_it_takes_the_clients_words(as_user, bob, call):
    answer = as_user(bob).post(TASKS, task_body(call.contact, text="Llamar para la cita"))
    assert answer.json()["text"] == Task.objects.get().text == "Llamar para la cita"


def test_words_of_two_people_are_both_kept(as_user, bob, call):
    client = as_user(bob)
    client.post(TASKS, task_body(call.contact, text="Llamar para la cita"))
    client.post(TASKS, task_body(call.contact, text="Pedir el DNI"))
    client.post(TASKS, task_body(call.contact, text="Pedir el DNI"))
    assert Task.objects.get().text == "Llamar para la cita\nPedir el DNI"


@pytest.mark.sqlite
@pytest.mark.parametrize("how", ["POST", "PUT"])
def test_the_clients_task_before_the_call_is_adopted_with_its_words(as_user, bob, charlie, how):
    client, contact = as_user(bob), ContactFactory()
    call_id = client.post(CALLS, call_body(contact)).json()["id"] if how == "PUT" else None
    filed = client.post(TASKS, task_body(contact, text="Recordar papeles", responsible_user_id=str(charlie.pk)))
    if how == "PUT":
        client.put(f"{CALLS}/{call_id}", {"proxima_llamada_fecha": NEXT})
    else:
        call_id = client.post(CALLS, call_body(contact, proxima_llamada_fecha=NEXT)).json()["id"]

    assert filed.status_code == 201
    task = Task.objects.get()
    assert (str(task.pk), task.text, task.responsible_user) == (filed.json()["id"], "Recordar papeles", charlie)
    assert task.planned_key == Call.objects.get(pk=call_id).follow_up_key


@pytest.mark.parametrize("milliseconds", ["000", "999"])
def test_the_second_counts_not_its_fraction(as_user, bob, call, milliseconds):
    answer = as_user(bob).post(TASKS, task_body(call.contact, complete_till=f"2026-01-27T09:00:00.{milliseconds}Z"))
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "other",
    [
        {"complete_till": "2026-01-27T09:00:01Z"},
        {"complete_till": "2026-01-27T08:59:59.999Z"},
        {"complete_till": None},
        {"task_type": "meeting"},
        {"is_completed": True},
    ],
)
def test_another_task_of_the_contact_is_another_task(as_user, bob, call, other):
    assert as_user(bob).post(TASKS, task_body(call.contact, **other)).status_code == 201
    assert Task.objects.count() == 2


def test_a_task_of_another_contact_is_another_task(as_user, bob, call):
    assert as_user(bob).post(TASKS, task_body(ContactFactory())).status_code == 201


def test_a_task_of_a_lead_is_not_that_of_its_contact(as_user, bob):
    lead, client = LeadFactory(), as_user(bob)
    client.post(CALLS, call_body(lead.contact, proxima_llamada_fecha=NEXT))
    assert client.post(TASKS, task_body(lead)).status_code == 201


def test_two_meetings_at_the_same_moment_are_two(as_user, bob):
    contact, client = ContactFactory(), as_user(bob)
    for _ in range(2):
        assert client.post(TASKS, task_body(contact, task_type="meeting")).status_code == 201


def test_a_task_already_done_is_not_met(as_user, bob, call):
    Task.objects.get().complete()
    assert as_user(bob).post(TASKS, task_body(call.contact)).status_code == 201


@pytest.mark.parametrize(("minutes", "status", "tasks"), [(4, 200, 1), (6, 201, 2)])
def test_after_a_few_minutes_the_clients_task_is_a_new_one(as_user, bob, call, minutes, status, tasks):
    with later_by(minutes=minutes):
        assert as_user(bob).post(TASKS, task_body(call.contact)).status_code == status
    assert Task.objects.count() == tasks


@pytest.mark.parametrize(("minutes", "tasks"), [(4, 1), (6, 2)])
def test_after_a_few_minutes_the_call_plans_its_own_task(as_user, bob, minutes, tasks):
    contact = ContactFactory()
    as_user(bob).post(TASKS, task_body(contact))
    with later_by(minutes=minutes):
        as_user(bob).post(CALLS, call_body(contact, proxima_llamada_fecha=NEXT))
    assert Task.objects.count() == tasks


# --- Whoever saves ----------------------------------------------------------------------------


@pytest.mark.sqlite
def test_the_shell_plans_too_and_nobody_is_named_as_author():
    call = CallFactory(proxima_llamada_fecha=NEXT_AT)
    task = Task.objects.get()
    assert (task.contact, task.created_by, task.responsible_user) == (call.contact, None, None)


def test_the_shell_may_say_in_whose_name(bob):
    with acting_as(bob):
        CallFactory(proxima_llamada_fecha=NEXT_AT)
    task = Task.objects.get()
    assert (task.created_by, task.responsible_user) == (bob, bob)


def test_a_text_or_a_naive_time_from_the_shell_is_read_as_a_date():
    CallFactory(proxima_llamada_fecha="2026-01-27T09:00:00Z")
    CallFactory(proxima_llamada_fecha=datetime(2026, 1, 27, 4), started_at="2026-01-20T10:00:00Z")  # noqa: DTZ001
    assert dates() == [NEXT_AT, NEXT_AT]


@pytest.mark.parametrize("fields", [None, ["proxima_llamada_fecha"]])
def test_saving_a_changed_date_in_the_shell_plans(fields):
    call = CallFactory()
    call = Call.objects.get(pk=call.pk)
    call.proxima_llamada_fecha = NEXT_AT
    call.save(update_fields=fields)
    call.save()
    call.save(update_fields=["duration"])
    assert dates() == [NEXT_AT]


def test_a_date_that_is_left_out_of_the_save_plans_nothing():
    call = CallFactory()
    call.proxima_llamada_fecha = NEXT_AT
    call.save(update_fields=["duration"])
    assert not Task.objects.exists()
    call.save()
    assert dates() == [NEXT_AT]


def test_the_admin_page_plans_in_the_name_of_who_signed_in(alice):
    call = CallFactory(responsible_user=None)
    browser = Client()
    browser.force_login(alice)
    address = f"/admin/calls/call/{call.pk}/change/"
    page = browser.get(address)
    values = {
        name: "" if value is None else value
        for name, value in page.context["adminform"].form.initial.items()
        if name in page.context["adminform"].form.fields
    }
    sent = {
        **values,
        "started_at_0": "2026-01-20",
        "started_at_1": "10:00:00",
        "proxima_llamada_fecha_0": "2026-01-27",
        "proxima_llamada_fecha_1": "04:00:00",
    }
    answer = browser.post(address, sent)
    assert answer.status_code == 302, page.context["adminform"].form.errors
    task = Task.objects.get()
    assert (task.complete_till, task.created_by, task.responsible_user) == (NEXT_AT, alice, alice)


def test_loaded_fixtures_plan_nothing(tmp_path):
    call = CallFactory()
    call.proxima_llamada_fecha = NEXT_AT
    file = tmp_path / "calls.json"
    file.write_text(serializers.serialize("json", [call]))
    call_command("loaddata", str(file), verbosity=0)
    assert Call.objects.get().proxima_llamada_fecha == NEXT_AT
    assert not Task.objects.exists()


def test_planning_twice_is_planning_once():
    call = CallFactory(proxima_llamada_fecha=NEXT_AT)
    with later_by(days=1):
        assert plan_follow_up(call) == plan_follow_up(call) == Task.objects.get()


# --- One transaction --------------------------------------------------------------------------


def test_rolled_back_there_is_neither_call_nor_task():
    contact = ContactFactory()
    with transaction.atomic():
        CallFactory(contact=contact, proxima_llamada_fecha=NEXT_AT)
        assert Task.objects.exists()
        transaction.set_rollback(True)
    assert not Call.objects.exists()
    assert not Task.objects.exists()


def test_saved_again_after_a_rollback_the_task_comes_with_the_call():
    call = CallFactory.build(contact=ContactFactory(), proxima_llamada_fecha=NEXT_AT)
    with transaction.atomic():
        call.save()
        transaction.set_rollback(True)
    call.save()
    assert dates() == [NEXT_AT]


@pytest.fixture
def no_task_can_be_stored():
    """The database itself refuses every new task."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_task ADD CONSTRAINT no_more_tasks CHECK (text = '') NOT VALID")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_task DROP CONSTRAINT no_more_tasks")


@pytest.mark.django_db(transaction=True)
def test_when_the_task_cannot_be_stored_the_call_is_not_either(as_user, bob, no_task_can_be_stored):
    contact = ContactFactory()
    answer = as_user(bob).post(CALLS, call_body(contact, proxima_llamada_fecha=NEXT))
    assert answer.status_code in (400, 409)
    assert isinstance(answer.json()["detail"], str)
    assert not Call.objects.exists()
    contact.refresh_from_db()
    assert contact.ultima_llamada_fecha is None


@pytest.mark.django_db(transaction=True)
def test_nor_is_a_changed_date(as_user, bob, no_task_can_be_stored):
    call = CallFactory()
    body = {"proxima_llamada_fecha": NEXT, "duration": 99}
    assert as_user(bob).patch(f"{CALLS}/{call.pk}", body).status_code in (400, 409)
    call.refresh_from_db()
    assert (call.proxima_llamada_fecha, call.duration) == (None, 0)


@pytest.mark.django_db(transaction=True)
def test_nor_is_a_call_saved_in_the_shell(no_task_can_be_stored):
    contact = ContactFactory()
    with pytest.raises(IntegrityError):
        CallFactory(contact=contact, proxima_llamada_fecha=NEXT_AT)
    assert not Call.objects.exists()


def test_the_database_plans_one_cause_once():
    TaskFactory(planned_key="call:x:1")
    TaskFactory(planned_key="call:x:1", is_completed=True)
    with pytest.raises(IntegrityError, match="task_is_planned_once"), transaction.atomic():
        TaskFactory(planned_key="call:x:1")


# --- A call that moves ------------------------------------------------------------------------


def test_a_call_put_to_another_contact_takes_its_open_follow_ups_along(as_user, bob, call):
    client, wrong, right = as_user(bob), call.contact, ContactFactory()
    client.patch(f"{CALLS}/{call.pk}", {"proxima_llamada_fecha": LATER})
    Task.objects.get(complete_till=NEXT_AT).complete()

    said = client.patch(f"{CALLS}/{call.pk}", {"entity_type": "contacts", "entity_id": str(right.pk)}).json()

    assert (said["contact_id"], said["contact_name"]) == (str(right.pk), right.name)
    assert Task.objects.get(complete_till=LATER_AT).contact == right
    assert Task.objects.get(complete_till=NEXT_AT).contact == wrong
    wrong.refresh_from_db()
    right.refresh_from_db()
    assert (wrong.ultima_llamada_fecha, wrong.proxima_llamada_fecha) == (None, None)
    assert (right.ultima_llamada_fecha, right.proxima_llamada_fecha) == (STARTED_AT, LATER_AT)


def test_a_call_put_to_a_lead_does_too(as_user, bob, call):
    lead = LeadFactory()
    as_user(bob).put(f"{CALLS}/{call.pk}", {"entity_type": "lead", "entity_id": str(lead.pk)})
    assert Task.objects.get().lead == lead
