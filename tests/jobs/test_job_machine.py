"""Whatever happens to jobs, in whatever order: what has to be true of them is true after each step."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from crm.exceptions import Conflict
from jobs.choices import MOVES, AttemptState, JobStatus, Outcome
from jobs.dialling import following, placing
from jobs.dialling.claiming import claim
from jobs.models import Batch, CallAttempt, Count, Job, Tombstone
from jobs.results.ending import end_unplaced, hear
from jobs.services import JobService
from tests.factories import UserFactory
from tests.jobs.agreeing import assert_counts_are_exact, assert_live_dials_have_their_jobs
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_account

PEOPLE = range(3)
COST = 145_000
WHICH = st.integers(0, 7)


class Campaigns(RuleBasedStateMachine):
    """Two campaigns of one account with the same three people in both; time passes when a test wants it to."""

    @initialize()
    def begin(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.service = JobService(UserFactory(admin=True))
        account = an_account()
        limits = {"call_settings": {"max_attempts": 2}}
        self.batches = [a_batch(account, **limits), a_batch(account, **limits)]
        self.stood: dict[str, str] = {}
        self.removed: set[str] = set()
        self.spent = 0

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    # --- What happens -------------------------------------------------------------------------------

    @rule(person=st.sampled_from(PEOPLE), campaign=st.integers(0, 1))
    def add(self, person: int, campaign: int) -> None:
        batch = self.batches[campaign]
        if not Job.objects.filter(batch=batch, person_key=f"doc:{person}").exists():
            phones = [f"+5198765432{person}", f"+5198765433{person}"]
            a_job(batch, person_key=f"doc:{person}", phones=phones)

    @rule()
    def claim_due(self) -> None:
        Job.objects.filter(status=JobStatus.PENDING).update(next_try_at=timezone.now() - timedelta(seconds=1))
        claim("simulated", worker="machine", limit=5)

    @rule(which=WHICH)
    def place(self, which: int) -> None:
        if attempt := self._one(CallAttempt.objects.filter(state=AttemptState.CLAIMED), which):
            placing.place(attempt)

    @rule(which=WHICH, outcome=st.sampled_from((Outcome.PROVIDER, Outcome.CAPACITY, Outcome.CREDIT)))
    def refuse(self, which: int, outcome: Outcome) -> None:
        if attempt := self._one(CallAttempt.objects.filter(state=AttemptState.CLAIMED), which):
            attempt.advance(AttemptState.CLAIMED, AttemptState.PLACING, placed_at=timezone.now())
            end_unplaced(attempt.pk, outcome, error="rechazada")

    @rule(which=WHICH, outcome=st.sampled_from(Outcome), is_final=st.booleans(), twice=st.booleans())
    def report(self, which: int, outcome: Outcome, is_final: bool, twice: bool) -> None:
        """Also of calls that ended long ago, and of jobs that are gone."""
        told = CallAttempt.objects.exclude(state=AttemptState.CLAIMED)
        if attempt := self._one(told, which):
            for _ in range(1 + twice):
                hear(attempt.pk, a_report(attempt, outcome, is_final=is_final, cost_micros=COST))

    @rule(which=WHICH)
    def go_on(self, which: int) -> None:
        if attempt := self._one(CallAttempt.objects.filter(state=AttemptState.CALLING), which):
            hear(attempt.pk, a_report(attempt, None))

    @rule(which=WHICH)
    def worker_dies(self, which: int) -> None:
        """Whoever follows calls takes its attempt over."""
        if attempt := self._one(CallAttempt.objects.live(), which):
            CallAttempt.objects.filter(pk=attempt.pk).update(look_at=timezone.now() - timedelta(seconds=1))
            for leased in following._lease(16):
                following.follow(leased)

    @rule(which=WHICH)
    def retry(self, which: int) -> None:
        self._try(JobService.retry_job, which)

    @rule(which=WHICH)
    def cancel(self, which: int) -> None:
        self._try(JobService.mark_cancelled, which)

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        if job := self._one(Job.objects.all(), which):
            assert self.service.cancel_job(job.pk) is True
            assert self.service.cancel_job(job.job_id) is False
            self.removed.add(job.pk)

    @precondition(lambda self: hasattr(self, "batches"))
    @rule()
    def resume(self) -> None:
        """Trouble at the provider has paused them."""
        Batch.objects.update(is_active=True, paused_because="")

    def _try(self, act: Any, which: int) -> None:
        if job := self._one(Job.objects.all(), which):
            try:
                act(self.service, job.pk)
            except Conflict:
                assert Job.objects.get(pk=job.pk).status == job.status

    def _one(self, rows: Any, which: int) -> Any:
        found = list(rows.order_by("pk"))
        return found[which % len(found)] if found else None

    # --- What is true -------------------------------------------------------------------------------

    @invariant()
    def moves_are_in_the_table(self) -> None:
        if not hasattr(self, "stood"):
            return
        stands = dict(Job.objects.values_list("pk", "status"))
        for pk, status in stands.items():
            before = self.stood.get(pk, JobStatus.PENDING)
            assert status == before or status in MOVES[JobStatus(before)], (before, status)
        self.stood = stands

    @invariant()
    def counts_are_exact_and_nobody_is_called_twice(self) -> None:
        if hasattr(self, "stood"):
            assert_counts_are_exact()
            assert_live_dials_have_their_jobs()

    @invariant()
    def attempts_stay_within_what_is_allowed(self) -> None:
        for job in Job.objects.select_related("batch"):
            assert job.attempts <= job.max_attempts
            dials = CallAttempt.objects.filter(job=job)
            assert job.attempts == dials.filter(is_counted=True).count()

    @invariant()
    def a_tombstone_for_each_that_is_gone_and_for_no_other(self) -> None:
        if hasattr(self, "removed"):
            assert set(Tombstone.objects.values_list("pk", flat=True)) == self.removed
            assert not Job.objects.filter(pk__in=self.removed).exists()

    @invariant()
    def what_was_spent_stays(self) -> None:
        if hasattr(self, "batches"):
            totals = Count.objects.of_each([batch.pk for batch in self.batches])
            spent = sum(total.cost_micros for total in totals.values())
            assert spent >= self.spent
            assert spent == Count.objects.of(self.batches[0].account_id).cost_micros
            self.spent = spent


@pytest.mark.slow
@pytest.mark.sqlite
@pytest.mark.django_db
def test_whatever_happens_to_jobs() -> None:
    run_state_machine_as_test(
        Campaigns,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
