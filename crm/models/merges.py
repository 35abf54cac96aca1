"""Merges of two contacts that were one person: what moved, so that it can be put back."""

from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Q

from crm.models.base import BaseModel
from crm.models.contacts import Contact
from crm.models.user_keys import user_key

if TYPE_CHECKING:
    from uuid import UUID


class ContactMergeQuerySet(models.QuerySet["ContactMerge"]):
    def standing(self) -> Self:
        return self.filter(undone_at__isnull=True)

    def newest_of(self, survivor_id: "UUID") -> "ContactMerge | None":
        return self.standing().filter(survivor=survivor_id).order_by("-created_at", "-id").first()


class ContactMerge(BaseModel):
    """`absorbed` became part of `survivor`. The verbs are in crm/services.py."""

    survivor = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="merges", verbose_name="contacto que queda"
    )
    absorbed = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="merged_by", verbose_name="contacto absorbido"
    )
    # {column: [before, after]} of the survivor.
    filled = models.JSONField("datos completados", default=dict)
    # {"calls.call.contact": [ids]}: rows that pointed to the absorbed one. `stayed`: those that a rule kept there.
    moved = models.JSONField("registros movidos", default=dict)
    stayed = models.JSONField("registros no movidos", default=dict)
    # {id of the ContactPhone: [label before, label after]}.
    phones = models.JSONField("teléfonos movidos", default=dict)
    created_by = user_key("fusionado por", db_index=False)
    undone_at = models.DateTimeField("deshecha", null=True, blank=True)
    undone_by = user_key("deshecha por", db_index=False)

    objects = ContactMergeQuerySet.as_manager()

    class Meta:
        verbose_name = "fusión de contactos"
        verbose_name_plural = "fusiones de contactos"
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"],
                condition=Q(undone_at__isnull=True),
                name="contact_is_merged_once",
                violation_error_message="El contacto ya está fusionado con otro.",
            ),
            models.CheckConstraint(
                condition=~Q(survivor=models.F("absorbed")),
                name="contact_is_not_merged_with_itself",
                violation_error_message="Un contacto no se fusiona consigo mismo.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.absorbed} → {self.survivor}"

    @property
    def moved_counts(self) -> dict[str, int]:
        """How many rows of each table moved."""
        return _counts(self.moved)

    @property
    def stayed_counts(self) -> dict[str, int]:
        return _counts(self.stayed)


def _counts(ids: dict[str, list[Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for column, rows in ids.items():
        table = column.rpartition(".")[0]
        found[table] = found.get(table, 0) + len(rows)
    return found
