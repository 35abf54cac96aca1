"""Leads: one enquiry of a person, as it was captured."""

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from crm.changes import TracksChanges
from crm.choices import CapturePlace, DocumentType, LeadStatus, Project, Typification
from crm.constraints import is_one_of
from crm.locks import hold
from crm.models.base import BaseModel
from crm.models.contacts import Contact, phone_words
from crm.phones import parse_phone
from crm.search import SearchColumn, column_words

if TYPE_CHECKING:
    from crm.models.users import User


class LeadQuerySet(models.QuerySet["Lead"]):
    def visible_to(self, user: "User") -> Self:
        from crm.scope import leads_of

        return self.filter(leads_of(user))

    def search(self, typed: str) -> Self:
        return self.filter(search_words__finds=typed)


class Lead(TracksChanges, BaseModel):
    """A second enquiry of the same phone is a second lead of the same contact (contract section 2)."""

    tracked_fields = ("celular", "tipificacion", "status", "responsible_user_id")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="leads", verbose_name="contacto")
    nombre = models.CharField("nombre", max_length=255)
    celular = models.CharField("celular", max_length=40)
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
    responsible_user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="leads",
        verbose_name="responsable",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="creado por",
    )
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
        with transaction.atomic():
            if self.contact_id is None:
                self.contact = self.find_or_make_contact()
            super().save(*args, **kwargs)

    def tidy(self) -> None:
        """Canonical phone, no blank where null is meant, and the words that search looks through.

        Part of every save; whoever stores leads in bulk calls it for each.
        """
        phone = parse_phone(self.celular)
        if phone is not None:
            self.celular = phone.number
        self.email = (self.email or "").strip().lower() or None
        self.numero_documento = (self.numero_documento or "").strip().upper() or None
        # Whoever names a captor was captured in the field (presence-systems 1.1).
        self.es_lead_opc = self.es_lead_opc or bool(self.captador)
        self.search_words = column_words(
            self.nombre,
            self.email,
            self.numero_documento,
            self.distrito,
            extra=phone_words(phone) if phone else words_of_raw_phone(self.celular),
        )

    def find_or_make_contact(self) -> Contact:
        """The person of this enquiry: by document, else by phone, else a new contact with what is known.

        Two enquiries of one new phone at once: the second waits, then finds the contact of the first.
        """
        hold(f"phone:{self.celular}")
        found = Contact.objects.matching(document=self.numero_documento, phone=self.celular).first()
        if found is not None:
            return found
        return Contact.objects.create(
            name=self.nombre,
            mobile=self.celular,
            email=self.email if not Contact.objects.present().filter(email=self.email).exists() else None,
            document_type=self.tipo_documento,
            document_number=self.numero_documento,
            district=self.distrito,
            responsible_user=self.responsible_user,
            created_by=self.created_by,
        )


def words_of_raw_phone(raw: str) -> list[str]:
    digits = "".join(char for char in raw if char.isdigit())
    return [digits] if digits else []
