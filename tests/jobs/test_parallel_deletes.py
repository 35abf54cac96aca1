"""A thousand removals at once, while the dispatcher dials the same jobs and a file brings in more."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from crm.exceptions import Conflict
from crm.models import User
from jobs.choices import JobStatus
from jobs.dialling.dispatching import dial_due
from jobs.dialling.following import follow_due
from jobs.models import Batch, CallAttempt, Count, Job, SimulatedCall, Tombstone
from jobs.services import JobService
from tests.jobs.agreeing import assert_counts_are_exact, assert_live_dials_have_their_jobs
from tests.jobs.rows import a_batch, an_account, some_jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

JOBS, ADDED, DELETERS = 1_000, 200, 16


class Crowd:
    """Threads with connections of their own; what goes wrong in one of them fails the test."""

    def __init__(self) -> None:
        self.problems: list[Exception] = []
        self.threads: list[threading.Thread] = []

    def start(self, act: Callable[..., Any], *arguments: Any) -> threading.Thread:
        def run() -> None:
            try:
                act(*arguments)
            except Exception as error:  # noqa: BLE001  the test looks at it
                self.problems.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=run)
        self.threads.append(thread)
        thread.start()
        return thread


class Removals:
    """When each removal answered, and how often it said that it had removed the job."""

    def __init__(self, by: User) -> None:
        self.by = by
        self.answered: dict[str, Any] = {}
        self.removed: list[str] = []

    def remove(self, pks: list[str]) -> None:
        for pk in pks:
            if self._is_removed(pk):
                self.answered[pk] = timezone.now()
                self.removed.append(pk)

    def _is_removed(self, pk: str) -> bool:
        while True:
            try:
                return JobService(self.by).cancel_job(pk)
            except Conflict:  # it is being placed at this moment: as the sentence says, once more
                time.sleep(0.02)


def dial_until(is_over: threading.Event) -> None:
    while not is_over.is_set():
        dial_due(seconds=0.3)
        follow_due(seconds=0.3)
        time.sleep(0.01)


def bring_in(batch: Batch) -> None:
    for _ in range(ADDED // 20):
        some_jobs(20, batch)
        time.sleep(0.02)


def test_a_thousand_removals_leave_exact_counts_and_no_call(alice: User, settings) -> None:
    settings.SIMULATED_CALL_SECONDS = (0.1, 1.0)
    batch = a_batch(an_account(max_concurrent_calls=40))
    pks = [job.pk for job in some_jobs(JOBS, batch)]
    crowd, removals, is_over = Crowd(), Removals(alice), threading.Event()
    background = [crowd.start(dial_until, is_over), crowd.start(dial_until, is_over)]
    while not CallAttempt.objects.exists() and not crowd.problems:
        time.sleep(0.01)
    crowd.start(bring_in, batch)
    for number in range(DELETERS):  # every job is asked for by two threads, each in an order of its own
        mine = [pk for place, pk in enumerate(pks) if place % DELETERS in (number, (number + 1) % DELETERS)]
        random.Random(number).shuffle(mine)  # noqa: S311
        crowd.start(removals.remove, mine)
    for thread in crowd.threads[len(background) :]:
        thread.join()
    is_over.set()
    for thread in background:
        thread.join()

    assert not crowd.problems, crowd.problems
    assert sorted(removals.removed) == sorted(pks), "each is removed by one of the two that asked"
    assert Tombstone.objects.count() == JOBS
    assert Job.objects.count() == ADDED
    assert_counts_are_exact()
    assert_live_dials_have_their_jobs()
    assert Count.objects.of(batch.pk).jobs == ADDED
    assert_nobody_was_called_after(removals)


def assert_nobody_was_called_after(removals: Removals) -> None:
    """When the removal answered, a call of the job was over or hung up; none was placed later."""
    keys = dict(CallAttempt.objects.filter(job_id__in=removals.answered).values_list("pk", "job_id"))
    calls = SimulatedCall.objects.filter(key__in=keys)
    assert calls.exists(), "nobody was called at all: the race did not happen"
    assert not CallAttempt.objects.filter(pk__in=keys).live().exists()
    for call in calls:
        answered = removals.answered[keys[call.key]]
        assert call.placed_at <= answered
        over_at = min(call.stopped_at or call.ends_at, call.ends_at)
        assert over_at <= answered, (call.ref, over_at, answered)
    assert calls.filter(stopped_at__isnull=False).exists(), "no live call was hung up: the race did not happen"
    assert Job.objects.filter(status=JobStatus.CANCELLED).count() == 0
