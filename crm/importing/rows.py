"""What one row of a file says: about a person, about an enquiry, or why it cannot be read."""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from crm.choices import DocumentType, ImportKind
from crm.importing.cells import Surroundings, Unclear, is_nothing, known_responsibles
from crm.importing.columns import Field, field_named
from crm.importing.files import Line
from crm.phones import Phone, region_of_country

# Read before the rest: it says how a phone without its country code is meant.
_COUNTRY = ("country", "pais")
_DNI_DIGITS = 8
DOCUMENT_TYPE_OF = {"document_number": "document_type", "numero_documento": "tipo_documento"}
# What a row of leads says of the person, and where a contact keeps it.
_PERSON_OF_LEAD = {
    "nombre": "name",
    "celular": "mobile",
    "email": "email",
    "tipo_documento": "document_type",
    "numero_documento": "document_number",
    "distrito": "district",
    "ciudad": "city",
    "pais": "country",
    "responsible_user_id": "responsible_user_id",
}
_ONLY_OF_PERSON = {"ciudad", "pais"}


@dataclass(slots=True)
class Row:
    """A row that was read. With problems it is not stored, and they say why."""

    number: int
    cells: list[str]
    person: dict[str, Any] = field(default_factory=dict)  # by field of Contact
    lead: dict[str, Any] = field(default_factory=dict)  # by field of Lead
    phones: list[Phone] = field(default_factory=list)  # every number of the row, the main one first
    problems: list[str] = field(default_factory=list)

    @property
    def document(self) -> str | None:
        return self.person.get("document_number")

    @property
    def email(self) -> str | None:
        return self.person.get("email")

    @property
    def project(self) -> str | None:
        return self.lead.get("proyecto_interes")


class RowReader:
    """Reads the rows of one file, given which column is which field."""

    def __init__(self, kind: str, columns: list[str], mapping: dict[str, str | None], *, is_text: bool) -> None:
        self.kind = kind
        self.width = len(columns)
        self.is_text = is_text
        found = [(place, field_named(kind, mapping.get(name) or "")) for place, name in enumerate(columns)]
        self.fields: list[tuple[int, Field]] = [(place, field) for place, field in found if field is not None]
        self.fields.sort(key=lambda pair: pair[1].name not in _COUNTRY)
        self.around = Surroundings(region=settings.PHONE_REGION, responsibles=known_responsibles())
        self.saw_cells_outside = False

    def read(self, line: Line) -> Row:
        row = Row(number=line.number, cells=line.cells)
        if self._is_shifted(line):
            row.problems.append(
                f"La fila tiene {len(line.cells)} columnas y el encabezado {self.width}: "
                "ponga entre comillas los textos que llevan el separador."
            )
            return row
        values = self._values(row)
        _read_document(values, "numero_documento" if self.kind == ImportKind.LEADS else "document_number", self.around)
        if self.kind == ImportKind.LEADS:
            _tell_enquiry(row, values)
        else:
            _tell_person(row, values)
        return row

    def _is_shifted(self, line: Line) -> bool:
        outside = any(line.cells[self.width :])
        self.saw_cells_outside |= outside
        return outside and self.is_text

    def _values(self, row: Row) -> dict[str, Any]:
        """Field name → what its cell says; blank cells are left out, unclear ones become problems."""
        values: dict[str, Any] = {}
        self.around.region = settings.PHONE_REGION
        for place, column in self.fields:
            cell = row.cells[place] if place < len(row.cells) else ""
            if is_nothing(cell):
                continue
            try:
                values[column.name] = column.read(cell, self.around)
            except Unclear as reason:
                row.problems.append(f"{column.label}: {reason}")
            else:
                if column.name in _COUNTRY:
                    self.around.region = region_of_country(values[column.name], settings.PHONE_REGION)
        return values


def _read_document(values: dict[str, Any], number_field: str, around: Surroundings) -> None:
    """A column called DNI says the type too; a Peruvian DNI gets back the zeros that a number cell lost."""
    type_field = DOCUMENT_TYPE_OF[number_field]
    dni = values.pop("dni", None)
    if dni and number_field not in values:
        values[number_field] = dni
        # Carnés of foreigners stand in columns called DNI too; they are longer.
        if around.region != "PE" or (dni.isdigit() and len(dni) <= _DNI_DIGITS):
            values.setdefault(type_field, DocumentType.DNI)
    number = values.get(number_field, "")
    if values.get(type_field) == DocumentType.DNI and around.region == "PE" and number.isdigit():
        values[number_field] = number.zfill(_DNI_DIGITS)


def _tell_person(row: Row, values: dict[str, Any]) -> None:
    """A row of contacts. It must name the person, and say by what the person can be known again."""
    mobile, phone = values.pop("mobile", []), values.pop("phone", [])
    row.phones = _each_once([*mobile, *phone])
    row.person = values
    if "responsible" in values:
        row.person["responsible_user_id"] = values.pop("responsible")
    for name, phones in (("mobile", mobile), ("phone", phone)):
        if phones:
            row.person[name] = phones[0].number
    _join_names(row.person)
    if not row.person.get("name"):
        _lacks(row, "Nombre", "Falta el nombre.")
    elif not (row.phones or row.email or row.document or row.problems):
        row.problems.append("Falta un teléfono, correo o documento: sin ninguno no se sabe si ya está.")


def _join_names(person: dict[str, Any]) -> None:
    """The full name from its parts; "Nombre" beside "Apellidos" is only the first half of it."""
    name, first, last = (person.get(part) or "" for part in ("name", "first_name", "last_name"))
    if name and last and not first and not name.endswith(last):
        person["first_name"], first, name = name, name, ""
    if not name and (first or last):
        person["name"] = f"{first} {last}".strip()


def _tell_enquiry(row: Row, values: dict[str, Any]) -> None:
    """A row of leads. It must name the person and a phone; what it says of the person goes to the contact too."""
    mobile, other = values.pop("celular", []), values.pop("telefono", [])
    row.phones = _each_once([*mobile, *other])
    name = " ".join(filter(None, (values.get("nombre"), values.pop("apellidos", None))))
    if not values.get("nombre"):
        _lacks(row, "Nombre", "Falta el nombre.")
    if not mobile:
        _lacks(row, "Celular", "Falta el celular.")
    if row.problems:
        return
    values["nombre"], values["celular"] = name, mobile[0].number
    if "responsible" in values:
        values["responsible_user_id"] = values.pop("responsible")
    row.person = {field: values[said] for said, field in _PERSON_OF_LEAD.items() if said in values}
    if row.phones[1:]:
        row.person["phone"] = row.phones[1].number
    row.lead = {name: value for name, value in values.items() if name not in _ONLY_OF_PERSON}


def _lacks(row: Row, label: str, sentence: str) -> None:
    """Say that something is missing, unless it is there and was already found unclear."""
    if not any(problem.startswith(f"{label}:") for problem in row.problems):
        row.problems.append(sentence)


def _each_once(phones: list[Phone]) -> list[Phone]:
    return list({phone.key: phone for phone in reversed(phones)}.values())[::-1]
