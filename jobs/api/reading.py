"""Rows with what the API shows of them, in a fixed number of queries, and who may read which."""

from collections.abc import Sequence
from typing import Any

from django.db.models import CharField, OuterRef, Subquery, Value

from crm.exceptions import NotFound, Refusal
from crm.models import User
from crm.scope import is_limited
from jobs.choices import AttemptState
from jobs.models import Account, Batch, CallAttempt, Count, Job, Tombstone
from jobs.models.accounts import NOBODY_CHOSE
from jobs.models.batches import BatchQuerySet
from jobs.models.jobs import JobQuerySet

NO_SUCH_ACCOUNT = "Cuenta no encontrada"
NO_ACTIVE_ACCOUNT = "No hay ninguna cuenta activa. Cree una, o diga cuál en account_id."

# Neither the words a job is found by nor anything of its calls that a row of a list does not show.
_JOB = (
    "id", "job_id", "batch_id", "status", "name", "document", "phones", "next_phone_index", "contact_id", "payload",
    "attempts", "granted_attempts", "next_try_at", "last_attempt_id", "last_error", "started_at", "finished_at",
    "created_at", "updated_at",
)  # fmt: skip
_LAST_ATTEMPT = (
    "state", "number", "provider_ref", "placed_at", "answered_at", "ended_at", "outcome", "reason", "seconds",
    "cost_micros", "summary", "sentiment", "successful", "recording_url", "log_url", "collected", "promised_on",
    "promised_micros",
)  # fmt: skip
_BATCH_OF_JOB = ("id", "batch_id", "call_settings", "cancel_reason", "account_id")
_ACCOUNT_OF_JOB = ("account_id", "micros_per_minute")
_CALL = (
    "id", "job_id", "number", "position", "state", "provider_ref", "placed_at", "answered_at", "ended_at", "outcome",
    "reason", "seconds", "cost_micros", "summary", "sentiment", "recording_url", "created_at", "call_id",
    "batch__batch_id", "batch__name", "account__account_id",
)  # fmt: skip

# --- Jobs -------------------------------------------------------------------------------------


def job_rows(*more: str) -> JobQuerySet:
    """Jobs with their last dial; `more` of it than a list shows."""
    rows: Any = Job.objects.select_related("last_attempt")
    found: JobQuerySet = rows.only(*_JOB, *(f"last_attempt__{name}" for name in (*_LAST_ATTEMPT, *more)))
    return found


def with_batches(jobs: Sequence[Job]) -> Sequence[Job]:
    """One query for the campaigns of a page, few for many jobs; and the call of each, once it is over."""
    batches = Batch.objects.select_related("account").only(
        *_BATCH_OF_JOB, *(f"account__{name}" for name in _ACCOUNT_OF_JOB)
    )
    known = batches.in_bulk({job.batch_id for job in jobs})
    for job in jobs:
        job.batch = known[job.batch_id]
        call = job.last_attempt
        job.ended_call = call if call and call.state == AttemptState.ENDED else None  # type: ignore[attr-defined]
    return jobs


# --- Batches ----------------------------------------------------------------------------------


def batch_rows(user: User) -> BatchQuerySet:
    """Batches that `user` sees, each with its account and the end of its newest call."""
    newest = CallAttempt.objects.filter(batch=OuterRef("pk")).newest_first().values("ended_at")[:1]
    rows: Any = Batch.objects.present().visible_to(user).select_related("account")
    found: BatchQuerySet = rows.annotate(last_call_ended_at=Subquery(newest))
    return found


def with_totals(owners: Sequence[Any]) -> Sequence[Any]:
    """Batches, or accounts, with their counts: one query, however many."""
    totals = Count.objects.of_each(row.pk for row in owners)
    for row in owners:
        row.totals = totals[row.pk]
    return owners


# --- Accounts ---------------------------------------------------------------------------------


def account_named(account_id: str) -> Account:
    """404 for an unknown one; of those who may use the CRM everybody sees all accounts: campaigns need one."""
    found: Account | None = Account.objects.meant_by(account_id)
    if found is None:
        raise NotFound(NO_SUCH_ACCOUNT)
    return found


def account_for_a_campaign(account_id: str) -> Account:
    """As above; where nobody chose and there is nothing to choose from, 400 says so."""
    if account_id == NOBODY_CHOSE and Account.objects.meant_by(account_id) is None:
        raise Refusal(NO_ACTIVE_ACCOUNT, code="sin_cuenta_activa")
    return account_named(account_id)


# --- Calls ------------------------------------------------------------------------------------


def call_rows(user: User) -> Any:
    """Dials of the campaigns that `user` sees, also of removed campaigns and jobs."""
    rows = CallAttempt.objects.select_related("batch", "account").only(*_CALL)
    return rows.filter(batch__in=Batch.objects.visible_to(user).values("pk")) if is_limited(user) else rows


def with_jobs(calls: Sequence[CallAttempt]) -> Sequence[CallAttempt]:
    """The readable id of each call's job, from the job or from what is left of it."""
    ids = {call.job_id for call in calls}
    there = Job.objects.filter(pk__in=ids).values_list("pk", "job_id", "name")
    gone = Tombstone.objects.filter(pk__in=ids).annotate(name=Value(None, CharField()))
    either = there.union(gone.values_list("pk", "job_id", "name"))
    known = {pk: (job_id, name) for pk, job_id, name in either}
    for call in calls:
        call.readable_job_id, call.person = known.get(call.job_id, (None, None))  # type: ignore[attr-defined]
    return calls
