"""What would become of a file, found by deciding about its people and storing nothing."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.files import File

from crm.importing.running import in_chunks
from crm.text import in_number
from jobs.choices import PlanType
from jobs.importing import columns
from jobs.importing.deciding import Decision, Fate, decide
from jobs.importing.people import Problem
from jobs.importing.reading import AS_USUAL, Reading, Wishes
from jobs.models import Account, Count
from jobs.money import amount_of

CHUNK_PEOPLE = 1000
# Somebody waits for it: of a longer file the first people are decided about, and it says so.
SECONDS = 8.0
SHOWN_ROWS = 20
SHOWN_ERRORS = 50


def preview(
    file: "File[Any]", *, name: str, account: Account, wishes: Wishes = AS_USUAL, seconds: float = SECONDS
) -> dict[str, Any]:
    """What the client is told (campaign-client 1.4): nested and flat, because its pages read both."""
    until = time.monotonic() + seconds
    reading = Reading.of_upload(file, account, wishes)
    return _Foresight(reading, account, until).told(name)


class _Foresight:
    def __init__(self, reading: Reading, account: Account, until: float) -> None:
        self.reading = reading
        self.account = account
        self.fates: Counter[str] = Counter()
        self.failed_rows = len(reading.gathered.problems)
        self.problems: list[Problem] = reading.gathered.problems[:SHOWN_ERRORS]
        self.shown: list[dict[str, Any]] = []
        for people in in_chunks(reading.people(), CHUNK_PEOPLE):
            for decision in decide(people, account, None, reading.order):
                self._note(decision)
            if time.monotonic() > until:
                break

    def _note(self, decision: Decision) -> None:
        person = decision.person
        self.fates[decision.fate] += 1
        if decision.fate == Fate.FAILED:
            self.failed_rows += len(person.lines)
        self.problems += islice(person.problems, max(0, SHOWN_ERRORS - len(self.problems)))
        if len(self.shown) < SHOWN_ROWS:
            self.shown.append(_shown(decision))

    @property
    def is_complete(self) -> bool:
        return self.fates.total() == len(self.reading.gathered.people)

    @property
    def estimated_micros(self) -> int:
        return self.fates[Fate.CREATED] * self.account.expected_micros

    def told(self, file_name: str) -> dict[str, Any]:
        gathered, mapping = self.reading.gathered, self.reading.mapping
        sample = [_as_object(self.reading.columns, line.cells) for line in gathered.sample]
        return {
            "success": True,
            "file_name": file_name,
            "preview": {
                "total_rows": gathered.total_rows,
                "sample_rows": sample,
                "detected_columns": self.reading.columns,
                "country_format": self.account.country,
            },
            "sampleRows": sample,
            "detectedFormat": columns.kind_of(mapping),
            "total_rows": gathered.total_rows,
            "valid_rows": gathered.total_rows - self.failed_rows,
            "invalid_rows": self.failed_rows,
            "total_people": len(gathered.people),
            "jobs_to_create": self.fates[Fate.CREATED],
            "repeated_rows": gathered.repeated_rows,
            "duplicates": self.fates[Fate.DUPLICATE],
            "do_not_call": self.fates[Fate.REFUSED],
            "estimated_cost": amount_of(self.estimated_micros),
            "is_complete": self.is_complete,
            "mapping": mapping,
            "available_fields": [{"name": field.name, "label": field.label} for field in columns.FIELDS],
            "rows": self.shown,
            "errors": [_told_problem(problem) for problem in sorted(self.problems, key=lambda p: p.line.number)],
            "warnings": list(self._warnings()),
        }

    def _warnings(self) -> Iterator[str]:
        gathered, mapping = self.reading.gathered, self.reading.mapping
        if not set(columns.PHONE_FIELDS) & set(mapping.values()):
            yield "Ninguna columna se reconoce como teléfono: indíquela antes de crear la campaña."
        if gathered.repeated_rows > 0:
            repeats = in_number(gathered.repeated_rows, "fila repite", "filas repiten")
            yield f"{repeats} a una persona: se juntan en una llamada y su deuda se suma."
        if self.fates[Fate.DUPLICATE]:
            there = in_number(self.fates[Fate.DUPLICATE], "persona ya está", "personas ya están")
            yield f"{there} en otra campaña de la cuenta."
        if self.fates[Fate.REFUSED]:
            yield not_called(self.fates[Fate.REFUSED])
        if not self.is_complete:
            yield f"El recuento es de las primeras {self.fates.total()} personas; se importarán todas."
        if lacks_credit(self.account, self.estimated_micros):
            yield NO_CREDIT


NO_CREDIT = "El saldo de la cuenta no alcanza para llamar a todos; la campaña esperará a que se recargue."


def not_called(people: int) -> str:
    return in_number(
        people,
        "persona no se llama: pidió que no o está en la lista de no llamar.",
        "personas no se llaman: pidieron que no o están en la lista de no llamar.",
    )


def lacks_credit(account: Account, micros: int) -> bool:
    """Whether calls for so much would be more than what is left. They are held then, not refused."""
    if account.plan_type != PlanType.CREDITS:
        return False
    return account.credit_micros - Count.objects.of(account.pk).cost_micros < micros


def _as_object(names: list[str], cells: list[str]) -> dict[str, str]:
    """A row as the wizard shows it: each value a text."""
    return {name: cells[place] if place < len(cells) else "" for place, name in enumerate(names)}


def _shown(decision: Decision) -> dict[str, Any]:
    person = decision.person
    return {
        "row": person.lines[0].number,
        "rows": len(person.lines),
        "name": person.name,
        "document": person.document,
        "phones": [phone.number for phone in decision.phones],
        "debt_amount": person.payload.get("debt_amount", 0),
        "due_date": person.payload.get("due_date", ""),
        "outcome": decision.fate.value,
        "problems": [*filter(None, [decision.message]), *(problem.message for problem in person.problems)],
    }


def _told_problem(problem: Problem) -> dict[str, Any]:
    return {"row": problem.line.number, "error": problem.message, "is_error": problem.is_error}
