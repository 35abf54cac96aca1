"""What clients are told about an import (campaign-client 1.4), and its rejected rows as a file."""

from collections.abc import Iterator
from typing import Any

from crm.exporting import BOM, csv_lines
from crm.text import in_number
from jobs.importing.columns import PASSED_OVER
from jobs.importing.looking import NO_CREDIT, lacks_credit, not_called
from jobs.models import BatchImport
from jobs.models.imports import ImportProblemQuerySet
from jobs.money import amount_of

SHOWN = 20
_STATUS = {"running": "processing", "done": "completed", "failed": "failed"}


def created(run: BatchImport) -> dict[str, Any]:
    """The answer to a file, told from the rows: asked again, it says the same."""
    batch = run.batch
    estimate = run.created_jobs * batch.account.expected_micros
    return {
        "success": True,
        "message": in_number(run.created_jobs, "llamada creada.", "llamadas creadas."),
        "_id": batch.pk,
        "batch_id": batch.batch_id,
        "batch_name": batch.name,
        "jobs_created": run.created_jobs,
        "contacts_processed": run.done_people,
        "duplicates_skipped": run.duplicates,
        "errors": _sentences(run.problems.to_correct()),
        "warnings": [*_warnings(run, estimate), *_sentences(run.problems.warnings())],
        "status": _STATUS[run.state],
        "progress": run.progress,
        # The names of the API reference (dialer-anchors 1.1).
        "total_debtors": run.total_people,
        "total_jobs": run.created_jobs,
        "duplicates_found": run.duplicates,
        "estimated_cost": amount_of(estimate),
        "created_at": batch.created_at,
    }


def progress(run: BatchImport) -> dict[str, Any]:
    """How far it is, its counts, and the first rows that went wrong."""
    problems = run.problems.in_order()[: SHOWN * 5]
    return {
        "import_id": str(run.pk),
        "_id": run.batch_id,
        "batch_id": run.batch.batch_id,
        "file_name": run.file_name,
        "status": _STATUS[run.state],
        "progress": run.progress,
        "total_rows": run.total_rows,
        "total_people": run.total_people,
        "processed_people": run.done_people,
        "jobs_created": run.created_jobs,
        "duplicates_skipped": run.duplicates,
        "do_not_call": run.refused,
        "failed_rows": run.failed_rows,
        "error": run.error,
        "mapping": run.mapping,
        "problems": [{"row": row.row, "message": row.message, "is_error": row.is_error} for row in problems],
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def rejected_csv(run: BatchImport) -> Iterator[bytes]:
    """The rows that made no call with their own columns, number and reason: to be corrected and sent again."""
    columns: list[str] = run.options.get("columns", [])
    number, reason = (name.capitalize() for name in PASSED_OVER)
    yield BOM
    yield from csv_lines([*columns, number, reason], _rejected(run, len(columns)))


def _rejected(run: BatchImport, width: int) -> Iterator[list[Any]]:
    for problem in run.problems.without_call().in_order().iterator():
        cells = problem.cells[:width]
        yield [*cells, *[""] * (width - len(cells)), problem.row, problem.message]


def _sentences(problems: ImportProblemQuerySet) -> list[str]:
    return [f"Fila {problem.row}: {problem.message}" for problem in problems.in_order()[:SHOWN]]


def _warnings(run: BatchImport, estimate: int) -> Iterator[str]:
    if not run.is_finished:
        yield f"El archivo se sigue importando: va por el {run.progress} %."
    if run.error:
        yield run.error
    if run.failed_rows:
        yield in_number(
            run.failed_rows,
            "fila no se pudo leer; descárguela con su motivo, corríjala y añádala.",
            "filas no se pudieron leer; descárguelas con su motivo, corríjalas y añádalas.",
        )
    if run.refused:
        yield not_called(run.refused)
    if lacks_credit(run.batch.account, estimate):
        yield NO_CREDIT
