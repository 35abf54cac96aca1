"""Models that know what changed about them, for receivers that react to a change."""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.db import models


class TracksChanges(models.Model):
    """`instance.changes` maps each field of `tracked_fields` that differs from the row to (old, new).

    For a row not yet stored every tracked field counts as changed from None. It stays readable in
    `post_save` receivers and is forgotten when `save()` returns. Foreign keys are tracked by their
    column (`responsible_user_id`). A save whose transaction is rolled back later is forgotten too:
    who tries again with the same instance asks the row first (`refresh_from_db`).
    """

    tracked_fields: ClassVar[tuple[str, ...]] = ()
    _stored: dict[str, Any]
    _written: frozenset[str] | None

    class Meta:
        abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stored = {}
        self._written = None

    @classmethod
    def from_db(cls, *args: Any, **kwargs: Any) -> Self:
        instance = super().from_db(*args, **kwargs)
        # Rows from the database need not come through __init__ (crm/models/base.py).
        instance._stored = {}
        instance._written = None
        instance._remember()
        return instance

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        loaded, stored, written = self.__dict__, self._stored, self._written
        return {
            name: (stored.get(name), loaded[name])
            for name in self.tracked_fields
            if name in loaded and stored.get(name) != loaded[name] and (written is None or name in written)
        }

    def save(self, *args: Any, **kwargs: Any) -> None:
        # What `update_fields` leaves out is not stored, so it is no change for a receiver either.
        update_fields = kwargs.get("update_fields")
        self._written = None if update_fields is None else self._columns_of(update_fields)
        try:
            super().save(*args, **kwargs)
            self._remember(self._written)
        finally:
            self._written = None

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        super().refresh_from_db(using=using, fields=fields, from_queryset=from_queryset)
        # Reading a deferred field comes here too: the others keep what they have, stored or not.
        self._remember(None if fields is None else self._columns_of(fields))

    def _columns_of(self, fields: Iterable[str]) -> frozenset[str]:
        """The tracked ones of `fields`, which may name a foreign key by its field or by its column."""
        names = set(fields)
        return frozenset(
            name for name in self.tracked_fields if name in names or self._meta.get_field(name).name in names
        )

    def _remember(self, only: frozenset[str] | None = None) -> None:
        # Deferred fields are not in __dict__; reading them here would cost a query each.
        loaded, stored = self.__dict__, self._stored
        for name in self.tracked_fields if only is None else only:
            if name in loaded:
                stored[name] = loaded[name]
