"""What is asked about contacts: who shares a phone, a document or an e-mail; whom an enquiry belongs to."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from django.db import models, transaction
from django.db.models import Min
from django.db.models.functions import Lower

from crm.models.contact_phones import ContactPhone, is_another_line
from crm.phones import Phone, parse_phone
from crm.text import tidy_document, words

if TYPE_CHECKING:
    from crm.models.contacts import Contact
    from crm.models.users import User


class ContactQuerySet(models.QuerySet["Contact"]):
    def present(self) -> Self:
        """Neither deleted nor merged into another."""
        return self.filter(is_deleted=False)

    def visible_to(self, user: "User") -> Self:
        from crm.scope import contacts_of

        return self.filter(contacts_of(user))

    def search(self, typed: str) -> Self:
        return self.filter(search_words__finds=typed)

    def standing_for(self, any_id: UUID) -> "Contact | None":
        """The present contact that an id stands for: its own, that of one merged into it, or of one of its leads.

        Clients keep ids; one that has been merged away, or belonged to a lead, still means the person.
        """
        for meaning in ("pk", "absorbed", "leads"):
            found = next(iter(self.present().filter(**{meaning: any_id})), None)
            if found is not None:
                return found
        return None

    def with_phone(self, raw: object, *, region: str | None = None) -> Self:
        """Present contacts that have this phone, however either side spelled it; none when it is no phone.

        Without those whose line is marked as a landline and is this number only if one Argentine 9 is
        overlooked: they are `perhaps_with_phone`.
        """
        phone = parse_phone(raw, region)
        if phone is None:
            return self.none()
        return self._with_phones(ContactPhone.objects.filter(key=phone.key).exclude(is_another_line(phone)))

    def perhaps_with_phone(self, raw: object, *, region: str | None = None) -> Self:
        """Those whom `with_phone` leaves out: to be suggested to a person, never linked silently."""
        phone = parse_phone(raw, region)
        if phone is None:
            return self.none()
        return self._with_phones(ContactPhone.objects.filter(is_another_line(phone), key=phone.key))

    def _with_phones(self, rows: "models.QuerySet[ContactPhone]") -> Self:
        return self.present().filter(pk__in=rows.values("contact_id"))

    def with_document(self, raw: object) -> Self:
        """Who has this document number, or has absorbed who had it."""
        number = tidy_document(raw)
        if number is None:
            return self.none()
        holders = self.model.objects.filter(document_number=number)
        absorbed = holders.filter(merged_into__isnull=False).values("merged_into")
        return self._among(holders.filter(is_deleted=False).values("pk"), absorbed)

    def with_email(self, email: str) -> Self:
        return (
            self.present()
            .alias(folded_email=Lower("email"))
            .filter(email__isnull=False, folded_email=email.strip().lower())
        )

    def matching(self, *, document: str | None, phone: object) -> Self:
        """Who an enquiry belongs to: by document when one is known by it, else by phone, oldest first.

        Families share phones: who is known by another document is somebody else.
        """
        same_phone = self.with_phone(phone).order_by("created_at", "id")
        if tidy_document(document) is None:
            return same_phone
        by_document = self.with_document(document)
        return by_document if by_document.exists() else same_phone.filter(document_number__isnull=True)

    def best_match(self, *, document: str | None, phone: object, name: str) -> "Contact | None":
        """Of those `matching`, who has this name; else the one known longest."""
        found = list(self.matching(document=document, phone=phone)[:20])
        same_name = (contact for contact in found if words(contact.name) == words(name))
        return next(same_name, found[0] if found else None)

    def duplicates_of(
        self, *, phones: Iterable[object] = (), document: object = None, email: str | None = None
    ) -> Self:
        """Present contacts that share a phone, the document or the e-mail, those known longest first."""
        keys = {phone.key for raw in phones if (phone := parse_phone(raw)) is not None}
        same: list[models.QuerySet[Any, Any]] = (
            [ContactPhone.objects.filter(key__in=keys).values("contact_id")] if keys else []
        )
        if tidy_document(document):
            same.append(self.model.objects.with_document(document).values("pk"))
        if email:
            same.append(self.model.objects.with_email(email).values("pk"))
        return self._among(*same).order_by("created_at", "id") if same else self.none()

    def _among(self, *ids: "models.QuerySet[Any, Any]") -> Self:
        """The present ones of several lists of ids. As a union: an OR of subqueries would read every contact."""
        first, *others = ids
        return self.present().filter(pk__in=first.union(*others) if others else first)

    def register(
        self, fields: Mapping[str, Any], *, by: "User", further_phones: Mapping[Phone, str] | None = None
    ) -> "Contact":
        """Store a new contact in the name of `by`. Where agents see only what is theirs, theirs it is."""
        from crm.scope import is_limited

        contact = self.model(created_by=by, updated_by=by)
        for name, value in fields.items():
            setattr(contact, name, contact.merged_custom_fields(value) if name == "custom_fields" else value)
        if contact.responsible_user_id is None and is_limited(by):
            contact.responsible_user = by
        with transaction.atomic():
            contact.save(force_insert=True)
            if further_phones:
                contact.replace_other_phones(further_phones)
        return contact

    def create_many(self, contacts: Iterable["Contact"]) -> list["Contact"]:
        """Store new contacts and their phones in two statements, tidied as a save would; no signal is sent."""
        made = list(contacts)
        for contact in made:
            contact.tidy()
        with transaction.atomic():
            self.model.objects.bulk_create(made)
            ContactPhone.objects.bulk_create([row for contact in made for row in contact.phone_rows()])
        return made


def note_closest_tasks(contacts: Iterable["Contact"]) -> list["Contact"]:
    """The same contacts, each knowing when its next open task is due, also one about a lead of theirs.

    One query a page. As subqueries of the page they would be paid for every row that it skips.
    """
    from crm.models.tasks import Task

    people = {contact.pk: contact for contact in contacts}
    due = Task.objects.open().order_by()
    own = due.filter(contact__in=people).values("contact").annotate(at=Min("complete_till"))
    of_leads = due.filter(lead__contact__in=people).values("lead__contact").annotate(at=Min("complete_till"))
    found = own.values_list("contact", "at").union(of_leads.values_list("lead__contact", "at"), all=True)
    for pk, at in found if people else ():
        known = people[pk].closest_task_at
        people[pk].closest_task_at = min(at, known) if at and known else at or known
    return list(people.values())


def identity_locks(*, phones: Iterable[str], documents: Iterable[object], emails: Iterable[str | None]) -> list[str]:
    """What to `hold_all` before looking for a person by these, so that two who look for one take turns."""
    names = [f"phone:{key}" for key in phones if key]
    names += [f"document:{number}" for raw in documents if (number := tidy_document(raw))]
    return names + [f"email:{email.strip().lower()}" for email in emails if email and email.strip()]
