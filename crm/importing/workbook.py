"""Prints the first sheet of a workbook that has anything on it, one JSON list of texts for each row.

A program of its own, started by crm/importing/files.py: the reader lays a sheet out in memory as the full
rectangle of its cells, so that a file of one kilobyte with a value in the last cell of a sheet asks for 500 GB
and ends its process. Here that process is this one, and it has a limit.
It imports nothing of the product: its start is most of its cost.
"""

import json
import resource
import sys
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from io import BytesIO

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

MEMORY_BYTES = 1024**3
CPU_SECONDS = 120
MOST_COLUMNS = 300


def main() -> None:
    limit(resource.RLIMIT_AS, MEMORY_BYTES)
    limit(resource.RLIMIT_CPU, CPU_SECONDS)
    limit(resource.RLIMIT_CORE, 0)
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(sys.stdin.buffer.read()))
        sheet = first_sheet_with_content(workbook)
    except PasswordError:
        say({"error": "password"})
    except (CalamineError, MemoryError):
        say({"error": "unreadable"})
    else:
        say({"sheet": sheet.name if sheet else ""})
        for cells in sheet.iter_rows() if sheet else []:
            say(without_end([text_of(cell) for cell in cells[:MOST_COLUMNS]]))


def limit(what: int, amount: int) -> None:
    """Lower one limit of this process; a system that knows no such limit goes without."""
    with suppress(ValueError, OSError):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (amount if hard == resource.RLIM_INFINITY else min(amount, hard), hard))


def first_sheet_with_content(workbook: CalamineWorkbook) -> CalamineSheet | None:
    for position, sheet in enumerate(workbook.sheets_metadata):
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
            found = workbook.get_sheet_by_index(position)
            if found.start is not None:
                return found
    return None


def text_of(cell: object) -> str:
    """A cell as a person reads it. Spreadsheets keep every number as a float: 12345678.0 is "12345678"."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "VERDADERO" if cell else "FALSO"
    if isinstance(cell, float):
        return f"{cell:.0f}" if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time.min else cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, int | timedelta) else ""


def without_end(texts: list[str]) -> list[str]:
    while texts and not texts[-1].strip():
        texts.pop()
    return texts


def say(line: object) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
