"""Campaigns of any size, filled by the database itself."""

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from crm.search import words_vector
from jobs.models import Account, Batch, CallAttempt, Job
from tests.load.data import RARE_NAME, SURNAMES, multiply

LANE = "PE:America/Lima"
ALWAYS = {
    "allowed_hours": {"start": "00:00", "end": "23:59"},
    "days_of_week": [0, 1, 2, 3, 4, 5, 6],
    "on_holidays": True,
}
# Of ten jobs, by the last digit of their number.
STATES = "pending pending pending pending pending completed completed completed failed cancelled"
INDEXES = ("jobs_job_search",)


def a_campaign(name: str = "Carga") -> Batch:
    """Running, open at every hour, of an account that no cap holds back."""
    account = Account.objects.create(
        account_name=name,
        country="PE",
        credit_micros=10**15,
        max_concurrent_calls=30_000,
        daily_call_limit=2_000_000_000,
    )
    return Batch.objects.create(
        account=account, batch_id=f"batch-{name.lower()}", name=name, call_settings=ALWAYS, lanes=[LANE]
    )


def fill(batch: Batch, size: int, *, first: int = 1, states: str = STATES) -> None:
    """Jobs number `first` to `first + size - 1`, each another person; one in ten has been called."""
    with _without_search_index(size):
        _fill_jobs(batch, size, first=first, states=states)
    if states == STATES:
        _fill_attempts(batch, size, first=first)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def job_ids(numbers: Sequence[int]) -> list[str]:
    """The same arithmetic as the SQL's."""
    return [f"{number:024x}" for number in numbers]


def _fill_jobs(batch: Batch, size: int, *, first: int, states: str) -> None:
    surname = f"(string_to_array('{SURNAMES}', ' '))[1 + i % 10]"
    first_name = f"(CASE WHEN i % 1000 = 7 THEN '{RARE_NAME}' ELSE 'luz' END)"
    digits = "'519' || lpad(i::text, 8, '0')"
    endings = " || ' ' || ".join(f"substr({digits}, {start})" for start in range(1, 9))
    number_of_states = len(states.split())
    multiply(
        Job(batch=batch, account=batch.account, lane=LANE, payload={"company_name": "Carga", "debt_amount": 45_000}),
        range(first, first + size),
        id=_id("i"),
        job_id="'job_carga_' || i",
        name=f"initcap({first_name} || ' ' || {surname})",
        phones=f"jsonb_build_array('+' || {digits})",
        person_key=f"'tel:' || {digits}",
        search_words=f"{first_name} || ' ' || {surname} || ' job carga ' || i || ' ' || {endings}",
        status=f"(string_to_array('{states}', ' '))[1 + i % {number_of_states}]",
        next_try_at="now() - make_interval(mins => 1 + i % 600)",
        last_attempt_id=f"CASE WHEN i % 10 = 5 THEN {_attempt_id('i')} END",
    )


def _fill_attempts(batch: Batch, size: int, *, first: int) -> None:
    now = timezone.now()
    ended = CallAttempt(
        batch=batch,
        account=batch.account,
        position=1,
        state="ended",
        outcome="answered",
        provider="simulated",
        is_settled=True,
        placed_at=now - timedelta(minutes=5),
        answered_at=now - timedelta(minutes=5),
        ended_at=now - timedelta(minutes=4),
        seconds=60,
        cost_micros=170_000,
        summary="Acuerda pagar.",
    )
    multiply(
        ended,
        range(first + (5 - first) % 10, first + size, 10),
        id=_attempt_id("i"),
        job_id=_id("i"),
        number="'+519' || lpad(i::text, 8, '0')",
        phone_key="'519' || lpad(i::text, 8, '0')",
        person_key="'tel:519' || lpad(i::text, 8, '0')",
        provider_ref="'carga_' || i",
    )


def _id(number: str) -> str:
    return f"lpad(to_hex({number}), 24, '0')"


def _attempt_id(number: str) -> str:
    return f"('01930000-0009-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


class _without_search_index:
    """Built at once at the end, which for a million rows takes a third of the time."""

    def __init__(self, size: int) -> None:
        self.is_worth_it = size > 100_000

    def __enter__(self) -> None:
        if self.is_worth_it:
            with connection.cursor() as cursor:
                cursor.execute("DROP INDEX jobs_job_search")

    def __exit__(self, *_: object) -> None:
        if self.is_worth_it:
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE INDEX jobs_job_search ON jobs_job USING gin ({words_vector('search_words')})")
