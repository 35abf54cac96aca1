"""The demonstration's campaigns (contract section 7): one runs, one is paused, one is about to begin.

Rows are written as they would stand after the dispatcher had dialled for two weeks; the counts come by themselves. A
few calls are on the line, and the simulated provider ends them. What reached people of the CRM is still to be reported:
the worker does it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from crm.demo import Cast, Story, keep
from crm.models import Contact, User
from jobs.choices import JobStatus, Outcome, RefusalSource, TransactionType
from jobs.demo_dials import Told, begin, dial_through
from jobs.demo_people import a_job
from jobs.demo_plans import ACCOUNTS, CAMPAIGNS, AccountPlan, CampaignPlan
from jobs.models import (
    Account,
    Batch,
    ClosedDay,
    DoNotCall,
    SettingsChange,
    SimulatedCall,
    Tombstone,
    Transaction,
)
from jobs.money import micros_of
from jobs.results.told import is_reached

JOBS = 2_000
# One in so many is a person of the CRM; one in so many is left alone.
CONTACT_EVERY, REFUSED_EVERY = 50, 140
CANCELLED = 0.02
ON_THE_LINE = timedelta(seconds=20)


def load(cast: Cast, now: datetime) -> None:
    story = Story("jobs", now)
    accounts = [_account(story, plan, cast.admin) for plan in ACCOUNTS]
    keep(accounts)
    for account, bought in zip(accounts, ACCOUNTS, strict=True):
        keep(_top_ups(story, account, bought, cast.admin))
    keep([ClosedDay(day=story.today + timedelta(days=25), name="Aniversario de la empresa")])
    known = _known_once(story, cast)
    for position, (plan, maker) in enumerate(zip(CAMPAIGNS, (cast.admin, cast.lawyer, cast.agents[0]), strict=True)):
        about = story.about("campaign", position)
        batch = _batch(about, plan, accounts[plan.account], maker)
        _tell(about, position, plan, batch, known[position :: len(CAMPAIGNS)])


def _known_once(story: Story, cast: Cast) -> list[Contact]:
    """People of the CRM whose number is nobody else's, so that it is certain who was called."""
    times = Counter(contact.mobile for contact in cast.contacts)
    alone = [contact for contact in cast.contacts if times[contact.mobile] == 1]
    return story.draw.sample(alone, len(CAMPAIGNS) * (JOBS // CONTACT_EVERY + 1))


# --- Accounts and campaigns -------------------------------------------------------------------


def _account(story: Story, plan: AccountPlan, maker: User) -> Account:
    at = story.at(-75, 10)
    units = sum(plan.bought.values())
    is_money = plan.plan_type == "credit_based"
    return Account(
        id=f"{int(at.timestamp()):08x}{story.about('account', plan.account_id).id.hex[:16]}",
        account_id=plan.account_id,
        account_name=plan.account_name,
        plan_type=plan.plan_type,
        credit_micros=micros_of(units) if is_money else 0,
        seconds_purchased=0 if is_money else units * 60,
        max_concurrent_calls=plan.at_once,
        country=plan.country,
        timezone=plan.timezone,
        contact_name="Administración",
        contact_email="administracion@cuenta.test",
        created_by=maker,
        created_at=at,
        updated_at=at,
    )


def _top_ups(story: Story, account: Account, plan: AccountPlan, maker: User) -> Iterator[Transaction]:
    is_money = bool(account.credit_micros)
    for days, units in plan.bought.items():
        at = story.at(-days, 11, 30)
        yield Transaction(
            id=story.about(f"top-up of {account.account_id}", days).id,
            account=account,
            type=TransactionType.CREDITS if is_money else TransactionType.MINUTES,
            micros=micros_of(units) if is_money else 0,
            seconds=0 if is_money else units * 60,
            description="Recarga",
            created_by=maker,
            created_at=at,
            updated_at=at,
        )


def _batch(story: Story, plan: CampaignPlan, account: Account, maker: User) -> Batch:
    at = story.now - plan.age
    return Batch(
        id=f"{int(at.timestamp()):08x}{story.id.hex[:16]}",
        batch_id=f"batch-{at:%Y%m%d}-{story.id.hex[:8]}",
        account=account,
        name=plan.name,
        description=plan.description,
        is_active=plan.is_active,
        priority=plan.priority,
        call_settings=dict(plan.settings),
        created_by=maker,
        created_at=at,
        updated_at=at,
    )


def _settings_changes(story: Story, plan: CampaignPlan, batch: Batch) -> Iterator[SettingsChange]:
    """The client wrote its constants over them; somebody put them back within the hour."""
    before = plan.settings
    for number, after in enumerate(plan.changes):
        at = batch.created_at + timedelta(days=2, minutes=45 * number)
        yield SettingsChange(
            id=story.about("settings", number).id,
            batch=batch,
            before=dict(before),
            after=dict(after),
            changed_by=batch.created_by,
            created_at=at,
            updated_at=at,
        )
        before = after


# --- Jobs -------------------------------------------------------------------------------------


def _tell(story: Story, place: int, plan: CampaignPlan, batch: Batch, known: Sequence[Contact]) -> None:
    told = []
    for position in range(JOBS + plan.removed):
        contact = known[position // CONTACT_EVERY] if position % CONTACT_EVERY == 0 else None
        one = a_job(story.about("job", position), place, position, plan, batch, contact)
        _live_through(one, position)
        told.append(one)
    kept, removed = told[:JOBS], told[JOBS:]
    batch.lanes = sorted({one.job.lane for one in kept})
    batch.started_at = min((one.job.started_at for one in told if one.job.started_at), default=None)
    keep([batch])
    keep(_settings_changes(story, plan, batch))
    on_the_line = _put_on_the_line(kept, plan.live)
    keep(one.job for one in kept)
    keep(attempt for one in told for attempt in one.tries)
    keep(on_the_line)
    keep(_tombstone(one, batch) for one in removed)
    keep(refusal for one in kept for refusal in _refusals(one))


def _live_through(told: Told, position: int) -> None:
    job, story, (first, last) = told.job, told.story, told.plan.days
    if position % REFUSED_EVERY == REFUSED_EVERY - 1:
        job.status, job.reason = JobStatus.SUSPENDED, "no_llamar"
        job.last_error = "El número está en la lista de no llamar."
        return
    if story.chance(told.plan.dialled):
        dial_through(told, story.draw.randrange(last, first))
    if job.status == JobStatus.PENDING and story.chance(CANCELLED):
        job.status, job.finished_at = JobStatus.CANCELLED, job.updated_at
    if job.contact:
        _remember(told, job.contact)


def _remember(told: Told, contact: Contact) -> None:
    """What a person of the CRM has said is said there, too: the worker finds their calls due to be put on record."""
    for attempt in told.tries:
        if is_reached(state=attempt.state, outcome=attempt.outcome, seconds=attempt.seconds):
            attempt.report_at = told.story.now
        if attempt.outcome == Outcome.OPT_OUT:
            Contact.objects.filter(pk=contact.pk).update(opted_out_of_calls_at=attempt.ended_at)


def _put_on_the_line(told: Sequence[Told], how_many: int) -> list[SimulatedCall]:
    """Calls that the simulated provider is just making, to people who had not been called yet."""
    waiting = (one for one in told if one.job.status == JobStatus.PENDING and not one.tries and not one.job.contact_id)
    calls = []
    for one in islice(waiting, how_many):
        lasts = ON_THE_LINE + timedelta(seconds=one.story.draw.randrange(5, 40))
        attempt, call = begin(one, one.story.now - ON_THE_LINE, lasts=lasts)
        attempt.look_at = one.story.now
        calls.append(call)
    return calls


def _tombstone(told: Told, batch: Batch) -> Tombstone:
    job = told.job
    row = Tombstone.of(job, by=batch.created_by)
    row.removed_at = min(told.story.now, job.updated_at + timedelta(hours=5))
    return row


def _refusals(told: Told) -> Iterator[DoNotCall]:
    """Who is left alone because a list says so, and who has asked for it on the phone."""
    asked = [attempt.number for attempt in told.tries if attempt.outcome == Outcome.OPT_OUT]
    if told.job.status != JobStatus.SUSPENDED and not asked:
        return
    number = (asked or told.job.phones)[0]
    yield DoNotCall(
        id=told.story.about("refusal", 1).id,
        number=number,
        key=told.key_of[number],
        source=RefusalSource.CALL if asked else RefusalSource.FILE,
        reason="Lo pidió durante una llamada de campaña." if asked else "Lista de exclusión.",
        created_at=told.job.updated_at,
        updated_at=told.job.updated_at,
    )
