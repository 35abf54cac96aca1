"""How often a person is dialled in seven days, on whatever phone and by whatever campaign: claim and `why` agree."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jobs.choices import AttemptState, Outcome
from jobs.dialling.claiming import claim
from jobs.dialling.facts import A_WEEK
from jobs.dialling.why import why
from jobs.models import CallAttempt, Job
from tests.factories import ContactFactory
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture(autouse=True)
def _twice_a_week(settings: Any) -> None:
    settings.CALLS_A_WEEK = 2


def dialled(*days_ago: float, **person: Any) -> Job:
    """Each time, in a campaign of its own."""
    for days in days_ago:
        attempt = an_attempt(job := a_job(status="completed", **person), AttemptState.ENDED, outcome=Outcome.NO_ANSWER)
        CallAttempt.objects.filter(pk=attempt.pk).update(created_at=timezone.now() - timedelta(days=days))
        Job.objects.filter(pk=job.pk).update(status="completed")
    return job


def is_held(job: Job) -> bool:
    """As the claim sees it; `why` says the same before and after."""
    code = why(job).code
    claimed = claim("simulated", worker="w1", limit=20)
    job.refresh_from_db()
    assert code == ("en_cola" if claimed else "limite_semanal")
    assert (job.status, job.attempts) == (("in_progress", 1) if claimed else ("pending", 0))
    assert claimed or why(job).code == "limite_semanal"
    return not claimed


def test_two_numbers_with_one_document_are_one_person() -> None:
    dialled(6, 1, person_key="doc:PE:12345678")
    job = a_job(person_key="doc:PE:12345678")
    assert is_held(job)
    assert abs(job.next_try_at - timezone.now() - timedelta(days=1)) < timedelta(minutes=1)
    assert why(job).reason.startswith("Ya se le llamó 2 veces en siete días: se llamará ")


def test_two_numbers_of_one_contact_are_one_person() -> None:
    contact = ContactFactory()
    dialled(3, 1, contact=contact)
    assert is_held(a_job(contact=contact))


def test_one_dial_on_each_phone_of_a_row_are_two_dials() -> None:
    dialled(3, person_key="tel:51987654321", phones=["+51987654321"])
    dialled(2, person_key="tel:51987654321", phones=["+51987654322"])
    assert is_held(a_job(person_key="tel:51987654321", phones=["+51987654321", "+51987654322"]))


def test_a_dial_that_is_known_in_three_ways_is_one() -> None:
    person = {"contact": ContactFactory(), "person_key": "doc:PE:12345678", "phones": ["+51987654321"]}
    dialled(2, **person)
    assert not is_held(a_job(**person))


def test_what_they_were_called_by_in_different_ways_adds_up() -> None:
    dialled(3, phones=["+51987654321"])
    dialled(2, person_key="doc:PE:12345678")
    assert is_held(a_job(person_key="doc:PE:12345678", phones=["+51987654321"]))


def test_calls_of_jobs_that_are_gone_still_count_by_document() -> None:
    dialled(3, 2, person_key="doc:PE:12345678")
    Job.objects.all().delete()
    assert is_held(a_job(person_key="doc:PE:12345678"))


def test_other_people_older_calls_and_what_does_not_count_hold_nobody() -> None:
    contact = ContactFactory()
    person = {"contact": contact, "person_key": "doc:PE:12345678"}
    dialled(8, 9, 1, **person)
    last = dialled(2, **person)
    CallAttempt.objects.filter(job=last).update(is_counted=False)
    dialled(1, 2, 3, contact=ContactFactory(), person_key="doc:PE:87654321")
    dialled(1, 2, 3)
    assert not is_held(a_job(**person))


@pytest.mark.skipif("connection.vendor != 'postgresql'")
@pytest.mark.parametrize(
    ("known_by", "indexes"),
    [("person_key", ["jobs_attempt_of_person"]), ("job__contact", ["jobs_job_of_contact", "jobs_attempt_of_job"])],
)
def test_indexes_answer_however_many_were_called_in_the_week(known_by: str, indexes: list[str]) -> None:
    them = some_jobs(3, contact=ContactFactory())
    CallAttempt.objects.bulk_create(
        CallAttempt(job=job, batch_id=job.batch_id, account_id=job.account_id, person_key=job.person_key, position=1,
                    number=job.phones[0], phone_key=job.phones[0][1:], provider="simulated", state=AttemptState.ENDED)
        for job in [*them, *some_jobs(3000, a_batch())]
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job, jobs_callattempt")
    whose = {"person_key": [job.person_key for job in them], "job__contact": [job.contact_id for job in them]}
    rows = CallAttempt.objects.filter(created_at__gt=timezone.now() - A_WEEK, is_counted=True).order_by()
    plan = rows.filter(**{f"{known_by}__in": whose[known_by]}).explain()
    assert all(index in plan for index in indexes), plan


def test_one_person_costs_as_many_questions_as_fifty() -> None:
    asked = []
    for how_many in (1, 50):
        some_jobs(how_many, a_batch(), contact=ContactFactory())
        with CaptureQueriesContext(connection) as queries:
            claim("simulated", worker="w1", limit=50)
        asked.append(sum('created_at" > ' in query["sql"] for query in queries))
    assert asked == [3, 3]
