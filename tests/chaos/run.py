"""What `make chaos` and its short form in the tests do: cause, break, stop breaking, wait, count."""

import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.load.processes import DurablePostgres, create_database
from tests.servers import RedisServer, free_port

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Plan:
    presences: int
    seconds: float
    patience: float
    seed: int


@dataclass
class Report:
    """What was caused, what arrived, what is on record."""

    caused: set[str] = field(default_factory=set)
    rolled_back: set[str] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)
    states: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    accepted: int = 0
    accepted_again: int = 0
    attempts: int = 0
    drained_after: float = 0.0

    @property
    def lost(self) -> set[str]:
        return self.caused - self.arrived

    @property
    def invented(self) -> set[str]:
        return self.arrived - self.caused

    @property
    def unrecorded(self) -> int:
        """Requests that the receiver saw and no attempt tells of."""
        return max(0, self.requests - self.attempts)

    @property
    def is_good(self) -> bool:
        only_delivered = set(self.states) == {"delivered"} and sum(self.states.values()) == len(self.caused)
        return not self.lost and not self.invented and not self.unrecorded and only_delivered

    def in_words(self) -> str:
        lines = [
            f"{len(self.caused)} presences committed, {len(self.rolled_back)} rolled back",
            f"faults: {', '.join(f'{count} x {name}' for name, count in sorted(self.faults.items()))}",
            f"arrived: {len(self.arrived)}; lost: {len(self.lost)}; never caused: {len(self.invented)}",
            f"requests at the receiver: {self.requests}, accepted {self.accepted}, of them messages accepted again"
            f" {self.accepted_again} (stored once each)",
            f"attempts on record: {self.attempts} {self.outcomes}; requests without one: {self.unrecorded}",
            f"deliveries: {self.states}; all in {self.drained_after:.0f} s after the last fault",
            "GOOD" if self.is_good else "BAD",
        ]
        return "\n".join(lines)


def run(plan: Plan) -> Report:
    with ExitStack() as stack:
        postgres = stack.enter_context(DurablePostgres())
        redis = stack.enter_context(RedisServer())
        sink = stack.enter_context(_sink())
        environment = _environment(create_database(postgres, "chaos"), redis.url, sink.url)
        _manage(environment, "migrate", "--verbosity", "0")
        workers = stack.enter_context(_workers(environment))
        report = Report()
        causing = threading.Thread(target=_cause, args=(environment, plan, report), daemon=True)
        causing.start()
        _break_things(plan, report, postgres, redis, sink, workers)
        stopped = time.monotonic()
        causing.join(plan.patience)
        _wait_until_drained(environment, sink, report, plan.patience)
        report.drained_after = time.monotonic() - stopped
        _count(environment, sink, report)
        return report


# --- The cast ---------------------------------------------------------------------------------


def _environment(database_url: str, redis_url: str, sink_url: str) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "chaos-" * 8,
        "ALLOWED_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "CRITICAL",
        "COMERCIAL_WEBHOOK_URL": f"{sink_url}/presencias",
        "WEBHOOK_ALLOW_PRIVATE": "true",
        "COMERCIAL_WEBHOOK_TOKEN": "ficha",
    }


def _manage(environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


@dataclass
class Sink:
    url: str

    def misbehave(self, rate: float) -> None:
        self._get(f"/misbehave?rate={rate}")

    def counts(self) -> dict[str, Any]:
        return dict(json.loads(self._get("/counts")))

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return bytes(answer.read())


@contextmanager
def _sink() -> Iterator[Sink]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.sink", str(port), f"{folder}/sink.sqlite3"],
            cwd=ROOT,
            start_new_session=True,
        )
        sink = Sink(f"http://127.0.0.1:{port}")
        try:
            _until(lambda: _answers(sink), 20)
            yield sink
        finally:
            process.kill()
            process.wait()


def _answers(sink: Sink) -> bool:
    try:
        sink.counts()
    except OSError:
        return False
    return True


