"""The product's own worker and clock at work, in a process that nothing else shares (test_serve.py runs it)."""

import os
import sys
import threading
import time
import traceback

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from config import process  # noqa: E402
from config.celery import app  # noqa: E402

PATIENCE = 20


def does_what_is_queued() -> None:
    """A queued task is done, and what is on the schedule again and again; then it stops."""
    done, ticks = threading.Event(), threading.Semaphore(0)

    @app.task(name="program.once")
    def once() -> None:
        done.set()

    @app.task(name="program.tick")
    def tick() -> None:
        ticks.release()

    app.conf.beat_schedule = {"tick": {"task": "program.tick", "schedule": 0.2}}
    background = process.Background(app)
    background.start()
    app.send_task("program.once")
    assert done.wait(PATIENCE)
    assert ticks.acquire(timeout=PATIENCE)
    assert ticks.acquire(timeout=PATIENCE)
    assert background.is_running
    assert background.stop(PATIENCE)
    assert not background.is_running


def does_not_wait_for_a_long_task() -> None:
    """The promise of a quick stop holds while a task runs on."""
    started = threading.Event()

    @app.task(name="program.slow")
    def slow() -> None:
        started.set()
        time.sleep(600)

    app.conf.beat_schedule = {}
    background = process.Background(app)
    background.start()
    app.send_task("program.slow")
    assert started.wait(PATIENCE)
    before = time.monotonic()
    assert not background.stop(0.3)
    assert time.monotonic() - before < 2


def starts_again() -> None:
    """A worker that has ended by itself is replaced by one that works."""
    done = threading.Event()

    @app.task(name="program.once")
    def once() -> None:
        done.set()

    app.conf.beat_schedule = {}
    process.SECONDS_TO_RESTART = 0.2
    background = process.Background(app)
    background.start()
    while background._worker is None:
        time.sleep(0.01)
    first = background._worker
    while first.blueprint is None or first.blueprint.state != 1:
        time.sleep(0.01)
    first.stop()
    app.send_task("program.once")
    assert done.wait(PATIENCE)
    assert background._worker is not first
    assert background.is_running


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
        print("as it should")
    except BaseException:
        traceback.print_exc()
        process.leave(1)
    process.leave()
