"""What a call costs the database. BEGIN and COMMIT are not work; everything else is."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.models import Task
from tests.calls.helpers import CALLS, NEXT, TASKS, call_body, task_body
from tests.factories import CallTypeFactory, ContactFactory, LeadFactory, OpportunityFactory

pytestmark = pytest.mark.django_db


def queries_of(request):
    """The statements of a request, authentication included."""
    with CaptureQueriesContext(connection) as asked:
        answer = request()
    assert answer.status_code in (200, 201), answer.content
    return [query["sql"] for query in asked if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]


def at_most(budget, queries):
    listed = "\n".join(f"{number:2} {sql[:150]}" for number, sql in enumerate(queries, start=1))
    assert len(queries) <= budget, f"{len(queries)} queries, budget {budget}:\n{listed}"


@pytest.fixture
def contact(db):
    return ContactFactory()


@pytest.mark.parametrize(("entity", "budget"), [("contact", 6), ("lead", 7)])
def test_a_call_with_its_task(as_user, bob, contact, entity, budget):
    subject = contact if entity == "contact" else LeadFactory()
    body = call_body(subject, proxima_llamada_fecha=NEXT, responsible_user_id=str(bob.pk))
    client = as_user(bob)
    at_most(budget, queries_of(lambda: client.post(CALLS, body)))
    assert Task.objects.exists()


def test_a_call_with_everything(as_user, bob, charlie, contact):
    """A type, a colleague as responsible, and an opportunity that counts its first attempts."""
    OpportunityFactory(contact=contact)
    kind = CallTypeFactory()
    body = call_body(
        contact, proxima_llamada_fecha=NEXT, responsible_user_id=str(charlie.pk), call_type=kind.code, ended_at=NEXT
    )
    client = as_user(bob)
    at_most(8, queries_of(lambda: client.post(CALLS, body)))
    assert Task.objects.exists()


def test_a_call_without_a_date(as_user, bob, contact):
    client = as_user(bob)
    at_most(4, queries_of(lambda: client.post(CALLS, call_body(contact))))


def test_a_task(as_user, bob, contact):
    client = as_user(bob)
    at_most(4, queries_of(lambda: client.post(TASKS, task_body(contact))))


def test_a_corrected_date(as_user, bob, contact):
    client = as_user(bob)
    call_id = client.post(CALLS, call_body(contact)).json()["id"]
    at_most(9, queries_of(lambda: client.patch(f"{CALLS}/{call_id}", {"proxima_llamada_fecha": NEXT})))
