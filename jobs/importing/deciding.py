"""Which people of a file get a job: those who may be called, and have none yet (docs/campaigns-import.md)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from django.conf import settings

from crm.choices import PhoneLabel
from crm.models import Contact, ContactPhone
from crm.phones import Phone, match_key
from jobs.choices import JobStatus
from jobs.importing.people import BASIC, Order, Person
from jobs.models import Account, Batch, DoNotCall, Job
from jobs.models.jobs import JobQuerySet


class Fate(StrEnum):
    CREATED = "created"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(slots=True)
class Decision:
    """What becomes of one person; `phones` are those that may be dialled."""

    person: Person
    fate: Fate
    message: str = ""
    phones: list[Phone] = field(default_factory=list)
    contact_id: UUID | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Line:
    """A phone of a contact."""

    contact_id: UUID
    document: str | None
    opted_out: bool
    number: str
    is_landline: bool


def decide(people: Sequence[Person], account: Account, batch: Batch | None, order: Order) -> list[Decision]:
    """One decision for each, in their order; five queries, however many they are."""
    readable = [person for person in people if person.is_readable]
    known = _Known(readable, account, batch, order)
    return [known.decide(person) if person.is_readable else Decision(person, Fate.FAILED) for person in people]


class _Known:
    """What rows of ours say about some people: jobs that they have, numbers that are left alone, contacts."""

    def __init__(self, people: list[Person], account: Account, batch: Batch | None, order: Order) -> None:
        self.order = order
        keys = {phone.key for person in people for phone in person.phones}
        self.there = _There.among(people, account, batch, order)
        refusals = DoNotCall.objects.concerning(account.pk).filter(key__in=keys)
        self.refused = set(refusals.values_list("key", flat=True))
        self.lines = _lines_of(keys)
        contacts = Contact.objects.present().filter(document_number__in={p.document for p in people if p.document})
        self.by_document = {
            document: (pk, opted_out)
            for document, pk, opted_out in contacts.values_list("document_number", "pk", "opted_out_of_calls_at")
        }

    def decide(self, person: Person) -> Decision:
        if place := self.there.tell(person):
            return Decision(person, Fate.DUPLICATE, f"Ya está en {place}.")
        contact_id, opted_out = self.by_document.get(person.document, (None, None))
        if opted_out:
            return Decision(person, Fate.REFUSED, "No se le llama: el contacto pidió que no se le llame.")
        phones = [phone for phone in person.phones if not self._is_refused(phone)]
        if not phones:
            return Decision(person, Fate.REFUSED, "No se le llama: su teléfono está en la lista de no llamar.")
        notes = ["Un teléfono suyo está en la lista de no llamar."] if len(phones) < len(person.phones) else []
        if self.order.processing_type == BASIC:
            phones = phones[:1]
        return Decision(
            person,
            Fate.CREATED,
            phones=phones,
            contact_id=contact_id or self._contact_with(phones, person.document),
            notes=notes,
        )

    def _is_refused(self, phone: Phone) -> bool:
        return phone.key in self.refused or any(line.opted_out for line in self._lines(phone))

    def _lines(self, phone: Phone) -> list[_Line]:
        """Without landlines that are this number only if one Argentine 9 is overlooked."""
        return [line for line in self.lines[phone.key] if not line.is_landline or line.number == phone.number]

    def _contact_with(self, phones: list[Phone], document: str) -> UUID | None:
        """The only contact with one of these phones. Families share them: another document is another person."""
        lines = (line for phone in phones for line in self._lines(phone))
        found = {line.contact_id for line in lines if not (document and line.document and line.document != document)}
        return found.pop() if len(found) == 1 else None


@dataclass(slots=True)
class _There:
    """Who has a job already: in this campaign, else in another of the account, which is named."""

    here: set[str] = field(default_factory=set)
    by_key: dict[str, str] = field(default_factory=dict)
    by_phone: dict[str, str] = field(default_factory=dict)
    without_document: dict[str, str] = field(default_factory=dict)  # by phone

    @classmethod
    def among(cls, people: list[Person], account: Account, batch: Batch | None, order: Order) -> "_There":
        found = cls()
        keys = {person.key for person in people}
        jobs = Job.objects.filter(account=account)
        if batch is not None:
            found.here = set(jobs.filter(batch=batch, person_key__in=keys).values_list("person_key", flat=True))
        if not order.allow_duplicates:
            others = (
                jobs.filter(batch__removed_at__isnull=True).exclude(status=JobStatus.CANCELLED).exclude(batch=batch)
            )
            found._note(others, people, keys)
        return found

    def _note(self, others: JobQuerySet, people: list[Person], keys: set[str]) -> None:
        """In one query; its parts have an index each. With a document, only who has none can be the same by phone."""
        parts = (
            others.filter(person_key__in=keys),
            others.filter(person_key__startswith="tel:").with_phone(_keys_of(p for p in people if p.document)),
            others.with_phone(_keys_of(p for p in people if not p.document)),
        )
        first, *more = (part.order_by().values_list("person_key", "batch__name", "phones") for part in parts)
        for person_key, campaign, numbers in first.union(*more, all=True):
            self.by_key[person_key] = campaign
            told = [self.by_phone] if person_key.startswith("doc:") else [self.by_phone, self.without_document]
            for campaigns in told:
                campaigns.update(dict.fromkeys(map(match_key, numbers), campaign))

    def tell(self, person: Person) -> str:
        """Where, and by what they are known there; "" for nobody. Two documents are two people who share a phone."""
        if person.key in self.here:
            return "esta campaña"
        if person.key in self.by_key:
            known_by = "documento" if person.document else "teléfono"
            return f"{_called(self.by_key[person.key])}, con el mismo {known_by}"
        same = self.without_document if person.document else self.by_phone
        campaign = next((same[phone.key] for phone in person.phones if phone.key in same), None)
        return "" if campaign is None else f"{_called(campaign)}, con el mismo teléfono"


def _keys_of(people: Iterable[Person]) -> set[str]:
    return {phone.key for person in people for phone in person.phones}


def _called(campaign: str) -> str:
    """Where agents see only what is theirs, a file does not tell them what others' campaigns are called."""
    return "otra campaña de la cuenta" if settings.CRM_AGENT_SCOPE == "own" else f"la campaña «{campaign}»"


def _lines_of(keys: set[str]) -> defaultdict[str, list[_Line]]:
    found = ContactPhone.objects.filter(key__in=keys, contact__is_deleted=False)
    lines: defaultdict[str, list[_Line]] = defaultdict(list)
    rows = found.values_list(
        "key", "contact_id", "contact__document_number", "contact__opted_out_of_calls_at", "number", "label"
    )
    for key, contact_id, document, opted_out, number, label in rows:
        lines[key].append(_Line(contact_id, document, opted_out is not None, number, label == PhoneLabel.LANDLINE))
    return lines
