"""`manage.py serve` as a process of its own, started, asked and stopped like a person does it."""

import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import requests

from tests.services import known_variables

PROJECT = Path(__file__).resolve().parent.parent
# Patience for a machine that is busy with other tests; a quiet one needs a tenth.
START_SECONDS = 120


class Serve:
    """One run of the command. The surroundings hold nothing but what the test names."""

    def __init__(self, folder: Path, *, where: Path = PROJECT, **environment: str) -> None:
        self.folder = folder
        self.environment = {"DATA_DIR": str(folder / "data"), "PORT": str(free_port()), **environment}
        self.url = f"http://127.0.0.1:{self.environment['PORT']}"
        self._where = where
        self._process: subprocess.Popen[str] | None = None
        self._log = folder / "serve.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def output(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def data(self) -> Path:
        return Path(self.environment["DATA_DIR"])

    def start(self) -> None:
        """Start and wait for the first healthy answer."""
        started = time.monotonic()
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self._command("serve"), cwd=self._where, env=self._surroundings(), stdout=log, stderr=log, text=True
            )
        while not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() - started > START_SECONDS:
                self._process.kill()
                raise AssertionError(f"serve did not answer:\n{self.output}")
            time.sleep(0.05)

    def stop(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """Its exit code, and the seconds it took to end."""
        assert self._process is not None
        started = time.monotonic()
        self._process.send_signal(number)
        code = self._process.wait(timeout=30)
        return code, time.monotonic() - started

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Another command in the same surroundings, to its end."""
        return subprocess.run(
            self._command(*words),
            cwd=self._where,
            env=self._surroundings() | environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )

    def play(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A program of the tests in the surroundings of the command."""
        program = [sys.executable, "-m", module, *words]
        return subprocess.run(
            program, cwd=PROJECT, env=self._surroundings(), capture_output=True, text=True, timeout=START_SECONDS
        )

    def refuse(self) -> tuple[int, str]:
        """A start that is meant to end by itself: exit code and what it said."""
        done = self.run("serve")
        return done.returncode, done.stdout + done.stderr

    def sign_in(self, email: str, password: str) -> requests.Response:
        return requests.post(f"{self.url}/api/auth/login", json={"email": email, "password": password}, timeout=10)

    def wait_until_it_says(self, text: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            time.sleep(0.05)

    def _is_healthy(self) -> bool:
        try:
            return requests.get(f"{self.url}/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, str(PROJECT / "manage.py"), *words]

    def _surroundings(self) -> dict[str, str]:
        nothing = dict.fromkeys(known_variables(), "")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO"))}
        return {**kept, **nothing, **self.environment}


class FirstStart:
    """The start on an empty folder, with nothing given but folder and port: once for all workers of a run.

    Tests of what comes later start on a copy of what it left behind.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "una carpeta con espacios"
        with _one_at_a_time(folder / "lock"):
            if not self.folder.exists():
                self._happen()

    @property
    def output(self) -> str:
        return (self.folder / "serve.log").read_text()

    def copy_to(self, folder: Path) -> Path:
        """A folder for `Serve` that has its data, and none of its words."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("serve.log"))
        return folder

    def _happen(self) -> None:
        making = self.folder.with_name(f"{self.folder.name} {os.getpid()}")
        making.mkdir()
        with Serve(making, where=making) as serve:
            serve.wait_until_it_says("Ctrl-C")
            assert serve.stop()[0] == 0, serve.output
        making.rename(self.folder)


@contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def answer_of(url: str, **more: Any) -> requests.Response:
    return requests.get(url, timeout=10, allow_redirects=False, **more)
