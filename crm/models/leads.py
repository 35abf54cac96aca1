"""Leads: one enquiry of a person, as it was captured."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import Q

from crm.changes import TracksChanges
from crm.choices import CapturePlace, DocumentType, LeadStatus, Project, Typification
from crm.constraints import is_one_of
from crm.locks import hold_all
from crm.models.audit import AuditEntry
from crm.models.contact_phones import phone_words, words_of_raw_phone
from crm.models.contact_queries import identity_locks
from crm.models.contacts import LONGEST_PHONE, Contact
from crm.models.edits import WritesDifferences
from crm.models.subjects import HasSubject, lock_people
from crm.models.user_keys import user_key
from crm.phones import Phone, parse_phone
from crm.scope import is_limited
from crm.search import SearchColumn, column_words
from crm.text import tidy_document

if TYPE_CHECKING:
    from crm.models.users import User


class LeadQuerySet(models.QuerySet["Lead"]):
    def present(self) -> Self:
        """Leads of people who are still there: a deleted contact takes its leads out of sight."""
        return self.filter(contact__is_deleted=False)

    def visible_to(self, user: "User") -> Self:
        from crm.scope import leads_of

        return self.filter(leads_of(user))

    def search(self, typed: str) -> Self:
        return self.filter(search_words__finds=typed)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def register(self, fields: Mapping[str, Any], *, contact: Contact | None, by: "User") -> "Lead":
        """Store a new enquiry in the name of `by`: of `contact` where it is named, else of whom it fits.

        What a named contact is known by need not be said again.
        """
        lead = self.model(contact=contact, created_by=by, **fields)
        if contact is not None:
            lead.nombre = lead.nombre or contact.name
            lead.celular = lead.celular or contact.main_phone or ""
        if lead.responsible_user_id is None and is_limited(by):
            lead.responsible_user = by
        lead.save(force_insert=True)
        return lead

    def newest_or_new(self, contact: Contact, *, by: "User | None") -> "Lead":
        """What an appointment of a contact hangs on. The contact's row is locked, so two make one lead."""
        with transaction.atomic():
            lock_people([contact.pk])
            newest = self.filter(contact=contact).newest_first().first()
            if newest is not None:
                return newest
            return self.create(
                contact=contact,
                nombre=contact.name,
                celular=contact.main_phone or "",
                email=contact.email,
                distrito=contact.district,
                responsible_user_id=contact.responsible_user_id,
                created_by=by,
            )


