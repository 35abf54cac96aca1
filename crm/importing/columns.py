"""The fields that a file can fill, and which of its columns is which."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

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
from crm.exceptions import Refusal
from crm.importing import cells
from crm.importing.cells import Reader, plain
from crm.models import Contact, Lead

# Words that say nothing about which field a column is.
_FILLER = {
    "de", "del", "la", "el", "los", "las", "y", "o", "en", "su", "cliente", "contacto", "prospecto", "lead",
    "n", "no", "nro", "num", "numero",
}  # fmt: skip
# Columns of our own exports and of people's sheets that are known and not imported.
_PASSED_OVER = [
    "id", "id contacto", "creado", "actualizado", "ultima llamada", "proxima llamada", "fila", "motivo", "item", "n",
    "no", "nro", "orden", "correlativo",
]  # fmt: skip
_ALIKE = 0.86


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a column can be. `names` are the headers people give it, the likeliest first."""

    name: str
    label: str
    read: Reader
    names: tuple[str, ...] = ()
    example: str = ""

    @property
    def headers(self) -> tuple[str, ...]:
        return (plain(self.label), *self.names)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _line(model: type[Any], name: str, label: str, names: str, example: str = "") -> Field:
    return Field(name, label, cells.line_of(model, name), _names(names), example)


_DOCUMENT_TYPE = "tipo documento, tipo doc, tipo de doc, document type"
_DOCUMENT = "numero documento, nro documento, documento, documento de identidad, doc, cedula, nif, nie, rut, curp, " \
    "document, document number, id number"  # fmt: skip
_DNI = "dni, nro dni, numero de dni"
_EMAIL = "correo electronico, email, e mail, mail, correo e, correos, email address"
_MOBILE = "movil, telefono celular, telefono movil, numero de celular, cel, celulares, whatsapp, wsp, mobile, " \
    "mobile phone, cell, cell phone, phone number"  # fmt: skip
_PHONE = "telefono fijo, fijo, telefono 2, celular 2, otro telefono, telefono alterno, telefono de casa, " \
    "segundo telefono, telefonos, tel, fono, phone, telephone, landline"  # fmt: skip
_COUNTRY = "country, pais de residencia, pais del telefono"
_CITY = "city, ciudad de residencia, localidad"
_DISTRICT = "district, distrito de residencia, comuna, barrio"
_NOTES = "observacion, obs, nota, notas, comentario, comentarios, detalle, notes, comments, remarks"
_RESPONSIBLE = "asesor, agente, operador, encargado, asignado a, asignado, vendedor, responsible, owner, agent, " \
    "correo del responsable, assigned to"  # fmt: skip
_FULL_NAME = "nombre completo, nombres y apellidos, apellidos y nombres, nombre y apellidos, nombre y apellido, " \
    "apellidos y nombre, razon social, cliente, contacto, prospecto, titular, full name, name, client"  # fmt: skip

