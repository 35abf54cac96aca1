"""The servers of a benchmark: a PostgreSQL as it comes, a Redis, our service, the reference."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.servers import PostgresServer, free_port

ROOT = Path(__file__).resolve().parent.parent.parent


class DurablePostgres(PostgresServer):
    """Commits reach the disk and the vacuum runs, as in a deployment: the settings PostgreSQL comes with."""

    def _command(self) -> list[str]:
        stock = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "max_wal_size": "2GB"}
        return [
            *super()._command(),
            *(word for name, value in stock.items() for word in ("-c", f"{name}={value}")),
        ]


def create_database(server: PostgresServer, name: str, *, template: str = "") -> str:
    """A database of its own and its address; `template` names one to copy."""
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    return server.superuser_url.rsplit("/", 1)[0] + f"/{name}"


def settle(database_url: str) -> None:
    """Clean up after the figure before, so that neither side pays for the dead rows and dirty pages of another."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def environment_of(database_url: str, redis_url: str) -> dict[str, str]:
    """What our processes are started with: limits lifted, because they are not what is measured."""
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": "benchmark-" * 5,
        "ALLOWED_HOSTS": "127.0.0.1",
        "API_RATE": "100000000/min",
        "BULK_ASSIGN_RATE": "100000000/min",
        "LOG_LEVEL": "WARNING",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


@contextmanager
def our_service(environment: dict[str, str], *, threads: int = 2) -> Iterator[int]:
    """One worker process of the web server that docs/deployment.md recommends."""
    port = free_port()
    command = [
        *(str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "config.wsgi:application"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--blocking-threads", str(threads)),
        *("--no-access-log", "--log-level", "warning"),
    ]
    with _running(command, environment, port, "/health", ROOT):
        yield port


@contextmanager
def reference_service(
    folder: Path, python: Path, database_url: str, *, rows: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The reference with its tables filled: its port and the ids and token that its loader prints."""
    environment = {
        **os.environ,
        "REF_DATABASE_URL": f"postgresql+asyncpg://{database_url.partition('://')[2]}",
    }
    loaded = subprocess.run(
        [str(python), "load.py", "--opportunities", str(rows), "--jobs", str(rows)],
        cwd=folder, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    port = free_port()
    command = [
        *(str(python), "-m", "uvicorn", "app:app", "--port", str(port), "--workers", "1"),
        *("--no-access-log", "--log-level", "warning"),
    ]
    with _running(command, environment, port, "/openapi.json", folder):
        yield port, json.loads(loaded.stdout)


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int, path: str, folder: Path) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)
    try:
        _wait_until_it_answers(process, f"http://127.0.0.1:{port}{path}")
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_until_it_answers(process: subprocess.Popen[bytes], address: str) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise RuntimeError(f"The server ended with {process.returncode}.")
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer.")