class Lead(TracksChanges, WritesDifferences):
    """A second enquiry of the same phone is a second lead of the same contact (contract section 2)."""

    tracked_fields: ClassVar[tuple[str, ...]] = (
        "nombre",
        "celular",
        "tipo_documento",
        "numero_documento",
        "proyecto_interes",
        "tipificacion",
        "status",
        "responsible_user_id",
    )

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="leads", verbose_name="contacto")
    nombre = models.CharField("nombre", max_length=255)
    celular = models.CharField("celular", max_length=LONGEST_PHONE, blank=True)
    email = models.EmailField("correo", null=True, blank=True)
    tipo_documento = models.CharField("tipo de documento", max_length=10, choices=DocumentType, null=True, blank=True)
    numero_documento = models.CharField("número de documento", max_length=20, null=True, blank=True)
    distrito = models.CharField("distrito", max_length=100, null=True, blank=True)
    ubicacion = models.CharField("ubicación de captación", max_length=255, null=True, blank=True)
    medio = models.CharField("medio de captación", max_length=100, null=True, blank=True)
    proyecto_interes = models.CharField("proyecto de interés", max_length=50, choices=Project, null=True, blank=True)
    tipificacion = models.CharField("tipificación", max_length=100, choices=Typification, null=True, blank=True)
    observacion = models.TextField("observación", null=True, blank=True)
    observacion_opc = models.TextField("observación de campo", null=True, blank=True)
    captador = models.CharField("captador", max_length=150, null=True, blank=True)
    supervisor = models.CharField("supervisor", max_length=150, null=True, blank=True)
    fecha_captacion = models.DateField("fecha de captación", null=True, blank=True)
    es_lead_opc = models.BooleanField("captado en campo", default=False)
    es_directeo = models.BooleanField("directeo", default=False)
    calle_o_modulo = models.CharField("calle o módulo", max_length=10, choices=CapturePlace, null=True, blank=True)
    status = models.CharField("estado", max_length=15, choices=LeadStatus, default=LeadStatus.NEW)
    responsible_user = user_key("responsable", related_name="leads")
    created_by = user_key("creado por", db_index=False)
    search_words = SearchColumn("palabras de búsqueda")

    objects = LeadQuerySet.as_manager()

    class Meta:
        verbose_name = "lead"
        constraints = [
            is_one_of("tipo_documento", DocumentType, "lead_document_type_is_known"),
            is_one_of("proyecto_interes", Project, "lead_project_is_known"),
            is_one_of("tipificacion", Typification, "lead_typification_is_known"),
            is_one_of("calle_o_modulo", CapturePlace, "lead_capture_place_is_known"),
            is_one_of("status", LeadStatus, "lead_status_is_known"),
            models.CheckConstraint(
                condition=~Q(nombre=""),
                name="lead_has_a_name",
                violation_error_message="El nombre es obligatorio.",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="lead_newest"),
            models.Index(fields=["responsible_user", "-created_at", "-id"], name="lead_of_responsible"),
            models.Index(fields=["tipificacion", "-created_at", "-id"], name="lead_by_typification"),
            models.Index(fields=["status", "-created_at", "-id"], name="lead_by_status"),
        ]

    def __str__(self) -> str:
        return self.nombre

    @property
    def name(self) -> str:
        return self.nombre

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.tidy()
        update_fields = kwargs.get("update_fields")
        another_phone = not self._state.adding and "celular" in self.changes
        if update_fields is not None:
            another_phone = another_phone and "celular" in update_fields
            kwargs["update_fields"] = {*update_fields, "es_lead_opc", "search_words"}
        with transaction.atomic():
            if self.contact_id is None:
                self.contact = self.find_or_make_contact()
            comes = self._comes_with(update_fields)
            super().save(*args, **kwargs)
            if another_phone and (phone := self.read_phone()):
                # A lead stays with its person whatever becomes of the number; the person gains it.
                self.contact.add_phone(phone)
            if comes:
                self.note_visit()

    def tidy(self) -> None:
        """Canonical phone, no blank where null is meant, and the words that search looks through.

        Part of every save; whoever stores leads in bulk calls it for each.
        """
        phone = self.read_phone()
        self.celular = phone.number if phone else str(self.celular or "").strip()[:LONGEST_PHONE]
        self.email = (self.email or "").strip().lower() or None
        self.numero_documento = tidy_document(self.numero_documento)
        # Whoever names a captor was captured in the field (presence-systems 1.1).
        self.es_lead_opc = self.es_lead_opc or bool(self.captador)
        self.search_words = column_words(
            self.nombre,
            self.email,
            self.numero_documento,
            self.distrito,
            extra=phone_words(phone) if phone else words_of_raw_phone(self.celular),
        )

    def read_phone(self) -> Phone | None:
        """The `celular` as a number of the person's country, where the person is known."""
        person = self._state.fields_cache.get("contact")
        return parse_phone(self.celular, person.phone_region if person else None)

    # --- Whose enquiry it is ----------------------------------------------------------------

    def identity_locks(self) -> list[str]:
        """What to `hold_all` before looking for the person: enquiries of one new person take turns."""
        phone = self.read_phone()
        return identity_locks(
            phones=[phone.key if phone else self.celular], documents=[self.numero_documento], emails=[self.email]
        )

    def find_or_make_contact(self) -> Contact:
        """The person of this enquiry: by document, else by phone, else a new contact with what is known.

        Two enquiries of one new phone at once: the second waits, then finds the contact of the first.
        """
        hold_all(self.identity_locks())
        people = Contact.objects.select_for_update(of=("self",), no_key=True)
        found = people.best_match(document=self.numero_documento, phone=self.celular, name=self.nombre)
        if found is None:
            return self._make_contact()
        self._tell(found)
        return found

    def _make_contact(self) -> Contact:
        return Contact.objects.create(
            name=self.nombre,
            mobile=self.celular,
            email=self._free_email(),
            document_type=self.tipo_documento,
            document_number=self.numero_documento,
            district=self.distrito,
            responsible_user=self.responsible_user,
            created_by=self.created_by,
        )

    def _tell(self, contact: Contact) -> None:
        """Fill what was not known of the person; what was known stays."""
        news = {
            "document_type": self.tipo_documento,
            "document_number": self.numero_documento,
            "email": self.email,
            "district": self.distrito,
        }
        missing = {name: value for name, value in news.items() if value and not getattr(contact, name)}
        if "email" in missing:
            missing["email"] = self._free_email() or ""
        if missing:
            contact.edit(missing, by=self.created_by)
        if phone := self.read_phone():
            contact.add_phone(phone)

    def _free_email(self) -> str | None:
        """The e-mail, unless somebody else has it: one address names one contact."""
        return self.email if self.email and not Contact.objects.with_email(self.email).exists() else None

    # --- Whether the person came ------------------------------------------------------------

    @property
    def has_come(self) -> bool:
        """It has been typified as YA ASISTIO since it was read, or is new and says so."""
        return self.tipificacion == Typification.ATTENDED and "tipificacion" in self.changes

    def _comes_with(self, update_fields: Collection[str] | None) -> bool:
        """Whether this save typifies the lead as YA ASISTIO. What is stored decides: of two stale instances that
        both think so, the second would take another appointment for the same visit."""
        if not self.has_come or (update_fields is not None and "tipificacion" not in update_fields):
            return False
        rows = Lead.objects.filter(pk=self.pk).select_for_update(of=("self",), no_key=True)
        return self._state.adding or Typification.ATTENDED not in rows.values_list("tipificacion", flat=True)

    def note_visit(self) -> None:
        """The person came: an appointment of this lead took place (contract section 6). The lead's row is locked."""
        from crm.models.appointments import Appointment

        Appointment.objects.take_place_for(self)

    # --- Verbs ------------------------------------------------------------------------------

    def convert(self) -> None:
        """The enquiry was won; its person is a contact already. Repeating changes nothing."""
        self._move_to(LeadStatus.WON)

    def mark_contacted(self) -> None:
        """A new enquiry has been spoken to; one that is further on stays there."""
        if self.status == LeadStatus.NEW:
            self._move_to(LeadStatus.CONTACTED)

    def _move_to(self, status: LeadStatus) -> None:
        if self.status != status:
            self.status = status
            self.save(update_fields=["status", "updated_at"])

    def remove(self) -> None:
        """Delete the enquiry and its appointments. Calls, tasks and notes about it stay with the person."""
        with transaction.atomic():
            lock_people([self.contact_id])
            for relation in Lead._meta.get_fields(include_hidden=True):
                model = relation.related_model
                if relation.one_to_many and isinstance(model, type) and issubclass(model, HasSubject):
                    model._base_manager.filter(lead=self).update(contact=self.contact_id, lead=None)
            AuditEntry.write("lead.delete", "leads", self.pk, nombre=self.nombre, contact_id=str(self.contact_id))
            self.delete()