CONTACT_FIELDS = (
    Field("name", "Nombre", cells.name_of(Contact, "name"), _names(_FULL_NAME), "Rosa Peña Núñez"),
    _line(Contact, "first_name", "Nombres", "primer nombre, first name, given name, firstname"),
    _line(Contact, "last_name", "Apellidos", "apellido, last name, surname, family name, lastname"),
    Field("document_type", "Tipo de documento", cells.one_of(DocumentType, "El tipo de documento"),
          _names(_DOCUMENT_TYPE), "DNI"),
    Field("document_number", "Número de documento", cells.document_of(Contact, "document_number"),
          _names(_DOCUMENT), "40506070"),
    Field("dni", "DNI", cells.document_of(Contact, "document_number"), _names(_DNI)),
    Field("mobile", "Celular", cells.read_phones, _names(_MOBILE), "987 654 321"),
    Field("phone", "Teléfono", cells.read_phones, _names(_PHONE), "01 234 5678"),
    Field("email", "Correo", cells.read_email, _names(_EMAIL), "rosa@ejemplo.pe"),
    _line(Contact, "country", "País", _COUNTRY, "Perú"),
    _line(Contact, "state", "Provincia o región", "provincia, region, departamento, estado provincia, state, province"),
    _line(Contact, "city", "Ciudad", _CITY, "Lima"),
    _line(Contact, "district", "Distrito", _DISTRICT, "Los Olivos"),
    _line(Contact, "address", "Dirección", "domicilio, direccion de residencia, address, street"),
    _line(Contact, "postal_code", "Código postal", "cp, zip, postal code, zip code"),
    _line(Contact, "company", "Empresa", "compania, organizacion, company, organization"),
    _line(Contact, "position", "Cargo", "puesto, ocupacion, profesion, position, job title"),
    Field("responsible", "Responsable", cells.read_responsible, _names(_RESPONSIBLE)),
    Field("notes_text", "Observaciones", cells.read_text, _names(_NOTES), "Prefiere las tardes"),
    _line(Contact, "nacionalidad", "Nacionalidad", "nationality"),
    _line(Contact, "lugar_residencia", "Lugar de residencia", "residencia, residence"),
    _line(Contact, "tiempo_espana", "Tiempo en España", "tiempo espana, tiempo en el pais"),
    Field("edad", "Edad", cells.read_age, ("age",)),
    Field("empadronado", "Empadronado", cells.read_flag, ("empadronada",)),
    Field("tiene_ingresos", "Tiene ingresos", cells.read_flag, ("ingresos",)),
    Field("trabaja_b", "Trabaja sin contrato", cells.read_flag, ("trabaja b", "trabaja en b")),
    Field("tiene_familiares_espana", "Tiene familiares en España", cells.read_flag, ("familiares en espana",)),
    Field("grading_llamada", "Calificación de la llamada", cells.one_of(Grading, "La calificación"),
          ("calificacion llamada", "grading llamada")),
    Field("grading_situacion", "Calificación de la situación", cells.one_of(Grading, "La calificación"),
          ("calificacion situacion", "grading situacion")),
    Field("landing_product", "Producto de entrada", cells.one_of(LandingProduct, "El producto"), ("producto",)),
)  # fmt: skip

LEAD_FIELDS = (
    Field("nombre", "Nombre", cells.name_of(Lead, "nombre"), (*_names(_FULL_NAME), "nombres", "first name"),
          "Rosa Peña Núñez"),
    Field("apellidos", "Apellidos", cells.line_of(Contact, "last_name"), _names("apellido, last name, surname")),
    Field("celular", "Celular", cells.read_phones, (*_names(_MOBILE), "telefono", "telefonos", "phone", "tel"),
          "987 654 321"),
    Field("telefono", "Teléfono", cells.read_phones, _names(_PHONE)),
    Field("email", "Correo", cells.read_email, _names(_EMAIL), "rosa@ejemplo.pe"),
    Field("tipo_documento", "Tipo de documento", cells.one_of(DocumentType, "El tipo de documento"),
          _names(_DOCUMENT_TYPE), "DNI"),
    Field("numero_documento", "Número de documento", cells.document_of(Lead, "numero_documento"),
          _names(_DOCUMENT), "40506070"),
    Field("dni", "DNI", cells.document_of(Lead, "numero_documento"), _names(_DNI)),
    Field("pais", "País", cells.line_of(Contact, "country"), _names(_COUNTRY), "Perú"),
    Field("ciudad", "Ciudad", cells.line_of(Contact, "city"), _names(_CITY), "Lima"),
    _line(Lead, "distrito", "Distrito", _DISTRICT, "Los Olivos"),
    _line(Lead, "ubicacion", "Ubicación de captación", "ubicacion, lugar de captacion, campana, campaign, modulo sede",
          "Feria Plaza Norte"),
    _line(Lead, "medio", "Medio de captación", "medio, canal, fuente, origen, source, channel, medio captacion",
          "Redes Sociales (Facebook)"),
    Field("proyecto_interes", "Proyecto de interés", cells.one_of(Project, "El proyecto"),
          _names("proyecto, proyecto interes, project"), "OASIS 1 (HUACHO 1)"),
    Field("tipificacion", "Tipificación", cells.one_of(Typification, "La tipificación"),
          _names("tipificacion de llamada, resultado de llamada, disposition"), "SEGUIMIENTO"),
    Field("status", "Estado", cells.one_of(LeadStatus, "El estado"), ("estado lead", "status", "etapa"), "Nuevo"),
    Field("observacion", "Observación", cells.read_text, ("observaciones", *_names(_NOTES)), "Pide precio"),
    Field("observacion_opc", "Observación de campo", cells.read_text, ("observacion opc", "obs opc")),
    Field("fecha_captacion", "Fecha de captación", cells.read_date,
          _names("fecha captacion, fecha de registro, fecha registro, fecha de ingreso, fecha ingreso, fecha, date, "
                 "created time"), "02/03/2026"),
    _line(Lead, "captador", "Captador", "opc, promotor, captado por, personal opc"),
    _line(Lead, "supervisor", "Supervisor", "supervisor opc"),
    Field("calle_o_modulo", "Calle o módulo", cells.one_of(CapturePlace, "El lugar"), ("calle modulo",)),
    Field("es_directeo", "Directeo", cells.read_flag, ("es directeo",)),
    Field("responsible", "Responsable", cells.read_responsible, _names(_RESPONSIBLE)),
)  # fmt: skip

