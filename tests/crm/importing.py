"""What the tests of imports and exports share: files, uploads, and a run from preview to result."""

import csv
import io
import zipfile
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook
from rest_framework.response import Response
from rest_framework.test import APIClient

from crm.tasks import run_import

IMPORTS = "/api/crm/imports"


def lines(*texts: str, encoding: str = "utf-8") -> bytes:
    return "\r\n".join(texts).encode(encoding)


def workbook(*rows: list[Any], change: Callable[[Workbook], None] | None = None) -> bytes:
    """An XLSX file with these rows on its first sheet."""
    book = Workbook()
    for row in rows:
        book.active.append(row)
    if change:
        change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def open_document(*rows: list[str]) -> bytes:
    """An ODS file, as small as one can be."""
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>' for cell in row
        )
        + "</table:table-row>"
        for row in rows
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="Hoja1">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<?xml version="1.0"?><manifest:manifest '
            'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
    return file.getvalue()


def preview(
    client: APIClient, content: bytes, *, kind: str = "leads", name: str = "leads.csv", **more: Any
) -> Response:
    body = {"file": SimpleUploadedFile(name, content), "kind": kind, **more}
    return client.post(f"{IMPORTS}/preview", body, format="multipart")


def start(client: APIClient, import_id: str, **more: Any) -> Response:
    return client.post(IMPORTS, {"import_id": import_id, **more})


def imported(client: APIClient, content: bytes, *, kind: str = "leads", name: str = "leads.csv", **more: Any) -> Any:
    """Preview, start, and the worker's task; the run as the API then shows it."""
    looked_at = preview(client, content, kind=kind, name=name)
    assert looked_at.status_code == 201, looked_at.data
    started = start(client, looked_at.data["id"], **more)
    assert started.status_code == 202, started.data
    run_import(run_id=str(started.data["id"]))
    return client.get(f"{IMPORTS}/{started.data['id']}").data


def rows_of(client: APIClient, run: Any, **asked: Any) -> list[Any]:
    answer = client.get(f"{IMPORTS}/{run['id']}/rows", {"limit": 1000, **asked})
    assert answer.status_code == 200, answer.data
    return list(answer.data["items"])


def outcomes(client: APIClient, run: Any) -> dict[int, str]:
    return {row["number"]: row["outcome"] for row in rows_of(client, run)}


def counts(run: Any) -> dict[str, int]:
    return {name: run[f"{name}_rows"] for name in ("total", "created", "merged", "duplicate", "failed")}


def body_of(answer: Any) -> bytes:
    """The bytes of a file that was answered."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def cells_of(answer: Any) -> list[list[str]]:
    """The rows of a CSV file that was answered."""
    return list(csv.reader(io.StringIO(body_of(answer).decode("utf-8-sig"), newline="")))
