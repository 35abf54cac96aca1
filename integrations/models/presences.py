"""What the receiving side keeps: who came (Cliente), when and what for (Presencia), what was sold (Venta)."""

import logging
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from crm.choices import DocumentType
from crm.constraints import is_one_of
from crm.exceptions import Conflict
from crm.locks import hold_all
from crm.models.contact_phones import phone_words, words_of_raw_phone
from crm.models.edits import WritesDifferences
from crm.phones import Phone, parse_phone
from crm.search import SearchColumn, column_words
from crm.text import tidy_document, words
from integrations.choices import (
    CaptureMedium,
    JuniorShare,
    MaritalStatus,
    Modality,
    PartnerShare,
    PresenceResult,
    PresenceStatus,
    SaleKind,
    SaleStatus,
    SaleTerm,
)

logger = logging.getLogger("puente.webhooks")

LONGEST_MESSAGE_NAME = 210
# A document that the sender made up of the phone (presence-systems 4).
TEMPORARY = "TEMP"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One checked message: only what it says, under the names of the columns.

    `message` is the name the sender gave it, "" when it has none; `digest` tells its content from another's.
    `is_strict`: another content under the same name is a conflict, not only a thing to note.
    """

    client: Mapping[str, Any]
    presence: Mapping[str, Any]
    sale: Mapping[str, Any] | None = None
    message: str = ""
    digest: str = ""
    is_strict: bool = False

    @property
    def id_presencia_crm(self) -> str | None:
        return self.presence.get("id_presencia_crm") or None


class Numbered(WritesDifferences):
    """Known outside by a running number: the database counts, so two at once never get the same one."""

    prefix: ClassVar[str] = ""
    digits: ClassVar[int] = 5

    id = models.BigAutoField("número", primary_key=True)  # type: ignore[assignment]

    class Meta:
        abstract = True

    @property
    def code(self) -> str:
        """`PRS00001`; beyond 99999 it grows."""
        return f"{self.prefix}{self.pk:0{self.digits}d}"

    @classmethod
    def number_of(cls, code: str) -> int | None:
        """The number in a code as `code` writes it; None for what is no code."""
        digits = code.removeprefix(cls.prefix)
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18):
            return None
        return int(digits) if f"{cls.prefix}{int(digits):0{cls.digits}d}" == code else None

    def tidy(self) -> None:
        """Nothing follows from other columns."""

    def put(self, values: Mapping[str, Any]) -> None:
        """Store the values: all of a new row, of another what differs."""
        if not self._state.adding:
            self.edit(values)
            return
        for name, value in values.items():
            setattr(self, name, value)
        self.save(force_insert=True)


# --- Who came ---------------------------------------------------------------------------------


class ClienteQuerySet(models.QuerySet["Cliente"]):
    def search(self, typed: str) -> Self:
        return self.filter(search_words__finds=typed)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def meant_by(self, told: "Cliente", *, so_far: "Cliente | None" = None) -> "Cliente | None":
        """Whom a message speaks of: by document; else whom the presence was of; else by phone.

        Two real documents are two people, even with one phone. Of several with one phone, the namesake, else the
        oldest. The caller holds `told.identity_locks()`.
        """
        if told.document_key and (found := self.filter(document_key=told.document_key).first()):
            return found
        if so_far is not None and so_far.may_be(told):
            return so_far
        keys = told.phone_keys
        same_phone = self.filter(Q(phone_key__in=keys) | Q(other_phone_key__in=keys)) if keys else self.none()
        if told.document_key:
            same_phone = same_phone.filter(document_key=None)
        candidates = list(same_phone.order_by("id")[:20])
        return next((one for one in candidates if one.has_name_of(told)), next(iter(candidates), None))


class Cliente(Numbered):
    prefix = "CLI"
    digits = 4

    tipo_documento = models.CharField("tipo de documento", max_length=10, choices=DocumentType)
    numero_documento = models.CharField("número de documento", max_length=20, null=True, blank=True)
    nombres_completos_razon_social = models.CharField("nombre o razón social", max_length=255)
    telefono_principal = models.CharField("teléfono principal", max_length=20, null=True, blank=True)
    telefono_secundario = models.CharField("teléfono secundario", max_length=20, null=True, blank=True)
    email_principal = models.EmailField("correo principal", null=True, blank=True)
    email_secundario = models.EmailField("correo secundario", null=True, blank=True)
    direccion = models.CharField("dirección", max_length=255, null=True, blank=True)
    distrito = models.CharField("distrito", max_length=100, null=True, blank=True)
    provincia = models.CharField("provincia", max_length=100, null=True, blank=True)
    departamento = models.CharField("departamento", max_length=100, null=True, blank=True)
    estado_civil = models.CharField("estado civil", max_length=15, choices=MaritalStatus, null=True, blank=True)
    profesion_ocupacion = models.CharField("profesión u ocupación", max_length=150, null=True, blank=True)
    fecha_nacimiento_constitucion = models.DateField("fecha de nacimiento o constitución", null=True, blank=True)
    # What identifies a person: a real document, and the match keys of the phones. A temporary document is no key.
    document_key = models.CharField(max_length=20, null=True, editable=False)
    phone_key = models.CharField(max_length=20, null=True, editable=False)
    other_phone_key = models.CharField(max_length=20, null=True, editable=False)
    search_words = SearchColumn("palabras de búsqueda")

    objects = ClienteQuerySet.as_manager()

    class Meta:
        verbose_name = "cliente de ventas"
        verbose_name_plural = "clientes de ventas"
        constraints = [
            is_one_of("tipo_documento", DocumentType, "client_document_type_is_known"),
            is_one_of("estado_civil", MaritalStatus, "client_marital_status_is_known"),
            models.CheckConstraint(
                condition=~Q(nombres_completos_razon_social=""),
                name="client_has_a_name",
                violation_error_message="El nombre o razón social es obligatorio.",
            ),
            models.UniqueConstraint(
                fields=["document_key"],
                name="client_document_is_unique",
                violation_error_message="Ya existe un cliente con este documento.",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="client_newest"),
            models.Index(fields=["phone_key"], name="client_by_phone"),
            models.Index(fields=["other_phone_key"], name="client_by_other_phone"),
        ]

    def __str__(self) -> str:
        return self.nombres_completos_razon_social

    @classmethod
    def told(cls, facts: Mapping[str, Any]) -> "Cliente":
        """The person of a message, tidied and not stored: to compare and to learn from."""
        person = cls(**facts)
        person.tidy()
        return person

    @property
    def has_real_document(self) -> bool:
        return self.document_key is not None

    @property
    def phone_keys(self) -> set[str]:
        return {key for key in (self.phone_key, self.other_phone_key) if key}

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.tidy()
        if (update_fields := kwargs.get("update_fields")) is not None:
            derived = {"document_key", "phone_key", "other_phone_key", "search_words", "updated_at"}
            kwargs["update_fields"] = {*update_fields, *derived}
        super().save(*args, **kwargs)

    def tidy(self) -> None:
        """Canonical phones and document, and what follows from them; part of every save."""
        first, second = parse_phone(self.telefono_principal), parse_phone(self.telefono_secundario)
        self.telefono_principal = _told_phone(first, self.telefono_principal)
        self.telefono_secundario = _told_phone(second, self.telefono_secundario)
        self.phone_key = first.key if first else None
        self.other_phone_key = second.key if second else None
        self.email_principal = (self.email_principal or "").strip().lower() or None
        self.email_secundario = (self.email_secundario or "").strip().lower() or None
        self._tidy_document()
        self.search_words = column_words(
            self.nombres_completos_razon_social,
            self.email_principal,
            self.email_secundario,
            self.numero_documento,
            extra=[*_phone_words(first, self.telefono_principal), *_phone_words(second, self.telefono_secundario)],
        )

    def _tidy_document(self) -> None:
        """TEMP-… and the person's own phone stand in for a document that nobody knows yet."""
        given = (self.numero_documento or "").strip()
        document = tidy_document(given)
        as_phone = parse_phone(given)
        is_temporary = (
            document is None
            or document.startswith((TEMPORARY, "+"))
            or (as_phone is not None and as_phone.key in self.phone_keys)
        )
        self.document_key = None if is_temporary else document
        self.numero_documento = (given or None) if is_temporary else document

    # --- Who is who -------------------------------------------------------------------------

    def identity_locks(self) -> list[str]:
        """What to hold before looking for the person: messages about one new person take turns."""
        document = [f"cliente:documento:{self.document_key}"] if self.document_key else []
        return [*document, *(f"cliente:telefono:{key}" for key in self.phone_keys)]

    def has_name_of(self, other: "Cliente") -> bool:
        return words(self.nombres_completos_razon_social) == words(other.nombres_completos_razon_social)

    def may_be(self, told: "Cliente") -> bool:
        """Whether a correction still speaks of this person: something that names people has stayed the same."""
        same_document = self.document_key is not None and self.document_key == told.document_key
        return same_document or bool(self.phone_keys & told.phone_keys) or self.has_name_of(told)

    # --- Verbs ------------------------------------------------------------------------------

    def learn(self, told: "Cliente", *, said: Collection[str], corrected: Collection[str]) -> None:
        """Fill what was not known, and take over what the sender `corrected`; blanks never take anything away.

        What people have completed by hand stays, for as long as the sender only repeats itself.
        """
        news = {
            name: value
            for name in said
            if name not in ("tipo_documento", "numero_documento") and (value := getattr(told, name))
            if name in corrected or not getattr(self, name)
        }
        if self._takes_document_of(told, corrected):
            news |= {"tipo_documento": told.tipo_documento, "numero_documento": told.numero_documento}
        has_another_phone = told.phone_key and told.phone_key not in self.phone_keys
        if has_another_phone and "telefono_principal" not in news and not self.telefono_secundario:
            news.setdefault("telefono_secundario", told.telefono_principal)
        self.edit(news)

    def _takes_document_of(self, told: "Cliente", corrected: Collection[str]) -> bool:
        if told.document_key:
            return not self.document_key or "numero_documento" in corrected
        return not self.document_key and bool(told.numero_documento)


