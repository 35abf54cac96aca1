"""Who pays for calls: plan, what was bought, how many calls at once."""

from typing import TYPE_CHECKING, Any, Self

from django.db import models, transaction
from django.db.models import F, Q

from crm.constraints import is_one_of
from crm.ids import new_id
from crm.models.audit import AuditEntry
from crm.models.base import BaseModel
from crm.models.user_keys import user_key
from jobs.choices import AccountStatus, Country, PlanType, TransactionType
from jobs.ids import readable_account_id
from jobs.models.base import EitherId, ObjectIdModel

if TYPE_CHECKING:
    from uuid import UUID

    from crm.models import User

# What a call is expected to cost before anybody has answered: set-up and three minutes (campaign-client 2).
EXPECTED_MINUTES = 3
SET_UP_MICROS = 20_000
# What the client's wizard names as its account, whichever there are (campaign-client 1.4).
NOBODY_CHOSE = "default-account-id"


class AccountQuerySet(EitherId):
    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")

    def active(self) -> Self:
        return self.filter(status=AccountStatus.ACTIVE)

    def meant_by(self, given: str) -> "Account | None":
        """The account of either id; by the word that the client sends when nobody chose, the oldest active one."""
        found: Account | None = self.named(given).first()
        if found is None and given == NOBODY_CHOSE:
            found = self.active().order_by("created_at", "id").first()
        return found

    def open(self, *, by: "User | None", micros: int = 0, seconds: int = 0, **values: Any) -> "Account":
        """A new account, with what it begins with on record as bought."""
        account = Account(created_by=by, **values)
        account.full_clean(exclude=["created_by"])
        with transaction.atomic():
            account.save(force_insert=True)
            AuditEntry.write("account_opened", "accounts", account.pk, name=account.account_name)
            if micros:
                account.top_up(micros=micros, by=by, description="Crédito inicial")
            if seconds:
                account.top_up(seconds=seconds, by=by, description="Minutos iniciales")
        return account


class Account(ObjectIdModel):
    """Amounts bought only grow; what was used stands in `Count`, added to as each attempt is settled."""

    readable = "account_id"

    account_id = models.CharField("código", max_length=60, unique=True, default=readable_account_id, editable=False)
    account_name = models.CharField("nombre", max_length=200)
    status = models.CharField("estado", max_length=10, choices=AccountStatus, default=AccountStatus.ACTIVE)
    suspension_reason = models.CharField("motivo de la suspensión", max_length=300, blank=True)
    plan_type = models.CharField("plan", max_length=14, choices=PlanType, default=PlanType.CREDITS)
    credit_micros = models.BigIntegerField("crédito comprado", default=0)
    seconds_purchased = models.BigIntegerField("segundos comprados", default=0)
    micros_per_minute = models.PositiveIntegerField("precio por minuto", default=150_000)
    max_concurrent_calls = models.PositiveSmallIntegerField("llamadas a la vez", default=5)
    daily_call_limit = models.PositiveIntegerField("llamadas al día", default=1000)
    country = models.CharField("país", max_length=2, choices=Country, default=Country.CHILE)
    timezone = models.CharField("zona horaria", max_length=40, blank=True)
    contact_name = models.CharField("persona de contacto", max_length=200, blank=True)
    contact_email = models.CharField("correo", max_length=254, blank=True)
    contact_phone = models.CharField("teléfono", max_length=40, blank=True)
    features = models.JSONField("opciones", default=dict, blank=True)
    created_by = user_key("creada por")

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = "cuenta"
        constraints = [
            is_one_of("status", AccountStatus, "jobs_account_status_is_known"),
            is_one_of("plan_type", PlanType, "jobs_account_plan_is_known"),
            is_one_of("country", Country, "jobs_account_country_is_known"),
            models.CheckConstraint(
                condition=Q(credit_micros__gte=0) & Q(seconds_purchased__gte=0),
                name="jobs_account_amounts_are_not_negative",
                violation_error_message="Los importes no pueden ser negativos.",
            ),
            models.CheckConstraint(
                condition=Q(max_concurrent_calls__gte=1),
                name="jobs_account_may_call",
                violation_error_message="Debe permitir al menos una llamada a la vez.",
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="jobs_account_newest")]

    def __str__(self) -> str:
        return self.account_name

    @property
    def is_active(self) -> bool:
        return self.status == AccountStatus.ACTIVE

    @property
    def expected_micros(self) -> int:
        """What one call is expected to cost."""
        return SET_UP_MICROS + EXPECTED_MINUTES * self.micros_per_minute

    def top_up(
        self,
        *,
        micros: int = 0,
        seconds: int = 0,
        by: "User | None",
        description: str = "",
        key: "UUID | None" = None,
    ) -> "Transaction":
        """Buy credit or minutes, one of the two; the row of the purchase is written with it.

        `key` is to be the purchase's id: of two with the same one the second is an `IntegrityError`, and buys nothing.
        """
        with transaction.atomic():
            Account.objects.filter(pk=self.pk).update(
                credit_micros=F("credit_micros") + micros, seconds_purchased=F("seconds_purchased") + seconds
            )
            self.refresh_from_db(fields=["credit_micros", "seconds_purchased"])
            bought = Transaction.objects.create(
                id=key or new_id(),
                account=self,
                type=TransactionType.CREDITS if micros else TransactionType.MINUTES,
                micros=micros,
                seconds=seconds,
                description=description or "Recarga",
                created_by=by,
            )
            AuditEntry.write("account_topped_up", "accounts", self.pk, credits=micros / 1_000_000, seconds=seconds)
        return bought

    def change(self, **values: Any) -> list[str]:
        """Take new values; the names of those that differ."""
        changed = [name for name, value in values.items() if getattr(self, name) != value]
        for name in changed:
            setattr(self, name, values[name])
        if changed:
            with transaction.atomic():
                self.full_clean(exclude=["created_by"])
                self.save(update_fields=[*changed, "updated_at"])
                AuditEntry.write("account_changed", "accounts", self.pk, fields=sorted(changed), status=self.status)
        return changed


class Transaction(BaseModel):
    """What was bought. What calls use is not repeated here: attempts are its ledger."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, db_index=False, related_name="transactions")
    type = models.CharField("tipo", max_length=10, choices=TransactionType)
    micros = models.BigIntegerField(default=0)
    seconds = models.BigIntegerField(default=0)
    description = models.CharField("descripción", max_length=300, blank=True)
    created_by = user_key()

    class Meta:
        verbose_name = "recarga"
        constraints = [is_one_of("type", TransactionType, "jobs_transaction_type_is_known")]
        indexes = [models.Index(fields=["account", "-created_at", "-id"], name="jobs_transaction_newest")]

    def __str__(self) -> str:
        return self.description
