"""Numbers and days that are left alone."""

from typing import Self

from django.db import models
from django.db.models import Q

from crm.constraints import is_one_of
from crm.models.base import BaseModel
from crm.models.user_keys import user_key
from crm.phones import Phone
from jobs.choices import Country, RefusalSource
from jobs.models.accounts import Account


class DoNotCallQuerySet(models.QuerySet["DoNotCall"]):
    def concerning(self, account_id: str) -> Self:
        """Everybody's, and the account's own."""
        return self.filter(Q(account__isnull=True) | Q(account_id=account_id))

    def add(
        self, phone: Phone, *, source: RefusalSource, account: Account | None = None, reason: str = ""
    ) -> "DoNotCall":
        """Leave the number alone, in all campaigns or those of an account; once, however often it is said."""
        row, _ = self.get_or_create(
            key=phone.key,
            account=account,
            defaults={"number": phone.number, "source": source, "reason": reason[:300]},
        )
        return row


class DoNotCall(BaseModel):
    """A number that no campaign may dial. `account` null: none at all."""

    number = models.CharField("teléfono", max_length=20)
    key = models.CharField(max_length=20, editable=False)
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name="solo de la cuenta"
    )
    source = models.CharField("origen", max_length=8, choices=RefusalSource, default=RefusalSource.STAFF)
    reason = models.CharField("motivo", max_length=300, blank=True)
    created_by = user_key(editable=False)

    objects = DoNotCallQuerySet.as_manager()

    class Meta:
        verbose_name = "número que no se llama"
        verbose_name_plural = "números que no se llaman"
        constraints = [
            is_one_of("source", RefusalSource, "jobs_refusal_source_is_known"),
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(account__isnull=True),
                name="jobs_refusal_once",
                violation_error_message="Este número ya está en la lista.",
            ),
            models.UniqueConstraint(
                fields=["account", "key"],
                condition=Q(account__isnull=False),
                name="jobs_refusal_once_in_an_account",
                violation_error_message="Este número ya está en la lista de la cuenta.",
            ),
        ]
        indexes = [
            models.Index(fields=["key"], name="jobs_refusal_key"),
            models.Index(fields=["-created_at", "-id"], name="jobs_refusal_newest"),
        ]

    def __str__(self) -> str:
        return self.number


class ClosedDay(models.Model):
    """A day without calls beside the public holidays: of a region, or the team's own."""

    day = models.DateField("día")
    name = models.CharField("nombre", max_length=120)
    country = models.CharField("solo en", max_length=2, choices=Country, blank=True)

    class Meta:
        verbose_name = "día sin llamadas"
        verbose_name_plural = "días sin llamadas"
        ordering = ["-day"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "country"],
                name="jobs_closed_day_once",
                violation_error_message="Ese día ya está en la lista.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.day:%d/%m/%Y})"
