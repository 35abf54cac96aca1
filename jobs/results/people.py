"""Which contact of the CRM a campaign has called, and in whose name the CRM writes it down.

Known for certain: the contact of the job. Else as with any enquiry (`Contact.objects.best_match`): by document, else by
phone, but never who is known by another document; of several who has the job's name, else who has been known longest.
Nobody: a new contact. The identities are held first, so that two reports of one new person make one contact.
"""

from collections.abc import Iterator
from typing import Any

from crm.locks import hold_all
from crm.models import Contact, User
from crm.models.contact_queries import identity_locks
from crm.phones import parse_phone
from crm.scope import is_limited
from crm.text import tidy_document
from jobs.models import CallAttempt, Job

LONGEST_DOCUMENT = 20


def called_contact(attempt: CallAttempt, job: Job | None, *, by: User | None) -> Contact | None:
    """The contact, its row locked. None for a removed job whose number nobody has: its name is gone."""
    if job is not None and job.contact_id and (known := _present(job.contact_id)):
        return known
    document = _document_of(job)
    phone = parse_phone(attempt.number)
    hold_all(identity_locks(phones=[phone.key] if phone else [], documents=[document], emails=[]))
    people = Contact.objects.select_for_update(of=("self",), no_key=True)
    found = people.best_match(document=document, phone=attempt.number, name=job.name if job else "")
    return found or (_make(attempt, job, by) if job is not None and by is not None else None)


def in_whose_name(attempt: CallAttempt) -> User | None:
    """Who made the campaign, else the account, else an administrator; nobody who has left, or sees too little."""
    return next((user for user in _candidates(attempt) if user.is_active and not is_limited(user)), None)


def _responsible_of(attempt: CallAttempt, by: User) -> User:
    """Of a contact that is new: who made the campaign, so that they see it where agents see only what is theirs."""
    return User.objects.responsible().filter(pk=attempt.batch.created_by_id).first() or by


def responsible_for(contact: Contact, *, by: User) -> User:
    """Whose contact it is, while they may be responsible; else `by`."""
    responsible = User.objects.responsible().filter(pk=contact.responsible_user_id).first()
    return responsible or by


def _candidates(attempt: CallAttempt) -> Iterator[User]:
    for user in (attempt.batch.created_by, attempt.account.created_by):
        if user is not None:
            yield user
    yield from User.objects.administrators().order_by("created_at", "id")[:1]


def _present(contact_id: Any) -> Contact | None:
    """The contact, or who has absorbed it; None when it was deleted."""
    wanted = contact_id
    while True:
        row = Contact.objects.select_for_update(of=("self",), no_key=True).filter(pk=wanted).first()
        if row is None or row.merged_into_id is None:
            return row if row is not None and not row.is_deleted else None
        wanted = row.merged_into_id


def _document_of(job: Job | None) -> str | None:
    document = tidy_document(job.document or None) if job is not None else None
    return document if document and len(document) <= LONGEST_DOCUMENT else None


def _make(attempt: CallAttempt, job: Job, by: User) -> Contact:
    fields = {
        "name": job.name.strip() or attempt.number,
        "mobile": attempt.number,
        "document_number": _document_of(job),
        "responsible_user": _responsible_of(attempt, by),
    }
    return Contact.objects.register(fields, by=by)
