"""Rows that are known outside by a running number: CLI0001, PRS00001, V00001."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db import models

from crm.models.edits import WritesDifferences


class Numbered(WritesDifferences):
    """Known outside by a running number: the database counts, so two at once never get the same one."""

    prefix: ClassVar[str] = ""
    digits: ClassVar[int] = 5

    id = models.BigAutoField("número", primary_key=True)  # type: ignore[assignment]

    class Meta:
        abstract = True

    @property
    def code(self) -> str:
        """`PRS00001`; beyond 99999 it grows."""
        return f"{self.prefix}{self.pk:0{self.digits}d}"

    @classmethod
    def number_of(cls, code: str) -> int | None:
        """The number in a code as `code` writes it; None for what is no code."""
        digits = code.removeprefix(cls.prefix)
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 18):
            return None
        return int(digits) if f"{cls.prefix}{int(digits):0{cls.digits}d}" == code else None

    def tidy(self) -> None:
        """Nothing follows from other columns."""

    def put(self, values: Mapping[str, Any]) -> None:
        """Store the values: all of a new row, of another what differs."""
        if not self._state.adding:
            self.edit(values)
            return
        for name, value in values.items():
            setattr(self, name, value)
        self.save(force_insert=True)
