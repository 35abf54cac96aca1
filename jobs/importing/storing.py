"""One chunk of people becomes jobs: all in one transaction with how far the import is."""

from collections import Counter
from collections.abc import Iterable, Iterator

from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from crm.locks import hold
from jobs.choices import ProblemKind
from jobs.dialling.windows import lane_of
from jobs.ids import readable_job_id
from jobs.importing.deciding import Decision, Fate, decide
from jobs.importing.people import Order, Person, Problem
from jobs.models import Batch, BatchImport, ImportProblem, Job

KIND_OF = {Fate.DUPLICATE: ProblemKind.DUPLICATE, Fate.REFUSED: ProblemKind.REFUSED}
_LONGEST_MESSAGE = 500
_YOUNG_ROWS = 10_000


def store(run: BatchImport, batch: Batch, people: list[Person], order: Order) -> bool:
    """False when the import is no longer ours; then nothing is written.

    Imports of one account take turns: two files with the same people, at once, make one job of each.
    """
    lanes = _lanes(batch, people)
    # Before the transaction: it may wait for the campaign's row, and must not do so with counts in its hands.
    batch.add_lanes(lanes.values())
    lease = run.leased_until
    try:
        with transaction.atomic():
            if not run.renew():
                return False
            hold(f"jobs:importing:{batch.account_id}")
            decisions = decide(people, batch.account, batch, order)
            _insert(batch, decisions, lanes)
            put_problems(run, (problem for decision in decisions for problem in _problems_of(decision)))
            run.count(people=len(people), **_counted(decisions))
    except DatabaseError:
        run.leased_until = lease  # the one that stands in the row again
        raise
    run.refresh_counters()
    _tell_planner()
    return True


def _tell_planner() -> None:
    """A young table, of which PostgreSQL still believes that it is empty, would be read wholly for every chunk: of
    50,000 rows that took three quarters of the time. Looking at so few is quick; later it does so by itself.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [Job._meta.db_table])
        if cursor.fetchone()[0] < _YOUNG_ROWS:
            cursor.execute(f"ANALYZE {Job._meta.db_table}")


def _counted(decisions: list[Decision]) -> dict[str, int]:
    fates = Counter(decision.fate for decision in decisions)
    failed = (decision for decision in decisions if decision.fate == Fate.FAILED)
    return {
        "created_jobs": fates[Fate.CREATED],
        "duplicates": fates[Fate.DUPLICATE],
        "refused": fates[Fate.REFUSED],
        "failed_rows": sum(len(decision.person.lines) for decision in failed),
    }


def _insert(batch: Batch, decisions: list[Decision], lanes: dict[str, str]) -> None:
    """All at once; who turns out to be in the campaign already is a duplicate, as the constraint decides.

    A job that is missing although nobody holds its person had the readable id of another; it gets a new one.
    """
    waiting = {decision.person.key: decision for decision in decisions if decision.fate == Fate.CREATED}
    while waiting:
        jobs = [_job(batch, decision, lanes) for decision in waiting.values()]
        ours = {job.pk for job in jobs}
        Job.objects.bulk_create(jobs, ignore_conflicts=True)
        there = Job.objects.filter(batch=batch, person_key__in=waiting)
        for key, job_id in there.values_list("person_key", "pk"):
            decision = waiting.pop(key)
            if job_id not in ours:
                decision.fate, decision.message = Fate.DUPLICATE, "Ya está en esta campaña."


def _job(batch: Batch, decision: Decision, lanes: dict[str, str]) -> Job:
    person = decision.person
    now = timezone.now()
    numbers = [phone.number for phone in decision.phones]
    job = Job(
        job_id=readable_job_id(batch.account.account_id, now),
        account=batch.account,
        batch=batch,
        name=person.name,
        document=person.document,
        phones=numbers,
        lane=lanes[numbers[0]],
        person_key=person.key,
        contact_id=decision.contact_id,
        payload=person.payload,
        next_try_at=now,
    )
    job.search_words = job.words()
    return job


def _lanes(batch: Batch, people: list[Person]) -> dict[str, str]:
    """Country and time zone of each number."""
    home = batch.settings.timezone or batch.account.timezone
    return {phone.number: lane_of(phone.number, home) for person in people for phone in person.phones}


def _problems_of(decision: Decision) -> Iterator[Problem]:
    yield from decision.person.problems
    first, *_ = decision.person.lines
    for note in decision.notes:
        yield Problem(first, note, ProblemKind.WARNING)
    if decision.message:
        for line in decision.person.lines:
            yield Problem(line, decision.message, KIND_OF[decision.fate])


def put_problems(run: BatchImport, problems: Iterable[Problem]) -> None:
    """Rows of the file with what is wrong with them, to be corrected and sent again."""
    ImportProblem.objects.bulk_create(
        [
            ImportProblem(
                batch_import=run,
                row=problem.line.number,
                kind=problem.kind,
                message=problem.message[:_LONGEST_MESSAGE],
                cells=problem.line.cells,
            )
            for problem in problems
        ],
        batch_size=2000,
    )
