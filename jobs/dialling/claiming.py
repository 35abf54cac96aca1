"""Which jobs are dialled next: claimed under every cap, with an attempt on record before anybody is called.

Claims take turns (`hold`), so what one of them counts stays true until it commits. What it reads is bounded: the heads
of the queues with somebody in them, and of those whose turn it is the beginnings (`queues.py`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Case as Choice
from django.db.models import F, OuterRef, Q, Subquery, UUIDField, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from crm.literals import Literal
from crm.locks import hold
from jobs.choices import JobStatus
from jobs.dialling.facts import Facts, next_key
from jobs.dialling.queues import SPARE, Queue, Waiting, beginnings, in_turn, open_queues
from jobs.dialling.rules import SOON, Case, Hold, first_hold
from jobs.models import Batch, CallAttempt, Job
from jobs.models.attempts import LEASE

# What one claim locks and looks at, however many campaigns there are and however long their queues.
MOST_JOBS, MOST_BATCHES, MOST_QUEUES = 200, 40, 60
# Claims in a row that only put people aside: whoever may be called stands behind them.
MOST_ROUNDS = 20
A_DAY = timedelta(days=1)

# What becomes of a job that a rule holds; what is not here stays, because the rule concerns more than this job.
SUSPENDS = frozenset({"no_llamar", "pidio_no_llamar", "sin_consentimiento"})
FAILS = frozenset({"intentos_agotados", "sin_telefono"})
POSTPONES = frozenset({"limite_semanal", "persona_en_llamada"})


@dataclass(slots=True)
class Decision:
    """What becomes of the jobs that a claim has looked at."""

    going: list[Job] = field(default_factory=list)
    suspended: list[tuple[Job, Hold]] = field(default_factory=list)
    failed: list[tuple[Job, Hold]] = field(default_factory=list)
    postponed: list[tuple[Job, datetime]] = field(default_factory=list)

    @property
    def clears_the_way(self) -> bool:
        """Nobody goes, and others stand at the head of the queues now."""
        return not self.going and bool(self.suspended or self.failed or self.postponed)


def claim(provider: str, *, worker: str, limit: int) -> list[CallAttempt]:
    """Claim up to `limit` due jobs for `provider`, campaigns of the highest priority first.

    Whether the provider takes calls, the caller has asked. Who may never be called is put aside, who may not be called
    yet gets a later moment; neither uses up an attempt.
    """
    attempts: list[CallAttempt] = []
    spare = SPARE
    for _ in range(MOST_ROUNDS if limit > 0 else 0):
        attempts, decision = _claim_once(provider, worker=worker, limit=limit, spare=spare)
        if not decision.clears_the_way:
            break
        spare = MOST_JOBS  # where so many may not be called, many more may follow
    return attempts


def _claim_once(provider: str, *, worker: str, limit: int, spare: int) -> tuple[list[CallAttempt], Decision]:
    with transaction.atomic():
        hold("jobs:claiming")
        waiting = in_turn(timezone.now())
        if not waiting:
            return [], Decision()
        facts = Facts.about(waiting)
        jobs = _next_jobs(waiting, facts, limit=limit, spare=spare)
        facts.read_people(jobs)
        decision = _decide(jobs, facts, limit)
        attempts = _put_on_record(decision, provider, worker, facts.at)
        _move(decision, facts.at)
        _note_started(attempts, facts.at)
    return attempts, decision


# --- Whose turn it is -------------------------------------------------------------------------


def _whose_turn(waiting: Sequence[Waiting], facts: Facts) -> dict[str, tuple[Batch, list[Queue]]]:
    """The first campaigns that may call somebody. Their rows stay locked until the claim is over: who cancels one of
    them meanwhile waits, and finds what was claimed among the calls to be stopped.
    """
    queues_of = {queues[0].batch_id: queues for queues in islice(open_queues(waiting, facts), MOST_BATCHES)}
    accounts = {campaign.pk: campaign.account for campaign in waiting}
    rows = Batch.objects.running().filter(pk__in=queues_of)
    locked = {batch.pk: batch for batch in rows.select_for_update(skip_locked=True, no_key=True)}
    for batch in locked.values():
        batch.account = accounts[batch.pk]
    return {pk: (locked[pk], queues) for pk, queues in queues_of.items() if pk in locked}


def _next_jobs(waiting: Sequence[Waiting], facts: Facts, *, limit: int, spare: int) -> list[Job]:
    """Locked, with campaign and account, in the order in which they are looked at."""
    turns = _whose_turn(waiting, facts)
    queues = [queue for _, its_queues in turns.values() for queue in its_queues][:MOST_QUEUES]
    jobs = _locked(beginnings(queues, facts.at, limit=limit, spare=spare, most=MOST_JOBS))
    for job in jobs:
        job.batch, _ = turns[job.batch_id]
        job.account = job.batch.account
    return jobs


def _locked(pks: Sequence[str]) -> list[Job]:
    """Those that are still due, in the order given; whoever is removing or cancelling one of them keeps it."""
    rows = Job.objects.filter(pk__in=pks, status=Literal(JobStatus.PENDING)).defer("search_words").order_by("pk")
    found = {job.pk: job for job in rows.select_for_update(skip_locked=True, no_key=True)}
    return [found[pk] for pk in pks if pk in found]


# --- Who goes ---------------------------------------------------------------------------------


def _decide(jobs: Iterable[Job], facts: Facts, limit: int) -> Decision:
    """Each that goes takes its place under the caps and holds its person, so the next one is judged by that."""
    decision = Decision()
    for job in jobs:
        if len(decision.going) == limit:
            break
        held = first_hold(Case(job, facts))
        if held is None:
            facts.note_dial(job)
            decision.going.append(job)
        elif held.code in SUSPENDS:
            decision.suspended.append((job, held))
        elif held.code in FAILS:
            decision.failed.append((job, held))
        elif held.code in POSTPONES:
            decision.postponed.append((job, held.next_try_at or facts.at + A_DAY))
    return decision


def _put_on_record(decision: Decision, provider: str, worker: str, now: datetime) -> list[CallAttempt]:
    """An attempt for each that goes. The database lets nobody be called twice at once; who is, waits."""
    wanted = [_attempt_of(job, provider, worker, now) for job in decision.going]
    CallAttempt.objects.bulk_create(wanted, ignore_conflicts=True)
    ids = [attempt.pk for attempt in wanted]
    there = set(CallAttempt.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    decision.postponed += [(attempt.job, now + SOON) for attempt in wanted if attempt.pk not in there]
    attempts = [attempt for attempt in wanted if attempt.pk in there]
    decision.going = [attempt.job for attempt in attempts]
    return attempts


def _attempt_of(job: Job, provider: str, worker: str, now: datetime) -> CallAttempt:
    return CallAttempt(
        job=job,
        batch=job.batch,
        account=job.batch.account,
        number=job.next_phone or "",
        phone_key=next_key(job),
        person_key=job.person_key,
        position=job.attempts + 1,
        provider=provider,
        look_at=now + LEASE,
        worker=worker,
    )


# --- What becomes of them ---------------------------------------------------------------------


def _move(decision: Decision, now: datetime) -> None:
    """All that change state in one statement: each adds to the counts of its owners, and two statements would do so in
    an order of their own.
    """
    put_aside = [*decision.suspended, *decision.failed]
    moved = [job.pk for job in decision.going] + [job.pk for job, _ in put_aside]
    if moved:
        Job.objects.filter(pk__in=moved).update(**_changes(decision, now), **_reasons(put_aside), updated_at=now)
    for job in decision.going:
        job.status, job.attempts = JobStatus.IN_PROGRESS, job.attempts + 1
        job.started_at = job.started_at or now
    for job, later in decision.postponed:
        job.next_try_at = later
    Job.objects.bulk_update([job for job, _ in decision.postponed], ["next_try_at"])


def _changes(decision: Decision, now: datetime) -> dict[str, Any]:
    goes = Q(pk__in=[job.pk for job in decision.going])
    fails = Q(pk__in=[job.pk for job, _ in decision.failed])
    dial = CallAttempt.objects.live().filter(job=OuterRef("pk")).values("pk")[:1]
    return {
        "status": Choice(
            When(goes, then=Value(JobStatus.IN_PROGRESS)),
            When(fails, then=Value(JobStatus.FAILED)),
            default=Value(JobStatus.SUSPENDED),
        ),
        "attempts": F("attempts") + Choice(When(goes, then=1), default=0),
        "last_attempt": Choice(When(goes, then=Subquery(dial)), default=F("last_attempt"), output_field=UUIDField()),
        "started_at": Choice(When(goes, then=Coalesce("started_at", Value(now))), default=F("started_at")),
        "finished_at": Choice(When(fails, then=Value(now)), default=F("finished_at")),
    }


def _reasons(put_aside: Sequence[tuple[Job, Hold]]) -> dict[str, Any]:
    """Why, as a code and as a sentence; many have the same."""
    jobs: dict[Hold, list[str]] = defaultdict(list)
    for job, held in put_aside:
        jobs[held].append(job.pk)
    codes = [When(pk__in=pks, then=Value(held.code)) for held, pks in jobs.items()]
    sentences = [When(pk__in=pks, then=Value(held.reason)) for held, pks in jobs.items()]
    return {
        "reason": Choice(*codes, default=Value("")),
        "last_error": Choice(*sentences, default=F("last_error")),
    }


def _note_started(attempts: Iterable[CallAttempt], now: datetime) -> None:
    begun = {attempt.batch_id for attempt in attempts if attempt.batch.started_at is None}
    if begun:
        Batch.objects.filter(pk__in=begun, started_at__isnull=True).update(started_at=now)
