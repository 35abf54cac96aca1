"""Contacts and leads as a spreadsheet that is safe to open, and that an import understands (docs/imports.md)."""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from django.db.models import QuerySet
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from crm.choices import LeadStatus
from crm.exceptions import Refusal
from crm.guarding import guarded
from crm.models import AuditEntry

# A workbook is only sent when its last row is written: at 1,500 rows a second, before clients give up.
MOST_ROWS = {"csv": 100_000, "xlsx": 30_000}
ROWS_AT_A_TIME = 2_000
# By this mark Excel reads a CSV file as UTF-8.
BOM = b"\xef\xbb\xbf"


def as_it_is(value: Any) -> Any:
    return value


def _yes_or_no(value: bool | None) -> str | None:
    return None if value is None else ("Sí" if value else "No")


def local(value: datetime | None) -> datetime | None:
    """The clock on the wall, to the minute; a spreadsheet knows no time zones."""
    return timezone.localtime(value).replace(tzinfo=None, second=0, microsecond=0) if value else None


def _status_label(value: str) -> str:
    return str(LeadStatus(value).label)


@dataclass(frozen=True, slots=True)
class Column:
    """A header in Spanish, the path of its value, and how a person reads that value."""

    label: str
    path: str
    show: Callable[[Any], Any] = as_it_is
    is_phone: bool = False


CONTACT_COLUMNS = (
    Column("ID", "pk", str),
    Column("Nombre", "name"),
    Column("Nombres", "first_name"),
    Column("Apellidos", "last_name"),
    Column("Tipo de documento", "document_type"),
    Column("Número de documento", "document_number"),
    Column("Celular", "mobile", is_phone=True),
    Column("Teléfono", "phone", is_phone=True),
    Column("Correo", "email"),
    Column("País", "country"),
    Column("Provincia o región", "state"),
    Column("Ciudad", "city"),
    Column("Distrito", "district"),
    Column("Dirección", "address"),
    Column("Código postal", "postal_code"),
    Column("Empresa", "company"),
    Column("Cargo", "position"),
    Column("Responsable", "responsible_user__email"),
    Column("Observaciones", "notes_text"),
    Column("Nacionalidad", "nacionalidad"),
    Column("Lugar de residencia", "lugar_residencia"),
    Column("Tiempo en España", "tiempo_espana"),
    Column("Edad", "edad"),
    Column("Empadronado", "empadronado", _yes_or_no),
    Column("Tiene ingresos", "tiene_ingresos", _yes_or_no),
    Column("Trabaja sin contrato", "trabaja_b", _yes_or_no),
    Column("Tiene familiares en España", "tiene_familiares_espana", _yes_or_no),
    Column("Calificación de la llamada", "grading_llamada"),
    Column("Calificación de la situación", "grading_situacion"),
    Column("Producto de entrada", "landing_product"),
    Column("Última llamada", "ultima_llamada_fecha", local),
    Column("Próxima llamada", "proxima_llamada_fecha", local),
    Column("Creado", "created_at", local),
)
LEAD_COLUMNS = (
    Column("ID", "pk", str),
    Column("ID contacto", "contact_id", str),
    Column("Nombre", "nombre"),
    Column("Celular", "celular", is_phone=True),
    Column("Correo", "email"),
    Column("Tipo de documento", "tipo_documento"),
    Column("Número de documento", "numero_documento"),
    Column("Distrito", "distrito"),
    Column("Ubicación de captación", "ubicacion"),
    Column("Medio de captación", "medio"),
    Column("Proyecto de interés", "proyecto_interes"),
    Column("Tipificación", "tipificacion"),
    Column("Estado", "status", _status_label),
    Column("Observación", "observacion"),
    Column("Observación de campo", "observacion_opc"),
    Column("Fecha de captación", "fecha_captacion"),
    Column("Captador", "captador"),
    Column("Supervisor", "supervisor"),
    Column("Calle o módulo", "calle_o_modulo"),
    Column("Directeo", "es_directeo", _yes_or_no),
    Column("Responsable", "responsible_user__email"),
    Column("Creado", "created_at", local),
)


def begin(queryset: QuerySet[Any], *, what: str, form: str, asked: dict[str, Any]) -> None:
    """Refuse what is too large, and note in the audit trail who takes how much out of the house."""
    most = MOST_ROWS[form]
    rows = queryset.order_by()[: most + 1].count()
    if rows > most:
        shown = f"{most:,}".replace(",", " ")
        way_out = "Pida CSV o use filtros." if form == "xlsx" else "Use filtros."
        sentence = f"En {form.upper()} se exportan hasta {shown} filas a la vez. {way_out}"
        raise Refusal(sentence, code="demasiadas_filas")
    AuditEntry.write("export", what, format=form, rows=rows, filters=asked)


def csv_of(queryset: QuerySet[Any], columns: Sequence[Column]) -> Iterator[bytes]:
    """The file in pieces, as the database hands over the rows."""
    yield BOM
    yield from csv_lines([column.label for column in columns], _rows(queryset, columns))


def csv_lines(header: list[str], rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """Lines in which no cell is a formula, a phone's plus included: Excel would drop it and round long numbers."""
    pieces: list[str] = []
    writer = csv.writer(_Collector(pieces))
    writer.writerow([guarded(name) for name in header])
    for row in rows:
        writer.writerow(["" if value is None else guarded(_text(value)) for value in row])
        if len(pieces) >= ROWS_AT_A_TIME // 4:
            yield "".join(pieces).encode()
            pieces.clear()
    yield "".join(pieces).encode()


class _Collector:
    """What a csv writer writes to."""

    def __init__(self, pieces: list[str]) -> None:
        self.write = pieces.append


def _text(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)


def xlsx_of(queryset: QuerySet[Any], columns: Sequence[Column]) -> IO[bytes]:
    """A workbook in a temporary file, row by row. Phones are text cells, dates real dates, formulas none."""
    return xlsx_file({"Datos": [[column.label for column in columns]]}, more=_cells(queryset, columns))


def xlsx_file(sheets: dict[str, list[list[Any]]], more: Iterable[list[Any]] = ()) -> IO[bytes]:
    """`more` are further rows of the first sheet."""
    book = Workbook(write_only=True)
    for position, (title, rows) in enumerate(sheets.items()):
        sheet = book.create_sheet(title)
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append(row)
        for row in more if position == 0 else ():
            sheet.append(row)
    file = tempfile.TemporaryFile()  # noqa: SIM115  the response closes it
    book.save(file)
    file.seek(0)
    return file


def _cells(queryset: QuerySet[Any], columns: Sequence[Column]) -> Iterator[list[Any]]:
    for row in _rows(queryset, columns):
        yield [_cell(value, column) for value, column in zip(row, columns, strict=True)]


def _cell(value: Any, column: Column) -> Any:
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("", value)
    # Digits after a plus, in a text cell: nothing that a spreadsheet would work out.
    return text if column.is_phone and text.lstrip("+").isdigit() else guarded(text)


def _rows(queryset: QuerySet[Any], columns: Sequence[Column]) -> Iterator[list[Any]]:
    paths = [column.path for column in columns]
    shows = [column.show for column in columns]
    for row in queryset.values_list(*paths).iterator(chunk_size=ROWS_AT_A_TIME):
        yield [show(value) for show, value in zip(shows, row, strict=True)]
