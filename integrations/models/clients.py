"""Who came, as the sales application knows people (Cliente)."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q

from crm.choices import DocumentType
from crm.constraints import is_one_of
from crm.models.contact_phones import phone_words, words_of_raw_phone
from crm.phones import Phone, parse_phone
from crm.scope import is_limited
from crm.search import SearchColumn, column_words
from crm.text import tidy_document, words
from integrations.choices import MaritalStatus
from integrations.models.numbered import Numbered

if TYPE_CHECKING:
    from crm.models import User

# A document that the sender made up of the phone (presence-systems 4).
TEMPORARY = "TEMP"


class ClienteQuerySet(models.QuerySet["Cliente"]):
    def visible_to(self, user: "User") -> Self:
        """An agent who sees only their own people sees the clients of presences that they see."""
        if not is_limited(user):
            return self
        from integrations.models.presences import Presencia

        return self.filter(pk__in=Presencia.objects.visible_to(user).values("cliente"))

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
