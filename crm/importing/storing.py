"""A chunk of rows becomes contacts and leads: decided row by row in memory, written in a handful of statements.

Rows are stored with `bulk_create`, so no `post_save` is sent: an import brings history in, it does not make
news of it (docs/imports.md, "What an import does not do"). But YA ASISTIO is a rule of every lead, also of these.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import DataError, IntegrityError, models, transaction

from crm.choices import ImportKind, LeadStatus, RowOutcome
from crm.constraints import message_of_violation
from crm.ids import new_id
from crm.importing.people import Book, Enquiry, Known
from crm.importing.rows import Row
from crm.locks import hold_all
from crm.models import Contact, ContactPhone, ImportRun, Lead
from crm.signals import leads_completed

# Texts that are added to what stands there already; everything else is only filled where it is empty.
_GROWING = {"notes_text", "observacion", "observacion_opc"}
# What `tidy` may change besides.
_TIDIED: dict[type[models.Model], set[str]] = {
    Contact: {"phone", "mobile", "email", "document_number", "name_in_order", "search_words"},
    Lead: {"es_lead_opc", "search_words"},
}


@dataclass(slots=True)
class Result:
    """What became of one row, or would."""

    number: int
    outcome: str
    entity_id: UUID | None = None
    message: str = ""
    cells: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked an import to do."""

    kind: str
    merge: bool = False
    responsible_id: UUID | None = None
    author_id: UUID | None = None
    dry: bool = False  # only to tell what would happen

    @classmethod
    def of(cls, run: ImportRun) -> "Order":
        return cls(
            kind=run.kind,
            merge=run.merge_duplicates,
            responsible_id=run.responsible_user_id,
            author_id=run.created_by_id,
        )


def desk_for(order: Order) -> "Desk":
    return LeadDesk(order) if order.kind == ImportKind.LEADS else ContactDesk(order)


def store(order: Order, rows: Sequence[Row], *, last_try: bool = False) -> list[Result]:
    """Store the rows and tell what became of each. A row that the database refuses never costs its neighbours.

    A refusal may also mean that somebody stored the same person at this moment. So the halves are tried
    again, each with a fresh look at who is known, down to the one row that is at fault.
    """
    try:
        with transaction.atomic():
            desk = desk_for(order)
            results = desk.receive(rows)
            desk.write()
            return results
    except (IntegrityError, DataError) as error:
        if len(rows) == 1:
            if not last_try:
                return store(order, rows, last_try=True)
            return [failure(rows[0], _reason(error))]
    middle = len(rows) // 2
    return [*store(order, rows[:middle]), *store(order, rows[middle:])]


def failure(row: Row, reason: str) -> Result:
    return Result(row.number, RowOutcome.FAILED, message=reason, cells=row.cells)


def _reason(error: IntegrityError | DataError) -> str:
    if isinstance(error, IntegrityError):
        return message_of_violation(error)
    return "Un valor está fuera de lo que se puede guardar."