def _told_phone(phone: Phone | None, raw: str | None) -> str | None:
    return phone.number if phone else (raw or "").strip() or None


def _phone_words(phone: Phone | None, raw: str | None) -> list[str]:
    return phone_words(phone) if phone else words_of_raw_phone(raw or "")


# --- When, and what for -----------------------------------------------------------------------


class PresenciaQuerySet(models.QuerySet["Presencia"]):
    def with_people(self) -> Self:
        """With the client and the sale, which every answer and list shows."""
        return self.select_related("cliente", "venta")

    def newest_first(self) -> Self:
        return self.order_by("-fecha_hora_presencia", "-id")

    def receive(self, arrival: Arrival) -> "Recepcion":
        """Store what a message says, or bring up to date what it repeats: all of it or, on any error, nothing.

        The same presence is known by its `id_presencia_crm`, exactly. A message without one is a new presence,
        unless the message itself has a name that has been heard before: then the first result is given again.
        """
        with transaction.atomic():
            told = Cliente.told(arrival.client)
            hold_all(_locks(arrival, told))
            if (heard := Recepcion.objects.of(arrival)) is not None:
                return heard
            presence = self._known_by(arrival.id_presencia_crm) or Presencia()
            presence.take_in(arrival, told)
            return Recepcion.write(arrival, presence)

    def _known_by(self, id_presencia_crm: str | None) -> "Presencia | None":
        if id_presencia_crm is None:
            return None
        rows = self.select_for_update(of=("self",), no_key=True)
        return rows.filter(id_presencia_crm=id_presencia_crm).first()


