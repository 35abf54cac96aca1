"""Putting a number on the list of those that nobody calls: the same from the page of a job and from the list."""

from crm.exceptions import Refusal
from crm.models import AuditEntry, User
from crm.phones import Phone, parse_phone
from jobs.choices import RefusalSource
from jobs.models import Account, DoNotCall


def readable_phone(typed: str, country: str | None = None) -> Phone:
    """The number that was typed; a sentence when it cannot be one."""
    phone = parse_phone(typed, country)
    if phone is None:
        raise Refusal(
            "Escriba el teléfono con su código de país, por ejemplo +51 987 654 321.", code="telefono_invalido"
        )
    return phone


def leave_alone(typed: str, *, by: User, account: Account | None = None, reason: str = "") -> DoNotCall:
    """No campaign dials it from now on, or none of the account; once, however often it is said, and audited."""
    phone = readable_phone(typed, account.country if account else None)
    row = DoNotCall.objects.add(phone, source=RefusalSource.STAFF, account=account, reason=reason)
    if row.created_by_id is None and row.source == RefusalSource.STAFF:
        row.created_by = by
        row.save(update_fields=["created_by", "updated_at"])
    AuditEntry.write("do_not_call_added", "do_not_call", row.pk, number=phone.number)
    return row
