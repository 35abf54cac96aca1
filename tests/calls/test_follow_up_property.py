"""Whatever is done to a call's next date, in whatever order: one open task for each date that it has ever had."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calls.models import Call
from crm.models import Task
from tests.calls.helpers import CALLS, TASKS, call_body, task_body
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 1, 20, 12, tzinfo=UTC)
DATES = [f"2026-02-0{day}T09:00:00" for day in (1, 2, 3)]
SPELLINGS = ["Z", ".000Z", ".420Z", "+00:00"]

dates = st.sampled_from(DATES)
steps = st.one_of(
    st.tuples(st.just("correct"), dates, st.sampled_from(SPELLINGS), st.sampled_from(["put", "patch"])),
    st.tuples(st.just("clear")),
    st.tuples(st.just("client files"), dates),
    st.tuples(st.just("other change"), st.integers(0, 600)),
    st.tuples(st.just("wait"), st.integers(1, 3)),
)


@pytest.fixture
def contacts(db):
    """Each example has a contact of its own, so that they need not clean up after each other."""
    return ContactFactory


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.none() | dates, done=st.lists(steps, max_size=8))
def test_one_open_task_for_each_date(contacts, as_user, bob, first, done):
    contact, client, planned = contacts(), as_user(bob), {first} - {None}
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        body = call_body(contact, proxima_llamada_fecha=first and f"{first}Z")
        call_id = client.post(CALLS, body).json()["id"]
        for step, *said in done:
            if step == "correct":
                date, spelling, method = said
                answer = getattr(client, method)(f"{CALLS}/{call_id}", {"proxima_llamada_fecha": date + spelling})
                planned.add(date)
            elif step == "clear":
                answer = client.put(f"{CALLS}/{call_id}", {"proxima_llamada_fecha": ""})
            elif step == "client files" and said[0] not in planned:
                # Before the call, as it does when a date is edited; long after, it is a task of its own.
                client.post(TASKS, task_body(contact, complete_till=f"{said[0]}Z"))
                answer = client.put(f"{CALLS}/{call_id}", {"proxima_llamada_fecha": f"{said[0]}Z"})
                planned.add(said[0])
            elif step == "other change":
                answer = client.patch(f"{CALLS}/{call_id}", {"duration": said[0]})
            elif step == "wait":
                clock.shift(timedelta(minutes=said[0]))
                continue
            else:
                continue
            assert answer.status_code == 200, answer.content

    tasks = Task.objects.filter(contact=contact)
    assert sorted(f"{task.complete_till:%Y-%m-%dT%H:%M:%S}" for task in tasks) == sorted(planned)
    assert not tasks.filter(is_completed=True).exists()
    assert Call.objects.filter(contact=contact).count() == 1
