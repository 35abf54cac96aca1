"""The rows of a file that speak of one person, and what they say together (campaign-client 3.4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from crm.importing.cells import Surroundings, Unclear, is_nothing, read_date
from crm.importing.files import Line, Table
from crm.phones import Phone
from crm.text import words
from jobs.choices import ProblemKind
from jobs.importing import cells
from jobs.importing.columns import PHONE_FIELDS, Columns, is_passed_over, label_of
from jobs.models import Job

BASIC, ACQUISITION = "basic", "acquisition"
# What is added to the latest and to the earliest due date of a person with their days late.
DAYS_TO_LIMIT, DAYS_TO_MAXIMUM = 3, 7
SAMPLE_ROWS = 20
MOST_EXTRAS, LONGEST_EXTRA = 100, 500
MOST_PHONES = 10
_LONGEST_NAME: int = Job._meta.get_field("name").max_length or 200
_NOTHING_AROUND = Surroundings()


@dataclass(frozen=True, slots=True)
class Order:
    """How the rows are meant, beside which column is what. Stored with the import: whoever goes on reads alike."""

    country: str
    today: date
    processing_type: str = BASIC
    allow_duplicates: bool = False
    days_to_limit: int | None = None
    days_to_maximum: int | None = None

    def stored(self) -> dict[str, Any]:
        return {**{name: getattr(self, name) for name in self.__slots__}, "today": self.today.isoformat()}

    @classmethod
    def of(cls, stored: dict[str, Any]) -> "Order":
        known = {name: stored[name] for name in cls.__slots__ if name in stored}
        return cls(**{**known, "today": date.fromisoformat(stored["today"])})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row; all but a warning make no job of it."""

    line: Line
    message: str
    kind: ProblemKind = ProblemKind.ERROR

    @property
    def is_error(self) -> bool:
        return self.kind != ProblemKind.WARNING


@dataclass(slots=True)
class Person:
    """Whom to call. With an error among the problems, nobody is."""

    key: str
    lines: list[Line]
    name: str = ""
    document: str = ""
    phones: list[Phone] = field(default_factory=list)  # in the order in which they are tried
    payload: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_readable(self) -> bool:
        return not any(problem.is_error for problem in self.problems)


