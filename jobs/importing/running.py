"""An import from the uploaded file to its last person: look at it, begin, go on where somebody stopped.

The request that brings a file works at it itself, for so long as its client waits; the rest is done in the background.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import PurePath
from typing import Any

from django.core.files import File
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone

from crm.acting import acting_as
from crm.exceptions import Conflict, Refusal
from crm.importing.files import UnreadableFile
from crm.importing.running import in_chunks
from crm.locks import hold
from crm.models import AuditEntry, User
from crm.scope import is_limited
from jobs.choices import BatchAct, ImportState
from jobs.importing.columns import refuse_without_phone
from jobs.importing.deciding import Fate, decide
from jobs.importing.looking import preview
from jobs.importing.reading import AS_USUAL, Reading, Wishes, digest_of
from jobs.importing.storing import put_problems, store
from jobs.models import Account, Batch, BatchImport
from jobs.models.imports import LEASE, MOST_ATTEMPTS
from jobs.services.batches import BatchService

__all__ = ["NewBatch", "Wishes", "add_to_batch", "carry_out", "create_batch", "preview", "resume_due"]

CHUNK_PEOPLE = 1000
# The client gives up after 30 seconds and sends the file again; on a machine five times as busy a chunk takes long.
SECONDS_IN_A_REQUEST = 15.0
SECONDS_AT_A_TIME = 120.0
# The same file for the same account under the same name within this time is the same campaign, asked for again.
SAME_WITHIN = timedelta(minutes=10)
_MOMENT = 0.1

logger = logging.getLogger("puente.jobs.importing")


@dataclass(frozen=True, slots=True)
class NewBatch:
    """The campaign that is to hold the people; without a name it is called as its file."""

    name: str = ""
    description: str = ""
    call_settings: Mapping[str, Any] = field(default_factory=dict)
    is_active: bool = True


NAMED_AS_ITS_FILE = NewBatch()


@dataclass(frozen=True, slots=True)
class _Upload:
    file: "File[Any]"
    name: str
    by: User | None
    digest: str


# --- Beginning ----------------------------------------------------------------------------------


def create_batch(
    file: "File[Any]",
    *,
    name: str,
    account: Account,
    by: User | None,
    batch: NewBatch = NAMED_AS_ITS_FILE,
    wishes: Wishes = AS_USUAL,
    seconds: float = SECONDS_IN_A_REQUEST,
) -> BatchImport:
    """A campaign with a job for each person of `file`; the same one when it is asked for twice, also at once.

    `Refusal`, and no campaign, when nobody in the file can be called. Works for `seconds`, then leaves the rest.
    """
    until = time.monotonic() + seconds
    upload = _Upload(file, name, by, digest_of(file))
    title = (" ".join(batch.name.split()) or PurePath(name).stem)[:200] or "Campaña"
    run = _same_again(account, title, upload)
    if run is not None:
        return _followed(run, until)
    reading = Reading.of_upload(file, account, wishes)
    refuse_without_phone(reading.mapping)
    _refuse_without_jobs(reading, account)
    with transaction.atomic():
        hold(f"jobs:import:{account.pk}:{upload.digest}")
        run = _same_again(account, title, upload)
        if run is None:
            made = BatchService(by).create(
                account,
                title,
                description=batch.description.strip(),
                call_settings=batch.call_settings,
                is_active=batch.is_active,
            )
            ours = _begin(made, upload, reading, creates=True)
    return _followed(run, until) if run is not None else _go_on(ours, reading, until)


def add_to_batch(
    batch: Batch,
    file: "File[Any]",
    *,
    name: str,
    by: User | None,
    wishes: Wishes = AS_USUAL,
    seconds: float = SECONDS_IN_A_REQUEST,
) -> BatchImport:
    """The people of `file` become jobs of a campaign that is there; who is in it already is a duplicate."""
    if batch.cancelled_at is not None:
        raise Conflict("La campaña está cancelada: no se le añaden llamadas.")
    until = time.monotonic() + seconds
    upload = _Upload(file, name, by, digest_of(file))
    reading = Reading.of_upload(file, batch.account, wishes)
    refuse_without_phone(reading.mapping)
    with transaction.atomic():
        hold(f"jobs:import:{batch.pk}:{upload.digest}")
        run = BatchImport.objects.filter(batch=batch, digest=upload.digest, state=ImportState.RUNNING).first()
        if run is None:
            ours = _begin(batch, upload, reading, creates=False)
    return _followed(run, until) if run is not None else _go_on(ours, reading, until)


def _same_again(account: Account, title: str, upload: _Upload) -> BatchImport | None:
    """Somebody else's campaign is only the same for who may see it."""
    found = BatchImport.objects.filter(
        digest=upload.digest,
        created_at__gt=timezone.now() - SAME_WITHIN,
        options__creates=True,
        batch__account=account,
        batch__name=title,
        batch__removed_at__isnull=True,
        batch__cancelled_at__isnull=True,
    ).exclude(state=ImportState.FAILED)
    if upload.by is not None and is_limited(upload.by):
        found = found.filter(batch__created_by=upload.by)
    return found.select_related("batch__account").order_by("-created_at").first()


