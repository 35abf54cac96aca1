"""What people do with single jobs: remove, cancel, try again (contract section 5)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from crm.crews import Crew
from crm.exceptions import Conflict, NotFound, Refusal
from jobs.choices import JobStatus
from jobs.hanging_up import hang_up
from jobs.ids import is_object_id
from jobs.models import Batch, CallAttempt, Job
from jobs.models.jobs import NOT_FOUND, JobQuerySet
from jobs.removing import remove_locked
from jobs.results.deciding import lane_of_phone

if TYPE_CHECKING:
    from crm.models import User

# How often a job may be claimed anew between hanging up and taking its row.
ROUNDS = 5
# How many live calls one request hangs up side by side.
AT_ONCE = 8
LONGEST_ID = 64
CHANGING = "La llamada está cambiando en este momento; inténtelo de nuevo en unos segundos."
_REFUSALS = {
    JobStatus.COMPLETED: "La llamada ya está completada: no se puede cancelar.",
    JobStatus.CANCELLED: "La llamada ya está cancelada.",
}


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of one id of a list; `error` is empty when its job is gone."""

    job_id: str
    error: str = ""
    code: str = ""


class JobService:
    """Acts in the name of `by`, on the jobs that they see; None: the system itself, on all."""

    def __init__(self, by: "User | None") -> None:
        self.by = by

    def visible_job(self, job_id: str) -> Job:
        job: Job | None = self._named(job_id).select_related("batch__account", "account", "last_attempt").first()
        if job is None:
            raise NotFound(NOT_FOUND.format(id=job_id))
        return job

    def cancel_job(self, job_id: str) -> bool:
        """Remove the job, whatever its state; False when there is none (any more).

        A live call is hung up first; `Conflict`, and nothing has changed, when that cannot be done. Of several at once
        one removes and the others find nothing.
        """
        for _ in range(ROUNDS):
            live = self._remove_unless_live(job_id)
            if not isinstance(live, CallAttempt):
                return live
            hang_up(live)
        raise Conflict(CHANGING, code="cambiando")

    def mark_cancelled(self, job_id: str) -> Job:
        """Keep the row, and call no more: pending, failed and suspended at once, a live call is hung up first."""
        was_live = False
        for _ in range(ROUNDS):
            job = self.visible_job(job_id)
            if was_live and job.status == JobStatus.CANCELLED:
                return job
            if not job.may_become(JobStatus.CANCELLED):
                raise Conflict(_REFUSALS[JobStatus(job.status)], code="no_cancelable")
            was_live = job.is_live
            if was_live and (attempt := CallAttempt.objects.live().filter(job=job).first()):
                hang_up(attempt)
            elif self._is_moved_to_cancelled(job):
                return job
        raise Conflict(CHANGING, code="cambiando")

    def retry_job(self, job_id: str) -> Job:
        """Once more from the first phone, with as many attempts as the campaign gives; 409 from other states."""
        with transaction.atomic():
            job = self.visible_job(job_id)
            # A campaign that is being called off waits for this, or this for it: nothing is left pending in it.
            batch = Batch.objects.select_for_update(of=("self",), no_key=True).get(pk=job.batch_id)
            if batch.cancelled_at is not None or batch.removed_at is not None:
                raise Conflict("La campaña de esta llamada está cancelada.", code="campana_cancelada")
            job.retry()
            if job.phones and (lane := lane_of_phone(job.phones[0], job.batch)) != job.lane:
                batch.add_lanes([lane])
                Job.objects.filter(pk=job.pk).update(lane=lane)
                job.lane = lane
        return job

    def delete_jobs(self, job_ids: Sequence[str]) -> list[Removed]:
        """Remove each; what became of it, in the order asked, a job that is named twice once.

        What is not live goes in one transaction, whatever the number. Live calls are hung up side by side.
        """
        asked = self._asked(job_ids)
        removed, live = self._remove_all_unless_live([pk for _, pk in asked if pk])
        with Crew(AT_ONCE, name="hanging-up") as crew:
            hung_up = dict(zip(live, crew.do(self._removal_of, live), strict=True))
        return [_answer(name, pk, removed, hung_up) for name, pk in asked]

    # --- In one transaction -----------------------------------------------------------------------

    def _remove_unless_live(self, job_id: str) -> bool | CallAttempt:
        """Whether there was one to remove; its attempt where a call stands in the way."""
        with transaction.atomic():
            job = self._named(job_id).select_for_update(of=("self",)).first()
            if job is None:
                return False
            if job.is_live and (attempt := CallAttempt.objects.live().filter(job=job).first()):
                return attempt
            remove_locked([job], by=self.by)
        return True

    def _remove_all_unless_live(self, pks: Iterable[str]) -> tuple[set[str], list[str]]:
        """The ids of the removed, and of those with a call."""
        with transaction.atomic():
            rows = list(self._visible().filter(pk__in=list(pks)).order_by("pk").select_for_update(of=("self",)))
            live = [job.pk for job in rows if job.is_live]
            remove_locked([job for job in rows if not job.is_live], by=self.by)
        return {job.pk for job in rows if not job.is_live}, live

    def _is_moved_to_cancelled(self, job: Job) -> bool:
        """False when somebody was faster, or is calling by now."""
        with transaction.atomic():
            rows = Job.objects.select_for_update(of=("self",), no_key=True).filter(pk=job.pk, status=job.status)
            if not list(rows.only("pk")) or (job.is_live and CallAttempt.objects.live().filter(job=job).exists()):
                return False
            job.move(JobStatus.CANCELLED, finished_at=timezone.now(), reason="cancelled")
        return True

    # --- Live calls -------------------------------------------------------------------------------

    def _removal_of(self, pk: str) -> Removed:
        try:
            return Removed(pk) if self.cancel_job(pk) else Removed(pk, NOT_FOUND, NotFound.code)
        except Refusal as refusal:
            return Removed(pk, refusal.message, refusal.code)

    # --- Which --------------------------------------------------------------------------------------

    def _visible(self) -> JobQuerySet:
        return Job.objects.all() if self.by is None else Job.objects.visible_to(self.by)

    def _named(self, job_id: str) -> JobQuerySet:
        return self._visible().named(job_id) if _is_possible(job_id) else self._visible().none()

    def _asked(self, job_ids: Sequence[str]) -> list[tuple[str, str | None]]:
        """Each id as sent with the key of its job; a job twice, by whichever of its ids, only the first time."""
        names = list(dict.fromkeys(str(job_id) for job_id in job_ids))
        known = self._keys_of([name for name in names if _is_possible(name)])
        asked: dict[str, tuple[str, str | None]] = {}
        for name in names:
            pk = known.get(name.lower()) if is_object_id(name) else known.get(name)
            asked.setdefault(pk or name, (name, pk))
        return list(asked.values())

    def _keys_of(self, names: Sequence[str]) -> dict[str, str]:
        object_ids = [name.lower() for name in names if is_object_id(name)]
        readable = [name for name in names if not is_object_id(name)]
        found = self._visible().filter(Q(pk__in=object_ids) | Q(job_id__in=readable)).values_list("pk", "job_id")
        return {name: pk for pk, job_id in found for name in (pk, job_id)}


def _is_possible(job_id: str) -> bool:
    return 0 < len(job_id) <= LONGEST_ID and job_id.isprintable()


def _answer(name: str, pk: str | None, removed: set[str], hung_up: dict[str, Removed]) -> Removed:
    if pk in removed:
        return Removed(name)
    told = hung_up.get(pk or "", Removed(name, NOT_FOUND, NotFound.code))
    return Removed(name, told.error.format(id=name), told.code)
