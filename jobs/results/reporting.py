"""What the CRM hears of a campaign's calls: one call of the contact for each attempt that reached somebody.

`report_at` on the attempt is the queue. Each report is one transaction, which takes the contact first and the attempt
then, as whoever removes a call does; a worker that dies leaves its lease to run out, and nothing is told twice.
"""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.dateformat import format as format_date

from calls.choices import CallStatus, Direction
from calls.models import Call
from calls.services import correct_call, record_call
from crm.acting import acting_as
from crm.models import Contact, User
from jobs.choices import Outcome
from jobs.models import CallAttempt, Job
from jobs.money import MICROS
from jobs.results.people import called_contact, in_whose_name, responsible_for
from jobs.results.promises import at_a_sensible_hour
from jobs.results.told import zone_of

logger = logging.getLogger("puente.jobs")

CHUNK = 50
# A report takes milliseconds; after this another worker may have it.
LEASE = timedelta(seconds=60)
SOONEST_RETRY, LATEST_RETRY = timedelta(minutes=2), timedelta(hours=6)
LONGEST_COMMENT = 20_000
_SENTENCES = {
    Outcome.OPT_OUT: "Pidió que no se le vuelva a llamar.",
    Outcome.BRIEF: "Colgó enseguida.",
    Outcome.STOPPED: "La llamada se colgó desde la campaña.",
}


def report_due(*, seconds: float = 20.0) -> int:
    """Put the calls that reached somebody on record in the CRM; how many. What is left is for the next tick."""
    told, ends_at = 0, time.monotonic() + seconds
    while time.monotonic() < ends_at and (chunk := _leased()):
        told += sum(_is_told(pk) for pk in chunk)
    return told


def _leased() -> Sequence[UUID]:
    """The ids of some that are due, for nobody else while the lease runs."""
    with transaction.atomic():
        due = CallAttempt.objects.to_report().order_by("report_at", "pk")
        ids = list(due.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:CHUNK])
        CallAttempt.objects.filter(pk__in=ids).update(report_at=timezone.now() + LEASE)
    return ids


def _is_told(pk: UUID) -> bool:
    """False when it has to wait: one that cannot be told holds up no other."""
    try:
        return _tell(pk)
    except Exception:  # whatever a row of a campaign or a receiver holds, the others go on
        logger.exception("attempt %s cannot be reported", pk)
        _postpone(pk)
        return False


def _tell(pk: UUID) -> bool:
    with transaction.atomic():
        seen = CallAttempt.objects.select_related("batch__created_by", "account__created_by").get(pk=pk)
        job = Job.objects.filter(pk=seen.job_id).first()
        by = in_whose_name(seen)
        if by is None:
            raise LookupError("nobody is left in whose name a call could be recorded")
        with acting_as(by):
            contact = _contact_of(seen, job, by)
            attempt = _locked(pk)
            if attempt is None:
                return False
            attempt.batch, attempt.account = seen.batch, seen.account
            if contact is not None:
                _write(attempt, contact, by=by)
        CallAttempt.objects.filter(pk=pk).update(report_at=None, call=attempt.call_id, updated_at=timezone.now())
    return attempt.call_id is not None


def _locked(pk: UUID) -> CallAttempt | None:
    """As it is now; None when another worker has told of it meanwhile."""
    rows = CallAttempt.objects.select_for_update(of=("self",), no_key=True)
    return rows.filter(pk=pk, report_at__isnull=False).first()


def _contact_of(attempt: CallAttempt, job: Job | None, by: User) -> Contact | None:
    """Whom the CRM's call belongs to: found or made, and from now on certain for the job."""
    contact = called_contact(attempt, job, by=by)
    if contact is not None and job is not None and job.contact_id != contact.pk:
        Job.objects.filter(pk=job.pk).update(contact=contact)
    if contact is not None and attempt.outcome == Outcome.OPT_OUT:
        contact.edit({"opted_out_of_calls": True})
    return contact


def _write(attempt: CallAttempt, contact: Contact, *, by: User) -> None:
    call = Call.objects.filter(pk=attempt.call_id).first() if attempt.call_id else None
    if call is not None:
        correct_call(call.pk, by=by, **_corrections(call, _fields_of(attempt)))
        return
    attempt.call = record_call(
        by=by,
        entity_type="contacts",
        entity_id=contact.pk,
        direction=Direction.OUTBOUND,
        call_status=CallStatus.ANSWERED,
        responsible_user_id=responsible_for(contact, by=by).pk,
        phone=attempt.number,
        **_fields_of(attempt),
    )


def _fields_of(attempt: CallAttempt) -> dict[str, Any]:
    started = attempt.answered_at or attempt.placed_at or attempt.created_at
    ended = attempt.ended_at or started
    return {
        "started_at": min(started, ended),
        "ended_at": ended,
        "duration": attempt.seconds,
        "call_result": Outcome(attempt.outcome).label,
        "record_url": attempt.recording_url or None,
        "resumen_llamada": summary_of(attempt) or None,
        "comments": attempt.transcript[:LONGEST_COMMENT] or None,
        "proxima_llamada_fecha": next_date_of(attempt),
    }


def _corrections(call: Call, now: dict[str, Any]) -> dict[str, Any]:
    """What a later report knows better. What a person has written into the call, or planned with it, stays."""
    known = {name: value for name, value in now.items() if value is not None and name != "started_at"}
    for name in ("resumen_llamada", "comments"):
        if (written := getattr(call, name)) and written not in (known.get(name) or ""):
            known.pop(name, None)
    if call.call_result not in Outcome.labels:
        known.pop("call_result", None)
    if call.proxima_llamada_fecha is not None:
        known.pop("proxima_llamada_fecha", None)
    return known


def summary_of(attempt: CallAttempt) -> str:
    """What was said, and what was promised, in words."""
    zone = zone_of(attempt)
    parts = [attempt.summary.strip(), _SENTENCES.get(Outcome(attempt.outcome), "")]
    if attempt.promised_on or attempt.promised_micros:
        parts.append(_promise_in_words(attempt))
    if attempt.call_back_at:
        when = format_date(attempt.call_back_at.astimezone(zone), "d/m/Y H:i")
        parts.append(f"Pide que se le llame el {when} (hora de {zone.key}).")
    return "\n".join(part for part in parts if part)


def _promise_in_words(attempt: CallAttempt) -> str:
    amount = f" {attempt.promised_micros / MICROS:.2f}" if attempt.promised_micros else ""
    day = f" el {attempt.promised_on:%d/%m/%Y}" if attempt.promised_on else ""
    return f"Promete pagar{amount}{day}."


def next_date_of(attempt: CallAttempt) -> datetime | None:
    """When somebody follows it up: the hour asked for, else the day of the promise at a sensible hour there."""
    if attempt.call_back_at is not None:
        return attempt.call_back_at
    return at_a_sensible_hour(attempt.promised_on, zone_of(attempt)) if attempt.promised_on else None


def _postpone(pk: UUID) -> None:
    """Ever more seldom, as the attempt grows old."""
    row = CallAttempt.objects.filter(pk=pk, report_at__isnull=False)
    created_at = row.values_list("created_at", flat=True).first()
    if created_at is not None:
        wait = min(max(SOONEST_RETRY, timezone.now() - created_at), LATEST_RETRY)
        row.update(report_at=timezone.now() + wait)
