"""A campaign from its first call to its last, on a clock of its own and with the simulated provider's outcomes.

The rules, windows, caps and consequences are those of the dispatcher; nothing is written and nobody is called. Other
campaigns are taken to be quiet meanwhile.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count, islice
from math import sqrt

from django.utils import timezone

from crm.phones import match_key
from jobs.choices import JobStatus, Outcome
from jobs.dialling.claiming import FAILS, SUSPENDS
from jobs.dialling.facts import Facts, day_of
from jobs.dialling.rules import Case, Hold, first_hold, lines
from jobs.models import Batch, CallAttempt, Job, Totals
from jobs.providers.script import cost_of, outcome_of, ringing_of, seconds_of
from jobs.results.deciding import what_follows

# Facts about so many people are read at once.
_CHUNK = 5_000
# A campaign that is not over by then never is: a window that hardly opens, a cap of one call a day.
_LONGEST = timedelta(days=730)
# Twenty to one that a real campaign with these outcomes costs something between both ends.
_DEVIATIONS = 2


@dataclass(slots=True)
class Rehearsal:
    """What came out. `skipped`: by code, how many people were not called (any more) and the sentence that says why."""

    begins_at: datetime
    ends_at: datetime | None = None
    jobs: int = 0
    dials: int = 0
    seconds: int = 0
    cost_micros: int = 0
    cost_of_dials: list[int] = field(default_factory=list)
    by_hour: Counter[datetime] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)  # states of the jobs at the end
    skipped: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)

    def skip(self, hold: Hold, *, how_many: int = 1) -> None:
        self.skipped[hold.code] += how_many
        self.reasons.setdefault(hold.code, hold.reason)

    @property
    def cost_range(self) -> tuple[int, int]:
        """Least and most, by how much the costs of the dials differ."""
        if not self.dials:
            return 0, 0
        mean = self.cost_micros / self.dials
        spread = sqrt(sum((cost - mean) ** 2 for cost in self.cost_of_dials)) * _DEVIATIONS
        return max(0, round(self.cost_micros - spread)), round(self.cost_micros + spread)


def rehearse(batch: Batch, *, begins_at: datetime, seed: int | str) -> Rehearsal:
    """What would become of the pending jobs of a campaign that begins, or goes on, at this moment."""
    batch.is_active = True
    return _Stage(batch, begins_at, seed).play()


class _Stage:
    """The clock, who waits in which lane, and who is on the phone until when."""

    def __init__(self, batch: Batch, begins_at: datetime, seed: int | str) -> None:
        self.batch, self.account, self.seed = batch, batch.account, seed
        self.now, self.closes_at = begins_at, begins_at + _LONGEST
        self.result = Rehearsal(begins_at)
        self.facts = _facts_at(batch, begins_at)
        self.midnight = day_of(self.account, begins_at)[1]
        self.lines = min(limit.room for limit in lines(batch, self.facts) if limit.frees_at is None)
        self.waiting: dict[str, list[tuple[datetime, int, Job]]] = {}
        self.talking: list[tuple[datetime, int, Job, Outcome, int]] = []
        self.opens_at: dict[str, tuple[datetime, datetime | None]] = {}  # from when on asked, and the answer
        self.dialled: Counter[str] = Counter()
        self.number = count()
        self.dial = CallAttempt(batch=batch)  # the one that ends; a model's instance is dear to make
        self.everybody_waits_until = begins_at
        for job in self._cast():
            self._queue(job, job.next_try_at)

    def _cast(self) -> Iterator[Job]:
        """Everybody who is pending, with what the rules have to know about them."""
        rows = Job.objects.filter(batch=self.batch, status=JobStatus.PENDING).order_by("next_try_at", "pk")
        everybody = rows.defer("search_words", "payload").iterator(chunk_size=_CHUNK)
        while chunk := list(islice(everybody, _CHUNK)):
            for job in chunk:
                job.batch, job.account = self.batch, self.account
            self.facts.read_people(chunk)
            self.result.jobs += len(chunk)
            yield from chunk

    def play(self) -> Rehearsal:
        while self.now < self.closes_at:
            turn = self._next_turn() if len(self.talking) < self.lines else None
            if self.talking and (turn is None or self.talking[0][0] <= turn[0]):
                self._hang_up()
            elif turn is None:
                break
            else:
                self._tick_to(turn[0])
                self._call(heappop(self.waiting[turn[1]])[2])
        self._close()
        return self.result

    def _next_turn(self) -> tuple[datetime, str] | None:
        """When somebody may be called next, as far as hours and delays go, and in which lane."""
        turns = []
        for lane, queue in self.waiting.items():
            if queue and (opening := self._opening(lane, max(self.now, self.everybody_waits_until, queue[0][0]))):
                turns.append((opening, lane))
        return min(turns, default=None)

    def _opening(self, lane: str, earliest: datetime) -> datetime | None:
        calendar, settings = self.facts.calendar, self.batch.settings
        if calendar.is_open(settings, lane, earliest):
            return earliest
        asked, opening = self.opens_at.get(lane, (earliest, earliest))
        if opening is None or not asked < earliest <= opening:
            opening = calendar.next_opening(settings, lane, earliest)
            self.opens_at[lane] = earliest, opening
        return opening

    # --- What happens -------------------------------------------------------------------------

    def _tick_to(self, moment: datetime) -> None:
        self.now = self.facts.at = moment
        if moment >= self.midnight:
            self.facts.today_of[self.account.pk] = 0
            self.midnight = day_of(self.account, moment)[1]

    def _call(self, job: Job) -> None:
        held = first_hold(Case(job, self.facts))
        if held is None:
            self._dial(job)
        elif held.code in SUSPENDS | FAILS:
            self._drop(job, held)
        elif held.code == "limite_diario":
            self.everybody_waits_until = self.midnight
            self._queue(job, job.next_try_at)
        elif held.next_try_at is not None:
            self._queue(job, held.next_try_at)
        elif self.talking:  # what they are expected to cost is put aside, and perhaps not needed
            self.everybody_waits_until = self.talking[0][0]
            self._queue(job, job.next_try_at)
        else:  # of the whole campaign, and nothing will change it
            self.result.skip(held, how_many=1 + sum(map(len, self.waiting.values())))
            self.waiting.clear()

    def _drop(self, job: Job, held: Hold) -> None:
        self.result.skip(held)
        self.result.ended[JobStatus.SUSPENDED if held.code in SUSPENDS else JobStatus.FAILED] += 1

    def _dial(self, job: Job) -> None:
        number = job.next_phone or ""
        self.dialled[number] += 1
        dial, settings = (self.seed, number, self.dialled[number]), self.batch.settings
        outcome = outcome_of(*dial)
        seconds = min(seconds_of(*dial, outcome), settings.max_call_duration)
        rings = ringing_of(*dial, longest=settings.ring_timeout, outcome=outcome)
        self.facts.note_dial(job)
        job.attempts += 1
        ends_at = self.now + timedelta(seconds=rings + seconds)
        heappush(self.talking, (ends_at, next(self.number), job, outcome, seconds))
        self._note(outcome, seconds)

    def _note(self, outcome: Outcome, seconds: int) -> None:
        result = self.result
        cost = self._cost(seconds)
        result.dials, result.seconds = result.dials + 1, result.seconds + seconds
        result.cost_micros += cost
        result.cost_of_dials.append(cost)
        result.outcomes[outcome] += 1
        result.by_hour[self.now.replace(minute=0, second=0, microsecond=0)] += 1

    def _hang_up(self) -> None:
        """The call that ends first ends, and its job goes where its outcome leads."""
        ends_at, _, job, outcome, seconds = heappop(self.talking)
        self._tick_to(max(ends_at, self.now))
        self.result.ends_at = self.now
        self.facts.note_end(job)
        spent = Totals(seconds=seconds, cost_micros=self._cost(seconds))
        for owner in (self.batch.pk, self.account.pk):
            self.facts.totals_of[owner] += spent
        self.dial.number, self.dial.outcome = job.next_phone or "", outcome
        if outcome == Outcome.OPT_OUT:
            self.facts.refused.add(("", match_key(self.dial.number)))
        then = what_follows(job, self.dial, at=self.now)
        for name, value in then.values.items():
            setattr(job, name, value)
        if then.status == JobStatus.PENDING:
            self._queue(job, job.next_try_at)
        else:
            self.result.ended[then.status] += 1

    def _cost(self, seconds: int) -> int:
        return cost_of(seconds, micros_per_minute=self.account.micros_per_minute)

    def _queue(self, job: Job, earliest: datetime) -> None:
        job.next_try_at = earliest
        heappush(self.waiting.setdefault(job.lane, []), (earliest, next(self.number), job))

    def _close(self) -> None:
        """Who is still waiting is never called."""
        for queue in self.waiting.values():
            for _, _, job in queue:
                never = Hold("sin_turno", "No le llega el turno en dos años con este horario y estos límites.")
                self.facts.at = self.now
                self.result.skip(first_hold(Case(job, self.facts)) or never)


def _facts_at(batch: Batch, moment: datetime) -> Facts:
    """As they are now, but nobody on the phone; of another day, nobody called yet that day."""
    facts = Facts.about([batch])
    facts.live = 0
    facts.live_of.clear()
    facts.live_phones.clear()
    facts.live_people.clear()
    if moment >= day_of(batch.account, timezone.now())[1]:
        facts.today_of[batch.account_id] = 0
    facts.at = moment
    return facts
