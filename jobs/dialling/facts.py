"""What the rules have to know, read for many campaigns and jobs in a fixed number of queries."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import timezone

from crm.models import Contact, ContactPhone
from crm.phones import match_key
from jobs.call_settings import CallSettings
from jobs.dialling.windows import Calendar, main_zone, zone_named
from jobs.models import Account, CallAttempt, Count, DialCount, DoNotCall, Job, ProviderCircuit, Totals
from jobs.providers import PROVIDERS, provider_named
from jobs.providers.base import Unreachable

A_WEEK = timedelta(days=7)


def keys_of(job: Job) -> list[str]:
    return [match_key(number) for number in job.phones]


def next_key(job: Job) -> str:
    """Of the phone that comes next; "" where there is none."""
    return match_key(job.next_phone) if job.next_phone else ""


def zone_of(account: Account) -> ZoneInfo:
    return ZoneInfo(zone_named(account.timezone) or main_zone(account.country) or settings.TIME_ZONE)


def day_of(account: Account, at: datetime) -> tuple[datetime, datetime]:
    """The account's own day: its first moment, and that of the next."""
    zone = zone_of(account)
    today = at.astimezone(zone).date()
    first, next_first = (datetime.combine(day, time.min, zone) for day in (today, today + timedelta(days=1)))
    return first, next_first


class Campaign(Protocol):
    """As much of one as its caps and hours have to know."""

    @property
    def pk(self) -> str: ...

    @property
    def account(self) -> Account: ...

    @property
    def settings(self) -> CallSettings: ...


