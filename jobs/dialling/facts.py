"""What the rules have to know, read for many campaigns and jobs in a fixed number of queries."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count as CountOf
from django.db.models import Q
from django.utils import timezone

from crm.models import Contact, ContactPhone
from crm.phones import match_key
from jobs.call_settings import CallSettings
from jobs.dialling.windows import Calendar, main_zone, zone_named
from jobs.models import Account, CallAttempt, Count, DoNotCall, Job, ProviderCircuit, Totals
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
    dialled: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def about(cls, batches: Sequence[Campaign], *, provider: ProviderState | None = None) -> "Facts":
        """What concerns whole campaigns: spending, calls in progress, calls of the day. Their accounts are loaded."""
        now = timezone.now()
        accounts = {batch.account.pk: batch.account for batch in batches}
        facts = cls(at=now, calendar=Calendar.read(), provider=provider)
        facts.today_of = dict.fromkeys(accounts, 0) | _dialled_today(accounts.values(), now)
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
        self._read_contacts(keys, {job.contact_id for job in people if job.contact_id})
        dialled = CallAttempt.objects.filter(
            phone_key__in=keys, created_at__gt=self.at - A_WEEK, is_counted=True
        ).order_by("created_at")
        for key, when in dialled.values_list("phone_key", "created_at"):
            self.dialled[key].append(when)

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
        self.dialled[key].append(self.at)

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


def _contacts_being_called() -> set[UUID]:
    """One person may stand in two campaigns under two phones, with a document in one of them only."""
    called = Job.objects.filter(pk__in=CallAttempt.objects.live().values("job"), contact__isnull=False)
    return set(called.order_by().values_list("contact", flat=True))


def _dialled_today(accounts: Iterable[Account], now: datetime) -> dict[str, int]:
    """Calls of each account since its own midnight; accounts with the same midnight are asked about together."""
    since: dict[datetime, list[str]] = defaultdict(list)
    for account in accounts:
        since[day_of(account, now)[0]].append(account.pk)
    if not since:
        return {}
    days = Q()
    for midnight, pks in since.items():
        days |= Q(account__in=pks, created_at__gte=midnight)
    dialled = CallAttempt.objects.filter(days, is_counted=True).order_by().values_list("account_id")
    return dict(dialled.annotate(CountOf("pk")))