class Workers:
    """A Celery worker with two processes, and a clock; both can be killed like the machine they run on."""

    COMMANDS = {
        "worker": ("worker", "--pool", "prefork", "--concurrency", "2", "--without-gossip", "--without-mingle"),
        "clock": ("beat", "--scheduler", "celery.beat:Scheduler"),
    }

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "config", *self.COMMANDS[name], "--loglevel", "CRITICAL"],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self, name: str) -> None:
        """SIGKILL for the process and all its children."""
        process = self._processes[name]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()

    def revive(self) -> None:
        """Start whatever has ended, as a service manager would."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                self.start(name)


@contextmanager
def _workers(environment: dict[str, str]) -> Iterator[Workers]:
    workers = Workers(environment)
    for name in Workers.COMMANDS:
        workers.start(name)
    try:
        yield workers
    finally:
        for name in Workers.COMMANDS:
            workers.kill(name)


# --- Causing ----------------------------------------------------------------------------------


def _cause(environment: dict[str, str], plan: Plan, report: Report) -> None:
    """Another process saves appointments that took place, and says which are committed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.causes", str(plan.presences), str(plan.seconds), str(plan.seed)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        word, presence = line.split()
        (report.caused if word == "committed" else report.rolled_back).add(presence)


# --- Breaking ---------------------------------------------------------------------------------


def _break_things(
    plan: Plan, report: Report, postgres: DurablePostgres, redis: RedisServer, sink: Sink, workers: Workers
) -> None:
    dice = random.Random(plan.seed)  # noqa: S311
    ends_at = time.monotonic() + plan.seconds
    faults: dict[str, tuple[int, Callable[[], None]]] = {
        "worker killed": (6, lambda: workers.kill("worker")),
        "clock killed": (1, lambda: workers.kill("clock")),
        "Redis crashed": (2, lambda: _restart(redis, dice)),
        "PostgreSQL crashed": (1, lambda: _restart(postgres, dice)),
        "receiver misbehaves": (3, lambda: sink.misbehave(dice.choice([0.2, 0.5, 1.0]))),
    }
    names, weights = list(faults), [weight for weight, _ in faults.values()]
    # Each at least once, the receiver first (what comes last is taken first), then by chance.
    coming = dice.sample(names[:-1], len(names) - 1) + names[-1:]
    while time.monotonic() < ends_at or coming:
        name = coming.pop() if coming else dice.choices(names, weights)[0]
        faults[name][1]()
        report.faults[name] += 1
        workers.revive()
        time.sleep(dice.uniform(1, 3))  # what recovers must have begun to before the next fault
    sink.misbehave(0.0)
    workers.revive()


def _restart(server: Any, dice: random.Random) -> None:
    """A crash, a while without it, and back; this Redis keeps nothing, so it comes back empty."""
    server.crash()
    time.sleep(dice.uniform(0, 2))
    server.start()


# --- Waiting and counting ---------------------------------------------------------------------


def _wait_until_drained(environment: dict[str, str], sink: Sink, report: Report, patience: float) -> None:
    _until(lambda: report.caused <= set(sink.counts()["presences"]), patience, must=False)
    _until(lambda: set(_summary(environment)["states"]) <= {"delivered"}, 30, every=1.0, must=False)


def _count(environment: dict[str, str], sink: Sink, report: Report) -> None:
    counts, summary = sink.counts(), _summary(environment)
    report.arrived = set(counts["presences"])
    report.requests, report.accepted = counts["requests"], counts["accepted"]
    report.accepted_again = counts["accepted_again"]
    report.states, report.outcomes = summary["states"], summary["outcomes"]
    report.attempts = sum(report.outcomes.values())


def _summary(environment: dict[str, str]) -> dict[str, Any]:
    import psycopg

    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        states = connection.execute("SELECT state, count(*) FROM integrations_webhookdelivery GROUP BY state")
        found = {"states": dict(states.fetchall())}
        outcomes = connection.execute("SELECT outcome, sum(sends) FROM integrations_deliveryattempt GROUP BY outcome")
        return {**found, "outcomes": {outcome: int(sends) for outcome, sends in outcomes.fetchall()}}


def _until(is_so: Callable[[], bool], seconds: float, *, every: float = 0.2, must: bool = True) -> None:
    ends_at = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends_at:
            if must:
                raise TimeoutError("It did not come about.")
            return
        time.sleep(every)
