"""Files that an import gives back: what failed, to be corrected, and a template to begin with."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import IO, Any

from crm.choices import (
    CapturePlace,
    DocumentType,
    Grading,
    ImportKind,
    LandingProduct,
    LeadStatus,
    Project,
    Typification,
)
from crm.exporting import BOM, csv_lines, xlsx_file
from crm.guarding import guarded
from crm.importing.columns import FIELDS, Field
from crm.models import ImportRun

# Both are known to an import, which passes them over.
ROW_NUMBER, REASON = "Fila", "Motivo"
_CLOSED_LISTS: dict[str, Any] = {
    "document_type": DocumentType,
    "tipo_documento": DocumentType,
    "grading_llamada": Grading,
    "grading_situacion": Grading,
    "landing_product": LandingProduct,
    "proyecto_interes": Project,
    "tipificacion": Typification,
    "calle_o_modulo": CapturePlace,
    "status": LeadStatus,
}
# Written in another way by the fields beside them; a template with both would only confuse.
_NOT_IN_TEMPLATE = {"first_name", "last_name", "apellidos", "dni"}


def errors_csv(run: ImportRun) -> Iterator[bytes]:
    """The failed rows with their own columns, so that the corrected file can be imported again."""
    columns = run.columns
    yield BOM
    yield from csv_lines([*columns, ROW_NUMBER, REASON], _failed_rows(run, len(columns)))


def _failed_rows(run: ImportRun, width: int) -> Iterator[list[Any]]:
    for row in run.rows.failed().in_order().iterator():
        cells = (row.cells or [])[:width]
        yield [*cells, *[""] * (width - len(cells)), row.number, row.message]


def template_csv(kind: str) -> Iterator[bytes]:
    fields = _template_fields(kind)
    yield BOM
    yield from csv_lines([field.label for field in fields], [[field.example for field in fields]])


def template_xlsx(kind: str) -> IO[bytes]:
    """With a second sheet of the values that closed lists admit."""
    fields = _template_fields(kind)
    lists = [(field.label, list(_CLOSED_LISTS[field.name].labels)) for field in fields if field.name in _CLOSED_LISTS]
    values = [[label for label, _ in lists], *zip_longest(*(values for _, values in lists))]
    return xlsx_file(
        {
            ImportKind(kind).label: [[field.label for field in fields], [guarded(field.example) for field in fields]],
            "Valores admitidos": [list(row) for row in values],
        }
    )


def _template_fields(kind: str) -> list[Field]:
    return [field for field in FIELDS[kind] if field.name not in _NOT_IN_TEMPLATE]
