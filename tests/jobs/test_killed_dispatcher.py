"""A dispatcher is killed anywhere between the claim and the answer: everybody is dialled once, and nobody forgotten."""

import os
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from jobs.choices import AttemptState, JobStatus
from jobs.dialling.dispatching import dial_due
from jobs.dialling.following import follow_due
from jobs.models import Batch, CallAttempt, Count, Job, SimulatedCall
from tests.jobs.retell_server import AGENT, FROM, KEY, RetellServer, a_retell_server
from tests.jobs.rows import a_batch, an_account, some_jobs

ROOT = Path(__file__).resolve().parent.parent.parent
PEOPLE = 500
# Each dials until nothing is due; one of them is ended in the middle, with nothing of its cleaning up left.
DISPATCHER = """
import time
import django
django.setup()
from jobs.dialling.dispatching import dial_due
ends_at = time.monotonic() + 240
while time.monotonic() < ends_at:
    dial_due()
    time.sleep(0.05)
"""
PLACES = [
    "jobs.dialling.dispatching:place_all:before",
    "jobs.dialling.placing:_begin:before",
    "jobs.dialling.placing:_begin:after",
    "jobs.providers.http:ask:after",
    "jobs.providers.retell:RetellProvider.place:after",
    "jobs.dialling.placing:_placed:before",
    "jobs.dialling.placing:_note_reference:after",
    "jobs.dialling.following:follow:before",
    "jobs.providers.retell:RetellProvider.fetch:after",
    "jobs.results.ending:_end:after",
    "jobs.results.ending:_save:after",
    "jobs.dialling.circuit:hear:after",
]
Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def server(settings: Any) -> Iterator[RetellServer]:
    with a_retell_server(settings) as made:
        made.ends_as = "user_hangup"
        yield made


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes on the database of the test."""
    database = connection.settings_dict
    usual = {
        **os.environ,
        "DATABASE_URL": "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "CRITICAL",
        "CALLS_AT_ONCE": "1000",
    }
    started: list[subprocess.Popen[bytes]] = []

    def begin(script: str, *words: str, **surroundings: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", script, *words], cwd=ROOT, env={**usual, **surroundings})
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


def die_at(place: str) -> int:
    """What a worker that is a fork of this process, as Celery's are, ends with.

    It is killed as soon as the named function is reached, or left.
    """
    connections.close_all()
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        doom(place)
        dial_due()
        CallAttempt.objects.update(look_at=timezone.now())
        follow_due()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def doom(place: str) -> None:
    """From now on the named function is the end of this process."""
    module, name, when = place.rsplit(":", 2)
    *path, last = name.split(".")
    owner = reduce(getattr, path, import_module(module))
    usual = getattr(owner, last)

    def doomed(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            usual(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, last, doomed)


def at_retell(server: RetellServer) -> dict[str, str]:
    return {
        "CALL_PROVIDER": "retell",
        "RETELL_API_URL": server.url,
        "RETELL_API_KEY": KEY,
        "RETELL_FROM_NUMBER": FROM,
        "RETELL_AGENT_ID": AGENT,
        "WEBHOOK_ALLOW_PRIVATE": "true",
    }


def some_people(how_many: int) -> Batch:
    batch = a_batch(an_account(max_concurrent_calls=1000, credit_micros=10**12))
    some_jobs(how_many, batch)
    return batch


def wait_until(is_so: Callable[[], bool], *, seconds: float = 120) -> None:
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at, "it did not come to that"
        time.sleep(0.1)


def minutes_pass() -> None:
    """Leases run out, and what the provider has not made in minutes it will not make."""
    now = timezone.now()
    live = CallAttempt.objects.live()
    live.filter(state=AttemptState.PLACING).update(placed_at=now - timedelta(minutes=3))
    live.update(look_at=now - timedelta(seconds=1))
    Job.objects.filter(status=JobStatus.PENDING).update(next_try_at=now - timedelta(seconds=1))


def go_on_until_nothing_is_left() -> None:
    """The dispatcher and the reaper that are left."""
    for _ in range(20):
        minutes_pass()
        follow_due(seconds=20)
        dial_due(seconds=20)
        if not Job.objects.filter(status__in=[JobStatus.PENDING, JobStatus.IN_PROGRESS]).exists():
            return
    raise AssertionError(Counter(CallAttempt.objects.values_list("state", "outcome", "error")))


def everybody_was_called_once(batch: Batch, dials: "Counter[str]") -> None:
    numbers = {phone for phones in Job.objects.values_list("phones", flat=True) for phone in phones}
    assert set(dials) == numbers
    assert set(dials.values()) == {1}
    assert not CallAttempt.objects.live().exists()
    assert Count.objects.of(batch.pk).completed == len(numbers)


# --- In the middle of a crowd -----------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("killed_after", [150])
def test_five_hundred_people_and_a_dispatcher_that_dies(
    killed_after: int, server: RetellServer, start: Start, settings: Any
) -> None:
    settings.CALLS_AT_ONCE, settings.CALL_THREADS = 1000, 8
    server.seconds_to_place = 0.02
    batch = some_people(PEOPLE)
    doomed, other = (start(DISPATCHER, **at_retell(server)) for _ in range(2))
    wait_until(lambda: sum(server.dials.values()) >= killed_after)
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.wait()
    wait_until(lambda: not Job.objects.filter(status=JobStatus.PENDING).exists())
    other.kill()
    other.wait()
    go_on_until_nothing_is_left()
    everybody_was_called_once(batch, server.dials)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("killed_after", [320])
def test_the_same_at_the_simulated_provider(killed_after: int, start: Start, settings: Any) -> None:
    settings.CALLS_AT_ONCE, settings.CALL_THREADS = 1000, 8
    some_people(PEOPLE)
    doomed, other = (start(DISPATCHER, CALL_PROVIDER="simulated") for _ in range(2))
    wait_until(lambda: SimulatedCall.objects.count() >= killed_after)
    os.kill(doomed.pid, signal.SIGKILL)
    doomed.wait()
    wait_until(lambda: not Job.objects.filter(status=JobStatus.PENDING).exists())
    other.kill()
    other.wait()
    for _ in range(3):
        minutes_pass_without_a_second_try()
        follow_due(seconds=20)
        dial_due(seconds=20)
    dials = Counter(SimulatedCall.objects.values_list("number", flat=True))
    assert len(dials) == PEOPLE
    assert set(dials.values()) == {1}
    assert not CallAttempt.objects.exclude(state__in=[AttemptState.CALLING, AttemptState.ENDED]).exists()
    placed = set(CallAttempt.objects.exclude(provider_ref="").values_list("provider_ref", flat=True))
    assert placed == set(SimulatedCall.objects.values_list("ref", flat=True))


def minutes_pass_without_a_second_try() -> None:
    """Some of the simulated people do not answer, and are called again another day."""
    now = timezone.now()
    live = CallAttempt.objects.live().exclude(state=AttemptState.CALLING)
    live.filter(state=AttemptState.PLACING).update(placed_at=now - timedelta(minutes=3))
    live.update(look_at=now - timedelta(seconds=1))


# --- Between any two lines --------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", PLACES)
def test_one_that_dies_between_two_lines(place: str, server: RetellServer, settings: Any) -> None:
    settings.CALLS_AT_ONCE, settings.CALL_THREADS = 1000, 8
    batch = some_people(3)
    assert die_at(place) == -signal.SIGKILL, place
    go_on_until_nothing_is_left()
    everybody_was_called_once(batch, server.dials)
