"""Whose thread it is in the CRM: linked by itself on one exact match, suggested otherwise, by hand with undo.

A link says who made it, by which rule and on what evidence (`ThreadLink`). The whole thread follows its link:
`Message.cliente` is written in one statement, and the statistics with it.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Count, Q
from django.db.models.functions import TruncHour
from django.utils import timezone

from crm.exceptions import Conflict
from crm.models import AuditEntry, Contact, ContactMerge, ContactPhone
from whatsapp.choices import AliasKind, LinkRule, LinkState
from whatsapp.consent import opt_out
from whatsapp.models import Alias, Message, MessageCount, Thread, ThreadLink

if TYPE_CHECKING:
    from crm.models import User

MOST_CANDIDATES = 20


@dataclass(frozen=True)
class Candidates:
    """Contacts with a number of the thread. `doubtful`: only if an Argentine 9 is overlooked on a landline."""

    certain: Sequence[Contact]
    doubtful: Sequence[Contact]

    @property
    def only_one(self) -> Contact | None:
        """The one exact match, where nobody else comes into question."""
        return self.certain[0] if len(self.certain) == 1 and not self.doubtful else None

    @property
    def state(self) -> LinkState:
        if len(self.certain) + len(self.doubtful) > 1:
            return LinkState.SEVERAL
        return LinkState.DOUBTFUL if self.doubtful else LinkState.UNKNOWN


def candidates(thread: Thread) -> Candidates:
    """Who has one of the numbers that this person has written from."""
    numbers = Alias.objects.filter(thread=thread, kind=AliasKind.WA_ID).values_list("value", flat=True)
    certain: dict[object, Contact] = {}
    doubtful: dict[object, Contact] = {}
    for number in numbers:
        certain |= {contact.pk: contact for contact in Contact.objects.with_phone(f"+{number}")[:MOST_CANDIDATES]}
        perhaps = Contact.objects.perhaps_with_phone(f"+{number}")[:MOST_CANDIDATES]
        doubtful |= {contact.pk: contact for contact in perhaps}
    return Candidates(list(certain.values()), [row for key, row in doubtful.items() if key not in certain])


def recognise(thread: Thread) -> None:
    """Link the thread by its numbers if exactly one contact has them; else note that somebody has to choose.

    What a person has decided stays. The thread's row is locked by the caller.
    """
    if thread.link_state in (LinkState.LINKED, LinkState.UNLINKED):
        return
    found = candidates(thread)
    if found.only_one is not None and not was_refused(thread, found.only_one):
        rule, evidence = _reason(thread, found.only_one)
        with suppress(Conflict):  # gone at this very moment: the next message finds who is there then
            link(thread, found.only_one, rule=rule, by=None, evidence=evidence)
    elif found.state != thread.link_state:
        thread.change(link_state=found.state)


def was_refused(thread: Thread, contact: Contact) -> bool:
    """Whether a person has said before that it is not this contact: no rule says so again."""
    return ThreadLink.objects.filter(thread=thread, contact=contact, undone_by__isnull=False).exists()


def _reason(thread: Thread, contact: Contact) -> tuple[LinkRule, str]:
    numbers = Alias.objects.filter(thread=thread, kind=AliasKind.WA_ID).values_list("value", flat=True)
    theirs = set(ContactPhone.objects.filter(contact=contact).values_list("number", flat=True))
    for number in numbers:
        if f"+{number}" in theirs:
            return LinkRule.EXACT_NUMBER, f"Escribe desde +{number}."
    written = ", ".join(f"+{number}" for number in numbers)
    return LinkRule.SPELLING, f"Escribe desde {written}; en su ficha: {', '.join(sorted(theirs))}."


def link(thread: Thread, contact: Contact, *, rule: LinkRule, by: "User | None", evidence: str = "") -> ThreadLink:
    """The thread, with all its messages, belongs to `contact` from now on. The same contact again changes nothing."""
    with transaction.atomic():
        locked = thread.lock()
        if locked.merged_into_id is not None:
            raise Conflict("La conversación se unió a otra.", code="conversacion_unida")
        contact = _held(contact)
        standing = ThreadLink.objects.standing().filter(thread=thread).first()
        if standing is not None and locked.contact_id == contact.pk:
            _follow(thread, locked)
            return standing
        if standing is not None:
            standing.undone_at, standing.undone_by = timezone.now(), by
            standing.save(update_fields=["undone_at", "undone_by"])
        made = ThreadLink.objects.create(
            thread=thread,
            contact=contact,
            rule=rule,
            evidence=evidence[:300],
            previous_contact_id=locked.contact_id,
            previous_state=locked.link_state,
            linked_by=by,
        )
        _follow(thread, locked)
        _belong_to(thread, contact, LinkState.LINKED)
        if thread.opted_out_at is not None:
            opt_out(thread, at=thread.opted_out_at)  # what was said before anybody knew who it is
        if by is not None:
            AuditEntry.write("whatsapp.link", "contacts", contact.pk, thread=thread.pk, rule=rule)
    return made


def undo_link(made: ThreadLink, *, by: "User | None") -> None:
    """Take a link back: the thread is what it was before. A rule's own link is not made again by a rule."""
    with transaction.atomic():
        thread = Thread.objects.select_for_update(of=("self",), no_key=True).get(pk=made.thread_id)
        standing = ThreadLink.objects.standing().filter(pk=made.pk).first()
        if standing is None:
            raise Conflict("Este vínculo ya se deshizo.", code="vinculo_deshecho")
        standing.undone_at, standing.undone_by = timezone.now(), by
        standing.save(update_fields=["undone_at", "undone_by"])
        earlier = _present(standing.previous_contact)
        if earlier is not None:
            ThreadLink.objects.create(
                thread=thread,
                contact=earlier,
                rule=LinkRule.BY_HAND,
                evidence="Se deshizo el vínculo siguiente.",
                linked_by=by,
            )
            _belong_to(thread, earlier, LinkState.LINKED)
        else:
            was_made_by_rule = standing.linked_by_id is None
            previous = LinkState(standing.previous_state)
            kept = previous if previous != LinkState.LINKED else LinkState.UNLINKED
            _belong_to(thread, None, LinkState.UNLINKED if was_made_by_rule else kept)
        AuditEntry.write("whatsapp.unlink", "contacts", standing.contact_id, thread=thread.pk)


