"""What a column of a campaign's file can be, and which of its columns is which (campaign-client 3.4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm.exceptions import Refusal
from crm.importing.cells import shown
from crm.text import words
from jobs.models import Account, BatchImport

Columns = dict[str, str | None]

# How many earlier files of an account are asked how they were read.
_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a column can be. `headers`: what people call it, the likeliest first."""

    name: str
    label: str
    headers: tuple[str, ...]


def _field(name: str, label: str, headers: str) -> Field:
    return Field(name, label, tuple(header.strip() for header in headers.split(",")))


# In the order in which they choose their column.
FIELDS = (
    _field("document", "Documento",
           "ruts, rut, dni, cedula, numero de documento, nro documento, documento de identidad, documento, "
           "identificacion, nif, nie, curp, cuit, cuil, document, id"),
    _field("other_phone", "Segundo teléfono",
           "telefono 2, segundo telefono, celular 2, fono 2, movil 2, phone 2, otro telefono, telefono alternativo, "
           "telefono alterno"),
    _field("mobile", "Teléfono móvil",
           "telefono movil, telefono celular, celular, movil, numero de celular, mobile phone, mobile, cell phone, "
           "whatsapp, cel"),
    _field("landline", "Teléfono fijo",
           "telefono residencial, telefono fijo, telefono de casa, telefono casa, fijo, landline"),
    _field("phone", "Teléfono",
           "telefono, telefono 1, fono, phone number, phone, numero de telefono, telephone, tel"),
    _field("company", "Empresa", "origen empresa, empresa, acreedor, mandante, company name, company"),
    _field("amount", "Deuda",
           "saldo actualizado, monto deuda, deuda, monto total, monto adeudado, monto, saldo, importe, debt amount, "
           "debt, amount"),
    _field("due_date", "Fecha de vencimiento",
           "fecha vencimiento, fecha de vencimiento, vencimiento, fecha limite, due date"),
    _field("days_late", "Días de retraso",
           "dias retraso, dias de retraso, dias de atraso, dias atraso, dias de mora, dias mora, dias vencidos"),
    _field("reference", "Referencia",
           "numero de referencia, referencia, reference number, reference, numero de operacion, nro operacion, "
           "operacion, numero de contrato, contrato, numero de factura, factura"),
    _field("first_name", "Nombres", "nombres, primer nombre, first name"),
    _field("last_name", "Apellidos", "apellidos, apellido, last name, surname"),
    _field("name", "Nombre",
           "nombre completo, nombres y apellidos, nombre y apellido, apellidos y nombres, nombre cliente, "
           "nombre deudor, nombre, razon social, full name, name, cliente, deudor, titular"),
    _field("email", "Correo", "correo electronico, email, e mail, correo, mail"),
    _field("address", "Dirección", "direccion, domicilio, address"),
)  # fmt: skip
PHONE_FIELDS = ("mobile", "phone", "other_phone", "landline")
_DEBT_FIELDS = {"amount", "due_date", "days_late"}
_OF_MARKETING = {"producto", "oferta", "promocion", "campana", "plan", "descuento", "servicio", "interes", "product"}
# Of the file of rejected rows, which is corrected and sent again.
PASSED_OVER = ("fila", "motivo")
_BY_NAME = {field.name: field for field in FIELDS}
_KNOWN = {"".join(words(header)) for field in FIELDS for header in (*field.headers, field.label)}


def recognised(row: Iterable[str]) -> int:
    """How many cells of a row are headers that we know."""
    return sum(_squeezed(cell) in _KNOWN for cell in row if cell)


def guess(columns: Iterable[str]) -> Columns:
    """Which field each column is; None for those that are none. No field is given twice.

    First the very headers, whatever their accents, case, blanks, hyphens; then headers that contain one.
    """
    found: Columns = dict.fromkeys(columns)
    for fits in (_is_called, _contains):
        for field in FIELDS:
            if field.name in found.values():
                continue
            free = [name for name, taken in found.items() if taken is None and not is_passed_over(name)]
            hits = (name for header in (*field.headers, field.label) for name in free if fits(name, header))
            column = next(hits, None)
            if column is not None:
                found[column] = field.name
    return found


def mapping_for(account: Account, columns: list[str], wanted: Mapping[str, Any] | None) -> Columns:
    """How a file is read: as asked; columns that nobody spoke of as the account's last file with the very same
    columns was read, else as guessed. `Refusal` in Spanish for what cannot be asked."""
    found = _remembered(account, columns) or guess(columns)
    asked = _checked(columns, wanted or {})
    taken = set(filter(None, asked.values()))
    return {name: asked[name] if name in asked else None if found[name] in taken else found[name] for name in columns}


def _remembered(account: Account, columns: list[str]) -> Columns | None:
    earlier = BatchImport.objects.filter(batch__account=account).order_by("-created_at")
    mappings = (mapping for mapping in earlier.values_list("mapping", flat=True)[:_REMEMBERED])
    return next((mapping for mapping in mappings if set(mapping) == set(columns)), None)


def _checked(columns: list[str], wanted: Mapping[str, Any]) -> Columns:
    unknown = [column for column in wanted if column not in columns]
    if unknown:
        raise Refusal(f"El archivo no tiene la columna «{shown(unknown[0])}».", code="columna_desconocida")
    asked: Columns = {column: field or None for column, field in wanted.items()}
    fields = [field for field in asked.values() if field is not None]
    for field in fields:
        if not isinstance(field, str) or field not in _BY_NAME:
            raise Refusal(f"No hay un campo «{shown(str(field))}».", code="campo_desconocido")
        if fields.count(field) > 1:
            raise Refusal(f"Dos columnas no pueden ser «{label_of(field)}».", code="campo_repetido")
    return asked


def label_of(field: str) -> str:
    return _BY_NAME[field].label


def refuse_without_phone(mapping: Columns) -> None:
    """A file in which no column is a phone makes no job, whatever its rows say."""
    if not set(PHONE_FIELDS) & set(mapping.values()):
        raise Refusal(
            "Ninguna columna se reconoce como teléfono. Llámela «telefono» o indíquela en «mapping».",
            code="falta_columna",
        )


def kind_of(mapping: Columns) -> str:
    """`debt_collection`, `marketing` or `generic`, as the client's wizard calls what it was given."""
    if _DEBT_FIELDS & set(mapping.values()):
        return "debt_collection"
    others = {word for column, field in mapping.items() if field is None for word in words(column)}
    return "marketing" if others & _OF_MARKETING else "generic"


def is_passed_over(column: str) -> bool:
    return _squeezed(column) in PASSED_OVER


def _squeezed(header: str) -> str:
    return "".join(words(header))


def _is_called(column: str, header: str) -> bool:
    return _squeezed(column) == _squeezed(header)


def _contains(column: str, header: str) -> bool:
    """In whole words: "rut" is in "Rut titular" and not in "ruta". A number would make it another column."""
    have, wanted = words(column), words(header)
    places = range(len(have) - len(wanted) + 1)
    return len("".join(wanted)) > 2 and any(have[at : at + len(wanted)] == wanted for at in places)
