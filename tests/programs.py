"""Programs beside a test: processes of their own on its database, which can be measured and killed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
Start = Callable[..., "subprocess.Popen[bytes]"]


def surroundings(**more: str) -> dict[str, str]:
    """The environment of a program that works on this test's database."""
    database = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    usual = {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "config.settings", "LOG_LEVEL": "ERROR"}
    return {**os.environ, **usual, **more}


def carry_out(script: str, *words: str, seconds: float = 600, **more: str) -> str:
    """What a program says that comes to its end."""
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=ROOT,
        env=surroundings(**more),
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def programs(stdout: int | IO[bytes] | None = None) -> Iterator[Start]:
    """Starts programs; those that still run in the end are killed."""
    started: list[subprocess.Popen[bytes]] = []

    def start(script: str, *words: str, **more: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", script, *words]
        started.append(subprocess.Popen(command, cwd=ROOT, env=surroundings(**more), stdout=stdout))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
