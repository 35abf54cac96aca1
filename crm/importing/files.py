"""Any spreadsheet file as one table of texts: its column names, then its rows, read one by one.

Text files in the encodings and with the delimiters that people's programs write; workbooks (XLSX, XLS, ODS)
through a process of their own (crm/importing/workbook.py). What is no spreadsheet is refused in Spanish.
"""

import codecs
import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files import File

from crm.exceptions import Refusal
from crm.guarding import unguarded

WORKBOOK_PROGRAM = Path(__file__).with_name("workbook.py")
# What a workbook may claim to hold when unpacked; a real one of IMPORT_MAX_BYTES stays far below.
MOST_UNPACKED_BYTES = 400 * 1024 * 1024
# A title or a logo may stand above the header.
HEADER_WITHIN = 15
DELIMITERS = ",;\t|"
SAMPLE_BYTES = 64 * 1024
LONGEST_LINE = 1024 * 1024
LAST_ROW = 1_048_576  # of a spreadsheet, blank ones included
# More lines than this in one cell is a quotation mark that nobody closed.
MOST_LINES_IN_A_CELL = 40

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WEB_PAGE = re.compile(rb"\s*<(?:!doctype|html|table|\?xml|meta)", re.IGNORECASE)
_BINARY_SHARE = 0.02
_LINE_END = re.compile(r"(?<=\n)")
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
# What Excel shows instead of a value it could not work out.
_ERRORS = {"#N/A", "#N/D", "#REF!", "#¡REF!", "#VALUE!", "#¡VALOR!", "#DIV/0!", "#¡DIV/0!", "#NAME?", "#¿NOMBRE?"}

# How many cells of a row are names of columns that we know.
Recognise = Callable[[list[str]], int]


class UnreadableFile(Refusal):
    code = "archivo_ilegible"
    message = "El archivo no se puede leer como hoja de cálculo. Guárdelo como .xlsx o .csv e inténtelo de nuevo."


@dataclass(slots=True)
class Line:
    """One row as it stands in the file, under the number that a spreadsheet shows beside it."""

    number: int
    cells: list[str]


@dataclass(slots=True)
class Table:
    columns: list[str]  # each name once; a nameless column is called by its letter
    lines: Iterator[Line]  # below the header, without the blank ones
    sheet: str = ""
    is_text: bool = False  # in a text file a cell too many has shifted the others

    def close(self) -> None:
        """End the reading early."""
        if hasattr(self.lines, "close"):
            self.lines.close()


def open_table(file: "File[Any]", recognise: Recognise) -> Table:
    """The table in `file`; `UnreadableFile` when there is none."""
    file.seek(0)
    head = file.read(SAMPLE_BYTES)
    file.seek(0)
    if not head.strip():
        raise UnreadableFile("El archivo está vacío.", code="archivo_vacio")
    if head.startswith((_ZIP, _OLE)):
        if head.startswith(_ZIP):
            _refuse_bomb(file)
        sheet, rows = _rows_of_workbook(file)
        return _table(rows, recognise, sheet=sheet)
    return _table(_rows_of_text(file, head, recognise), recognise, is_text=True)


def _table(rows: Iterator[list[str]], recognise: Recognise, *, sheet: str = "", is_text: bool = False) -> Table:
    """Find the header among the first rows: the first one with two names we know, else the first with content."""
    lines = _numbered(rows)
    first = list(islice(lines, HEADER_WITHIN))
    if not first:
        raise UnreadableFile("El archivo no tiene ninguna fila con contenido.", code="archivo_vacio")
    at = next((place for place, line in enumerate(first) if recognise(line.cells) >= 2), 0)
    below = _limited(chain(first[at + 1 :], lines))
    return Table(columns=column_names(first[at].cells), lines=below, sheet=sheet, is_text=is_text)


def _numbered(rows: Iterator[list[str]]) -> Iterator[Line]:
    for number, cells in enumerate(rows, start=1):
        if number > LAST_ROW:
            raise _too_many_rows()
        cells = [_clean(cell) for cell in cells]
        if any(cells):
            yield Line(number, cells)


def _clean(cell: str) -> str:
    """A cell without NULs and outer blanks; without the apostrophe that guards a text in our own exports."""
    text = cell.replace("\x00", "").strip(" \t\r\n\ufeff\xa0")
    return "" if text in _ERRORS else unguarded(text)


def _limited(lines: Iterator[Line]) -> Iterator[Line]:
    for count, line in enumerate(lines, start=1):
        if count > settings.IMPORT_MAX_ROWS:
            raise _too_many_rows()
        yield line


def _too_many_rows() -> UnreadableFile:
    most = f"{settings.IMPORT_MAX_ROWS:,}".replace(",", " ")
    return UnreadableFile(
        f"El archivo tiene más de {most} filas. Divídalo en varios.", code="demasiadas_filas", status=413
    )


