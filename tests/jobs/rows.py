"""Rows of campaigns for tests: fixed, plausible values; what a test is about it sets itself."""

from datetime import timedelta
from itertools import count
from typing import Any

from django.utils import timezone

from jobs.choices import AttemptState
from jobs.ids import readable_batch_id, readable_job_id
from jobs.models import Account, Batch, CallAttempt, Job
from jobs.models.attempts import LEASE

LIMA = "PE:America/Lima"
# Open at every moment, so that a test runs at any hour.
ALWAYS = {
    "allowed_hours": {"start": "00:00", "end": "23:59"},
    "days_of_week": [0, 1, 2, 3, 4, 5, 6],
    "on_holidays": True,
}
_numbers = count(1)


def an_account(**values: Any) -> Account:
    """Active, in Peru, with credit for about two thousand calls, fifty of them at once."""
    usual = {"country": "PE", "credit_micros": 1_000_000_000, "max_concurrent_calls": 50, "daily_call_limit": 100_000}
    return Account.objects.create(**{"account_name": "Cuenta de pruebas", **usual, **values})


def a_batch(account: Account | None = None, **values: Any) -> Batch:
    """A running campaign that may call at every hour; `call_settings` are added to that."""
    settings = {**ALWAYS, **values.pop("call_settings", {})}
    defaults = {"batch_id": readable_batch_id(timezone.now()), "name": "Campaña", "lanes": [LIMA]}
    return Batch.objects.create(account=account or an_account(), call_settings=settings, **{**defaults, **values})


def a_job(batch: Batch | None = None, **values: Any) -> Job:
    return some_jobs(1, batch, **values)[0]


def some_jobs(how_many: int, batch: Batch | None = None, **values: Any) -> list[Job]:
    """Pending and due, each another person with a Peruvian mobile number of their own."""
    batch = batch or a_batch()
    now = timezone.now()
    jobs = []
    for _ in range(how_many):
        number = next(_numbers)
        usual: dict[str, Any] = {
            "job_id": readable_job_id(batch.account.account_id, now),
            "name": f"Persona {number}",
            "phones": [f"+519{number:08d}"],
            "person_key": f"tel:519{number:08d}",
            "lane": LIMA,
            "next_try_at": now - timedelta(seconds=1),
        }
        job = Job(batch=batch, account=batch.account, **{**usual, **values})
        job.search_words = job.words()
        jobs.append(job)
    return Job.objects.bulk_create(jobs)


def an_attempt(job: Job, state: AttemptState = AttemptState.CALLING, **values: Any) -> CallAttempt:
    """A dial of `job` in `state`, with the job in progress when it is live, as the dispatcher would have left it."""
    number = job.phones[job.next_phone_index]
    usual: dict[str, Any] = {
        "number": number,
        "phone_key": number.removeprefix("+"),
        "person_key": job.person_key,
        "position": job.attempts + 1,
        "provider": "simulated",
        "provider_ref": f"call_{next(_numbers)}" if state == AttemptState.CALLING else "",
        "look_at": timezone.now() + LEASE,
        "placed_at": None if state == AttemptState.CLAIMED else timezone.now(),
    }
    attempt = CallAttempt.objects.create(
        job=job, batch=job.batch, account=job.account, state=state, **{**usual, **values}
    )
    changes: dict[str, Any] = {"attempts": job.attempts + 1, "last_attempt": attempt}
    if attempt.is_live:
        changes["status"] = "in_progress"
    Job.objects.filter(pk=job.pk).update(**changes)
    job.refresh_from_db()
    return attempt
