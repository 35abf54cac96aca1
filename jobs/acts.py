"""What is done to all jobs of a batch, a chunk at a time.

`Batch.pending_act` says what, and is written with the decision. Whoever finds it goes on where the last one stopped:
each chunk is a transaction, and what it did is seen in the rows. The batch's own row is never locked while jobs move.
"""

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from crm.literals import Literal
from crm.models import AuditEntry
from jobs.choices import AttemptState, BatchAct, ImportState, JobStatus
from jobs.models import Batch, BatchImport, CallAttempt, Job
from jobs.models.batches import BatchQuerySet
from jobs.removing import remove_locked
from jobs.results.ending import end_stopped

if TYPE_CHECKING:
    from crm.models import User

CHUNK = 2_000
# How long a worker may be silent about a batch; after each chunk it says anew that it is there.
LEASE = timedelta(seconds=60)
# When calls that are being hung up, and files that are still coming in, are looked at again.
LOOK_AGAIN = timedelta(seconds=10)


def carry_out_due(*, seconds: float = 20.0) -> int:
    """Go on with the batches that have something pending; how many jobs were moved."""
    until, moved = time.monotonic() + seconds, 0
    for pk in list(_due().values_list("pk", flat=True)):
        if time.monotonic() > until:
            break
        if _is_leased(pk):
            moved += carry_out(Batch.objects.get(pk=pk), until=until)
    return moved


def carry_out(batch: Batch, *, chunks: int | None = None, until: float = float("inf")) -> int:
    """Chunk by chunk, the lease being the caller's, until nothing is left, `chunks` are done, or time is up."""
    act, moved, done = BatchAct(batch.pending_act), 0, 0
    _end_live_calls(batch)
    by = _who_removed(batch) if act == BatchAct.REMOVE else None
    while True:
        # Asked before the chunk is read: what an import has stored by its end is then in one.
        is_growing = BatchImport.objects.filter(batch=batch, state=ImportState.RUNNING).exists()
        chunk = _remove_chunk(batch, by=by) if act == BatchAct.REMOVE else _cancel_chunk(batch)
        moved, done = moved + chunk, done + 1
        if chunk < CHUNK:
            _finish(batch, act, is_growing=is_growing)
            return moved
        if done == chunks or time.monotonic() > until:
            _give_back(batch, timedelta(0))
            return moved
        Batch.objects.filter(pk=batch.pk).update(act_leased_until=timezone.now() + LEASE)


def _due() -> BatchQuerySet:
    free = Q(act_leased_until__isnull=True) | Q(act_leased_until__lt=timezone.now())
    return Batch.objects.exclude(pending_act=Literal("")).filter(free).order_by("act_leased_until", "pk")


def _is_leased(pk: str) -> bool:
    """Take the batch; False when another worker has."""
    return bool(_due().order_by().filter(pk=pk).update(act_leased_until=timezone.now() + LEASE))


def _end_live_calls(batch: Batch) -> None:
    """What the provider has not been asked for ends here; whoever follows calls hangs up the others."""
    now, live = timezone.now(), CallAttempt.objects.live().filter(batch=batch)
    for pk in live.filter(state=AttemptState.CLAIMED).values_list("pk", flat=True):
        end_stopped(pk, AttemptState.CLAIMED)
    live.update(stop_wanted_at=now)
    live.filter(state=AttemptState.CALLING).update(look_at=now)


def _cancel_chunk(batch: Batch) -> int:
    """Locked before the first one moves, in id order."""
    with transaction.atomic():
        pending = Job.objects.filter(batch=batch, status=JobStatus.PENDING)
        locked = pending.order_by("pk").select_for_update(of=("self",), no_key=True)
        ids = list(locked.values_list("pk", flat=True)[:CHUNK])
        now = timezone.now()
        return Job.objects.filter(pk__in=ids).update(
            status=JobStatus.CANCELLED, reason="batch_cancelled", finished_at=now, updated_at=now
        )


def _remove_chunk(batch: Batch, *, by: "User | None") -> int:
    with transaction.atomic():
        rows = Job.objects.filter(batch=batch).exclude(status=JobStatus.IN_PROGRESS)
        return remove_locked(list(rows.order_by("pk").select_for_update(of=("self",))[:CHUNK]), by=by)


def _finish(batch: Batch, act: BatchAct, *, is_growing: bool) -> None:
    """Nothing is left, unless more comes, calls go on whose jobs have to go too, or something else was decided."""
    if is_growing or (act == BatchAct.REMOVE and Job.objects.filter(batch=batch).exists()):
        _give_back(batch, LOOK_AGAIN)
    elif not Batch.objects.filter(pk=batch.pk, pending_act=act).update(pending_act="", act_leased_until=None):
        _give_back(batch, timedelta(0))


def _give_back(batch: Batch, wait: timedelta) -> None:
    Batch.objects.filter(pk=batch.pk).exclude(pending_act="").update(act_leased_until=timezone.now() + wait)


def _who_removed(batch: Batch) -> "User | None":
    """Who decided it, also when another process goes on with it."""
    entries = AuditEntry.objects.filter(action="batch_removed", entity_type="batches", entity_id=batch.pk)
    entry = entries.select_related("actor").order_by("-created_at").first()
    return entry.actor if entry else None
