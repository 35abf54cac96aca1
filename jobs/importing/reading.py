"""An uploaded file as people: how it is read the first time, and alike by whoever goes on with it."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.files import File

from crm.importing.files import UnreadableFile, open_table
from crm.importing.running import too_large
from jobs.importing import columns as known
from jobs.importing.columns import Columns
from jobs.importing.people import BASIC, Gathered, Order, PeopleReader, Person
from jobs.models import Account, BatchImport


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a client may ask for beside the file; `days_to_…` replace the dates that the file tells."""

    mapping: Mapping[str, Any] | None = None
    allow_duplicates: bool = False
    processing_type: str = BASIC
    days_to_limit: int | None = None
    days_to_maximum: int | None = None


AS_USUAL = Wishes()


@dataclass(slots=True)
class Reading:
    """A file that was read: each row under its person."""

    columns: list[str]
    mapping: Columns
    order: Order
    reader: PeopleReader
    gathered: Gathered

    @classmethod
    def of_upload(cls, file: "File[Any]", account: Account, wishes: Wishes) -> "Reading":
        """`Refusal` for what is no spreadsheet, too large, or without people."""
        if file.size > settings.IMPORT_MAX_BYTES:
            raise too_large()
        order = Order(
            country=account.country,
            today=datetime.now(UTC).date(),
            processing_type=wishes.processing_type,
            allow_duplicates=wishes.allow_duplicates,
            days_to_limit=wishes.days_to_limit,
            days_to_maximum=wishes.days_to_maximum,
        )
        reading = cls._of(file, order, lambda names: known.mapping_for(account, names, wishes.mapping))
        if not reading.gathered.total_rows:
            raise UnreadableFile("El archivo solo tiene encabezados.", code="archivo_vacio")
        return reading

    @classmethod
    def again(cls, run: BatchImport) -> "Reading":
        """As it was read when the import began."""
        with run.file.open("rb") as file:
            return cls._of(file, Order.of(run.options), lambda names: run.mapping)

    @classmethod
    def _of(cls, file: "File[Any]", order: Order, mapped: Any) -> "Reading":
        with closing(open_table(file, known.recognised)) as table:
            mapping = mapped(table.columns)
            reader = PeopleReader(table.columns, mapping, order, is_text=table.is_text)
            return cls(table.columns, mapping, order, reader, reader.gather(table))

    def people(self, after: int = 0) -> Iterator[Person]:
        """One by one, without the first `after`; each is read when its turn comes."""
        for key, lines in islice(self.gathered.people.items(), after, None):
            yield self.reader.read(key, lines)


def digest_of(file: "File[Any]") -> str:
    found = hashlib.sha256()
    file.seek(0)
    for block in file.chunks():
        found.update(block)
    file.seek(0)
    return found.hexdigest()
