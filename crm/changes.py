"""Models that know what changed about them, for receivers that react to a change."""

from typing import Any, Self

from django.db import models


class TracksChanges(models.Model):
    """`instance.changes` maps each field of `tracked_fields` that differs from the row to (old, new).

    For a row not yet stored every tracked field counts as changed from None. It stays readable in
    `post_save` receivers and is forgotten when `save()` returns.
    """

    tracked_fields: tuple[str, ...] = ()
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
        instance._remember()
        return instance

    @property
    def changes(self) -> dict[str, tuple[Any, Any]]:
        return {
            name: (self._stored.get(name), self.__dict__[name])
            for name in self.tracked_fields
            if name in self.__dict__
            and self._stored.get(name) != self.__dict__[name]
            and (self._written is None or name in self._written)
        }

    def save(self, *args: Any, **kwargs: Any) -> None:
        # What `update_fields` leaves out is not stored, so it is no change for a receiver either.
        update_fields = kwargs.get("update_fields")
        self._written = None if update_fields is None else frozenset(update_fields)
        try:
            super().save(*args, **kwargs)
            self._remember()
        finally:
            self._written = None

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self._remember()

    def _remember(self) -> None:
        # Deferred fields are not in __dict__; reading them here would cost a query each.
        loaded = self.__dict__
        self._stored.update(
            (name, loaded[name])
            for name in self.tracked_fields
            if name in loaded and (self._written is None or name in self._written)
        )
