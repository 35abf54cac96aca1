"""Which jobs are dialled next: claimed under every cap, with an attempt on record before anybody is called.

Claims take turns (`hold`), so what one of them counts stays true until it commits. What it reads is bounded: the
campaigns that run, and of their queues the beginnings.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Case as Choice
from django.db.models import Exists, F, OuterRef, Q, Subquery, UUIDField, Value, When
from django.db.models.functions import Coalesce

from crm.importing.running import in_chunks
from crm.literals import Literal
from crm.locks import hold
from jobs.choices import AccountStatus, JobStatus
from jobs.dialling.facts import Facts, next_key
from jobs.dialling.rules import SOON, Case, Hold, first_hold, room_of
from jobs.models import Batch, CallAttempt, Job
from jobs.models.attempts import LEASE

# What one claim locks and looks at, however long the queues are.
MOST_JOBS, MOST_BATCHES = 200, 40
# Queues that are asked in one statement.
LANES_AT_A_TIME = 60
# Claims in a row that only put people aside: whoever may be called stands behind them.
MOST_ROUNDS = 20
# Jobs that are looked at beside as many as may be dialled: some that must not be called may stand before them.
SPARE = 25
A_DAY = timedelta(days=1)

# What becomes of a job that a rule holds; what is not here stays, because the rule concerns more than this job.
SUSPENDS = frozenset({"no_llamar", "pidio_no_llamar", "sin_consentimiento"})
FAILS = frozenset({"intentos_agotados", "sin_telefono"})
POSTPONES = frozenset({"limite_semanal", "persona_en_llamada"})

Lane = tuple[Batch, str]


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
    for _ in range(MOST_ROUNDS if limit > 0 else 0):
        attempts, decision = _claim_once(provider, worker=worker, limit=limit)
        if not decision.clears_the_way:
            break
    return attempts


def _claim_once(provider: str, *, worker: str, limit: int) -> tuple[list[CallAttempt], Decision]:
    with transaction.atomic():
        hold("jobs:claiming")
        running = list(Batch.objects.running().filter(_HAS_PENDING).select_related("account").order_by(*_IN_TURN))
        facts = Facts.about(running)
        jobs = _locked(_beginnings(_due_lanes(running, facts), facts, limit))
        campaigns = {batch.pk: batch for batch in running}
        for job in jobs:
            job.batch, job.account = campaigns[job.batch_id], campaigns[job.batch_id].account
        facts.read_people(jobs)
        decision = _decide(jobs, facts, limit)
        attempts = _put_on_record(decision, provider, worker, facts.at)
        _move(decision, facts.at)
        _note_started(attempts, facts.at)
    return attempts, decision


# --- Whose turn it is -------------------------------------------------------------------------

_PENDING = Job.objects.filter(batch=OuterRef("pk"), status=Literal(JobStatus.PENDING))
_HAS_PENDING = Q(Exists(_PENDING), account__status=AccountStatus.ACTIVE)
_IN_TURN = ("-priority", "created_at", "pk")


def _due_lanes(running: Sequence[Batch], facts: Facts) -> list[Lane]:
    """Open lanes of campaigns that have room and somebody due, in turn. Their rows stay locked until the claim is over:
    who cancels one of them meanwhile waits, and finds what was claimed among the calls to be stopped.
    """
    lanes_of = {batch: _open_lanes(batch, facts) for batch in running if room_of(batch, facts) > 0}
    campaigns: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for batch, lanes in lanes_of.items():
        if lanes:
            campaigns[lanes].append(batch.pk)
    if not campaigns:
        return []
    due = Q()
    for lanes, pks in campaigns.items():
        due |= Q(Exists(_PENDING.filter(lane__in=lanes, next_try_at__lte=facts.at)), pk__in=pks)
    locked = Batch.objects.running().filter(due).select_for_update(skip_locked=True, no_key=True).order_by(*_IN_TURN)
    in_turn = set(locked.values_list("pk", flat=True)[:MOST_BATCHES])
    return [(batch, lane) for batch, lanes in lanes_of.items() if batch.pk in in_turn for lane in lanes]


def _open_lanes(batch: Batch, facts: Facts) -> tuple[str, ...]:
    return tuple(lane for lane in batch.lanes if facts.calendar.is_open(batch.settings, lane, facts.at))


def _beginnings(lanes: Iterable[Lane], facts: Facts, limit: int) -> list[str]:
    """Ids of due jobs, from the first queues that have any: a campaign has lanes also where nobody waits any more."""
    found = (_longest_waiting(some, facts, limit) for some in in_chunks(lanes, LANES_AT_A_TIME))
    return next(filter(None, found), [])


def _longest_waiting(lanes: Sequence[Lane], facts: Facts, limit: int) -> list[str]:
    """Of each of these queues, queue by queue, as many as may be needed."""
    columns = ("batch_id", "lane", "next_try_at", "pk")
    queues = [Job.objects.due(batch, lane).values_list(*columns)[: limit + SPARE] for batch, lane in lanes]
    waiting: dict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
    for batch_id, lane, next_try_at, pk in _rows_of(queues):
        waiting[batch_id, lane].append((next_try_at, pk))
    chosen: list[str] = []
    for batch, lane in lanes:
        wanted = min(limit, room_of(batch, facts)) + SPARE
        chosen += [pk for _, pk in sorted(waiting[batch.pk, lane])[:wanted]]
    return chosen[:MOST_JOBS]


def _rows_of(queues: Sequence["models.QuerySet[Any, Any]"]) -> Iterable[Any]:
    """In one statement, where the database can cut the parts of a union; SQLite is asked queue by queue."""
    if len(queues) < 2 or not connection.features.supports_slicing_ordering_in_compound:
        return [row for queue in queues for row in queue]
    return queues[0].union(*queues[1:], all=True)


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
