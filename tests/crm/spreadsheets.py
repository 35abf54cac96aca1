"""Writes a spreadsheet of leads as call centres really send them, and knows what must become of each row.

    python -m tests.crm.spreadsheets leads.csv --rows 10000

Phones in ten spellings, accents, people who come twice, second enquiries, blank lines, broken rows. The same
seed writes the same file. Everybody in it is made up.
"""

import argparse
import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from crm.choices import Project, Typification

HEADER = [
    "N°",
    "Nombres y Apellidos",
    "Nro. de Celular",
    "Correo Electrónico",
    "DNI",
    "Distrito",
    "País",
    "Medio",
    "Proyecto",
    "Tipificación",
    "Fecha de registro",
    "Observaciones",
]
FIRST_NAMES = ["Rosa", "José", "María", "Ángel", "Lucía", "Íñigo", "Óscar", "Begoña", "Ñusta", "Raúl", "Zoë", "Noé"]
LAST_NAMES = [
    "Peña",
    "Núñez",
    "Quispe",
    "Güemes",
    "Ibáñez",
    "Ríos",
    "Çelik",
    "Muñoz",
    "O'Hara",
    "Vásquez",
    "De la Cruz",
]
DISTRICTS = ["Los Olivos", "San Juan de Lurigancho", "Breña", "Rímac", "Jesús María", "Ancón", ""]
SOURCES = ["Redes Sociales (Facebook)", "Campo (Centros Comerciales)", "Referidos", "TikTok", ""]
REMARKS = [
    "",
    "Pide precio",
    "Llamar después de las 6, por favor",
    'Dijo "mañana"',
    "=2+3",
    "Línea uno\nlínea dos",
    "-10%",
]

# Ten ways to write 987654321 in Lima.
SPELLINGS: list[Callable[[str], str]] = [
    lambda d: d,
    lambda d: f"{d[:3]} {d[3:6]} {d[6:]}",
    lambda d: f"{d[:3]}-{d[3:6]}-{d[6:]}",
    lambda d: f"+51{d}",
    lambda d: f"+51 {d[:3]} {d[3:6]} {d[6:]}",
    lambda d: f"51{d}",
    lambda d: f"0051{d}",
    lambda d: f"(51) {d[:3]}.{d[3:6]}.{d[6:]}",
    lambda d: f"cel: {d}",
    lambda d: f"{d}.0",
]

BROKEN = [
    "no name",
    "no phone",
    "impossible phone",
    "bad e-mail",
    "unknown typification",
    "unknown project",
    "bad date",
]


@dataclass
class Person:
    name: str
    digits: str
    email: str
    dni: str
    country: str = "Perú"
    projects: set[str] = field(default_factory=set)


@dataclass
class Leads:
    """The rows below the header, blank ones too, and what is expected of an import into an empty CRM."""

    rows: list[list[str]] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    contacts: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    broken_at: list[int] = field(default_factory=list)  # as a spreadsheet numbers its rows

    @property
    def total(self) -> int:
        return sum(self.outcomes.values())


def leads(count: int = 10_000, seed: int = 20_260_302) -> Leads:
    """`count` rows that are not blank."""
    chance = random.Random(seed)
    made = Leads()
    people: list[Person] = []
    while made.total < count:
        kind = chance.random()
        if kind < 0.01:
            made.rows.append([])
        elif kind < 0.07:
            _break(made, chance, len(people))
        elif kind < 0.15 and people:
            _repeat(made, chance, people)
        elif kind < 0.18 and people:
            _ask_again(made, chance, people)
        else:
            _arrive(made, chance, people)
    return made


def _arrive(made: Leads, chance: random.Random, people: list[Person]) -> None:
    person = _person(chance, len(people))
    people.append(person)
    project = chance.choice(Project.values)
    person.projects.add(project)
    made.contacts += 1
    _add(made, "created", _row(made, chance, person, project))


def _repeat(made: Leads, chance: random.Random, people: list[Person]) -> None:
    """The same person for the same project once more, spelled anew."""
    person = chance.choice(people)
    _add(made, "duplicate", _row(made, chance, person, chance.choice(sorted(person.projects))))


