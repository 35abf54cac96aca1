"""People who work with the CRM, and the tokens of programs that work in their name."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Lower
from django.utils import timezone

from crm.acting import current_actor
from crm.choices import RESPONSIBLE_ROLES, Role
from crm.constraints import is_one_of
from crm.exceptions import Forbidden, Refusal
from crm.locks import hold
from crm.models.audit import AuditEntry
from crm.models.base import BaseModel
from crm.search import SearchColumn, column_words

# bcrypt and the client's own form end here; a longer one would be cut without a word.
LONGEST_PASSWORD = 72


class LastAdministrator(Refusal):
    code = "ultimo_administrador"
    message = "Debe quedar al menos un administrador activo."


class OwnAccess(Refusal):
    code = "acceso_propio"
    message = "No puede quitarse a sí mismo el acceso ni los permisos de administrador."


class OnlyForSuperusers(Forbidden):
    message = "Solo un superusuario puede hacer esto con la cuenta de otro."


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def by_name(self, name: str | None) -> Self:
        """By e-mail or user name, whatever the case. A user name holds no @, so only one can match."""
        word = (name or "").strip().lower()
        return self.filter(**{"email" if "@" in word else "username": word})

    def responsible(self) -> Self:
        """Who may be made responsible or be assigned (contract section 1)."""
        return self.active().filter(role__in=RESPONSIBLE_ROLES)

    def crm_staff(self) -> Self:
        """Whom the CRM is for, active or not: records name people who have left, too."""
        return self.filter(Q(role__in=RESPONSIBLE_ROLES) | Q(is_superuser=True))

    def administrators(self) -> Self:
        """Active ones; `User.is_administrator` says the same of one person."""
        return self.active().filter(Q(role=Role.ADMIN) | Q(is_superuser=True))

    def with_first(self, user: "User") -> Self:
        """By name, but `user` at the head: a client takes the first responsible as its own user."""
        mine = Case(When(pk=user.pk, then=Value(0)), default=Value(1))
        return self.order_by(mine, "first_name", "last_name", "email")


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, username: str | None) -> "User":
        found: User = self.by_name(username).get()
        return found

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user: User = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def register(self, *, password: str, **fields: Any) -> "User":
        """A new colleague, checked field by field and noted in the audit."""
        user: User = self.model(**fields)
        check_password_strength(password, user)
        user.set_password(password)
        with transaction.atomic():
            user.full_clean()
            user.save(force_insert=True)
            AuditEntry.write("user.created", "users", user.pk, email=user.email, role=user.role)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        fields = {"role": Role.ADMIN, "is_staff": True, "is_superuser": True, **fields}
        return self.create_user(email, password, **fields)


class User(BaseModel, AbstractBaseUser, PermissionsMixin):
    """A person who signs in. `role` says what they may do; `is_staff` opens the admin pages."""

    email = models.EmailField("correo", unique=True, error_messages={"unique": "Ya existe un usuario con este correo."})
    username = models.CharField(
        "usuario",
        max_length=150,
        unique=True,
        null=True,
        blank=True,
        validators=[RegexValidator(r"^[\w.+-]+\Z", "Use solo letras, números, punto, guion y guion bajo.")],
        error_messages={"unique": "Ya existe un usuario con este nombre de usuario."},
    )
    first_name = models.CharField("nombre", max_length=150, blank=True)
    last_name = models.CharField("apellidos", max_length=150, blank=True)
    role = models.CharField("rol", max_length=10, choices=Role, default=Role.AGENT)
    is_active = models.BooleanField("activo", default=True)
    is_staff = models.BooleanField("entra al panel", default=False)
    is_verified = models.BooleanField("verificado", default=False)
    email_verified_at = models.DateTimeField("correo verificado", null=True, blank=True)
    phone_number = models.CharField("teléfono", max_length=20, null=True, blank=True)
    avatar_url = models.URLField("foto", max_length=500, null=True, blank=True)
    bio = models.TextField("presentación", null=True, blank=True)
    nationality = models.CharField("nacionalidad", max_length=100, null=True, blank=True)
    profession = models.CharField("profesión", max_length=100, null=True, blank=True)
    city = models.CharField("ciudad", max_length=100, null=True, blank=True)
    lawyer_specialty = models.CharField("especialidad", max_length=100, null=True, blank=True)
    daily_lead_quota = models.PositiveIntegerField("cupo diario de leads", null=True, blank=True)
    time_zone = models.CharField("zona horaria", max_length=50, null=True, blank=True)
    search_words = SearchColumn("palabras de búsqueda")

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = "usuario"
        constraints = [
            is_one_of("role", Role, "user_role_is_known"),
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_is_unique",
                violation_error_message="Ya existe un usuario con este correo.",
            ),
            # Else one person's user name could be another's e-mail, and both would sign in with it.
            models.CheckConstraint(
                condition=Q(username__isnull=True) | ~Q(username__contains="@"),
                name="user_name_is_no_email",
                violation_error_message="El nombre de usuario no puede ser un correo.",
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower()
        self.username = (self.username or "").strip().lower() or None
        self.search_words = column_words(self.first_name, self.last_name, self.email, self.username)
        update_fields = kwargs.get("update_fields")
        if update_fields is not None and {"first_name", "last_name", "email", "username"} & set(update_fields):
            kwargs["update_fields"] = {*update_fields, "search_words"}
        super().save(*args, **kwargs)

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @full_name.setter
    def full_name(self, value: str) -> None:
        self.first_name, _, self.last_name = value.strip().partition(" ")

    @property
    def name(self) -> str:
        """What colleagues see: the full name, else the e-mail."""
        return self.full_name or self.email

    def get_full_name(self) -> str:
        return self.full_name

    def get_short_name(self) -> str:
        return self.first_name or self.email

    @property
    def is_administrator(self) -> bool:
        return self.is_active and (self.is_superuser or self.role == Role.ADMIN)

    @property
    def is_crm_staff(self) -> bool:
        """May use the CRM at all: a superuser or one of the three roles."""
        return self.is_active and (self.is_superuser or self.role in RESPONSIBLE_ROLES)

    @property
    def is_lawyer(self) -> bool:
        return self.role == Role.LAWYER

    @property
    def is_agent_only(self) -> bool:
        """An agent without more rights: the one whom scopes apply to."""
        return self.role == Role.AGENT and not self.is_superuser

    @property
    def may_be_responsible(self) -> bool:
        return self.is_active and self.role in RESPONSIBLE_ROLES

    def edit(self, **fields: Any) -> None:
        """Change what differs, guarded and noted: somebody remains who administers, nobody shuts himself out."""
        self.must_be_below_actor()
        with transaction.atomic():
            if fields.keys() & {"role", "is_active"}:
                hold("administrators")  # two who remove each other at once would leave nobody
            stored = User.objects.select_for_update(no_key=True).get(pk=self.pk)
            was_administrator, was_active = stored.is_administrator, stored.is_active
            changed = {name: value for name, value in fields.items() if getattr(stored, name) != value}
            for name, value in changed.items():
                setattr(stored, name, value)
            if (was_administrator and not stored.is_administrator) or (was_active and not stored.is_active):
                stored._may_lose_access(was_administrator=was_administrator)
            if changed:
                stored.full_clean(exclude=["password"])
                stored.save(update_fields=[*changed, "updated_at"])
                AuditEntry.write(_name_of_edit(changed), "users", self.pk, **_for_the_record(changed))
        self.refresh_from_db()

    def _may_lose_access(self, *, was_administrator: bool) -> None:
        if current_actor() == self:
            raise OwnAccess
        if was_administrator and not User.objects.administrators().exclude(pk=self.pk).exists():
            raise LastAdministrator

    def must_be_below_actor(self) -> None:
        """A superuser's password, e-mail or token in an administrator's hands would be a way up."""
        actor = current_actor()
        if self.is_superuser and actor is not None and not actor.is_superuser:
            raise OnlyForSuperusers

    def deactivate(self) -> None:
        """Ends every session and token of the user at once; what they did stays theirs."""
        self.edit(is_active=False)

    def change_password(self, password: str) -> None:
        """Every JWT of the user dies with the old password (setting CHECK_REVOKE_TOKEN)."""
        self.must_be_below_actor()
        check_password_strength(password, self)
        with transaction.atomic():
            self.set_password(password)
            self.save(update_fields=["password", "updated_at"])
            AuditEntry.write("user.password_changed", "users", self.pk)

    def reset_password(self) -> str:
        """A random one, to be told to its owner once; there is no mail server to send a link with."""
        password = secrets.token_urlsafe(12)
        self.change_password(password)
        return password


def check_password_strength(password: str, user: User | None = None) -> None:
    """Raises Django's ValidationError with a sentence for each weakness."""
    if len(password) > LONGEST_PASSWORD:
        raise ValidationError(f"La contraseña admite hasta {LONGEST_PASSWORD} caracteres.")
    validate_password(password, user)


