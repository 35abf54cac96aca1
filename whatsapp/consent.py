"""Who wants no messages: said on the thread and on the contact, one flag for bot, people and campaigns."""

from datetime import datetime

from crm.models import Contact
from whatsapp.models import Thread


def has_opted_out(thread: Thread) -> bool:
    """Whether the person, or the contact they are, asked not to be written to."""
    return opted_out_since(thread) is not None


def opted_out_since(thread: Thread) -> datetime | None:
    """From which moment on they wanted none: what they said themselves counts before what is noted on the contact."""
    contact = thread.contact
    return thread.opted_out_at or (contact.opted_out_of_messages_at if contact is not None else None)


def opt_out(thread: Thread, *, at: datetime) -> None:
    """No more messages on our own account from this moment on. The thread's row is locked by the caller."""
    latest = max(thread.opted_out_at or at, at)
    thread.change(opted_out_at=latest, answer_due_at=None, answer_token=None, answer_lease_until=None)
    _tell_contact(thread, opted_out=True)


def opt_in(thread: Thread) -> None:
    """The person wants messages again."""
    thread.change(opted_out_at=None)
    _tell_contact(thread, opted_out=False)


def _tell_contact(thread: Thread, *, opted_out: bool) -> None:
    if thread.contact_id is None:
        return
    contact = Contact.objects.select_for_update(of=("self",), no_key=True).get(pk=thread.contact_id)
    contact.edit({"opted_out_of_messages": opted_out})
