"""The subject rule: a call, task or note is about exactly one contact or one lead.

Real foreign keys keep it true in the database; `entity_type` and `entity_id` are how the API says
it (docs/adr/0002-entity-link.md).
"""

from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models

from crm.choices import EntityType
from crm.constraints import exactly_one_of

if TYPE_CHECKING:
    from crm.models.contacts import Contact
    from crm.models.leads import Lead

# What clients write for an entity type, and the column that holds it.
SUBJECT_FIELDS = {
    "contacts": "contact",
    "contact": "contact",
    "leads": "lead",
    "lead": "lead",
}


class SubjectQuerySet(models.QuerySet[Any]):
    def about(self, entity_type: str, entity_id: UUID) -> Self:
        """Rows of one subject. `entity_type` in any spelling of SUBJECT_FIELDS."""
        return self.filter(**{f"{SUBJECT_FIELDS[entity_type]}_id": entity_id})

    def about_person(self, contact_id: UUID) -> Self:
        """Rows of a contact and of every lead of that contact: what a person's page shows."""
        return self.filter(models.Q(contact_id=contact_id) | models.Q(lead__contact_id=contact_id))


class HasSubject(models.Model):
    contact = models.ForeignKey(
        "crm.Contact",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="%(class)ss",
        verbose_name="contacto",
    )
    lead = models.ForeignKey(
        "crm.Lead",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
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
        field = value._meta.model_name
        self.contact, self.lead = (value, None) if field == "contact" else (None, value)

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
