"""How the demonstration's jobs came to stand as they do: dial after dial, as the simulated provider tells it and as the
product itself takes it in and decides what follows. Only the clock is another."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from crm.demo import Story
from jobs.choices import AttemptState, JobStatus, Outcome
from jobs.demo_plans import CampaignPlan
from jobs.models import CallAttempt, Job, SimulatedCall
from jobs.outcomes import delay_after
from jobs.providers.script import outcome_of, ringing_of, seconds_of
from jobs.providers.simulated import report_of
from jobs.results.deciding import FINISHED, what_follows
from jobs.results.told import take_in

SEED = "demo"
# What was dialled a moment ago would still be on the line.
LONGEST_CALL = timedelta(minutes=6)


@dataclass
class Told:
    """A job while it is told, and its dials so far. `key_of`: what each of its phones is found by."""

    story: Story
    plan: CampaignPlan
    job: Job
    key_of: dict[str, str]
    tries: list[CallAttempt] = field(default_factory=list)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.job.lane.partition(":")[2])


def dial_through(told: Told, first_day: int) -> None:
    """Once a day at the same hour since `first_day` (days ago), until it is over or the campaign was paused."""
    minute = told.story.draw.randrange(60 * 9, 60 * 17)
    for day in range(first_day, told.plan.days[1] - 1, -1):
        at = _moment(told, day, minute + 7 * len(told.tries))
        if told.job.status != JobStatus.PENDING or at > told.story.now - LONGEST_CALL:
            return
        if at >= told.job.next_try_at:
            _end(told, *begin(told, at))


def begin(told: Told, at: datetime, *, lasts: timedelta | None = None) -> tuple[CallAttempt, SimulatedCall]:
    """A dial that is on the line, its job with it; and the call at the provider, of its real length or as given."""
    job, position = told.job, len(told.tries) + 1
    number = job.phones[job.next_phone_index]
    key = told.story.about("dial", position).id
    attempt = CallAttempt(
        id=key,
        job=job,
        batch=job.batch,
        account=job.account,
        number=number,
        phone_key=told.key_of[number],
        person_key=job.person_key,
        position=position,
        state=AttemptState.CALLING,
        provider="simulated",
        provider_ref=f"sim_{key.hex}",
        placed_at=at,
        created_at=at,
        updated_at=at,
    )
    told.tries.append(attempt)
    job.status, job.attempts, job.last_attempt = JobStatus.IN_PROGRESS, position, attempt
    job.started_at = job.started_at or at
    job.updated_at = at
    outcome = outcome_of(SEED, number, position)
    seconds = seconds_of(SEED, number, position, outcome)
    rings = ringing_of(SEED, number, position, longest=job.batch.settings.ring_timeout, outcome=outcome)
    call = SimulatedCall(
        ref=attempt.provider_ref,
        key=key,
        number=number,
        outcome=outcome,
        placed_at=at,
        ends_at=at + (lasts or timedelta(seconds=rings + seconds)),
        seconds=seconds,
    )
    return attempt, call


def _moment(told: Told, day: int, minute: int) -> datetime:
    """A time of day where the person is."""
    today = told.story.now.astimezone(told.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=day) + timedelta(minutes=minute, seconds=told.story.draw.randrange(60))


def _end(told: Told, attempt: CallAttempt, call: SimulatedCall) -> None:
    """What `jobs/results/ending.py` does, at another time."""
    job, outcome = told.job, Outcome(call.outcome)
    take_in(attempt, report_of(call, call.ends_at))
    attempt.state, attempt.outcome, attempt.updated_at = AttemptState.ENDED, outcome, call.ends_at
    then = what_follows(job, attempt)
    for name, value in {**then.values, "status": then.status, "updated_at": call.ends_at}.items():
        setattr(job, name, value)
    if then.status in FINISHED:
        job.finished_at = call.ends_at
    else:
        job.next_try_at = attempt.call_back_at or call.ends_at + delay_after(outcome, job.batch.settings)