class Desk:
    """Decides about rows, one after the other, and remembers what is to be written."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.book = self.open_book()
        self._new_contacts: list[Contact] = []
        self._completed: dict[type[models.Model], dict[UUID, Any]] = defaultdict(dict)
        self._columns: dict[type[models.Model], set[str]] = defaultdict(set)

    def open_book(self) -> Book:
        raise NotImplementedError

    def decide(self, row: Row) -> Result:
        raise NotImplementedError

    def receive(self, rows: Sequence[Row]) -> list[Result]:
        """What becomes of each row. Two that bring the same new person at once take turns by its phones."""
        sound = [row for row in rows if not row.problems]
        if not self.order.dry:
            hold_all(f"phone:{phone.key}" for row in sound for phone in row.phones)
        self.book.load(sound)
        return [failure(row, " ".join(row.problems)) if row.problems else self.decide(row) for row in rows]

    def write(self) -> None:
        """Store everything that was decided; the number of statements does not depend on the number of rows."""
        Contact.objects.create_many(self._new_contacts)
        for model, changed in self._completed.items():
            _write_over(model, list(changed.values()), self._columns[model])
        people: Iterable[Contact] = self._completed[Contact].values()
        ContactPhone.objects.put([line for contact in people for line in contact.phone_rows()])

    # --- People ---------------------------------------------------------------------------------

    def add_person(self, row: Row, *, email: str | None) -> Known:
        """A new contact with what the row says."""
        known = Known(new_id(), row.person["name"], row.document, email, row=row.number)
        if not self.order.dry:
            known.contact = Contact(id=known.id, **{**row.person, "email": email}, created_by_id=self.order.author_id)
            known.contact.responsible_user_id = known.contact.responsible_user_id or self.order.responsible_id
            for phone in row.phones:
                known.contact.keep_phone(phone)
            self._new_contacts.append(known.contact)
        self.book.add_person(row, known)
        return known

    def complete_person(self, row: Row, known: Known) -> list[str]:
        """Fill in what was not known of somebody; what was known stays. The labels of what was filled."""
        news = {name: value for name, value in row.person.items() if name not in ("name", "mobile", "phone")}
        if self.book.owner_of_email(row.email) not in (None, known):
            news.pop("email", None)
        if known.document or self.book.owner_of_document(row.document) not in (None, known):
            news.pop("document_number", None)
            news.pop("document_type", None)
        known.email = known.email or news.get("email")
        known.document = known.document or news.get("document_number")
        filled = []
        if known.contact is not None:
            filled = [*self.complete(known.contact, news), *self._complete_phones(row, known.contact)]
        self.book.note(row, known)
        return filled

    def _complete_phones(self, row: Row, contact: Contact) -> list[str]:
        """Numbers that this person was not known by: into an empty field, else beside the fields."""
        have = {line.key for line in contact.phone_rows()}
        if not contact._state.adding:
            have |= {line.key for line in contact.phones.all()}
        fresh = [phone for phone in row.phones if phone.key not in have]
        for phone in fresh:
            free = next((name for name in ("mobile", "phone") if not getattr(contact, name)), None)
            if free:
                self.complete(contact, {free: phone.number})
            contact.keep_phone(phone)
            self._mark(contact, set())
        return ["teléfono"] if fresh else []

    # --- Completing -----------------------------------------------------------------------------

    def complete(self, instance: Contact | Lead, news: dict[str, Any]) -> list[str]:
        """Set each empty field that there is news for; texts grow. The labels of what changed."""
        changed = {}
        for name, value in news.items():
            there = getattr(instance, name)
            if name in _GROWING and there and value not in there:
                changed[name] = f"{there}\n{value}"
            elif there in (None, "") and value not in (None, ""):
                changed[name] = value
        for name, value in changed.items():
            setattr(instance, name, value)
        if changed:
            self._mark(instance, set(changed))
        return [_label(type(instance), name) for name in changed]

    def _mark(self, instance: Contact | Lead, names: set[str]) -> None:
        """To be written, unless it is new and will be anyway."""
        if isinstance(instance, Contact):
            instance.updated_by_id = self.order.author_id
            names |= {"updated_by"}
        if not instance._state.adding:
            self._completed[type(instance)][instance.pk] = instance
            self._columns[type(instance)] |= names


class ContactDesk(Desk):
    def open_book(self) -> Book:
        completes = self.order.merge and not self.order.dry
        return Book(with_leads=False, completes_people=completes, completes_leads=False)

    def decide(self, row: Row) -> Result:
        known, by = self.book.find(row, row.phones)
        if known is None and (owner := self.book.owner_of_email(row.email)):
            if row.document and owner.document:
                return failure(row, f"El correo ya es de {owner.name}, que tiene otro documento.")
            known, by = owner, "mismo correo"
        if known is None:
            return Result(row.number, RowOutcome.CREATED, self.add_person(row, email=row.email).id)
        filled = self.complete_person(row, known) if self.order.merge else []
        return _duplicate(row, known.id, f"{known.whence} ({by}).", filled)


class LeadDesk(Desk):
    def __init__(self, order: Order) -> None:
        super().__init__(order)
        self._new_leads: list[Lead] = []

    def open_book(self) -> Book:
        writes = not self.order.dry
        return Book(with_leads=True, completes_people=writes, completes_leads=writes and self.order.merge)

    def decide(self, row: Row) -> Result:
        known, _ = self.book.find(row, row.phones[:1])
        enquiry = self.book.same_enquiry(known, row) if known else None
        if known and enquiry:
            filled = self._complete_enquiry(row, known, enquiry) if self.order.merge else []
            whence = f"Repite la fila {enquiry.row}" if enquiry.row else f"{known.name} ya tiene este lead"
            return _duplicate(row, enquiry.id, f"{whence} (misma persona y proyecto).", filled)
        message = ""
        if known:
            self.complete_person(row, known)
            message = "Nueva consulta de un contacto que ya existía."
        else:
            # One address names one contact; the lead keeps what was written in any case.
            taken = self.book.owner_of_email(row.email) is not None
            known = self.add_person(row, email=None if taken else row.email)
        return Result(row.number, RowOutcome.CREATED, self._add_enquiry(row, known), message)

    def _complete_enquiry(self, row: Row, known: Known, enquiry: Enquiry) -> list[str]:
        filled = self.complete_person(row, known)
        if enquiry.lead is not None:
            news = {name: value for name, value in row.lead.items() if name not in ("nombre", "celular", "status")}
            filled += self.complete(enquiry.lead, news)
        return list(dict.fromkeys(filled))

    def _add_enquiry(self, row: Row, known: Known) -> UUID:
        enquiry = Enquiry(new_id(), row.lead.get("status") or LeadStatus.NEW, row=row.number)
        if not self.order.dry:
            lead = Lead(id=enquiry.id, contact=known.contact, created_by_id=self.order.author_id, **row.lead)
            lead.responsible_user_id = lead.responsible_user_id or self.order.responsible_id
            enquiry.lead = lead
            self._new_leads.append(lead)
        self.book.add_enquiry(known, row, enquiry)
        return enquiry.id

    def write(self) -> None:
        super().write()
        for lead in self._new_leads:
            lead.tidy()
        Lead.objects.bulk_create(self._new_leads)
        self._tell_what_follows()

    def _tell_what_follows(self) -> None:
        """Rows that are stored in bulk send no signals; what holds for every lead holds for these all the same."""
        completed = [lead for lead in self._completed[Lead].values() if lead.changes]
        if completed:
            leads_completed.send(Lead, lead_ids=[lead.pk for lead in completed])
        for lead in sorted([*self._new_leads, *completed], key=attrgetter("pk")):
            if lead.has_come:
                lead.note_visit()


def _duplicate(row: Row, entity_id: UUID, sentence: str, filled: list[str]) -> Result:
    """A row about what is there already: merged when it filled something in."""
    if filled:
        return Result(row.number, RowOutcome.MERGED, entity_id, f"{sentence} Se completó: {', '.join(filled)}.")
    return Result(row.number, RowOutcome.DUPLICATE, entity_id, sentence)


def _label(model: type[models.Model], name: str) -> str:
    field = model._meta.get_field(name.removesuffix("_id"))
    return str(getattr(field, "verbose_name", name))


def _write_over(model: Any, instances: list[Any], columns: set[str]) -> None:
    """Write columns of many stored rows in one statement. A CASE for each column, as `bulk_update` writes
    it, grows with columns times rows; this inserts onto the rows' own ids instead."""
    for instance in instances:
        instance.tidy()
    model.objects.bulk_create(
        instances,
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=sorted({*columns, *_TIDIED[model], "updated_at"}),
    )
