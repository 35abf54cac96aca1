"""Who is already known: the people and enquiries that a chunk of rows may speak of, read in a fixed number of queries.

The rules are those of one row at a time (`Contact.objects.best_match`): by document; else by phone, but never
somebody known by another document; of several the one with the same name, else the one known longest.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Lower

from crm.choices import LeadStatus, PhoneLabel
from crm.importing.cells import plain
from crm.importing.rows import Row
from crm.models import Contact, ContactPhone, Lead
from crm.phones import Phone

_CLOSED = (LeadStatus.WON, LeadStatus.LOST)


@dataclass(slots=True, eq=False)
class Known:
    """Somebody in the CRM, or whom an earlier row of this file has brought."""

    id: UUID
    name: str
    document: str | None
    email: str | None
    contact: Contact | None = None  # only where it may be completed
    row: int | None = None  # of this file

    @property
    def whence(self) -> str:
        return f"Repite la fila {self.row}" if self.row else f"Ya existe {self.name}"


@dataclass(slots=True, eq=False)
class Enquiry:
    """A lead of somebody known."""

    id: UUID
    status: str
    lead: Lead | None = None
    row: int | None = None


@dataclass(slots=True)
class _Line:
    """A phone of somebody known."""

    known: Known
    number: str
    is_landline: bool


class Book:
    """Looks people up. What is to be completed is read whole and locked; else only what tells people apart."""

    def __init__(self, *, with_leads: bool, completes_people: bool, completes_leads: bool) -> None:
        self.with_leads = with_leads
        self.completes_people = completes_people
        self.completes_leads = completes_leads
        self._people: dict[UUID, Known] = {}
        self._by_phone: defaultdict[str, list[_Line]] = defaultdict(list)
        self._by_document: dict[str, Known] = {}
        self._by_email: dict[str, Known] = {}
        self._enquiries: defaultdict[tuple[UUID, str | None], list[Enquiry]] = defaultdict(list)

    # --- Reading --------------------------------------------------------------------------------

    def load(self, rows: Sequence[Row]) -> None:
        """Read everybody whom these rows may mean."""
        lines = self._lines({phone.key for row in rows for phone in row.phones})
        documents = self._holders({row.document for row in rows if row.document})
        emails = self._owners({row.email for row in rows if row.email})
        wanted = {*(line[0] for line in lines), *documents.values(), *emails.values()} - self._people.keys()
        fresh = self._read_people(wanted)
        for contact_id, key, number, label in lines:
            if contact_id in fresh:
                self._by_phone[key].append(_Line(fresh[contact_id], number, label == PhoneLabel.LANDLINE))
        self._by_document.update((number, fresh[who]) for number, who in documents.items() if who in fresh)
        self._by_email.update((email, fresh[who]) for email, who in emails.items() if who in fresh)
        if self.with_leads:
            self._read_enquiries(fresh)

    def _lines(self, keys: set[str]) -> list[tuple[UUID, str, str, str]]:
        found = ContactPhone.objects.filter(key__in=keys, contact__is_deleted=False)
        in_order = found.order_by("contact__created_at", "contact_id")
        return list(in_order.values_list("contact_id", "key", "number", "label"))

    def _holders(self, documents: set[str]) -> dict[str, UUID]:
        """Who has a document number, or has absorbed who had it."""
        found = Contact.objects.filter(document_number__in=documents)
        absorbed = found.filter(merged_into__isnull=False).values_list("document_number", "merged_into_id")
        own = found.filter(is_deleted=False).values_list("document_number", "pk")
        return {number: who for number, who in [*absorbed, *own] if number and who}

    def _owners(self, emails: set[str]) -> dict[str, UUID]:
        found = Contact.objects.present().alias(folded_email=Lower("email"))
        of_these = found.filter(email__isnull=False, folded_email__in=emails)
        return {email.lower(): who for email, who in of_these.values_list("email", "pk") if email}

    def _read_people(self, ids: set[UUID]) -> dict[UUID, Known]:
        """The present ones of `ids`; those absorbed by one that was deleted since are nobody."""
        found = Contact.objects.present().filter(pk__in=ids).order_by("pk")
        if self.completes_people:
            # Locked before they are read, in one order: what somebody writes meanwhile is not overwritten.
            found = found.select_for_update(no_key=True).prefetch_related("phones")
        else:
            found = found.only("name", "document_number", "email")
        fresh = {
            contact.pk: Known(
                id=contact.pk,
                name=contact.name,
                document=contact.document_number,
                email=contact.email,
                contact=contact if self.completes_people else None,
            )
            for contact in found
        }
        self._people.update(fresh)
        return fresh

    def _read_enquiries(self, people: Iterable[UUID]) -> None:
        found = Lead.objects.filter(contact_id__in=list(people)).order_by("created_at", "pk")
        if self.completes_leads:
            found = found.select_for_update(no_key=True)
        else:
            found = found.only("contact_id", "proyecto_interes", "status")
        for lead in found:
            self._enquiries[lead.contact_id, lead.proyecto_interes].append(
                Enquiry(id=lead.pk, status=lead.status, lead=lead if self.completes_leads else None)
            )

    # --- Asking ---------------------------------------------------------------------------------

    def find(self, row: Row, phones: Iterable[Phone]) -> tuple[Known | None, str]:
        """Who the row speaks of and by what that is known; `phones` are those that tell a person."""
        if row.document and (known := self._by_document.get(row.document)):
            return known, "mismo documento"
        found = [known for phone in phones for known in self._at(phone) if not row.document or not known.document]
        wanted = plain(row.person["name"])
        same_name = next((known for known in found if plain(known.name) == wanted), None)
        return (same_name or found[0], "mismo teléfono") if found else (None, "")

    def _at(self, phone: Phone) -> list[Known]:
        """Who has this phone. A landline that is it only if one Argentine 9 is overlooked is another line."""
        lines = self._by_phone.get(phone.key, [])
        return [line.known for line in lines if not line.is_landline or line.number == phone.number]

    def owner_of_email(self, email: str | None) -> Known | None:
        return self._by_email.get(email) if email else None

    def owner_of_document(self, number: str | None) -> Known | None:
        return self._by_document.get(number) if number else None

    def same_enquiry(self, known: Known, row: Row) -> Enquiry | None:
        """The lead that this row is again: same person and project, still open or closed just as the row says."""
        for enquiry in self._enquiries[known.id, row.project]:
            if enquiry.status not in _CLOSED or enquiry.status == row.lead.get("status"):
                return enquiry
        return None

    # --- Writing down ---------------------------------------------------------------------------

    def add_person(self, row: Row, known: Known) -> None:
        """Somebody new, so that later rows meet them."""
        self._people[known.id] = known
        self.note(row, known)

    def note(self, row: Row, known: Known) -> None:
        """What a row adds to what is known about somebody."""
        for phone in row.phones:
            if known not in self._at(phone):
                self._by_phone[phone.key].append(_Line(known, phone.number, is_landline=False))
        if known.document:
            self._by_document.setdefault(known.document, known)
        if known.email:
            self._by_email.setdefault(known.email, known)

    def add_enquiry(self, known: Known, row: Row, enquiry: Enquiry) -> None:
        self._enquiries[known.id, row.project].append(enquiry)