def _refuse_without_jobs(reading: Reading, account: Account) -> None:
    """Decide, and store nothing, up to the first person who would get a job."""
    reasons = [f"Fila {problem.line.number}: {problem.message}" for problem in reading.gathered.problems[:3]]
    for people in in_chunks(reading.people(), CHUNK_PEOPLE):
        for decision in decide(people, account, None, reading.order):
            if decision.fate == Fate.CREATED:
                return
            if len(reasons) < 3:
                said = [decision.message, *(problem.message for problem in decision.person.problems)]
                reasons.append(f"Fila {decision.person.lines[0].number}: {next(filter(None, said))}")
    raise Refusal(f"El archivo no tiene a nadie a quien llamar. {' '.join(reasons)}", code="sin_llamadas")


def _begin(batch: Batch, upload: _Upload, reading: Reading, *, creates: bool) -> BatchImport:
    """The import as a row, held by us, with the rows of the file that name nobody. The name on disk is ours."""
    run = BatchImport(
        batch=batch,
        file_name=PurePath(upload.name).name[-255:] or "archivo",
        digest=upload.digest,
        mapping=reading.mapping,
        options={**reading.order.stored(), "columns": reading.columns, "creates": creates},
        total_rows=reading.gathered.total_rows,
        total_people=len(reading.gathered.people),
        failed_rows=len(reading.gathered.problems),
        leased_until=timezone.now() + LEASE,
        created_by=upload.by,
    )
    upload.file.seek(0)
    run.file.save(f"{run.pk}{PurePath(run.file_name).suffix.lower()[:10]}", upload.file, save=False)
    try:
        run.save(force_insert=True)
        put_problems(run, reading.gathered.problems)
        AuditEntry.write("campaign_import_started", "batches", batch.pk, file_name=run.file_name, rows=run.total_rows)
    except BaseException:
        run.file.delete(save=False)
        raise
    return run


def _followed(run: BatchImport, until: float) -> BatchImport:
    """Somebody is at this very file: wait for them, so that both are told the same."""
    while not run.is_finished and time.monotonic() < until and not _is_in_transaction():
        time.sleep(_MOMENT)  # whoever is at the file works on; nothing tells when they are done
        run.refresh_from_db()
    return run


def _is_in_transaction() -> bool:
    """Then nothing new would be seen, and others would wait for us."""
    return transaction.get_connection().in_atomic_block


# --- Going on -----------------------------------------------------------------------------------


def resume_due(*, seconds: float = SECONDS_AT_A_TIME) -> int:
    """Go on with imports that nobody is at, the oldest first; how many were worked at."""
    until = time.monotonic() + seconds
    worked = 0
    for run in BatchImport.objects.stranded().order_by("created_at"):
        if time.monotonic() >= until:
            break
        carry_out(run, seconds=until - time.monotonic())
        worked += 1
    return worked


def carry_out(run: BatchImport, *, seconds: float = SECONDS_AT_A_TIME) -> BatchImport:
    """Work at an import if nobody else does; it goes on where the last worker stopped."""
    until = time.monotonic() + seconds
    if not run.claim():
        return run
    with acting_as(run.created_by):
        if run.attempts > MOST_ATTEMPTS:
            run.end(ImportState.FAILED, error="La importación se interrumpió varias veces. Avise a soporte.")
            return run
        try:
            reading = Reading.again(run)
        except (FileNotFoundError, ValueError):
            run.end(ImportState.FAILED, error="El archivo ya no está en el servidor. Súbalo de nuevo.")
        except UnreadableFile as refusal:
            run.end(ImportState.FAILED, error=refusal.message)
        else:
            _go_on(run, reading, until)
    return run


def _go_on(run: BatchImport, reading: Reading, until: float) -> BatchImport:
    """Chunk by chunk until the time is over. What the database refuses now is tried again in the background."""
    try:
        _work(run, reading, until)
    except (IntegrityError, OperationalError):
        # A contact was deleted between our look and our commit, or PostgreSQL ended us for another.
        logger.warning("import %s: a chunk was refused and is tried again", run.pk, exc_info=True)
        run.release()
    return run


def _work(run: BatchImport, reading: Reading, until: float) -> None:
    batch = run.batch
    for people in in_chunks(reading.people(after=run.done_people), CHUNK_PEOPLE):
        if _is_gone(batch):
            _leave_nothing_behind(batch)
            run.end(ImportState.FAILED, error="La campaña se canceló o se eliminó antes de terminar la importación.")
            return
        if not store(run, batch, people, reading.order):
            return  # another has taken over
        if run.done_people < run.total_people and time.monotonic() > until:
            run.release()
            return
    _leave_nothing_behind(batch)
    if run.done_people == run.total_people:
        run.end(ImportState.DONE)
    else:
        run.end(ImportState.FAILED, error="El archivo ya no es el que se subió. Súbalo de nuevo.")


def _is_gone(batch: Batch) -> bool:
    batch.refresh_from_db(fields=["cancelled_at", "removed_at"])
    return batch.cancelled_at is not None or batch.removed_at is not None


def _leave_nothing_behind(batch: Batch) -> None:
    """A campaign that was cancelled while its last chunk was stored: what came after has to be cancelled too.

    The row is locked, so that a cancellation which is not committed yet is seen.
    """
    with transaction.atomic():
        row = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
        if (row.cancelled_at or row.removed_at) and not row.pending_act:
            Batch.objects.filter(pk=row.pk).update(pending_act=BatchAct.CANCEL, act_leased_until=None)
