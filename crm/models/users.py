"""People who work with the CRM, and the tokens of programs that work in their name."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import Case, Q, Value, When
from django.db.models.functions import Lower
from django.utils import timezone

from crm.choices import RESPONSIBLE_ROLES, Role
from crm.constraints import is_one_of
from crm.models.base import BaseModel
from crm.search import SearchColumn, column_words


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def responsible(self) -> Self:
        """Who may be made responsible or be assigned (contract section 1)."""
        return self.active().filter(role__in=RESPONSIBLE_ROLES)

    def with_first(self, user: "User") -> Self:
        """By name, but `user` at the head: a client takes the first responsible as its own user."""
        mine = Case(When(pk=user.pk, then=Value(0)), default=Value(1))
        return self.order_by(mine, "first_name", "last_name", "email")


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def active(self) -> UserQuerySet:
        return self.get_queryset().active()

    def responsible(self) -> UserQuerySet:
        return self.get_queryset().responsible()

    def get_by_natural_key(self, username: str | None) -> "User":
        """By e-mail or user name, whatever the case."""
        word = username or ""
        return self.get(Q(email=word.lower()) | Q(username=word))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
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
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower()
        self.username = self.username or None
        self.search_words = column_words(self.first_name, self.last_name, self.email, self.username)
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
    def is_agent_only(self) -> bool:
        """An agent without more rights: the one whom scopes apply to."""
        return self.role == Role.AGENT and not self.is_superuser

    @property
    def may_be_responsible(self) -> bool:
        return self.is_active and self.role in RESPONSIBLE_ROLES


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
    digest = models.CharField(max_length=64, unique=True, editable=False)
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
        value = value or f"puente_{secrets.token_urlsafe(32)}"
        token = cls(user=user, name=name, digest=cls.digest_of(value), hint=value[:8], **fields)
        token.full_clean(exclude=["digest"])
        token.save(force_insert=True)
        return token, value

    def note_use(self, now: datetime) -> None:
        """Remember the use, at most once a minute: a write for each request would be the dearer half of it."""
        if self.last_used_at is None or now - self.last_used_at > timedelta(minutes=1):
            ApiToken.objects.filter(pk=self.pk).update(last_used_at=now)

    def revoke(self) -> None:
        """End the token now; a revoked one stays in the list."""
        if self.revoked_at is None:
            self.revoked_at = timezone.now()
            self.save(update_fields=["revoked_at", "updated_at"])
