"""The end of a dial, as a provider tells it or as we know it: written down once, whoever tells it how often.

One transaction for each: the job's row is locked first, where there still is one, then the attempt's. The campaign's
row comes after both and before anything is counted.
"""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from crm.models import AuditEntry, Contact
from crm.phones import parse_phone
from crm.waking import wake
from jobs.choices import AttemptState, JobStatus, Outcome, RefusalSource
from jobs.models import Batch, CallAttempt, DoNotCall, Job
from jobs.outcomes import CONSEQUENCES
from jobs.providers.base import CallReport
from jobs.results.deciding import what_follows
from jobs.results.told import clean, is_reached, note_next_look, price, take_in

logger = logging.getLogger("puente.jobs")

# What the CRM shows of a call: a report that changes one of these corrects the call.
SHOWN_IN_CRM = {"seconds", "ended_at", "summary", "transcript", "recording_url", "promised_on", "promised_micros",
                "call_back_at", "outcome"}  # fmt: skip
_DECIDING = ("state", "outcome", "seconds")
# Ends that we have told ourselves, or may have (a call that was not made too often): the provider, when it speaks of
# the call, knows better.
OUR_WORD = (Outcome.STOPPED, Outcome.UNKNOWN, Outcome.NOT_PLACED, Outcome.PROVIDER)
# A call that we hung up is asked about this soon: its price and what was said are still to come.
AFTER_HANGING_UP = timedelta(seconds=5)


def hear(attempt_id: UUID, report: CallReport) -> CallAttempt | None:
    """Take in what the provider tells; None for an attempt that nobody knows."""
    with transaction.atomic():
        job, attempt = _locked(attempt_id, opts_out=report.outcome == Outcome.OPT_OUT)
        if attempt is None:
            return None
        if attempt.provider_ref and report.ref and attempt.provider_ref != report.ref:
            logger.warning("attempt %s is call %s, not %s", attempt.pk, attempt.provider_ref, report.ref)
            return attempt
        before = _columns(attempt)
        _hear(job, attempt, report)
        _save(attempt, before)
    return attempt


def end_unplaced(attempt_id: UUID, outcome: Outcome, *, error: str = "") -> CallAttempt | None:
    """No call was made, for sure; or, `UNKNOWN`, nobody will ever say. A call that has been heard of goes on."""
    with transaction.atomic():
        job, attempt = _locked(attempt_id)
        if attempt is None or not attempt.is_live:
            return attempt
        if attempt.state == AttemptState.CALLING and outcome != Outcome.UNKNOWN:
            return attempt
        before = _columns(attempt)
        attempt.error = clean(error)[:500]
        attempt.is_settled, attempt.look_at = True, None
        _end(job, attempt, outcome)
        _save(attempt, before)
    return attempt


def end_stopped(attempt_id: UUID, came_from: AttemptState) -> bool:
    """We have ended it, before the provider was asked or by hanging up; False when it is in another state by now."""
    with transaction.atomic():
        job, attempt = _locked(attempt_id)
        if attempt is None or attempt.state != came_from:
            return False
        before = _columns(attempt)
        was_called = came_from == AttemptState.CALLING
        attempt.is_settled = not was_called
        attempt.look_at = timezone.now() + AFTER_HANGING_UP if was_called else None
        _end(job, attempt, Outcome.STOPPED, is_counted=was_called)
        _save(attempt, before)
    return True


def _hear(job: Job | None, attempt: CallAttempt, report: CallReport) -> None:
    attempt.provider_ref = attempt.provider_ref or report.ref[:120]
    take_in(attempt, report)
    if report.outcome is None:
        if attempt.is_live:
            attempt.state = AttemptState.CALLING
        elif attempt.outcome in OUR_WORD:  # nobody waits for this call any more: whoever follows hangs it up
            attempt.is_settled, attempt.look_at = False, timezone.now()
        return
    price(attempt, report)
    if attempt.is_live:
        _end(job, attempt, report.outcome)
    elif _knows_better(attempt, report.outcome):
        attempt.outcome = report.outcome  # what really happened; the job has moved already
        _respect_refusal(job, attempt)
    if attempt.is_settled:
        attempt.look_at = None
    else:
        note_next_look(attempt, asked_for=report.look_again_in)


