"""The list of tasks, their calendar, and the tasks of a contact's page."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Task
from tests.factories import NOBODYS_ID, NOON, ContactFactory, LeadFactory, TaskFactory

pytestmark = pytest.mark.django_db

TASKS = "/api/crm/tasks"
CALENDAR = "/api/crm/tasks/calendar"


def ids(answer):
    assert answer.status_code == 200, answer.content
    return [item["id"] for item in answer.json()["items"]]


def keys(*tasks):
    return [str(task.pk) for task in tasks]


@pytest.mark.sqlite
def test_the_newest_come_first_in_the_envelope(as_user, alice):
    tasks = [TaskFactory() for _ in range(3)]
    said = as_user(alice).get(TASKS, {"skip": 1, "limit": 2, "page": 7}).json()
    assert [item["id"] for item in said.pop("items")] == keys(tasks[1], tasks[0])
    assert said == {"total": 3, "skip": 1, "limit": 2, "page": 1, "total_pages": 2}


@pytest.mark.sqlite
def test_what_is_to_do_comes_by_its_due_date_and_the_undated_last(as_user, alice):
    undated = TaskFactory(complete_till=None)
    later, overdue = TaskFactory(complete_till=NOON + timedelta(days=9)), TaskFactory(complete_till=NOON)
    done = TaskFactory(is_completed=True)
    assert ids(as_user(alice).get(TASKS, {"is_completed": "false"})) == keys(overdue, later, undated)
    assert ids(as_user(alice).get(TASKS, {"is_completed": "true"})) == keys(done)


def test_each_item_is_what_one_task_answers(as_user, alice):
    for task in (TaskFactory(), TaskFactory(contact=None, lead=LeadFactory())):
        item = next(item for item in as_user(alice).get(TASKS).json()["items"] if item["id"] == str(task.pk))
        assert item == as_user(alice).get(f"{TASKS}/{task.pk}").json()


def test_an_agents_list_is_their_own_everybody_elses_is_whole(as_user, bob, charlie, laura, alice):
    own = [TaskFactory(responsible_user=bob), TaskFactory(created_by=bob, responsible_user=charlie)]
    TaskFactory(responsible_user=charlie)
    assert set(ids(as_user(bob).get(TASKS))) == set(keys(*own))
    assert len(ids(as_user(laura).get(TASKS))) == len(ids(as_user(alice).get(TASKS))) == 3
    assert ids(as_user(bob).get(TASKS, {"responsible_user_id": str(charlie.pk)})) == keys(own[1])


def test_filters_narrow_the_list(as_user, alice, bob):
    lead = LeadFactory()
    wanted = TaskFactory(
        contact=None,
        lead=lead,
        task_type="note_sale",
        responsible_user=bob,
        complete_till=datetime(2026, 4, 10, 23, tzinfo=UTC),
    )
    TaskFactory()
    for query in (
        {"task_type": "note_sale"},
        {"entity_type": "leads"},
        {"entity_type": "lead", "entity_id": str(lead.pk)},
        {"entity_id": str(lead.pk)},
        {"responsible_user_id": str(bob.pk)},
        {"complete_till_from": "2026-04-10"},
        {"complete_till_from": "2026-04-10", "complete_till_to": "2026-04-10"},
        {"complete_till_from": "2026-04-10T23:00:00Z"},
    ):
        assert ids(as_user(alice).get(TASKS, query)) == keys(wanted), query
    assert ids(as_user(alice).get(TASKS, {"complete_till_from": "2026-04-10T23:00:01Z"})) == []


@pytest.mark.parametrize("value", ["new", "7", NOBODYS_ID])
def test_an_id_that_nobody_has_finds_nothing(as_user, alice, value):
    TaskFactory()
    assert ids(as_user(alice).get(TASKS, {"entity_id": value})) == []
    assert ids(as_user(alice).get(TASKS, {"responsible_user_id": value})) == []


@pytest.mark.parametrize(
    ("name", "value"), [("task_type", "sale"), ("entity_type", "empresa"), ("complete_till_from", "ayer")]
)
def test_a_filter_that_makes_no_sense_is_400(as_user, bob, name, value):
    answer = as_user(bob).get(TASKS, {name: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]


# --- The calendar -----------------------------------------------------------------------------


@pytest.fixture
def june(db):
    """Open tasks due on the edges of June 10th in Lima, and one in its middle, that is done."""
    start = datetime(2026, 6, 10, 5, tzinfo=UTC)
    due = [start - timedelta(seconds=1), start, start + timedelta(hours=23, minutes=59, seconds=59),
           start + timedelta(hours=24)]  # fmt: skip
    tasks = [TaskFactory(complete_till=moment) for moment in reversed(due)]
    TaskFactory(complete_till=start + timedelta(hours=12), is_completed=True)
    TaskFactory(complete_till=None)
    return list(reversed(tasks))


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"start_date": "2026-06-10", "end_date": "2026-06-10"}, [1, 2]),
        ({"start_date": "2026-06-10T05:00:00.000Z", "end_date": "2026-06-11T05:00:00.000Z"}, [1, 2, 3]),
        ({"start_date": "2026-06-10T05:00:00Z", "end_date": "2026-06-11T04:59:59Z"}, [1, 2]),
        ({"start_date": "2024-01-01", "end_date": "2027-12-31"}, [0, 1, 2, 3]),
        ({"start_date": "2026-06-11"}, [3]),
        ({"end_date": "2026-06-09"}, [0]),
    ],
)
def test_the_calendar_is_a_bare_array_of_open_tasks_by_due_date(as_user, alice, june, query, found):
    answer = as_user(alice).get(CALENDAR, query)
    assert answer.status_code == 200
    assert [item["id"] for item in answer.json()] == keys(*[june[position] for position in found])


def test_an_agents_calendar_is_their_own(as_user, bob, charlie, laura):
    own = TaskFactory(responsible_user=bob)
    TaskFactory(responsible_user=charlie)
    assert [item["id"] for item in as_user(bob).get(CALENDAR).json()] == keys(own)
    assert len(as_user(laura).get(CALENDAR).json()) == 2


def test_the_calendar_is_narrowed_by_responsible_and_type(as_user, alice, bob):
    task = TaskFactory(contact=None, lead=LeadFactory(), responsible_user=bob)
    TaskFactory()
    for query in ({"responsible_user_id": str(bob.pk)}, {"entity_type": "leads"}):
        assert [item["id"] for item in as_user(alice).get(CALENDAR, query).json()] == keys(task)


def test_a_date_that_is_none_is_400(as_user, bob):
    assert as_user(bob).get(CALENDAR, {"start_date": "hoy"}).status_code == 400


# --- A contact's page -------------------------------------------------------------------------


def test_a_contacts_page_has_everybodys_tasks_and_those_of_its_leads(as_user, bob, charlie):
    contact = ContactFactory()
    tasks = [
        TaskFactory(contact=contact, responsible_user=charlie),
        TaskFactory(contact=None, lead=LeadFactory(contact=contact), responsible_user=charlie),
        TaskFactory(contact=contact, is_completed=True),
    ]
    TaskFactory()
    answer = as_user(bob).get(f"/api/crm/contacts/{contact.pk}/tasks", {"limit": 50})
    assert ids(answer) == keys(*reversed(tasks))


def test_an_unknown_contact_or_one_out_of_reach_has_no_page(as_user, bob, charlie, settings):
    contact = ContactFactory(responsible_user=charlie)
    assert as_user(bob).get(f"/api/crm/contacts/{uuid4()}/tasks").status_code == 404
    settings.CRM_AGENT_SCOPE = "own"
    assert as_user(bob).get(f"/api/crm/contacts/{contact.pk}/tasks").status_code == 404
    assert as_user(None).get(f"/api/crm/contacts/{contact.pk}/tasks").status_code == 401


# --- Cost -------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [TASKS, f"{TASKS}?is_completed=false", CALENDAR, "contact"])
def test_a_thousand_rows_cost_the_queries_of_ten(as_user, alice, address):
    contact = ContactFactory()
    lead = LeadFactory(contact=contact)
    address = f"/api/crm/contacts/{contact.pk}/tasks" if address == "contact" else address

    def queries_with(rows):
        Task.objects.bulk_create(
            Task(contact=None if number % 2 else contact, lead=lead if number % 2 else None, text="x",
                 complete_till=NOON) for number in range(rows)
        )  # fmt: skip
        client = as_user(alice)
        with CaptureQueriesContext(connection) as asked:
            found = client.get(address, query_params={"limit": 1000, "is_completed": "false"}).json()
        return len(asked), len(found if isinstance(found, list) else found["items"])

    few, ten = queries_with(10)
    many, thousand = queries_with(990)
    assert (ten, thousand) == (10, 1000)
    assert many <= few + 1  # a full page is counted, one that is not tells its total itself
    assert many <= 5