def _ask_again(made: Leads, chance: random.Random, people: list[Person]) -> None:
    """A person who is known asks for another project: a second lead, no second contact."""
    person = chance.choice(people)
    others = sorted(set(Project.values) - person.projects)
    if not others:
        return
    project = chance.choice(others)
    person.projects.add(project)
    _add(made, "created", _row(made, chance, person, project))


def _break(made: Leads, chance: random.Random, number: int) -> None:
    row = _row(made, chance, _person(chance, 5_000_000 + number + made.total), chance.choice(Project.values))
    what = chance.choice(BROKEN)
    place, value = {
        "no name": (1, ""),
        "no phone": (2, ""),
        "impossible phone": (2, chance.choice(["12345", "sin número", "999999999999999999"])),
        "bad e-mail": (3, "rosa.arroba.correo"),
        "unknown typification": (9, "VOLVER A LLAMARR"),
        "unknown project": (8, "OASIS 9"),
        "bad date": (10, "31/02/2026"),
    }[what]
    row[place] = value
    made.broken[what] += 1
    made.broken_at.append(len(made.rows) + 2)
    _add(made, "failed", row)


def _add(made: Leads, outcome: str, row: list[str]) -> None:
    made.outcomes[outcome] += 1
    made.rows.append(row)


def _person(chance: random.Random, number: int) -> Person:
    name = f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)} {chance.choice(LAST_NAMES)}"
    if number % 20 == 19:
        return Person(name, f"55{12_000_000 + number:08d}", "", "", country="México")
    email = f"persona{number}@ejemplo.pe" if chance.random() < 0.6 else ""
    dni = f"{1_000_000 + number:08d}" if chance.random() < 0.4 else ""
    return Person(name, f"9{10_000_000 + number:08d}", email, dni)


def _row(made: Leads, chance: random.Random, person: Person, project: str) -> list[str]:
    spelling = chance.choice(SPELLINGS) if person.country == "Perú" else str
    name = chance.choice([person.name, person.name.upper(), f"  {person.name} "])
    return [
        str(len(made.rows) + 1),
        name,
        spelling(person.digits),
        chance.choice([person.email, person.email.upper()]),
        chance.choice([person.dni, person.dni.lstrip("0")]),
        chance.choice(DISTRICTS),
        person.country if person.country != "Perú" or chance.random() < 0.3 else "",
        chance.choice(SOURCES),
        chance.choice([project, project.lower()]),
        chance.choice(["", *Typification.values]) if chance.random() < 0.5 else "",
        chance.choice(["02/03/2026", "2026-03-02", "2/3/26", ""]),
        chance.choice(REMARKS),
    ]


def as_csv(
    rows: list[list[Any]], *, header: list[str] = HEADER, delimiter: str = ",", encoding: str = "utf-8-sig"
) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([header, *rows])
    return text.getvalue().encode(encoding)


def as_xlsx(rows: list[list[Any]], *, header: list[str] = HEADER) -> bytes:
    """As people's spreadsheets are: what looks like a number has become one."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Leads")
    for row in [header, *rows]:
        sheet.append([_typed(value) for value in row])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _typed(value: Any) -> Any:
    if isinstance(value, str) and value.isdigit():
        return int(value)
    # A text that begins with "=" would be written as a formula, and read back as its missing value.
    return f" {value}" if isinstance(value, str) and value.startswith("=") else value


def _arguments() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "file", {"type": Path, "help": ".csv or .xlsx"}
    yield "--rows", {"type": int, "default": 10_000}
    yield "--seed", {"type": int, "default": 20_260_302}
    yield "--delimiter", {"default": ";"}
    yield "--encoding", {"default": "cp1252"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, options in _arguments():
        parser.add_argument(name, **options)
    asked = parser.parse_args()
    made = leads(asked.rows, asked.seed)
    is_workbook = asked.file.suffix == ".xlsx"
    text = as_xlsx(made.rows) if is_workbook else as_csv(made.rows, delimiter=asked.delimiter, encoding=asked.encoding)
    asked.file.write_bytes(text)
    print(f"{made.total} rows: {dict(made.outcomes)}; {made.contacts} contacts; broken: {dict(made.broken)}")


if __name__ == "__main__":
    main()
