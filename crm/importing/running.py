"""An import from the uploaded file to its last row: look at it first, then carry it out."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import PurePath
from typing import Any, TypeVar

from django.conf import settings
from django.core.files import File
from django.db import transaction

from crm.acting import acting_as
from crm.choices import ImportState, RowOutcome, Typification
from crm.exceptions import Refusal
from crm.importing import columns
from crm.importing.files import Line, Table, UnreadableFile, open_table
from crm.importing.rows import Row, RowReader
from crm.importing.storing import Desk, Order, Result, desk_for, store
from crm.models import ImportRow, ImportRun, User
from crm.models.imports import FILES_KEPT_FOR, MOST_ATTEMPTS, UNFINISHED

CHUNK_ROWS = 500
SHOWN_ROWS = 20
# Of a longer file the preview tells what would become of its first rows only: it is somebody's waiting time.
FORESEEN_ROWS = 20_000
# Then the worker lets others at its slot and is woken again; below Celery's own limit for a task.
SECONDS_AT_A_TIME = 300.0

Progress = Callable[[ImportRun], None]
Item = TypeVar("Item")


# --- Looking at a file --------------------------------------------------------------------------


def preview_file(
    file: "File[Any]", *, name: str, kind: str, by: User | None, mapping: dict[str, Any] | None = None
) -> ImportRun:
    """Store the file as a run that may be started, with what was found in it. What is unreadable is refused."""
    if file.size > settings.IMPORT_MAX_BYTES:
        raise too_large()
    run = ImportRun(kind=kind, file_name=PurePath(name).name[-255:] or "archivo", created_by=by)
    with closing(open_table(file, columns.recognised)) as table:
        run.mapping = (
            columns.guess(kind, table.columns)
            if mapping is None
            else columns.checked_mapping(kind, table.columns, mapping)
        )
        foresight = _Foresight(run, table)
        foresight.look()
    if not foresight.total:
        raise UnreadableFile("El archivo solo tiene encabezados.", code="archivo_vacio")
    run.total_rows, run.preview = foresight.total, foresight.told()
    _keep(run, file)
    return run


def too_large() -> Refusal:
    most = settings.IMPORT_MAX_BYTES // (1024 * 1024)
    return Refusal(f"El archivo supera los {most} MB.", code="demasiado_grande", status=413)


def _keep(run: ImportRun, file: "File[Any]") -> None:
    """Store file and row. The name on disk is ours: the uploaded one may hold anything."""
    file.seek(0)
    run.file.save(f"{run.pk}{PurePath(run.file_name).suffix.lower()[:10]}", file, save=False)
    try:
        run.save(force_insert=True)
    except BaseException:
        run.file.delete(save=False)
        raise


class _Foresight:
    """What an import would do, found by deciding about every row and storing none."""

    def __init__(self, run: ImportRun, table: Table) -> None:
        self.run = run
        self.table = table
        self.reader = RowReader(run.kind, table.columns, run.mapping, is_text=table.is_text)
        self.desk: Desk = desk_for(Order(kind=run.kind, dry=True))
        self.total = self.attended = 0
        self.outcomes: Counter[str] = Counter()
        self.rows: list[dict[str, Any]] = []

    def look(self) -> None:
        for lines in in_chunks(self.table.lines, CHUNK_ROWS):
            self.total += len(lines)
            if self.total - len(lines) < FORESEEN_ROWS:
                self._decide(lines)

    def _decide(self, lines: list[Line]) -> None:
        rows = [self.reader.read(line) for line in lines]
        results = self.desk.receive(rows)
        self.outcomes.update(result.outcome for result in results)
        self.attended += sum(row.lead.get("tipificacion") == Typification.ATTENDED for row in rows)
        for row, result in islice(zip(rows, results, strict=True), SHOWN_ROWS - len(self.rows)):
            self.rows.append(_shown_row(row, result))

    def told(self) -> dict[str, Any]:
        foreseen = sum(self.outcomes.values())
        return {
            "sheet": self.table.sheet,
            "columns": [self._told_column(name) for name in self.table.columns],
            "missing": columns.missing(self.run.kind, self.run.mapping),
            "rows": self.rows,
            "counts": {
                "rows": foreseen,
                "created": self.outcomes[RowOutcome.CREATED],
                "duplicate": self.outcomes[RowOutcome.DUPLICATE],
                "failed": self.outcomes[RowOutcome.FAILED],
                "complete": foreseen == self.total,
            },
            "warnings": list(self._warnings()),
        }

    def _told_column(self, name: str) -> dict[str, Any]:
        field = self.run.mapping[name]
        label = columns.label_of(self.run.kind, field) if field else None
        return {"name": name, "field": field, "label": label}

    def _warnings(self) -> Iterator[str]:
        for lacking in columns.missing(self.run.kind, self.run.mapping):
            yield f"No se reconoce ninguna columna como «{lacking}»: indíquela antes de importar."
        for name, field in self.run.mapping.items():
            if field is None and not columns.is_passed_over(name):
                yield f"La columna «{name}» no se importa: indique qué es si la necesita."
        if self.reader.saw_cells_outside and not self.table.is_text:
            yield "Hay celdas a la derecha de los encabezados; no se importan."
        if self.attended:
            yield (
                f"{self.attended} filas llegan como «YA ASISTIO»: al guardarlas se marca o se crea su cita como "
                "realizada y se avisa a la aplicación comercial."
            )
        if sum(self.outcomes.values()) < self.total:
            yield f"El recuento es de las primeras {FORESEEN_ROWS} filas; se importarán todas."


def _shown_row(row: Row, result: Result) -> dict[str, Any]:
    values = {**row.person, **row.lead} if row.lead else row.person
    return {
        "number": row.number,
        "outcome": result.outcome,
        "message": result.message,
        "problems": row.problems,
        "values": {name: str(value) for name, value in values.items() if value is not None},
        "cells": row.cells,
    }


# --- Starting and carrying out ------------------------------------------------------------------


def start(
    run: ImportRun, *, merge_duplicates: bool, responsible_user: User | None, mapping: dict[str, Any] | None = None
) -> None:
    """Queue a previewed run; refused while a column that no row can do without is not known."""
    chosen = run.mapping if mapping is None else columns.checked_mapping(run.kind, run.columns, mapping)
    lacking = columns.missing(run.kind, chosen)
    if lacking:
        raise Refusal(f"Indique qué columna es «{lacking[0]}».", code="falta_columna")
    run.start(merge_duplicates=merge_duplicates, responsible_user=responsible_user, mapping=chosen)


def carry_out(
    run: ImportRun, *, seconds: float = SECONDS_AT_A_TIME, progress: Progress = lambda run: None
) -> ImportRun:
    """Work at a run if nobody else does, for `seconds` at most; it goes on where the last worker stopped."""
    if not run.claim():
        return run
    with acting_as(run.created_by):
        if run.attempts > MOST_ATTEMPTS:
            run.fail("La importación se interrumpió varias veces en la misma fila. Avise a soporte.")
            return run
        try:
            with run.file.open("rb") as file, closing(open_table(file, columns.recognised)) as table:
                _work(run, table, until=time.monotonic() + seconds, progress=progress)
        except FileNotFoundError:
            run.fail("El archivo ya no está en el servidor. Súbalo de nuevo.")
        except UnreadableFile as refusal:
            run.fail(refusal.message)
    return run


def _work(run: ImportRun, table: Table, *, until: float, progress: Progress) -> None:
    reader = RowReader(run.kind, table.columns, run.mapping, is_text=table.is_text)
    for lines in in_chunks(islice(table.lines, run.processed_rows, None), CHUNK_ROWS):
        if time.monotonic() > until:
            run.release()
            return
        if not _store_chunk(run, [reader.read(line) for line in lines]):
            return  # cancelled, or another worker has taken over
        progress(run)
    if run.processed_rows == run.total_rows:
        run.finish()
    else:
        run.fail("El archivo ya no es el de la vista previa. Súbalo de nuevo.")


def _store_chunk(run: ImportRun, rows: list[Row]) -> bool:
    """The rows' effects, what became of each, the counters and the lease: one transaction. False when not ours."""
    with transaction.atomic():
        if not run.renew():
            return False
        results = store(Order.of(run), rows)
        ImportRow.objects.bulk_create(_account(run, result) for result in results)
        run.count(Counter(result.outcome for result in results))
    run.refresh_counters()
    return True


def _account(run: ImportRun, result: Result) -> ImportRow:
    return ImportRow(
        run=run,
        number=result.number,
        outcome=result.outcome,
        entity_id=result.entity_id,
        message=result.message,
        cells=result.cells,
    )


def in_chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    walker = iter(items)
    while chunk := list(islice(walker, size)):
        yield chunk


def forget_old() -> None:
    """Uploaded files go after FILES_KEPT_FOR, previews that nobody started go wholly; results stay."""
    old = ImportRun.objects.older_than(FILES_KEPT_FOR).exclude(state__in=UNFINISHED)
    for run in old.exclude(file="").iterator():
        run.forget_file()
    old.filter(state=ImportState.PREVIEWED).delete()