def _locks(arrival: Arrival, told: Cliente) -> Iterator[str]:
    """Everything that two messages could both find missing and both make; held in one order by all."""
    yield from told.identity_locks()
    if arrival.id_presencia_crm:
        yield f"presencia:{arrival.id_presencia_crm}"
    if arrival.message:
        yield f"presencia:mensaje:{arrival.message}"


class Presencia(Numbered):
    prefix = "PRS"

    id_presencia_crm = models.CharField("código del CRM", max_length=100, unique=True, null=True, blank=True)
    cliente = models.ForeignKey(Cliente, on_delete=models.PROTECT, related_name="presencias", verbose_name="cliente")
    fecha_hora_presencia = models.DateTimeField("fecha y hora", default=timezone.now)
    proyecto_interes = models.CharField("proyecto de interés", max_length=255, default="", blank=True)
    lote_interes_inicial = models.CharField("lote de interés", max_length=100, null=True, blank=True)
    asesor_captacion_opc = models.CharField("asesor que captó", max_length=255, null=True, blank=True)
    medio_captacion = models.CharField(
        "medio de captación", max_length=50, choices=CaptureMedium, default=CaptureMedium.OTHER
    )
    modalidad = models.CharField("modalidad", max_length=20, choices=Modality, default=Modality.IN_PERSON)
    status_presencia = models.CharField(
        "estado", max_length=30, choices=PresenceStatus, default=PresenceStatus.ATTENDED
    )
    resultado_interaccion = models.CharField("resultado", max_length=50, choices=PresenceResult, null=True, blank=True)
    observaciones = models.TextField("observaciones", null=True, blank=True)
    # What the last message said of the client: only what differs from it the next time is a correction.
    cliente_recibido = models.JSONField(default=dict, editable=False)

    objects = PresenciaQuerySet.as_manager()

    class Meta:
        verbose_name = "presencia"
        constraints = [
            is_one_of("medio_captacion", CaptureMedium, "presence_medium_is_known"),
            is_one_of("modalidad", Modality, "presence_modality_is_known"),
            is_one_of("status_presencia", PresenceStatus, "presence_status_is_known"),
            is_one_of("resultado_interaccion", PresenceResult, "presence_result_is_known"),
            models.CheckConstraint(
                condition=~Q(id_presencia_crm=""),
                name="presence_crm_id_is_not_blank",
                violation_error_message="El código del CRM no puede estar en blanco.",
            ),
        ]
        indexes = [
            models.Index(fields=["-fecha_hora_presencia", "-id"], name="presence_newest"),
            models.Index(fields=["proyecto_interes", "-fecha_hora_presencia", "-id"], name="presence_by_project"),
            models.Index(fields=["medio_captacion", "-fecha_hora_presencia", "-id"], name="presence_by_medium"),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def sale(self) -> "Venta | None":
        """What was sold at this presence, if anything."""
        return getattr(self, "venta", None)

    def take_in(self, arrival: Arrival, told: Cliente) -> None:
        """Become what the message says: the client first, then the presence, then the sale."""
        said = {name: str(value) for name, value in arrival.client.items()}
        self.put(
            {
                **arrival.presence,
                "cliente": self._client_of(told, said),
                "cliente_recibido": {**self.cliente_recibido, **said},
            }
        )
        if arrival.sale is not None:
            self.record_sale(arrival.sale)

    def _client_of(self, told: Cliente, said: Mapping[str, str]) -> Cliente:
        so_far = None if self._state.adding else self.cliente
        found = Cliente.objects.meant_by(told, so_far=so_far)
        if found is None:
            told.save(force_insert=True)
            return told
        client = Cliente.objects.select_for_update(no_key=True).get(pk=found.pk)
        heard = self.cliente_recibido if so_far == client else said
        client.learn(told, said=said, corrected={name for name, value in said.items() if heard.get(name) != value})
        return client

    def record_sale(self, facts: Mapping[str, Any]) -> None:
        """At most one sale a presence: a repeat brings it up to date (the presence's row is locked)."""
        sale = self.sale or Venta(presencia=self)
        sale.put(facts)
        self.venta = sale


# --- What was sold ----------------------------------------------------------------------------


class VentaQuerySet(models.QuerySet["Venta"]):
    def newest_first(self) -> Self:
        return self.order_by("-fecha_venta", "-id")


class Venta(Numbered):
    """A sale as it was reported. Lots and advisers are the sales application's own: here they are text."""

    prefix = "V"

    presencia = models.OneToOneField(
        Presencia, on_delete=models.PROTECT, related_name="venta", verbose_name="presencia"
    )
    fecha_venta = models.DateField("fecha de venta")
    lote = models.CharField("lote", max_length=50)
    tipo_venta = models.CharField("tipo de venta", max_length=10, choices=SaleKind)
    plazo_meses_credito = models.PositiveSmallIntegerField("plazo", choices=SaleTerm, default=SaleTerm.NONE)
    valor_lote_venta = models.DecimalField("valor del lote", max_digits=14, decimal_places=2, null=True, blank=True)
    cuota_inicial_requerida = models.DecimalField("cuota inicial", max_digits=14, decimal_places=2, default=Decimal(0))
    precio_dolares = models.DecimalField("precio en dólares", max_digits=14, decimal_places=2, null=True, blank=True)
    tipo_cambio = models.DecimalField("tipo de cambio", max_digits=10, decimal_places=4, null=True, blank=True)
    vendedor_principal = models.CharField("vendedor", max_length=50, null=True, blank=True)
    id_socio_participante = models.CharField("socio participante", max_length=50, null=True, blank=True)
    participacion_junior_venta = models.CharField(
        "participación júnior", max_length=20, choices=JuniorShare, null=True, blank=True
    )
    participacion_socio_venta = models.CharField(
        "participación del socio", max_length=20, choices=PartnerShare, null=True, blank=True
    )
    modalidad_presentacion = models.CharField("modalidad de presentación", max_length=100, null=True, blank=True)
    notas = models.TextField("notas", null=True, blank=True)
    status_venta = models.CharField("estado", max_length=15, choices=SaleStatus, default=SaleStatus.RESERVED)

    objects = VentaQuerySet.as_manager()

    class Meta:
        verbose_name = "venta"
        constraints = [
            is_one_of("tipo_venta", SaleKind, "sale_kind_is_known"),
            is_one_of("status_venta", SaleStatus, "sale_status_is_known"),
            is_one_of("participacion_junior_venta", JuniorShare, "sale_junior_share_is_known"),
            is_one_of("participacion_socio_venta", PartnerShare, "sale_partner_share_is_known"),
            models.CheckConstraint(
                condition=Q(tipo_venta=SaleKind.CASH, plazo_meses_credito=SaleTerm.NONE)
                | Q(tipo_venta=SaleKind.CREDIT, plazo_meses_credito__in=[12, 24, 36]),
                name="sale_term_fits_its_kind",
                violation_error_message="Al contado no hay plazo; a crédito es de 12, 24 o 36 meses.",
            ),
            models.CheckConstraint(
                condition=Q(precio_dolares__isnull=True, tipo_cambio__isnull=True)
                | Q(precio_dolares__isnull=False, tipo_cambio__isnull=False, precio_dolares__gt=0, tipo_cambio__gt=0),
                name="sale_in_dollars_has_a_rate",
                violation_error_message="El precio en dólares y el tipo de cambio van juntos y son mayores que cero.",
            ),
            models.CheckConstraint(
                condition=Q(cuota_inicial_requerida__gte=0) & (Q(valor_lote_venta=None) | Q(valor_lote_venta__gte=0)),
                name="sale_amounts_are_not_negative",
                violation_error_message="Los importes no pueden ser negativos.",
            ),
        ]
        indexes = [models.Index(fields=["-fecha_venta", "-id"], name="sale_newest")]

    def __str__(self) -> str:
        return self.code

    @property
    def cliente(self) -> Cliente:
        return self.presencia.cliente


# --- What was heard ---------------------------------------------------------------------------


class RecepcionQuerySet(models.QuerySet["Recepcion"]):
    def of(self, arrival: Arrival) -> "Recepcion | None":
        """What came of a message that was heard before. The caller holds its name."""
        if not arrival.message:
            return None
        heard = self.filter(message=arrival.message).select_related("presencia", "venta").first()
        if heard is not None and heard.digest != arrival.digest:
            heard.note_other_content(arrival)
        return heard


class Recepcion(models.Model):
    """A message that has a name, written in the transaction of its effect: it is either done and known, or neither."""

    message = models.CharField(max_length=LONGEST_MESSAGE_NAME, unique=True)
    digest = models.CharField(max_length=64)
    presencia = models.ForeignKey(Presencia, on_delete=models.CASCADE, related_name="+")
    venta = models.ForeignKey(Venta, on_delete=models.CASCADE, null=True, db_index=False, related_name="+")
    received_at = models.DateTimeField("recibida", default=timezone.now)

    objects = RecepcionQuerySet.as_manager()

    class Meta:
        verbose_name = "recepción"
        verbose_name_plural = "recepciones"

    def __str__(self) -> str:
        return self.message

    @classmethod
    def write(cls, arrival: Arrival, presence: Presencia) -> "Recepcion":
        """What came of a message; kept where it has a name to be known by."""
        heard = cls(message=arrival.message, digest=arrival.digest, presencia=presence, venta=presence.sale)
        if arrival.message:
            heard.save(force_insert=True)
        return heard

    def note_other_content(self, arrival: Arrival) -> None:
        """One name means one content: nothing of the second is applied."""
        if arrival.is_strict:
            raise Conflict("Esta clave de idempotencia ya se usó con otro contenido.", code="clave_reutilizada")
        logger.warning("message %s came again with another content, which was not applied", self.message)
