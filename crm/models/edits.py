"""Rows that people edit at the same time."""

from collections.abc import Mapping
from typing import Any

from crm.models.base import BaseModel


class WritesDifferences(BaseModel):
    """Its `edit` writes what differs and nothing else, so that two people who edit different fields keep both.

    The row should be locked by the caller. `tidy` brings derived columns in step; it is part of every save.
    """

    class Meta:
        abstract = True

    def tidy(self) -> None:
        raise NotImplementedError

    def edit(self, changes: Mapping[str, Any]) -> bool:
        """Tells whether anything changed."""
        written = self.take(changes)
        if written:
            self.save(update_fields=[*written, "updated_at"])
        return bool(written)

    def take(self, changes: Mapping[str, Any]) -> set[str]:
        """Set the values without saving; the names of the columns that now differ."""
        before = self._column_values()
        for name, value in changes.items():
            setattr(self, name, value)
        self.tidy()
        return {name for name, value in self._column_values().items() if value != before[name]}

    def _column_values(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.attname) for field in self._meta.concrete_fields}
