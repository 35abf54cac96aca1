"""Tasks over the API: one by one. Meeting the follow-up of a call is in tests/calls/test_follow_up.py."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine

from crm.choices import TaskType
from crm.models import Task
from tests.factories import NOBODYS_ID, NOON, ContactFactory, LeadFactory, TaskFactory

pytestmark = pytest.mark.django_db

TASKS = "/api/crm/tasks"


def body(subject, **fields):
    return {
        "text": "Pedir el DNI",
        "entity_type": f"{subject._meta.model_name}s",
        "entity_id": str(subject.pk),
        **fields,
    }


def one(task):
    return f"{TASKS}/{task.pk}"


# --- Filing -----------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_task_is_answered_whole(as_user, bob, charlie):
    contact, template = ContactFactory(name="Luz Vega"), uuid4()
    sent = body(
        contact,
        task_type="meeting",
        responsible_user_id=str(charlie.pk),
        complete_till="2026-03-02T12:00:00.000Z",
        task_template_id=str(template),
    )
    answer = as_user(bob).post(TASKS, sent)
    assert answer.status_code == 201
    said = answer.json()
    assert said == as_user(bob).get(f"{TASKS}/{said['id']}").json()
    assert UUID(said.pop("id"))
    assert said.pop("created_at").endswith("Z")
    assert said.pop("updated_at").endswith("Z")
    assert said == {
        "text": "Pedir el DNI",
        "task_type": "meeting",
        "entity_type": "contacts",
        "entity_id": str(contact.pk),
        "contact_id": str(contact.pk),
        "contact_name": "Luz Vega",
        "responsible_user_id": str(charlie.pk),
        "coverage_user_id": None,
        "complete_till": "2026-03-02T12:00:00Z",
        "is_completed": False,
        "completed_at": None,
        "result_text": None,
        "task_template_id": str(template),
        "created_by": str(bob.pk),
    }


def test_the_minimum_is_a_call_for_who_files_it(as_user, bob):
    said = as_user(bob).post(TASKS, body(ContactFactory())).json()
    assert (said["task_type"], said["responsible_user_id"], said["complete_till"]) == ("call", str(bob.pk), None)


def test_a_task_may_be_about_a_lead(as_user, bob):
    lead = LeadFactory()
    said = as_user(bob).post(TASKS, body(lead, entity_type="lead")).json()
    assert (said["entity_type"], said["entity_id"], said["contact_id"]) == (
        "leads",
        str(lead.pk),
        str(lead.contact_id),
    )


@pytest.mark.parametrize("task_type", TaskType.values)
def test_all_nine_types_are_taken(as_user, bob, task_type):
    assert len(TaskType.values) == 9
    assert as_user(bob).post(TASKS, body(ContactFactory(), task_type=task_type)).json()["task_type"] == task_type


def test_the_old_name_of_the_due_date_is_understood(as_user, bob):
    client, contact = as_user(bob), ContactFactory()
    said = client.post(TASKS, body(contact, due_date="2026-03-02T12:00:00Z")).json()
    assert said["complete_till"] == "2026-03-02T12:00:00Z"
    both = client.post(TASKS, body(contact, due_date="2026-03-02T12:00:00Z", complete_till="2026-04-01")).json()
    assert both["complete_till"] == "2026-04-01T05:00:00Z"
    moved = client.put(f"{TASKS}/{said['id']}", {"due_date": "2026-05-01T10:00:00Z"}).json()
    assert moved["complete_till"] == "2026-05-01T10:00:00Z"


def test_empty_texts_are_nothing(as_user, bob):
    sent = body(
        ContactFactory(), task_type="", responsible_user_id="", complete_till="", task_template_id="", result_text=""
    )
    said = as_user(bob).post(TASKS, sent).json()
    assert (said["task_type"], said["responsible_user_id"]) == ("call", str(bob.pk))
    assert (said["complete_till"], said["task_template_id"], said["result_text"]) == (None, None, None)


@pytest.mark.parametrize("field", ["text", "entity_type", "entity_id"])
def test_what_is_required_is_asked_for(as_user, bob, field):
    sent = body(ContactFactory())
    del sent[field]
    answer = as_user(bob).post(TASKS, sent)
    assert answer.status_code == 400
    assert answer.json()["errors"] == {field: ["Este campo es requerido."]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", ""),
        ("text", "   "),
        ("text", None),
        ("text", ["x"]),
        ("text", "a\x00b"),
        ("task_type", "sale"),
        ("entity_type", "empresas"),
        ("entity_id", "no"),
        ("entity_id", 5),
        ("responsible_user_id", "yo"),
        ("responsible_user_id", NOBODYS_ID),
        ("coverage_user_id", NOBODYS_ID),
        ("complete_till", "pronto"),
        ("complete_till", "2026-02-30"),
        ("due_date", "pronto"),
        ("is_completed", "tal vez"),
        ("task_template_id", "x"),
    ],
)
def test_a_wrong_value_is_refused_and_stores_nothing(as_user, bob, field, value):
    answer = as_user(bob).post(TASKS, body(ContactFactory(), **{field: value}))
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [field]
    assert not Task.objects.exists()


@pytest.mark.parametrize("sent", [b"{", b"[]", b"null", b""])
def test_a_body_that_is_no_json_object_is_refused(as_user, bob, sent):
    assert as_user(bob).post(TASKS, sent, content_type="application/json").status_code == 400


def test_an_unknown_subject_is_404(as_user, bob):
    assert as_user(bob).post(TASKS, body(ContactFactory(), entity_id=str(uuid4()))).status_code == 404
    assert as_user(bob).post(TASKS, body(ContactFactory(), entity_type="leads")).status_code == 404


def test_who_may_not_be_responsible_is_refused_by_name(as_user, bob, oscar):
    answer = as_user(bob).post(TASKS, body(ContactFactory(), responsible_user_id=str(oscar.pk)))
    assert answer.status_code == 400
    assert "responsible" in answer.json()["detail"]


def test_the_author_is_the_session_whatever_the_body_says(as_user, bob, charlie):
    assert as_user(bob).post(TASKS, body(ContactFactory(), created_by=str(charlie.pk))).json()["created_by"] == str(
        bob.pk
    )


def test_the_same_key_gives_the_first_answer_again(as_user, bob):
    client, sent = as_user(bob), body(ContactFactory(), task_type="meeting")
    answers = [client.post(TASKS, sent, headers={"Idempotency-Key": "tarea-1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Task.objects.count() == 1


# --- Changing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["put", "patch"])
def test_what_is_named_changes_and_the_rest_stays(as_user, bob, method):
    task = TaskFactory(responsible_user=bob, text="antes")
    said = getattr(as_user(bob), method)(one(task), {"complete_till": "2026-05-01T10:00:00Z"}).json()
    assert (said["text"], said["complete_till"]) == ("antes", "2026-05-01T10:00:00Z")
    assert said == as_user(bob).get(one(task)).json()


def test_nothing_named_is_no_change(as_user, bob):
    task = TaskFactory(responsible_user=bob)
    assert as_user(bob).put(one(task), {}).status_code == 200
    assert Task.objects.get().updated_at == task.updated_at


@time_machine.travel("2026-03-01T10:00:00Z", tick=False)
def test_done_and_not_done_keep_their_moment(as_user, bob):
    task = TaskFactory(responsible_user=bob)
    done = as_user(bob).put(one(task), {"is_completed": True}).json()
    assert (done["is_completed"], done["completed_at"]) == (True, "2026-03-01T10:00:00Z")
    undone = as_user(bob).put(one(task), {"is_completed": False}).json()
    assert (undone["is_completed"], undone["completed_at"]) == (False, None)


def test_it_may_be_put_to_another_subject(as_user, bob):
    task, lead = TaskFactory(responsible_user=bob), LeadFactory(nombre="Rosa Peña")
    said = as_user(bob).put(one(task), {"entity_type": "leads", "entity_id": str(lead.pk)}).json()
    assert (said["entity_type"], said["entity_id"], said["contact_name"]) == ("leads", str(lead.pk), "Rosa Peña")
    assert as_user(bob).put(one(task), {"entity_id": str(uuid4())}).status_code == 404


@pytest.mark.parametrize(("field", "value"), [("text", ""), ("task_type", "sale"), ("complete_till", "x")])
def test_a_wrong_value_changes_nothing(as_user, bob, field, value):
    task = TaskFactory(responsible_user=bob)
    answer = as_user(bob).patch(one(task), {"result_text": "no", field: value})
    assert answer.status_code == 400
    task.refresh_from_db()
    assert task.result_text is None


# --- Completing -------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize("method", ["put", "post"])
def test_completing_notes_when_and_what_came_of_it(as_user, bob, method):
    task = TaskFactory(responsible_user=bob)
    with time_machine.travel("2026-03-01T10:00:00Z", tick=False):
        said = getattr(as_user(bob), method)(f"{one(task)}/complete", {"result_text": "Vendrá el lunes"}).json()
    assert (said["is_completed"], said["completed_at"], said["result_text"]) == (
        True,
        "2026-03-01T10:00:00Z",
        "Vendrá el lunes",
    )


def test_completing_twice_keeps_the_first_moment(as_user, bob):
    task = TaskFactory(responsible_user=bob)
    first = as_user(bob).put(f"{one(task)}/complete", {}).json()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=20)):
        again = as_user(bob).put(f"{one(task)}/complete", {"result_text": "Por fin"}).json()
        third = as_user(bob).put(f"{one(task)}/complete").json()
    assert again["completed_at"] == third["completed_at"] == first["completed_at"]
    assert third["result_text"] == "Por fin"


def test_a_result_that_is_no_text_is_refused(as_user, bob):
    task = TaskFactory(responsible_user=bob)
    assert as_user(bob).put(f"{one(task)}/complete", {"result_text": ["x"]}).status_code == 400
    assert not Task.objects.get().is_completed


# --- Whose ------------------------------------------------------------------------------------


def test_a_colleagues_task_is_read_but_not_touched(as_user, bob, charlie):
    task = TaskFactory(responsible_user=charlie, created_by=charlie)
    client = as_user(bob)
    assert client.get(one(task)).status_code == 200
    for refused in (
        client.put(one(task), {"text": "x"}),
        client.patch(one(task), {"text": "x"}),
        client.put(f"{one(task)}/complete", {}),
        client.post(f"{one(task)}/complete", {}),
        client.delete(one(task)),
    ):
        assert refused.status_code == 403
        assert isinstance(refused.json()["detail"], str)
    assert Task.objects.get().text == task.text


@pytest.mark.parametrize("role", ["responsible_user", "created_by", "coverage_user"])
def test_who_does_gave_or_covers_a_task_changes_it(as_user, bob, charlie, role):
    task = TaskFactory(**{"responsible_user": charlie, role: bob})
    assert as_user(bob).put(one(task), {"text": "x"}).status_code == 200
    assert as_user(bob).delete(one(task)).status_code == 204


def test_lawyers_and_administrators_change_any(as_user, laura, alice, bob):
    for user in (laura, alice):
        task = TaskFactory(responsible_user=bob)
        assert as_user(user).put(f"{one(task)}/complete", {}).status_code == 200
        assert as_user(user).delete(one(task)).status_code == 204


def test_in_a_limited_scope_a_task_is_read_by_its_holder_and_by_that_of_the_contact(
    as_user, bob, charlie, laura, settings
):
    settings.CRM_AGENT_SCOPE = "own"
    of_charlies_contact = TaskFactory(contact=ContactFactory(responsible_user=charlie))
    assert as_user(bob).get(one(of_charlies_contact)).status_code == 404
    assert as_user(charlie).get(one(of_charlies_contact)).status_code == 200
    assert as_user(laura).get(one(of_charlies_contact)).status_code == 200
    given_to_bob = TaskFactory(contact=of_charlies_contact.contact, responsible_user=bob)
    assert as_user(bob).get(one(given_to_bob)).status_code == 200


@pytest.mark.parametrize("task_id", [NOBODYS_ID, "nada"])
def test_an_unknown_task_is_404(as_user, bob, task_id):
    client, address = as_user(bob), f"{TASKS}/{task_id}"
    for answer in (
        client.get(address),
        client.put(address, {}),
        client.delete(address),
        client.put(f"{address}/complete"),
    ):
        assert answer.status_code == 404
        assert answer.json()["detail"] == "Tarea no encontrada"


def test_without_token_401_and_without_role_403(as_user, oscar):
    task = TaskFactory()
    for user, status in ((None, 401), (oscar, 403)):
        client = as_user(user)
        for answer in (client.get(TASKS), client.post(TASKS, {}), client.get(one(task)), client.delete(one(task))):
            assert answer.status_code == status


# --- What a task knows of itself --------------------------------------------------------------


def test_put_to_another_time_it_is_no_longer_what_a_call_has_planned():
    for changed in (
        {"complete_till": NOON + timedelta(hours=1)},
        {"complete_till": None},
        {"task_type": "meeting"},
        {"contact": ContactFactory()},
    ):
        task = TaskFactory(planned_key=f"call:{uuid4()}:1")
        for name, value in changed.items():
            setattr(task, name, value)
        task.save()
        assert Task.objects.get(pk=task.pk).planned_key is None, changed


def test_other_changes_and_completion_leave_what_planned_it():
    task = TaskFactory(planned_key="call:x:1")
    task.text, task.complete_till = "Otra", NOON.replace(microsecond=7)
    task.save()
    task.complete()
    assert Task.objects.get().planned_key == "call:x:1"


def test_opened_again_it_is_a_plan_of_its_own():
    task = TaskFactory(planned_key="call:x:1", is_completed=True)
    task.is_completed = False
    task.save(update_fields=["is_completed"])
    assert Task.objects.get().planned_key is None
    assert Task.objects.get().completed_at is None


def test_completed_in_the_shell_it_has_its_moment_too():
    assert TaskFactory(is_completed=True).completed_at is not None
