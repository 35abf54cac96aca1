"""The subject rule: a call, task or note is about exactly one contact or one lead.

Real foreign keys keep it true in the database; `entity_type` and `entity_id` are how the API says
it (docs/adr/0002-entity-link.md).

Whatever is planned about a person takes turns: who writes a call or a task first locks the row of the
*contact* behind it, also when the subject is a lead. One lock, always taken before any other row, so
that two requests about one person see each other's rows and never wait in a circle.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models

from crm.choices import EntityType
from crm.constraints import exactly_one_of
from crm.exceptions import NotFound
from crm.prepared import Prepared

if TYPE_CHECKING:
    from crm.models.contacts import Contact
    from crm.models.leads import Lead
    from crm.models.users import User

# What clients write for an entity type, and the column that holds it.
SUBJECT_FIELDS = {
    "contacts": "contact",
    "contact": "contact",
    "leads": "lead",
    "lead": "lead",
}

# All that planning, and answers about a call or task, read of a contact: its row is wide.
_OF_THE_PERSON = ("name", "is_deleted", "ultima_llamada_fecha", "proxima_llamada_fecha")


class SubjectQuerySet(models.QuerySet[Any]):
    def about(self, entity_type: str, entity_id: UUID) -> Self:
        """Rows of one subject. `entity_type` in any spelling of SUBJECT_FIELDS."""
        return self.filter(**{f"{SUBJECT_FIELDS[entity_type]}_id": entity_id})

    def about_person(self, contact_id: UUID) -> Self:
        """Rows of a contact and of every lead of that contact: what a person's page shows."""
        from crm.models.leads import Lead

        # The leads are read first: with their ids both sides of the OR use an index, with a join neither does.
        leads = list(Lead.objects.filter(contact_id=contact_id).values_list("pk", flat=True))
        own = models.Q(contact_id=contact_id)
        return self.filter(own | models.Q(lead_id__in=leads) if leads else own)

    def with_subject(self) -> Self:
        """With the subject's name and person at hand, and no more of its wide row than that."""
        own = [field.name for field in self.model._meta.concrete_fields]
        return self.select_related("contact", "lead").only(*own, "contact__name", "lead__nombre", "lead__contact")

    def with_visible_subject(self, user: "User") -> Self:
        from crm.scope import subjects_of

        return self.filter(subjects_of(user))


class HasSubject(models.Model):
    # Each table has an index of its own that begins with these columns, so they need no second one.
    contact = models.ForeignKey(
        "crm.Contact",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="%(class)ss",
        verbose_name="contacto",
    )
    lead = models.ForeignKey(
        "crm.Lead",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="%(class)ss",
        verbose_name="lead",
    )

    class Meta:
        abstract = True

    @property
    def subject(self) -> "Contact | Lead | None":
        return self.contact if self.contact_id else self.lead

    @subject.setter
    def subject(self, value: "Contact | Lead") -> None:
        other = "lead" if value._meta.model_name == "contact" else "contact"
        setattr(self, other, None)
        setattr(self, str(value._meta.model_name), value)

    @property
    def entity_type(self) -> str:
        return EntityType.CONTACTS.value if self.contact_id else EntityType.LEADS.value

    @property
    def entity_id(self) -> UUID | None:
        return self.contact_id or self.lead_id

    @property
    def person_id(self) -> UUID | None:
        """The contact behind the subject, whichever it is."""
        return self.contact_id or (self.lead.contact_id if self.lead else None)

    @property
    def person_name(self) -> str | None:
        subject = self.subject
        return subject.name if subject else None


def exactly_one_subject(name: str) -> models.CheckConstraint:
    return exactly_one_of("contact", "lead", name=name, message="Indique un contacto o un lead, y solo uno.")


def find_subject(entity_type: str, entity_id: UUID, *, visible_to: "User") -> "Contact | Lead":
    """The contact or lead that `visible_to` names; `NotFound` for one that is not there for them.

    A client that knows people only as contacts may hold the id of a lead: it means the lead's contact.
    """
    return _subject(entity_type, entity_id, visible_to, locked=False)


def lock_subject(entity_type: str, entity_id: UUID, *, visible_to: "User") -> "Contact | Lead":
    """`find_subject`, and the person's row is locked until the running transaction ends."""
    return _subject(entity_type, entity_id, visible_to, locked=True)


def lock_people(contact_ids: Iterable[UUID]) -> dict[UUID, "Contact"]:
    """The rows of these contacts, deleted ones too, locked in one order whoever asks."""
    from crm.models.contacts import Contact

    people = Contact.objects.filter(pk__in=set(contact_ids)).only(*_OF_THE_PERSON)
    return {person.pk: person for person in people.order_by("pk").select_for_update(of=("self",), no_key=True)}


def _subject(entity_type: str, entity_id: UUID, user: "User", *, locked: bool) -> "Contact | Lead":
    is_contact = SUBJECT_FIELDS[entity_type] == "contact"
    found = _contact(entity_id, user, locked=locked) if is_contact else None
    if found is not None:
        return found
    lead = _lead(entity_id, user, locked=locked)
    if lead is None:
        raise NotFound("Contacto no encontrado." if is_contact else "Lead no encontrado.")
    return lead.contact if is_contact else lead


def _contact(entity_id: UUID, user: "User", *, locked: bool) -> "Contact | None":
    from crm.models.contacts import Contact
    from crm.scope import is_limited

    if locked and not is_limited(user):
        return next(iter(_lock_contact(pk=entity_id)), None)
    contacts = _contacts(pk=entity_id).filter(pk__in=Contact.objects.visible_to(user).values("pk"))
    return next(iter(_locking(contacts, "self") if locked else contacts), None)


def _lead(entity_id: UUID, user: "User", *, locked: bool) -> "Lead | None":
    from crm.models.leads import Lead

    leads = Lead.objects.visible_to(user).filter(pk=entity_id, contact__is_deleted=False)
    wanted = [f"contact__{name}" for name in _OF_THE_PERSON]
    leads = leads.select_related("contact").only("nombre", "contact", *wanted)
    return next(iter(_locking(leads, "contact") if locked else leads), None)


def _contacts(pk: Any) -> models.QuerySet["Contact"]:
    from crm.models.contacts import Contact

    return Contact.objects.filter(pk=pk, is_deleted=False).only(*_OF_THE_PERSON)


def _locking(rows: models.QuerySet[Any], table: str) -> models.QuerySet[Any]:
    return rows.select_for_update(of=(table,), no_key=True)


# Every call and task of the API begins with it.
_lock_contact: Prepared["Contact"] = Prepared(lambda pk: _locking(_contacts(pk), "self"), pk=models.UUIDField())
