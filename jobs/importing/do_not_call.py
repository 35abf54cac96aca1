"""A file of numbers that are left alone: an official registry, a list of complaints."""

from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from django.core.files import File

from crm.exceptions import Refusal
from crm.importing.cells import Unclear, is_nothing
from crm.importing.files import Line, open_table
from crm.importing.running import in_chunks
from crm.models import User
from crm.phones import Phone
from jobs.choices import RefusalSource
from jobs.importing import cells
from jobs.importing.columns import PHONE_FIELDS, guess, recognised
from jobs.models import Account, DoNotCall

CHUNK_ROWS = 2000


@dataclass(slots=True)
class Taken:
    """What became of the rows of a list."""

    added: int = 0
    known: int = 0
    problems: list[str] = field(default_factory=list)


def take_list(
    file: "File[Any]", *, country: str, account: Account | None = None, reason: str = "", by: User | None = None
) -> Taken:
    """Put every number of the file on the list, everybody's or an account's; again changes nothing.

    A file without a column of phones that we know is refused: a list that silently adds nobody would be called.
    """
    taken = Taken()
    with closing(open_table(file, recognised)) as table:
        mapping = guess(table.columns)
        places = [place for place, name in enumerate(table.columns) if mapping[name] in PHONE_FIELDS]
        if not places:
            raise Refusal("Ninguna columna se reconoce como teléfono. Llámela «telefono».", code="falta_columna")
        for rows in in_chunks(table.lines, CHUNK_ROWS):
            phones = [phone for row in rows for phone in _phones(row, places, country, taken)]
            _put({phone.key: phone for phone in phones}, taken, account=account, reason=reason[:300], created_by=by)
    return taken


def _phones(row: Line, places: list[int], country: str, taken: Taken) -> list[Phone]:
    found: list[Phone] = []
    for place in places:
        cell = row.cells[place] if place < len(row.cells) else ""
        if is_nothing(cell):
            continue
        try:
            found += cells.read_phones(cell, country)
        except Unclear as reason:
            taken.problems.append(f"Fila {row.number}: {reason}")
    return found


def _put(phones: dict[str, Phone], taken: Taken, **values: Any) -> None:
    """The constraint decides who is there already."""
    there = DoNotCall.objects.filter(account=values["account"], key__in=phones)
    known = there.count()
    DoNotCall.objects.bulk_create(
        [
            DoNotCall(number=phone.number, key=phone.key, source=RefusalSource.FILE, **values)
            for phone in phones.values()
        ],
        ignore_conflicts=True,
    )
    taken.known += known
    taken.added += len(phones) - known
