"""What follows from the end of a dial: one row for each outcome (dialer-anchors 3, "default retry")."""

from dataclasses import dataclass
from datetime import timedelta

from jobs.call_settings import CallSettings
from jobs.choices import JobStatus, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Consequence:
    """`becomes`: where the job goes for good; None: it is tried again while it has attempts and phones.

    `retry`: the wait where the campaign names none. `most`: how often this outcome may come before the job has failed.
    `is_ours`: a technical end, which the campaign's own delay does not concern. `is_counted`: it uses up an attempt.
    `is_reached`: somebody was on the line, so the CRM gets a call. `is_trouble`: it counts against the provider.
    """

    becomes: JobStatus | None = None
    retry: timedelta = timedelta(hours=24)
    most: int | None = None
    next_phone: bool = False
    is_ours: bool = False
    is_counted: bool = True
    is_reached: bool = False
    is_trouble: bool = False
    pauses_batch: str = ""
    drops_phone: bool = False


CONSEQUENCES: dict[Outcome, Consequence] = {
    Outcome.ANSWERED: Consequence(becomes=JobStatus.COMPLETED, is_reached=True),
    # Picked up and gone within seconds: one more try, then it counts as reached.
    Outcome.BRIEF: Consequence(retry=timedelta(hours=2), most=2, is_reached=True),
    Outcome.VOICEMAIL: Consequence(retry=timedelta(hours=4), most=2, next_phone=True),
    Outcome.NO_ANSWER: Consequence(retry=timedelta(hours=2), next_phone=True),
    Outcome.BUSY: Consequence(retry=timedelta(minutes=15)),
    Outcome.BAD_NUMBER: Consequence(retry=timedelta(0), next_phone=True, is_ours=True, drops_phone=True),
    Outcome.BLOCKED: Consequence(
        retry=timedelta(minutes=30), is_ours=True, pauses_batch="La red bloquea las llamadas de esta campaña."
    ),
    Outcome.OPT_OUT: Consequence(becomes=JobStatus.COMPLETED, is_reached=True),
    Outcome.CALL_BACK: Consequence(retry=timedelta(hours=24), is_reached=True),
    Outcome.CAPACITY: Consequence(retry=timedelta(minutes=1), is_ours=True, is_counted=False),
    Outcome.CREDIT: Consequence(
        retry=timedelta(minutes=30),
        is_ours=True,
        is_counted=False,
        pauses_batch="El proveedor de llamadas no tiene saldo.",
    ),
    Outcome.PROVIDER: Consequence(retry=timedelta(minutes=10), most=3, next_phone=True, is_ours=True, is_trouble=True),
    Outcome.STOPPED: Consequence(becomes=JobStatus.CANCELLED),
    Outcome.NOT_PLACED: Consequence(retry=timedelta(0), is_ours=True, is_counted=False),
    # The provider never said what became of it: perhaps they were called. The campaign's own delay, and it counts.
    Outcome.UNKNOWN: Consequence(retry=timedelta(hours=24), is_trouble=True),
}


def delay_after(outcome: Outcome, settings: CallSettings) -> timedelta:
    """How long a person is left alone: what the campaign says for this outcome, else in general, else by the table."""
    consequence = CONSEQUENCES[outcome]
    if outcome in settings.retry_after:
        return settings.retry_after[outcome]
    if settings.retry_delay is not None and not consequence.is_ours:
        return settings.retry_delay
    return consequence.retry