def _knows_better(attempt: CallAttempt, told: Outcome) -> bool:
    """Whether the provider corrects what we have said ourselves, or somebody turns out to want no calls."""
    return attempt.outcome != told and (attempt.outcome in OUR_WORD or told == Outcome.OPT_OUT)


def _end(job: Job | None, attempt: CallAttempt, outcome: Outcome, *, is_counted: bool = True) -> None:
    """The attempt is over, and its job goes where that leads; of a removed job only the attempt is left."""
    consequence = CONSEQUENCES[outcome]
    attempt.state, attempt.outcome = AttemptState.ENDED, outcome
    attempt.is_counted = is_counted and consequence.is_counted
    attempt.ended_at = attempt.ended_at or timezone.now()
    _respect_refusal(job, attempt)
    if consequence.pauses_batch:
        _pause(attempt.batch, consequence.pauses_batch)
    if job is not None and job.status == JobStatus.IN_PROGRESS:
        _move(job, attempt)


def _move(job: Job, attempt: CallAttempt) -> None:
    job.batch = attempt.batch
    then = what_follows(job, attempt)
    if (lane := then.values.get("lane")) is not None:
        attempt.batch.add_lanes([lane])
    job.move(then.status, **then.values)


def _respect_refusal(job: Job | None, attempt: CallAttempt) -> None:
    """Who asks not to be called is not called again by any campaign: this number, and the contact as a person."""
    phone = parse_phone(attempt.number)
    if attempt.outcome != Outcome.OPT_OUT or phone is None:
        return
    DoNotCall.objects.add(phone, source=RefusalSource.CALL, reason="Lo pidió durante una llamada de campaña.")
    contact = Contact.objects.filter(pk=job.contact_id).first() if job and job.contact_id else None
    if contact is not None:
        contact.edit({"opted_out_of_calls": True})


def _pause(batch: Batch, because: str) -> None:
    """The campaign stops by itself, once, and says why."""
    running = Batch.objects.running().filter(pk=batch.pk)
    if running.update(is_active=False, paused_because=because, updated_at=timezone.now()):
        AuditEntry.write("batch_paused", "batches", batch.pk, name=batch.name, because=because)


def _locked(attempt_id: UUID, *, opts_out: bool = False) -> tuple[Job | None, CallAttempt | None]:
    """Job and attempt, locked in this order. The contact of a refusal comes before both, as a merge takes them."""
    known = CallAttempt.objects.filter(pk=attempt_id).values_list("job_id", flat=True).first()
    if known is None:
        return None, None
    if opts_out:
        contacts = Contact.objects.filter(jobs=known).order_by("pk")
        list(contacts.select_for_update(of=("self",), no_key=True).values_list("pk", flat=True))
    job = Job.objects.select_for_update(of=("self",), no_key=True).filter(pk=known).first()
    attempts = CallAttempt.objects.select_related("batch", "account").select_for_update(of=("self",), no_key=True)
    return job, attempts.get(pk=attempt_id)


def _columns(attempt: CallAttempt) -> dict[str, Any]:
    return {field.attname: getattr(attempt, field.attname) for field in attempt._meta.concrete_fields}


def _save(attempt: CallAttempt, before: dict[str, Any]) -> None:
    """Write what has changed. The CRM hears of it, and of what corrects its call, unless somebody removed that call."""
    now = _columns(attempt)
    changed = {name for name, value in now.items() if value != before[name]}
    if not changed:
        return
    was_reached, is_now = (is_reached(**{name: row[name] for name in _DECIDING}) for row in (before, now))
    is_awaited = before["call_id"] is not None or before["report_at"] is not None
    if is_now and (not was_reached or (is_awaited and changed & SHOWN_IN_CRM)):
        attempt.report_at = timezone.now()
        changed.add("report_at")
        _wake_reporter()
    attempt.save(update_fields={*changed, "updated_at"})


def _wake_reporter() -> None:
    from jobs.tasks import report_calls  # which imports the results in turn

    wake(report_calls)