FIELDS: dict[str, tuple[Field, ...]] = {ImportKind.CONTACTS: CONTACT_FIELDS, ImportKind.LEADS: LEAD_FIELDS}
# At least one of each group must have a column, or every row would fail.
NEEDED: dict[str, tuple[tuple[str, ...], ...]] = {
    ImportKind.CONTACTS: (("name", "first_name"), ("mobile", "phone", "email", "document_number", "dni")),
    ImportKind.LEADS: (("nombre",), ("celular",)),
}

_KNOWN_HEADERS = {header for fields in FIELDS.values() for field in fields for header in field.headers}


def field_named(kind: str, name: str) -> Field | None:
    return next((field for field in FIELDS[kind] if field.name == name), None)


def recognised(row: Iterable[str]) -> int:
    """How many cells of a row are headers that we know."""
    return sum(bool({plain(cell), _essence(plain(cell))} & _KNOWN_HEADERS) for cell in row if cell)


def guess(kind: str, columns: list[str]) -> dict[str, str | None]:
    """Which field each column is; None for those that are none. No field is given twice.

    Three passes over the fields, from sure to bold: the very header, the header without filler words, a
    header with a slip of the pen.
    """
    found: dict[str, str | None] = dict.fromkeys(columns)
    for match in (_very, _in_essence, _nearly):
        for field in FIELDS[kind]:
            if field.name in found.values():
                continue
            free = [name for name, taken in found.items() if taken is None and not is_passed_over(name)]
            column = next((hit for header in field.headers if (hit := match(header, free))), None)
            if column is not None:
                found[column] = field.name
    return found


def is_passed_over(column: str) -> bool:
    """Known, and not imported: ids, dates of our own export, running numbers."""
    return plain(column) in _PASSED_OVER


def missing(kind: str, mapping: dict[str, str | None]) -> list[str]:
    """What no column was found for although no row can do without: in the words of the labels."""
    given = set(mapping.values())
    lacking = [group for group in NEEDED[kind] if not given & set(group)]
    return [" o ".join(label_of(kind, name) for name in group) for group in lacking]


def label_of(kind: str, name: str) -> str:
    field = field_named(kind, name)
    return field.label if field else name


def checked_mapping(kind: str, columns: list[str], wanted: dict[str, Any]) -> dict[str, str | None]:
    """The mapping that somebody asks for, complete; refused in Spanish where it cannot be."""
    unknown = [column for column in wanted if column not in columns]
    if unknown:
        raise Refusal(f"El archivo no tiene la columna «{unknown[0]}».", code="columna_desconocida")
    mapping: dict[str, str | None] = {column: wanted.get(column) or None for column in columns}
    for name in filter(None, mapping.values()):
        if not isinstance(name, str) or field_named(kind, name) is None:
            raise Refusal(f"No hay un campo «{cells.shown(str(name))}».", code="campo_desconocido")
        if list(mapping.values()).count(name) > 1:
            raise Refusal(f"Dos columnas no pueden ser «{label_of(kind, name)}».", code="campo_repetido")
    return mapping


def _very(header: str, columns: list[str]) -> str | None:
    return next((column for column in columns if plain(column) == header), None)


def _in_essence(header: str, columns: list[str]) -> str | None:
    essence = _essence(header)
    return next((column for column in columns if essence and _essence(plain(column)) == essence), None)


def _nearly(header: str, columns: list[str]) -> str | None:
    by_plain = {plain(column): column for column in reversed(columns)}
    near = difflib.get_close_matches(header, by_plain, n=1, cutoff=_ALIKE) if len(header) > 4 else []
    return by_plain[near[0]] if near else None


def _essence(header: str) -> str:
    return " ".join(word for word in header.split() if word not in _FILLER)