def _held(contact: Contact) -> Contact:
    """The contact as it is now, or who has absorbed it; locked, so that no merge passes it by."""
    wanted = contact.pk
    while True:
        row = Contact.objects.select_for_update(of=("self",), no_key=True).get(pk=wanted)
        if row.merged_into_id is None:
            break
        wanted = row.merged_into_id
    if row.is_deleted:
        raise Conflict(f"El contacto «{row.name}» está eliminado.", code="eliminado")
    return row


def _present(contact: Contact | None) -> Contact | None:
    return contact if contact is not None and not contact.is_deleted else None


def _follow(thread: Thread, locked: Thread) -> None:
    thread.contact_id, thread.link_state = locked.contact_id, locked.link_state


def _belong_to(thread: Thread, contact: Contact | None, state: LinkState) -> None:
    thread.contact = contact
    thread.change(contact_id=contact.pk if contact else None, link_state=state)
    spread_contact(thread)


def follow_undone_merge(merge: ContactMerge) -> None:
    """Threads have gone back to their contact: so does what was written while both were one."""
    theirs = Thread.objects.filter(contact__in=[merge.survivor_id, merge.absorbed_id])
    for thread in theirs.order_by("pk").select_for_update(of=("self",), no_key=True):
        spread_contact(thread)


def spread_contact(thread: Thread) -> None:
    """Every message of the thread has the contact of the thread; the hourly counts of linked messages follow."""
    rows = Message.objects.filter(thread=thread)
    if thread.contact_id is None:
        wrong, change = rows.filter(cliente__isnull=False), -1
    else:
        wrong, change = rows.filter(~Q(cliente=thread.contact_id) | Q(cliente__isnull=True)), 1
    counted = wrong if change < 0 else wrong.filter(cliente__isnull=True)
    hours: dict[datetime, dict[str, int]] = {
        row["hour"]: {"linked": change * row["messages"]}
        for row in counted.annotate(hour=TruncHour("timestamp", tzinfo=None))
        .values("hour")
        .annotate(messages=Count("pk"))
        .order_by()
    }
    if wrong.update(cliente_id=thread.contact_id, actualizado_en=timezone.now()):
        MessageCount.objects.add_many(hours, shard=thread.pk)