@dataclass(slots=True)
class Gathered:
    """A whole file: its rows by person, in the order in which each comes first, and rows that tell no person."""

    people: dict[str, list[Line]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    sample: list[Line] = field(default_factory=list)
    total_rows: int = 0

    @property
    def repeated_rows(self) -> int:
        """Rows about somebody of whom an earlier row spoke."""
        return self.total_rows - len(self.people) - len(self.problems)


class PeopleReader:
    """Reads one file, given which column is which field."""

    def __init__(self, columns: list[str], mapping: Columns, order: Order, *, is_text: bool) -> None:
        self.order = order
        self.width = len(columns)
        self.is_text = is_text
        self.places = {field: place for place, name in enumerate(columns) if (field := mapping.get(name))}
        unmapped = [(place, name) for place, name in enumerate(columns) if not mapping.get(name)]
        extras = [(place, "_".join(words(name))[:60]) for place, name in unmapped if not is_passed_over(name)]
        self.extras = [*self._kept("email", "address"), *extras][:MOST_EXTRAS]

    def _kept(self, *fields: str) -> Iterator[tuple[int, str]]:
        return ((self.places[name], name) for name in fields if name in self.places)

    # --- Who a row speaks of --------------------------------------------------------------------

    def gather(self, table: Table) -> Gathered:
        """Every row under its person; what rows say besides is read person by person, when their turn comes."""
        found = Gathered()
        for line in table.lines:
            found.total_rows += 1
            if len(found.sample) < SAMPLE_ROWS:
                found.sample.append(line)
            try:
                found.people.setdefault(self._key(line), []).append(line)
            except Unclear as reason:
                found.problems.append(Problem(line, str(reason)))
        return found

    def _key(self, line: Line) -> str:
        """The document, else the phone. No document of one country is one of another."""
        if self.is_text and any(line.cells[self.width :]):
            raise Unclear(
                f"La fila tiene {len(line.cells)} columnas y el encabezado {self.width}: "
                "ponga entre comillas los textos que llevan el separador."
            )
        document = self._document(line)
        if document:
            return f"doc:{self.order.country}:{document}"
        phones, unclear = self._phones_of(line)
        if not phones:
            raise Unclear(" ".join(unclear) or "Falta el teléfono.")
        return f"tel:{phones[0].key}"

    def _document(self, line: Line) -> str:
        cell = self._cell(line, "document")
        try:
            return cells.read_document(cell, self.order.country) if cell else ""
        except Unclear as reason:
            raise Unclear(f"{label_of('document')}: {reason}") from None

    def _phones_of(self, line: Line) -> tuple[list[Phone], list[str]]:
        """The mobile first; and what is written where a phone should be, and is none."""
        phones: list[Phone] = []
        unclear: list[str] = []
        for name in PHONE_FIELDS:
            cell = self._cell(line, name)
            if not cell:
                continue
            try:
                phones += cells.read_phones(cell, self.order.country)
            except Unclear as reason:
                unclear.append(f"{label_of(name)}: {reason}")
        return phones, unclear

    def _cell(self, line: Line, name: str) -> str:
        place = self.places.get(name)
        cell = line.cells[place] if place is not None and place < len(line.cells) else ""
        return "" if is_nothing(cell) else cell

    # --- What the rows of a person say ----------------------------------------------------------

    def read(self, key: str, lines: list[Line]) -> Person:
        person = Person(key=key, lines=lines)
        person.name = self._name(lines)[:_LONGEST_NAME]
        person.document = key.split(":", 2)[2] if key.startswith("doc:") else ""
        if cells.has_wrong_check_digit(person.document, self.order.country):
            unsure = "El dígito verificador del RUT no coincide."
            person.problems.append(Problem(lines[0], unsure, ProblemKind.WARNING))
        self._take_phones(person)
        self._take_matter(person)
        return person

    def _name(self, lines: Iterable[Line]) -> str:
        for line in lines:
            parts = (self._cell(line, name) for name in ("name", "first_name", "last_name"))
            name, first, last = (" ".join(part.split()) for part in parts)
            # "Nombre" beside "Apellidos" is only the first half; beside "Nombres" too it is all of it.
            found = name if name and first else " ".join(filter(None, (name or first, last)))
            if found:
                return found
        return ""

    def _take_phones(self, person: Person) -> None:
        """Each number once, mobiles first. An unclear one only costs the job when no other is left."""
        read = [self._phones_of(line) for line in person.lines]
        found = [phone for phones, _ in read for phone in phones]
        found.sort(key=lambda phone: not phone.is_mobile)
        person.phones = list({phone.key: phone for phone in reversed(found)}.values())[::-1][:MOST_PHONES]
        for line, (_, unclear) in zip(person.lines, read, strict=True):
            if unclear or not found:
                message = " ".join(unclear) or "Falta el teléfono."
                kind = ProblemKind.WARNING if found else ProblemKind.ERROR
                person.problems.append(Problem(line, message, kind))

    def _take_matter(self, person: Person) -> None:
        """What the call is about. The rows of a debtor are summed, so an unclear one costs the others as well."""
        matters = []
        for line in person.lines:
            try:
                matters.append(self._matter(line))
            except Unclear as reason:
                person.problems.append(Problem(line, str(reason)))
        if len(matters) < len(person.lines):
            self._give_up_rest(person)
            return
        amount = sum((matter.amount for matter in matters), Decimal(0))
        info = self._additional(person.lines)
        if {"amount", "due_date"} & self.places.keys():
            info["cantidad_cupones"] = len(matters)
        if "days_late" in self.places:
            info["dias_retraso"] = max(matter.days_late for matter in matters)
        limit, maximum = self._dates(matters)
        info |= {name: day for name, day in (("fecha_limite", limit), ("fecha_maxima", maximum)) if day}
        person.payload = {
            "company_name": self._first(person.lines, "company"),
            "debt_amount": int(amount) if amount == int(amount) else float(amount),
            "due_date": limit,
            "reference_number": self._first(person.lines, "reference"),
            "additional_info": info,
        }

    def _give_up_rest(self, person: Person) -> None:
        at_fault = {problem.line.number for problem in person.problems if problem.is_error}
        for line in person.lines:
            if line.number not in at_fault:
                message = f"La fila {min(at_fault)} es de la misma persona y tiene un error: la deuda no sería la suya."
                person.problems.append(Problem(line, message))

    def _matter(self, line: Line) -> "_Matter":
        found = _Matter()
        for name in ("amount", "due_date", "days_late"):
            cell = self._cell(line, name)
            try:
                if cell and name == "amount":
                    found.amount = cells.read_amount(cell, is_text=self.is_text)
                elif cell and name == "due_date":
                    found.due_date = read_date(cell, _NOTHING_AROUND)
                elif cell:
                    found.days_late = cells.read_days(cell)
            except Unclear as reason:
                raise Unclear(f"{label_of(name)}: {reason}") from None
        return found

    def _dates(self, matters: list["_Matter"]) -> tuple[str, str]:
        """The latest due date with its days late and 3, the earliest with its own and 7; or days from today."""
        dated = [(matter.due_date, matter.days_late) for matter in matters if matter.due_date]
        limit = maximum = None
        if dated:
            limit = _later(max(dated), DAYS_TO_LIMIT)
            maximum = _later(min(dated), DAYS_TO_MAXIMUM)
        if self.order.days_to_limit is not None:
            limit = self.order.today + timedelta(days=self.order.days_to_limit)
        if self.order.days_to_maximum is not None:
            maximum = self.order.today + timedelta(days=self.order.days_to_maximum)
        return (limit.isoformat() if limit else "", maximum.isoformat() if maximum else "")

    def _first(self, lines: Iterable[Line], name: str) -> str:
        found = (" ".join(self._cell(line, name).split()) for line in lines)
        return next(filter(None, found), "")[:LONGEST_EXTRA]

    def _additional(self, lines: Iterable[Line]) -> dict[str, Any]:
        """Columns that are no field, each by its name; of several rows the first that says something."""
        info: dict[str, Any] = {}
        for line in lines:
            for place, name in self.extras:
                cell = line.cells[place] if place < len(line.cells) else ""
                if cell and name not in info:
                    info[name] = cell[:LONGEST_EXTRA]
        return info


@dataclass(slots=True)
class _Matter:
    """What one row says of a debt."""

    amount: Decimal = Decimal(0)
    due_date: date | None = None
    days_late: int = 0


def _later(dated: tuple[date, int], days: int) -> date:
    due, late = dated
    return due + timedelta(days=late + days)
