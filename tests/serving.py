"""`manage.py serve` as a process of its own, started, asked and stopped like a person does it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import requests

from tests.services import known_variables

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 60


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

    def start(self) -> float:
        """Start and wait for the first healthy answer; the seconds that took."""
        started = time.monotonic()
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self._command("serve"), cwd=self._where, env=self._surroundings(), stdout=log, stderr=log, text=True
            )
        while not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() - started > START_SECONDS:
                raise AssertionError(f"serve did not answer:\n{self.output}")
            time.sleep(0.05)
        return time.monotonic() - started

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def answer_of(url: str, **more: Any) -> requests.Response:
    return requests.get(url, timeout=10, allow_redirects=False, **more)
