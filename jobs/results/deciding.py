"""What becomes of a job when one of its dials has ended (`jobs/outcomes.py` has the table)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from jobs.choices import JobStatus, Outcome
from jobs.models import Batch, CallAttempt, Job
from jobs.outcomes import CONSEQUENCES, delay_after

FINISHED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Next:
    """The state that the job goes to, and what else changes in its row."""

    status: JobStatus
    values: dict[str, Any] = field(default_factory=dict)


def what_follows(job: Job, attempt: CallAttempt, *, at: datetime | None = None) -> Next:
    """`attempt` has ended, its outcome and whether it counts are on it; `job` is as it was during the dial.

    `at`: when, where that is not now: a rehearsal has a clock of its own.
    """
    now = at or timezone.now()
    outcome = Outcome(attempt.outcome)
    attempts = job.attempts if attempt.is_counted else max(0, job.attempts - 1)
    outcomes = {**job.outcomes, outcome.value: job.outcomes.get(outcome.value, 0) + 1}
    phones = _phones_left(job, attempt)
    status = _status(job, attempt, attempts=attempts, times=outcomes[outcome.value], phones=phones)
    values: dict[str, Any] = {
        "attempts": attempts,
        "outcomes": outcomes,
        "reason": outcome.value,
        "last_error": "" if status == JobStatus.COMPLETED else _problem(attempt),
    }
    if phones:
        values |= {"phones": phones} | _next_phone(job, attempt, phones)
    if status in FINISHED:
        values["finished_at"] = now
    else:
        values["next_try_at"] = _next_try(attempt, now)
    return Next(status, values)


def lane_of_phone(number: str, batch: Batch) -> str:
    """Country and time zone of a number of this campaign."""
    from jobs.dialling.windows import lane_of

    return lane_of(number, batch.settings.timezone or batch.account.timezone or settings.TIME_ZONE)


def _status(job: Job, attempt: CallAttempt, *, attempts: int, times: int, phones: list[str]) -> JobStatus:
    """Cancelled when somebody wanted it to end, whatever the provider says; else by the table."""
    consequence = CONSEQUENCES[Outcome(attempt.outcome)]
    if attempt.stop_wanted_at is not None:
        return JobStatus.CANCELLED
    if consequence.becomes is not None:
        return consequence.becomes
    if not phones:
        return JobStatus.FAILED
    is_over = attempts >= job.max_attempts or (consequence.most is not None and times >= consequence.most)
    if is_over:  # who was on the line was reached, however briefly
        return JobStatus.COMPLETED if consequence.is_reached else JobStatus.FAILED
    batch = attempt.batch
    is_called_off = batch.cancelled_at is not None or batch.removed_at is not None
    return JobStatus.CANCELLED if is_called_off else JobStatus.PENDING


def _phones_left(job: Job, attempt: CallAttempt) -> list[str]:
    """Without the number that does not exist. The row of a job that has no other keeps it, to be seen and corrected."""
    if not CONSEQUENCES[Outcome(attempt.outcome)].drops_phone:
        return list(job.phones)
    return [number for number in job.phones if number != attempt.number]


def _next_phone(job: Job, attempt: CallAttempt, phones: list[str]) -> dict[str, Any]:
    """After the last phone comes the first again. A dropped one leaves its place to the next."""
    consequence = CONSEQUENCES[Outcome(attempt.outcome)]
    index = job.next_phone_index
    if consequence.next_phone and not consequence.drops_phone:
        index += 1
    index %= len(phones)
    if phones[index] == attempt.number:
        return {"next_phone_index": index}
    return {"next_phone_index": index, "lane": lane_of_phone(phones[index], attempt.batch)}


def _next_try(attempt: CallAttempt, now: datetime) -> datetime:
    outcome = Outcome(attempt.outcome)
    if outcome == Outcome.CALL_BACK and attempt.call_back_at is not None and attempt.call_back_at > now:
        return attempt.call_back_at
    wait: timedelta = delay_after(outcome, attempt.batch.settings)
    return now + wait


def _problem(attempt: CallAttempt) -> str:
    return (attempt.error or Outcome(attempt.outcome).label)[:500]
