"""Deliveries a second, one worker each: ours beside what others send webhooks with, all in one run.

Each side has its messages waiting before its worker starts to count; the rate is between the first and the last that
the same receiver sees. The peers run in an interpreter of their own (`--peers-python`); the product does not need them:

    pip install 'celery[redis]' requests procrastinate aiohttp django-celery-outbox 'psycopg[binary]'
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.core.management import call_command

from tests.load.processes import DurablePostgres, create_database, settle
from tests.load.report import print_columns
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
PEERS = Path(__file__).resolve().parent / "peers"
SECONDS_TO_DRAIN = 60.0

Side = Callable[[int], None]


class Sink:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/"

    def counts(self, method: str = "GET") -> dict[str, Any]:
        asked = urllib.request.Request(self.url, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return dict(json.loads(answer.read()))

    def rate_of(self, rows: int) -> float:
        """Wait until all have come; how many a second. 0 when some never came."""
        ends_at = time.monotonic() + SECONDS_TO_DRAIN
        while time.monotonic() < ends_at:
            counts = self.counts()
            if counts["messages"] >= rows:
                return float(rows / counts["seconds"])
            time.sleep(0.2)
        print(f"only {self.counts()} of {rows} came", file=sys.stderr)
        return 0.0


def run(postgres: DurablePostgres, options: argparse.Namespace) -> None:
    call_command("migrate", verbosity=0)
    with _sink() as sink:
        os.environ.update(
            SINK_URL=sink.url,
            COMERCIAL_WEBHOOK_URL=sink.url,
            COMERCIAL_WEBHOOK_TOKEN="ficha",
            WEBHOOK_SIGNING_SECRETS="whsec_" + "eHh4" * 10,
            WEBHOOK_ALLOW_PRIVATE="true",
        )
        sides = _sides(postgres, options.peers_python)
        found: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(options.rounds):
            for name, side in sides.items():
                sink.counts("DELETE")
                settle(os.environ["DATABASE_URL"])
                with side(options.messages):
                    found[name].append(sink.rate_of(options.messages))
                print(f"{name}: {found[name][-1]:.0f} a second", file=sys.stderr, flush=True)
    rates = {name: statistics.median(figures) for name, figures in found.items()}
    ours = rates["ours"]
    print(f"\nDeliveries a second, one worker, {options.messages:,} messages, median of {options.rounds}\n")
    print_columns(
        ["sender", "a second", "ours / it"],
        [[name, f"{rate:.0f}", f"{ours / rate:.2f}" if rate else "not all came"] for name, rate in rates.items()],
    )


def _sides(postgres: DurablePostgres, python: Path) -> dict[str, Any]:
    return {
        "ours": _ours,
        "eight threads, no queue": lambda rows: _peer(python, "loop.py", str(rows)),
        "Celery and requests": lambda rows: _celery(python, "plain_celery", rows),
        "django-celery-outbox": lambda rows: _celery_outbox(postgres, python, rows),
        "procrastinate": lambda rows: _procrastinate(postgres, python, rows),
    }


# --- Ours -------------------------------------------------------------------------------------


@contextmanager
def _ours(rows: int) -> Iterator[None]:
    """An outbox of `rows` and one worker process; every attempt is on record before and after it is made."""
    from integrations.models import DeliveryAttempt, WebhookDelivery
    from integrations.tasks import deliver_to

    DeliveryAttempt.objects.all().delete()
    WebhookDelivery.objects.all().delete()
    payload = {
        "id_presencia_crm": "CRM-1",
        "cliente": {"nombres_completos_razon_social": "Prueba", "tipo_documento": "DNI", "distrito": "Lince"},
        "fecha_hora_presencia": "2026-01-10T15:00:00+00:00",
        "observaciones": "x" * 120,
    }
    WebhookDelivery.objects.bulk_create(
        WebhookDelivery(
            event="presence.test", destination="comercial", subject=f"CRM-{number}", sequence=1, payload=payload
        )
        for number in range(rows)
    )
    settle(os.environ["DATABASE_URL"])
    with _process(sys.executable, "-m", "celery", "--app", "config", "worker", *_ONE_PROCESS, folder=ROOT):
        time.sleep(4)
        deliver_to.apply_async(kwargs={"destination": "comercial"})
        yield
    if DeliveryAttempt.objects.filter(outcome="delivered").count() != rows:
        raise SystemExit("Not every attempt is on record.")


_ONE_PROCESS = (
    "--pool",
    "prefork",
    "--concurrency",
    "1",
    "--loglevel",
    "ERROR",
    "--without-gossip",
    "--without-mingle",
)


# --- The others -------------------------------------------------------------------------------


@contextmanager
def _peer(python: Path, *words: str) -> Iterator[None]:
    with _process(str(python), *words, folder=PEERS):
        yield


@contextmanager
def _celery(python: Path, module: str, rows: int) -> Iterator[None]:
    """Eight processes, which measured best on two cores."""
    os.environ.pop("PEER_SETTINGS", None)
    _done(python, f"{module}.py", str(rows))
    words = (
        "-m",
        "celery",
        "--app",
        module,
        "worker",
        "--pool",
        "prefork",
        "--concurrency",
        "8",
        "--loglevel",
        "ERROR",
    )
    with _process(str(python), *words, folder=PEERS):
        yield


@contextmanager
def _celery_outbox(postgres: DurablePostgres, python: Path, rows: int) -> Iterator[None]:
    _own_database(postgres, "celery_outbox")
    os.environ["PEER_SETTINGS"] = "configured.by.itself"
    _done(python, "celery_outbox.py", "migrate")
    _done(python, "celery_outbox.py", "fill", str(rows))
    worker = ("-m", "celery", "--app", "celery_outbox", "worker", "--pool", "threads", "--concurrency", "16")
    with _process(str(python), *worker, folder=PEERS):
        time.sleep(4)
        with _process(str(python), "celery_outbox.py", "relay", folder=PEERS):
            yield


@contextmanager
def _procrastinate(postgres: DurablePostgres, python: Path, rows: int) -> Iterator[None]:
    _own_database(postgres, "procrastinate")
    os.environ.pop("PEER_SETTINGS", None)
    _done(python, "procrastinated.py", "schema")
    _done(python, "procrastinated.py", "fill", str(rows))
    with _process(str(python), "procrastinated.py", "work", folder=PEERS):
        yield


def _own_database(postgres: DurablePostgres, prefix: str) -> None:
    os.environ["PEER_DATABASE_URL"] = create_database(postgres, f"{prefix}_{time.monotonic_ns()}")


def _done(python: Path, *words: str) -> None:
    subprocess.run([str(python), *words], cwd=PEERS, check=True, env=_environment_for(PEERS), stdout=subprocess.DEVNULL)


def _environment_for(folder: Path) -> dict[str, str]:
    """Celery would load our settings for the peers too, where they are not even installed."""
    settings = {} if folder == ROOT else {"DJANGO_SETTINGS_MODULE": os.environ.get("PEER_SETTINGS", "")}
    return {name: value for name, value in {**os.environ, **settings}.items() if value}


@contextmanager
def _process(*command: str, folder: Path) -> Iterator[None]:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=_environment_for(folder),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


@contextmanager
def _sink() -> Iterator[Sink]:
    port = free_port()
    with _process(sys.executable, "-m", "tests.load.sink", str(port), folder=ROOT):
        sink = Sink(port)
        for _ in range(100):
            try:
                sink.counts()
                break
            except OSError:
                time.sleep(0.1)
        yield sink
