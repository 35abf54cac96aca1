"""Contacts: the person behind every lead, call, message and opportunity."""

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from crm.changes import TracksChanges
from crm.choices import DocumentType, Grading, LandingProduct, PhoneLabel
from crm.constraints import is_one_of
from crm.models.base import BaseModel
from crm.phones import Phone, parse_phone, region_of_country, search_words
from crm.search import SearchColumn, column_words

if TYPE_CHECKING:
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

    def with_phone(self, raw: object, *, region: str | None = None) -> Self:
        """Present contacts that have this phone, however either side spelled it; none when it is no phone."""
        phone = parse_phone(raw, region)
        if phone is None:
            return self.none()
        return self.present().filter(pk__in=ContactPhone.objects.filter(key=phone.key).values("contact_id"))

    def matching(self, *, document: str | None, phone: object) -> Self:
        """Who an enquiry belongs to: by document when one is known by it, else by phone, oldest first."""
        if document:
            by_document = self.present().filter(document_number=document)
            if by_document.exists():
                return by_document
        return self.with_phone(phone).order_by("created_at", "id")


class Contact(TracksChanges, BaseModel):
    """The person ("cliente", "contacto"). Deleting hides; merging points to who took over."""

    tracked_fields = ("name", "email", "phone", "mobile", "responsible_user_id", "is_deleted")

    name = models.CharField("nombre", max_length=255)
    first_name = models.CharField("nombres", max_length=150, null=True, blank=True)
    last_name = models.CharField("apellidos", max_length=150, null=True, blank=True)
    document_type = models.CharField("tipo de documento", max_length=10, choices=DocumentType, null=True, blank=True)
    document_number = models.CharField("número de documento", max_length=20, null=True, blank=True)
    email = models.EmailField("correo", null=True, blank=True)
    phone = models.CharField("teléfono", max_length=40, null=True, blank=True)
    mobile = models.CharField("móvil", max_length=40, null=True, blank=True)
    address = models.CharField("dirección", max_length=255, null=True, blank=True)
    district = models.CharField("distrito", max_length=100, null=True, blank=True)
    city = models.CharField("ciudad", max_length=100, null=True, blank=True)
    state = models.CharField("provincia o región", max_length=100, null=True, blank=True)
    postal_code = models.CharField("código postal", max_length=20, null=True, blank=True)
    country = models.CharField("país", max_length=100, null=True, blank=True)
    company = models.CharField("empresa", max_length=255, null=True, blank=True)
    company_id = models.CharField("id de empresa", max_length=64, null=True, blank=True)
    position = models.CharField("cargo", max_length=150, null=True, blank=True)
    responsible_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="contacts",
        verbose_name="responsable",
    )
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
    is_deleted = models.BooleanField("eliminado", default=False)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="absorbed",
        verbose_name="fusionado en",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="creado por",
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="actualizado por",
    )
    search_words = SearchColumn("palabras de búsqueda")

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
            models.Index(fields=["name", "id"], condition=Q(is_deleted=False), name="contact_by_name"),
            models.Index(
                fields=["-proxima_llamada_fecha", "-id"],
                condition=Q(is_deleted=False),
                name="contact_next_call",
            ),
            models.Index(
                fields=["-ultima_llamada_fecha", "-id"],
                condition=Q(is_deleted=False),
                name="contact_last_call",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.tidy()
        update_fields = kwargs.get("update_fields")
        if update_fields is not None and {"phone", "mobile", "name", "email"} & set(update_fields):
            kwargs["update_fields"] = {*update_fields, "phone", "mobile", "search_words"}
        is_new, phones_changed = self._state.adding, {"phone", "mobile"} & self.changes.keys()
        super().save(*args, **kwargs)
        if is_new or phones_changed:
            self._store_phones(is_new=is_new)

    def tidy(self) -> None:
        """Canonical phones, no blank where null is meant, and the words that search looks through.

        Part of every save; whoever stores contacts in bulk calls it for each.
        """
        self.email = (self.email or "").strip().lower() or None
        self.document_number = (self.document_number or "").strip().upper() or None
        for field in ("phone", "mobile"):
            raw = getattr(self, field)
            phone = self.read_phone(raw)
            setattr(self, field, phone.number if phone else (str(raw or "").strip() or None))
        self.search_words = column_words(
            self.name,
            self.first_name,
            self.last_name,
            self.email,
            self.document_number,
            self.city,
            self.company,
            extra=[word for phone in self.read_phones() for word in phone_words(phone)],
        )

    def read_phone(self, raw: object) -> Phone | None:
        """Parse a phone as one of this person's country."""
        return parse_phone(raw, region_of_country(self.country, settings.PHONE_REGION))

    def read_phones(self) -> dict[Phone, str]:
        """The numbers of the two phone fields, each once, with its label."""
        found: dict[Phone, str] = {}
        for raw, label in ((self.mobile, PhoneLabel.MOBILE), (self.phone, PhoneLabel.PHONE)):
            phone = self.read_phone(raw)
            if phone is not None:
                found[phone] = label
        return found

    def phone_rows(self) -> list["ContactPhone"]:
        """The rows of `ContactPhone` that belong to the two phone fields, not yet stored."""
        return [
            ContactPhone(contact=self, number=phone.number, key=phone.key, label=label, is_valid=phone.is_valid)
            for phone, label in self.read_phones().items()
        ]

    def _store_phones(self, *, is_new: bool) -> None:
        """Bring the rows of `ContactPhone` in step with the two fields; numbers of label "other" stay."""
        if not is_new:
            self.phones.exclude(label=PhoneLabel.OTHER).delete()
        ContactPhone.objects.bulk_create(
            self.phone_rows(),
            update_conflicts=True,
            unique_fields=["contact", "number"],
            update_fields=["label", "key", "is_valid"],
        )


def phone_words(phone: Phone) -> list[str]:
    """What finds a number in a search box: any run of its digits, or its forgiving key."""
    found = search_words(phone.number)
    return found if phone.key in found else [*found, phone.key]


class ContactPhone(models.Model):
    """One number of a contact, canonical. Numbers are not unique: families share a phone."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="phones", verbose_name="contacto")
    number = models.CharField("número", max_length=20)
    key = models.CharField(max_length=20, editable=False)
    label = models.CharField("tipo", max_length=10, choices=PhoneLabel, default=PhoneLabel.OTHER)
    is_valid = models.BooleanField("válido", default=True)

    class Meta:
        verbose_name = "teléfono"
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "number"],
                name="contact_phone_once",
                violation_error_message="El contacto ya tiene este teléfono.",
            ),
            is_one_of("label", PhoneLabel, "contact_phone_label_is_known"),
        ]
        indexes = [models.Index(fields=["key"], name="contact_phone_key")]

    def __str__(self) -> str:
        return self.number
