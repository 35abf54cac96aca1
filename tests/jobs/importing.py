"""What the tests of imports share: files, uploads, and what came of them."""

import io
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook
from rest_framework.response import Response
from rest_framework.test import APIClient

from jobs.models import Account, Batch, Job

PREVIEW = "/api/v1/batches/excel/preview"
CREATE = "/api/v1/batches/excel/create"
# The columns that the client's own form asks for.
HEADER = "nombre,telefono,rut,monto_deuda"
# Those of the sheets that collection agencies send (campaign-client 3.4).
COLLECTION = (
    "RUTS,Nombre,Origen Empresa,Saldo actualizado,FechaVencimiento,diasRetraso,Teléfono móvil,Teléfono Residencial"
)
ANA = "Ana Soto,+56 9 9123 4567,11.111.111-1,45000"
LUIS = "Luis Vera,+56 9 8123 4567,22.222.222-2,30000"


def lines(*texts: str) -> bytes:
    return "\r\n".join(texts).encode()


def workbook(*rows: list[Any]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def upload(client: APIClient, path: str, content: bytes, *, name: str = "lista.csv", **more: Any) -> Response:
    headers = more.pop("headers", None)
    body = {"file": SimpleUploadedFile(name, content), **more}
    return client.post(path, body, format="multipart", headers=headers)


def previewed(client: APIClient, account: Account, content: bytes, **more: Any) -> Any:
    answer = upload(client, PREVIEW, content, account_id=account.account_id, **more)
    assert answer.status_code == 200, answer.data
    return answer.data


def created(client: APIClient, account: Account, content: bytes, **more: Any) -> Any:
    answer = upload(client, CREATE, content, account_id=account.account_id, **more)
    assert answer.status_code == 200, answer.data
    return answer.data


def jobs_of(answer: Any) -> list[Job]:
    """In the order of the file."""
    return list(Job.objects.filter(batch=answer["_id"]).order_by("id"))


def only_job(answer: Any) -> Job:
    (job,) = jobs_of(answer)
    return job


def batch_of(answer: Any) -> Batch:
    return Batch.objects.get(pk=answer["_id"])


def phones(client: APIClient, account: Account, *cells: str, header: str = "nombre,telefono") -> Any:
    """What a file of such phone cells says in a preview: number or complaint for each."""
    told = previewed(client, account, lines(header, *(f"Persona,{cell}" for cell in cells)))
    by_row = {row["row"]: row["phones"] for row in told["rows"]}
    complaints = {row["row"]: row["error"] for row in told["errors"]}
    return [by_row.get(row) or complaints.get(row) for row in range(2, len(cells) + 2)]
