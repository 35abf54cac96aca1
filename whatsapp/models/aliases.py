"""One table of everything a person is known by: WhatsApp id, phone, business-scoped id, old numbers."""

from typing import Self

from django.db import models
from django.utils import timezone

from crm.constraints import is_one_of
from crm.phones import search_words
from crm.search import SearchColumn, column_words
from whatsapp.choices import AliasKind
from whatsapp.models.numbers import BusinessNumber
from whatsapp.models.threads import Thread


class AliasQuerySet(models.QuerySet["Alias"]):
    def with_digits(self, typed: str) -> Self:
        """Aliases that contain this run of four or more digits, however the phone was spelled."""
        return self.filter(digits__finds=typed)


class Alias(models.Model):
    """One name of one thread. It stays valid after a number change: whoever still uses it is the same person."""

    number = models.ForeignKey(
        BusinessNumber, on_delete=models.CASCADE, db_index=False, related_name="aliases", verbose_name="número"
    )
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="aliases", verbose_name="conversación")
    kind = models.CharField("tipo", max_length=14, choices=AliasKind)
    value = models.CharField("valor", max_length=200)
    digits = SearchColumn("dígitos")
    first_seen_at = models.DateTimeField("visto desde", default=timezone.now)

    objects = AliasQuerySet.as_manager()

    class Meta:
        verbose_name = "identidad"
        verbose_name_plural = "identidades"
        constraints = [
            is_one_of("kind", AliasKind, "whatsapp_alias_kind_is_known"),
            models.UniqueConstraint(
                # Names are also looked up whichever number of ours they were used with.
                fields=["kind", "value", "number"],
                name="whatsapp_alias_is_of_one_thread",
                violation_error_message="Esta identidad ya es de otra conversación.",
            ),
        ]

    def __str__(self) -> str:
        return self.value

    @staticmethod
    def digits_of(value: str) -> str:
        """What finds it in a search box: any run of its digits, or the words of an id."""
        return " ".join(search_words(value)) if value.isdigit() else column_words(value)