def column_names(cells: list[str]) -> list[str]:
    """Each column under a name of its own: "Teléfono", "Teléfono (2)", "Columna D"."""
    names: list[str] = []
    for position, cell in enumerate(cells):
        plain = " ".join(cell.split())[:100] or f"Columna {_letters(position)}"
        name, repeat = plain, 1
        while name in names:
            repeat += 1
            name = f"{plain} ({repeat})"
        names.append(name)
    return names


def _letters(position: int) -> str:
    """A, B, … Z, AA: what a spreadsheet calls its columns."""
    letters = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# --- Text files -------------------------------------------------------------------------------


def _rows_of_text(file: "File[Any]", head: bytes, recognise: Recognise) -> Iterator[list[str]]:
    encoding = _encoding(file, head)
    text = head.decode(encoding, errors="ignore").replace("\r\n", "\n").replace("\r", "\n")
    first_line = text.lstrip().partition("\n")[0].strip()
    said = re.fullmatch(r"\"?sep=(.)\"?", first_line, re.IGNORECASE)  # Excel's own way to name the delimiter
    delimiter = said[1] if said else _delimiter(text, recognise)
    rows = _parsed(_text_lines(file, encoding), delimiter)
    if said:
        next(rows, None)
    return rows


def _encoding(file: "File[Any]", head: bytes) -> str:
    """By its mark; else UTF-8 if every byte of the file agrees; else what Windows writes in Spanish."""
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if _WEB_PAGE.match(head):
        raise UnreadableFile(
            "El archivo es una página web con nombre de hoja de cálculo. Ábralo en Excel y guárdelo como .xlsx.",
        )
    if len(_NOT_TEXT.findall(head)) > len(head) * _BINARY_SHARE:
        raise UnreadableFile
    for name in ("utf-8", "cp1252"):
        if _decodes(file, name):
            return name
    return "latin-1"


def _decodes(file: "File[Any]", encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        for block in file.chunks():
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _delimiter(text: str, recognise: Recognise) -> str:
    """Whichever shows us most column names we know, then most columns, in the first rows."""

    def score(delimiter: str) -> tuple[int, int]:
        rows = islice(csv.reader(_LINE_END.split(text), delimiter=delimiter), HEADER_WITHIN)
        return max(((recognise(row), len(row)) for row in rows), default=(0, 0))

    return max(DELIMITERS, key=score)


def _text_lines(file: "File[Any]", encoding: str) -> Iterator[str]:
    """Decoded a block at a time, every kind of line end as a newline."""
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)("replace"), translate=True)
    rest = ""
    file.seek(0)
    for block in chain(file.chunks(), [b""]):
        *lines, rest = _LINE_END.split(rest + decoder.decode(block, final=not block))
        yield from lines
        if len(rest) > LONGEST_LINE:
            raise UnreadableFile
    if rest:
        yield rest


def _parsed(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    rows = csv.reader((line.replace("\x00", "") for line in lines), delimiter=delimiter)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise _unclosed(rows.line_num) from error
        if row is None:
            return
        if any(cell.count("\n") > MOST_LINES_IN_A_CELL for cell in row):
            raise _unclosed(rows.line_num)
        yield row


def _unclosed(line: int) -> UnreadableFile:
    return UnreadableFile(f'Hay unas comillas (") que no se cierran, antes de la línea {line} del archivo. Corríjalas.')


# --- Workbooks --------------------------------------------------------------------------------


def _refuse_bomb(file: "File[Any]") -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableFile from error
    finally:
        file.seek(0)
    if unpacked > MOST_UNPACKED_BYTES:
        raise UnreadableFile("El archivo se descomprime en demasiados datos.", code="demasiado_grande", status=413)


def _rows_of_workbook(file: "File[Any]") -> tuple[str, Iterator[list[str]]]:
    lines = _lines_of_program(file)
    opening = next(lines, None)
    if not isinstance(opening, dict) or opening.get("error") == "unreadable":
        raise UnreadableFile
    if opening.get("error") == "password":
        raise UnreadableFile("El archivo está protegido con contraseña. Quítela e inténtelo de nuevo.")
    return opening["sheet"], lines


def _lines_of_program(file: "File[Any]") -> Iterator[Any]:
    """What the workbook program prints; its process never outlives this generator."""
    process = subprocess.Popen(
        [sys.executable, "-I", str(WORKBOOK_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        _feed(process.stdin, file)
        for line in process.stdout or []:
            yield json.loads(line)
        if process.wait() != 0:
            raise UnreadableFile
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def _feed(pipe: IO[bytes] | None, file: "File[Any]") -> None:
    """The program reads everything before it prints anything, so neither waits for the other."""
    if pipe is None:
        return
    # A program that is gone already says so by its exit status.
    with suppress(BrokenPipeError):
        for block in file.chunks():
            pipe.write(block)
    with suppress(BrokenPipeError):
        pipe.close()
