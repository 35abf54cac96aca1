"""Rows that go and leave a tombstone: what was spent on them stays in the campaign, a late report finds them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.models import Job, Tombstone

if TYPE_CHECKING:
    from crm.models import User


def remove_locked(jobs: Sequence[Job], *, by: "User | None") -> int:
    """Remove jobs whose rows the caller has locked, in id order, and that have no live call; in two statements."""
    if not jobs:
        return 0
    Tombstone.objects.bulk_create([Tombstone.of(job, by=by) for job in jobs])
    Job.objects.filter(pk__in=[job.pk for job in jobs]).delete()
    return len(jobs)