class ProviderState:
    """Whether a provider takes calls now; each question is asked when a rule comes to it."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def is_configured(self) -> bool:
        return self.name in PROVIDERS and provider_named(self.name).is_configured

    @cached_property
    def circuit(self) -> ProviderCircuit | None:
        return ProviderCircuit.objects.open().filter(pk=self.name).first()

    @cached_property
    def is_full(self) -> bool:
        """False also where it does not say."""
        try:
            lines = provider_named(self.name).capacity() if self.is_configured else None
        except Unreachable:
            return False
        return lines is not None and lines <= CallAttempt.objects.live().filter(provider=self.name).count()


@dataclass(slots=True)
class Facts:
    """`live_of`, `totals_of`, `today_of`: by id of a batch or account; phones by their match key. Of batches, only
    those with a budget of their own have totals.

    `provider` None: whoever asks has seen to it that it takes calls (the dispatcher, before it claims).
    """

    at: datetime
    calendar: Calendar
    provider: ProviderState | None = None
    totals_of: dict[str, Totals] = field(default_factory=lambda: defaultdict(Totals))
    live: int = 0
    live_of: Counter[str] = field(default_factory=Counter)
    today_of: dict[str, int] = field(default_factory=dict)
    live_phones: set[str] = field(default_factory=set)
    live_people: set[str | UUID] = field(default_factory=set)  # by what tells them apart, and contacts
    refused: set[tuple[str, str]] = field(default_factory=set)  # account or "" for all, phone
    opted_out: set[str | UUID] = field(default_factory=set)  # phones and contacts
    consented: set[str | UUID] = field(default_factory=set)
    # Each dial under all that its person is known by: phone, document or first phone, contact.
    dialled: dict[str | UUID, dict[Hashable, datetime]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def about(cls, batches: Sequence[Campaign], *, provider: ProviderState | None = None) -> "Facts":
        """What concerns whole campaigns: spending, calls in progress, calls of the day. Their accounts are loaded."""
        now = timezone.now()
        accounts = {batch.account.pk: batch.account for batch in batches}
        facts = cls(at=now, calendar=Calendar.read(), provider=provider)
        midnights = {account.pk: day_of(account, now)[0] for account in accounts.values()}
        facts.today_of = DialCount.objects.since(midnights)
        for row in CallAttempt.objects.live().values_list("batch_id", "account_id", "phone_key", "person_key"):
            facts._note_live(*row)
        facts.live_people |= _contacts_being_called()
        # After the calls in progress: one that ends meanwhile is counted twice, and never not at all.
        with_budget = {batch.pk for batch in batches if batch.settings.budget_micros is not None}
        facts.totals_of |= Count.objects.of_each([*with_budget, *accounts])
        return facts

    def read_people(self, jobs: Iterable[Job]) -> None:
        """What concerns the people of these jobs: refusals, consent, how often they were called lately."""
        people = list(jobs)
        keys = {key for job in people for key in keys_of(job)}
        refused = DoNotCall.objects.filter(key__in=keys).values_list("account_id", "key")
        self.refused |= {(account or "", key) for account, key in refused}
        contacts = {job.contact_id for job in people if job.contact_id}
        self._read_contacts(keys, contacts)
        self._read_dials(phone_key=keys, person_key={job.person_key for job in people}, job__contact=contacts)

    def _read_dials(self, **whose: set[Any]) -> None:
        """Of the last seven days, also in other campaigns; a query and an index for each way to know a person."""
        lately = CallAttempt.objects.filter(created_at__gt=self.at - A_WEEK, is_counted=True).order_by()
        for known_by, them in whose.items():
            rows = lately.filter(**{f"{known_by}__in": them}).values_list(known_by, "pk", "created_at")
            for who, dial, when in rows:
                self.dialled[who][dial] = when

    def _read_contacts(self, keys: set[str], contacts: set[UUID]) -> None:
        """A refusal outlives the contact that said it; consent does not."""
        said = ("opted_out_of_calls_at", "consented_to_calls_at", "is_deleted")
        of_phones = ContactPhone.objects.filter(key__in=keys).values_list("key", *(f"contact__{name}" for name in said))
        of_contacts = Contact.objects.filter(pk__in=contacts).values_list("pk", *said)
        for who, opted_out_at, consented_at, is_deleted in (*of_phones, *of_contacts):
            if opted_out_at is not None:
                self.opted_out.add(who)
            if consented_at is not None and not is_deleted:
                self.consented.add(who)

    def note_dial(self, job: Job) -> None:
        """This job is going to be dialled: it takes its place under each cap, and its person is being called."""
        key = next_key(job)
        self._note_live(job.batch_id, job.account_id, key, job.person_key)
        self.live_people |= {job.contact_id} if job.contact_id else set()
        self.today_of[job.account_id] = self.today_of.get(job.account_id, 0) + 1
        dial = object()
        for who in _known_by(job):
            self.dialled[who][dial] = self.at

    def dials_of(self, job: Job) -> list[datetime]:
        """When this person was dialled in the last seven days, on whatever phone, the longest ago first."""
        dials = {dial: when for who in _known_by(job) for dial, when in self.dialled.get(who, {}).items()}
        return sorted(when for when in dials.values() if when > self.at - A_WEEK)

    def note_end(self, job: Job) -> None:
        """The dial that was noted is over."""
        self.live -= 1
        self.live_of[job.batch_id] -= 1
        self.live_of[job.account_id] -= 1
        self.live_phones.discard(next_key(job))
        self.live_people -= {job.person_key, job.contact_id}

    def _note_live(self, batch: str, account: str, phone: str, person: str) -> None:
        self.live += 1
        self.live_of[batch] += 1
        self.live_of[account] += 1
        self.live_phones.add(phone)
        self.live_people.add(person)


def _known_by(job: Job) -> set[str | UUID]:
    """What tells that two dials are the same person's; the phone is the one that comes next."""
    return {known_by for known_by in (next_key(job), job.person_key, job.contact_id) if known_by}


def _contacts_being_called() -> set[UUID]:
    """One person may stand in two campaigns under two phones, with a document in one of them only."""
    called = Job.objects.filter(pk__in=CallAttempt.objects.live().values("job"), contact__isnull=False)
    return set(called.order_by().values_list("contact", flat=True))