def _name_of_edit(changed: dict[str, Any]) -> str:
    if changed.keys() == {"role"}:
        return "user.role_changed"
    if changed.keys() == {"is_active"}:
        return "user.activated" if changed["is_active"] else "user.deactivated"
    return "user.updated"


def _for_the_record(changed: dict[str, Any]) -> dict[str, Any]:
    """Names and new values of what changed, as JSON holds them; never the password."""
    return {
        name: value if isinstance(value, str | int | bool | None) else str(value) for name, value in changed.items()
    }


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def usable(self) -> Self:
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()),
            revoked_at__isnull=True,
            user__is_active=True,
        )

    def for_value(self, value: str) -> Self:
        return self.filter(digest=ApiToken.digest_of(value))


class ApiToken(BaseModel):
    """A named, revocable token of another program; it acts as `user`. Only its digest is stored."""

    user = models.ForeignKey("crm.User", on_delete=models.CASCADE, related_name="api_tokens", verbose_name="usuario")
    name = models.CharField("nombre", max_length=100)
    # A plain SHA-256 is enough for a random value of 32 bytes: there is nothing to guess through.
    digest = models.CharField(
        max_length=64,
        unique=True,
        editable=False,
        error_messages={"unique": "Este valor ya está registrado como token."},
    )
    hint = models.CharField("empieza por", max_length=8, editable=False)
    last_used_at = models.DateTimeField("último uso", null=True, blank=True, editable=False)
    expires_at = models.DateTimeField("caduca", null=True, blank=True)
    revoked_at = models.DateTimeField("revocado", null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        "crm.User",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="creado por",
    )

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "token de API"
        verbose_name_plural = "tokens de API"

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @staticmethod
    def digest_of(value: str) -> str:
        return hashlib.sha256(value.encode()).hexdigest()

    @classmethod
    def issue(cls, *, user: User, name: str, value: str = "", **fields: Any) -> tuple["ApiToken", str]:
        """Make a token and return it with its value, which is shown this once and never again.

        `value` registers a given one, for a client whose token is built in.
        """
        user.must_be_below_actor()
        value = value or f"puente_{secrets.token_urlsafe(32)}"
        if not re.fullmatch(r"[!-~]{8,500}", value):
            raise ValidationError({"value": "El valor necesita de 8 a 500 caracteres ASCII visibles, sin espacios."})
        if fields.get("expires_at") and fields["expires_at"] <= timezone.now():
            raise ValidationError({"expires_at": "La fecha de caducidad ya ha pasado."})
        # A quarter of it at most, so that a short given value does not stand in the list nearly whole.
        token = cls(user=user, name=name, digest=cls.digest_of(value), hint=value[: min(8, len(value) // 4)], **fields)
        with transaction.atomic():
            token.full_clean()
            token.save(force_insert=True)
            AuditEntry.write("token.issued", "api_tokens", token.pk, name=name, user=user.email)
        return token, value

    def note_use(self, now: datetime) -> None:
        """Remember the use, at most once a minute: a write for each request would be the dearer half of it."""
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)

    def revoke(self) -> None:
        """End the token now; a revoked one stays in the list."""
        if self.revoked_at is not None:
            return
        with transaction.atomic():
            self.revoked_at = timezone.now()
            self.save(update_fields=["revoked_at", "updated_at"])
            AuditEntry.write("token.revoked", "api_tokens", self.pk, name=self.name)
