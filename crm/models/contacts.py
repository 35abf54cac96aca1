"""Contacts: the person behind every lead, call, message and opportunity."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from crm.changes import TracksChanges
from crm.choices import DocumentType, Grading, LandingProduct, PhoneLabel
from crm.constraints import is_one_of
from crm.models.audit import AuditEntry
from crm.models.contact_phones import ORDER_OF_LABELS, ContactPhone, phone_words, words_of_raw_phone
from crm.models.contact_queries import ContactQuerySet
from crm.models.edits import WritesDifferences
from crm.models.user_keys import user_key
from crm.phones import Phone, iter_phones, parse_phone, region_of_country
from crm.search import SearchColumn, column_words
from crm.text import tidy_document, words

if TYPE_CHECKING:
    from crm.models.users import User

# What a search box looks through, beside the phones.
SEARCHED_FIELDS = ("name", "first_name", "last_name", "email", "document_number", "city", "district", "company")
# Saving one of these makes the derived columns anew.
_TIDIED_FIELDS = {*SEARCHED_FIELDS, "phone", "mobile"}
_DERIVED_FIELDS = {"name_in_order", "search_words"}
LONGEST_PHONE = 40
# What the client's first-call form insists on, and what it asks besides (crm-client 4.3).
REQUIRED_OF_FIRST_CONTACT = ("name", "main_phone", "city", "state", "nacionalidad")
RECOMMENDED_OF_FIRST_CONTACT = (
    "email",
    "position",
    "empadronado",
    "tiene_familiares_espana",
    "trabaja_b",
    "tiempo_espana",
    "grading_llamada",
    "grading_situacion",
)


def _yes_since(column: str) -> property:
    """A yes or no that a date tells: the date of the first yes stays, a no takes it away."""

    def is_yes(row: "Contact") -> bool:
        return getattr(row, column) is not None

    def say(row: "Contact", value: bool) -> None:
        setattr(row, column, (getattr(row, column) or timezone.now()) if value else None)

    return property(is_yes, say)


class Contact(TracksChanges, WritesDifferences):
    """The person ("cliente", "contacto"). Deleting hides; merging points to who took over."""

    tracked_fields: ClassVar[tuple[str, ...]] = (
        *SEARCHED_FIELDS,
        "phone",
        "mobile",
        "responsible_user_id",
        "is_deleted",
    )

    name = models.CharField("nombre", max_length=255)
    first_name = models.CharField("nombres", max_length=150, null=True, blank=True)
    last_name = models.CharField("apellidos", max_length=150, null=True, blank=True)
    document_type = models.CharField("tipo de documento", max_length=10, choices=DocumentType, null=True, blank=True)
    document_number = models.CharField("número de documento", max_length=20, null=True, blank=True)
    email = models.EmailField("correo", null=True, blank=True)
    phone = models.CharField("teléfono", max_length=LONGEST_PHONE, null=True, blank=True)
    mobile = models.CharField("móvil", max_length=LONGEST_PHONE, null=True, blank=True)
    address = models.CharField("dirección", max_length=255, null=True, blank=True)
    district = models.CharField("distrito", max_length=100, null=True, blank=True)
    city = models.CharField("ciudad", max_length=100, null=True, blank=True)
    state = models.CharField("provincia o región", max_length=100, null=True, blank=True)
    postal_code = models.CharField("código postal", max_length=20, null=True, blank=True)
    country = models.CharField("país", max_length=100, null=True, blank=True)
    company = models.CharField("empresa", max_length=255, null=True, blank=True)
    company_id = models.CharField("id de empresa", max_length=64, null=True, blank=True)
    position = models.CharField("cargo", max_length=150, null=True, blank=True)
    responsible_user = user_key("responsable", related_name="contacts")
    notes_text = models.TextField("observaciones", null=True, blank=True)
    custom_fields = models.JSONField("campos propios", default=dict, blank=True)
    grading_llamada = models.CharField(
        "calificación de la llamada", max_length=2, choices=Grading, null=True, blank=True
    )
    grading_situacion = models.CharField(
        "calificación de la situación", max_length=2, choices=Grading, null=True, blank=True
    )
    nacionalidad = models.CharField("nacionalidad", max_length=100, null=True, blank=True)
    tiempo_espana = models.CharField("tiempo en España", max_length=100, null=True, blank=True)
    empadronado = models.BooleanField("empadronado", null=True, blank=True)
    lugar_residencia = models.CharField("lugar de residencia", max_length=150, null=True, blank=True)
    tiene_ingresos = models.BooleanField("tiene ingresos", null=True, blank=True)
    trabaja_b = models.BooleanField("trabaja sin contrato", null=True, blank=True)
    edad = models.PositiveSmallIntegerField("edad", null=True, blank=True)
    tiene_familiares_espana = models.BooleanField("tiene familiares en España", null=True, blank=True)
    landing_product = models.CharField(
        "producto de entrada", max_length=30, choices=LandingProduct, null=True, blank=True
    )
    initial_contact_completed = models.BooleanField("primer contacto hecho", default=False)
    ultima_llamada_fecha = models.DateTimeField("última llamada", null=True, blank=True)
    proxima_llamada_fecha = models.DateTimeField("próxima llamada", null=True, blank=True)
    # Said by the person; whoever calls or writes on their own must ask these first.
    opted_out_of_calls_at = models.DateTimeField("no llamar desde", null=True, blank=True)
    opted_out_of_messages_at = models.DateTimeField("no escribir desde", null=True, blank=True)
    # Prior express consent to automated calls, which Spanish law asks for; campaigns that require it look here.
    consented_to_calls_at = models.DateTimeField("acepta llamadas automáticas desde", null=True, blank=True)
    opted_out_of_calls = _yes_since("opted_out_of_calls_at")
    opted_out_of_messages = _yes_since("opted_out_of_messages_at")
    consented_to_calls = _yes_since("consented_to_calls_at")
    is_deleted = models.BooleanField("eliminado", default=False)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="absorbed",
        verbose_name="fusionado en",
    )
    created_by = user_key("creado por", db_index=False)
    updated_by = user_key("actualizado por", db_index=False)
    # The folded name: "Álvaro" stands before "Zoe" in every database's alphabet.
    name_in_order = models.CharField(max_length=100, default="", editable=False)
    search_words = SearchColumn("palabras de búsqueda")

    # When the next open task is due, for those that went through `note_closest_tasks`.
    closest_task_at: datetime | None = None
    # Who shares a phone with a contact just stored, for its answer.
    possible_duplicates: "Sequence[Contact]" = ()
    # Further numbers of a field that held several, until they are stored as rows.
    _spare_phones: tuple[Phone, ...] = ()

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = "contacto"
        constraints = [
            is_one_of("grading_llamada", Grading, "contact_call_grading_is_known"),
            is_one_of("grading_situacion", Grading, "contact_situation_grading_is_known"),
            is_one_of("document_type", DocumentType, "contact_document_type_is_known"),
            is_one_of("landing_product", LandingProduct, "contact_landing_product_is_known"),
            models.CheckConstraint(
                condition=~Q(name=""),
                name="contact_has_a_name",
                violation_error_message="El nombre es obligatorio.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=Q(is_deleted=False) & Q(email__isnull=False),
                name="contact_email_is_unique",
                violation_error_message="Ya existe un contacto con este correo.",
            ),
            models.UniqueConstraint(
                fields=["document_number"],
                condition=Q(is_deleted=False) & Q(document_number__isnull=False),
                name="contact_document_is_unique",
                violation_error_message="Ya existe un contacto con este documento.",
            ),
        ]
        indexes = [
            # The list's default order, newest first; deleted rows are never listed.
            models.Index(fields=["-created_at", "-id"], condition=Q(is_deleted=False), name="contact_newest"),
            models.Index(
                fields=["responsible_user", "-created_at", "-id"],
                condition=Q(is_deleted=False),
                name="contact_of_responsible",
            ),
            models.Index(fields=["name_in_order", "id"], condition=Q(is_deleted=False), name="contact_by_name"),
            # Who is called next stands first. Descending dates with nulls last: migration 0002.
            models.Index(
                fields=["proxima_llamada_fecha", "id"], condition=Q(is_deleted=False), name="contact_next_call"
            ),
            models.Index(
                fields=["document_number"],
                condition=Q(merged_into__isnull=False),
                name="contact_absorbed_document",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    # --- What is written --------------------------------------------------------------------

    def save(self, *args: Any, **kwargs: Any) -> None:
        update_fields = kwargs.get("update_fields")
        if update_fields is not None and not _TIDIED_FIELDS & set(update_fields):
            super().save(*args, **kwargs)
            return
        self.tidy()
        if update_fields is not None:
            kwargs["update_fields"] = {*update_fields, *_DERIVED_FIELDS}
        is_new, phones_changed = self._state.adding, {"phone", "mobile"} & self.changes.keys()
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new or phones_changed or self._spare_phones:
                self._store_phones(is_new=is_new)

    def tidy(self) -> None:
        """Canonical phones, no blank where null is meant, and the words that search looks through.

        Part of every save; whoever stores contacts in bulk calls it for each.
        """
        self.email = (self.email or "").strip().lower() or None
        self.document_number = tidy_document(self.document_number)
        for field in ("mobile", "phone"):
            setattr(self, field, self._canonical(getattr(self, field)))
        self.name_in_order = " ".join(words(self.name))[:100]
        if self._state.adding or self._spare_phones or self.changes.keys() & _TIDIED_FIELDS:
            self.search_words = self._words()

    def _canonical(self, raw: object) -> str | None:
        """The number of a phone field; the text as it is when it cannot be read. Others in it are kept in mind."""
        phones = list(iter_phones(raw, self.phone_region))
        if not phones:
            return str(raw or "").strip()[:LONGEST_PHONE] or None
        self._spare_phones = (*self._spare_phones, *phones[1:])
        return phones[0].number

    def _words(self) -> str:
        numbers = [*self.read_phones(), *self._spare_phones]
        others = [] if self._state.adding else [row.number for row in self.phones.all() if not row.is_of_a_field]
        found = [word for phone in numbers for word in phone_words(phone)]
        found += [word for number in others if (phone := parse_phone(number)) for word in phone_words(phone)]
        found += [word for raw in (self.mobile, self.phone) for word in words_of_raw_phone(raw or "")]
        return column_words(*(getattr(self, name) for name in SEARCHED_FIELDS), extra=found)

    def edit(self, changes: Mapping[str, Any], *, by: "User | None" = None) -> bool:
        """`custom_fields` are merged: a key that is not named stays, one that is null goes."""
        if "custom_fields" in changes:
            changes = {**changes, "custom_fields": self.merged_custom_fields(changes["custom_fields"])}
        written = self.take(changes)
        if written:
            self.updated_by = by
            self.save(update_fields={*written, "updated_by", "updated_at"})
        return bool(written)

    def merged_custom_fields(self, given: dict[str, Any] | None) -> dict[str, Any]:
        merged = {**(self.custom_fields or {}), **(given or {})}
        return {key: value for key, value in merged.items() if value is not None}

    def delete_softly(self, *, by: "User | None") -> None:
        """Hide the contact and all that hangs on it; nothing is lost."""
        with transaction.atomic():
            self.is_deleted = True
            self.updated_by = by
            self.save(update_fields=["is_deleted", "updated_by", "updated_at"])
            AuditEntry.write("contact.delete", "contacts", self.pk, name=self.name)

    def complete_initial_contact(self, *, by: "User | None") -> tuple[list[str], list[str]]:
        """Mark the first conversation as done, if what it has to find out is known.

        Answers the fields that are missing and those that would be good to have; with one of the first
        missing nothing changes.
        """
        missing = [name for name in REQUIRED_OF_FIRST_CONTACT if getattr(self, name) in (None, "")]
        recommended = [name for name in RECOMMENDED_OF_FIRST_CONTACT if getattr(self, name) in (None, "")]
        if not missing:
            self.edit({"initial_contact_completed": True}, by=by)
        return missing, recommended

    # --- Phones -----------------------------------------------------------------------------

    @property
    def phone_region(self) -> str:
        return region_of_country(self.country, settings.PHONE_REGION)

    @property
    def phones_in_order(self) -> list["ContactPhone"]:
        """All numbers: that of the mobile field, that of the phone field, then the others as they came."""
        return sorted(self.phones.all(), key=lambda row: (ORDER_OF_LABELS.get(row.label, 2), row.pk))

    @property
    def main_phone(self) -> str | None:
        """The number to dial first."""
        return self.mobile or self.phone

    def read_phone(self, raw: object) -> Phone | None:
        """Parse a phone as one of this person's country."""
        return parse_phone(raw, self.phone_region)

    def read_phones(self) -> dict[Phone, str]:
        """The numbers of the two phone fields, each once, with its label."""
        found: dict[Phone, str] = {}
        for raw, label in ((self.mobile, PhoneLabel.MOBILE), (self.phone, PhoneLabel.PHONE)):
            phone = self.read_phone(raw)
            if phone is not None:
                found.setdefault(phone, label)
        return found

    def phone_rows(self) -> list["ContactPhone"]:
        """The rows of `ContactPhone` that belong to the two phone fields, not yet stored."""
        labels = self.read_phones()
        for phone in self._spare_phones:
            labels.setdefault(phone, PhoneLabel.OTHER)
        return [ContactPhone.of(self, phone, label) for phone, label in labels.items()]

    def keep_phone(self, phone: Phone) -> None:
        """One more number, among `phone_rows` from now on: for who stores contacts in bulk."""
        self._spare_phones = (*self._spare_phones, phone)

    def _store_phones(self, *, is_new: bool) -> None:
        """Bring the rows of `ContactPhone` in step with the two fields; the other numbers stay."""
        if not is_new:
            self.phones.of_the_fields().delete()
        ContactPhone.objects.put(self.phone_rows())
        self._spare_phones = ()

    def add_phone(self, phone: Phone, label: str = PhoneLabel.OTHER) -> None:
        """One more number, unless it is there already."""
        if not self.phones.filter(number=phone.number).exists():
            ContactPhone.objects.put([ContactPhone.of(self, phone, label)])
            self.note_phones()

    def replace_other_phones(self, numbers: Mapping[Phone, str]) -> None:
        """The numbers beside the two fields become exactly these; those of the fields are left as they are."""
        own = {phone.number for phone in self.read_phones()}
        wanted = {phone.number: (phone, label) for phone, label in numbers.items() if phone.number not in own}
        beside = dict(self.phones.beside_the_fields().values_list("number", "label"))
        if beside == {number: label for number, (_, label) in wanted.items()}:
            return
        with transaction.atomic():
            self.phones.beside_the_fields().exclude(number__in=wanted).delete()
            ContactPhone.objects.put([ContactPhone.of(self, phone, label) for phone, label in wanted.values()])
            self.note_phones()

    def note_phones(self) -> None:
        """Make search find the rows of `ContactPhone` as they now are."""
        self.search_words = self._words()
        self.save(update_fields=["search_words", "updated_at"])
