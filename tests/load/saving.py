"""Whether a person who marks a visit waits for the receiver: medians of the same request, all in one run."""

import argparse
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.core.management import call_command
from rest_framework_simplejwt.tokens import RefreshToken

from crm.models import Appointment, Lead
from integrations.models import WebhookDelivery
from tests.load.data import NOW, people
from tests.load.generator import Measured, fire, request
from tests.load.processes import DurablePostgres, our_service, settle
from tests.load.report import print_columns
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent


def run(postgres: DurablePostgres, options: argparse.Namespace) -> None:
    call_command("migrate", verbosity=0)
    administrator, _ = people()
    token = str(RefreshToken.for_user(administrator).access_token)
    lead = Lead.objects.create(nombre="Prueba de carga", celular="+51900000001")
    found: dict[str, Measured] = {}
    for name, receiver in {
        "nobody to tell (no address)": _nobody,
        "a receiver that answers": _answering,
        "a receiver that hangs": _hanging,
        "a receiver that is gone": _gone,
    }.items():
        found[name] = _measure(receiver, lead, token, options)
    first = found["a receiver that answers"].p50
    print("\nMarking a visit as Realizada, one client after the other\n")
    print_columns(
        ["with", "p50 ms", "p99 ms", "p50 / answering", "refused"],
        [
            [name, f"{one.p50:.1f}", f"{one.p99:.1f}", f"{one.p50 / first:.2f}", str(one.refused)]
            for name, one in found.items()
        ],
    )


def _measure(receiver, lead: Lead, token: str, options: argparse.Namespace) -> Measured:  # type: ignore[no-untyped-def]
    WebhookDelivery.objects.all().delete()
    appointments = [Appointment(lead=lead, fecha_hora=NOW) for _ in range(3000)]
    for appointment in appointments:
        appointment.save()
    settle(os.environ["DATABASE_URL"])
    shots = [
        request("PATCH", f"/api/crm/appointments/{one.pk}", token=token, body={"estado": "Realizada"})
        for one in appointments
    ]
    with ExitStack() as stack:
        url = stack.enter_context(receiver())
        environment = {
            **os.environ,
            "COMERCIAL_WEBHOOK_URL": url,
            "COMERCIAL_WEBHOOK_TOKEN": "ficha",
            "WEBHOOK_ALLOW_PRIVATE": "true",
        }
        stack.enter_context(_worker(environment))
        port = stack.enter_context(our_service(environment))
        time.sleep(4)
        return fire(port, shots, connections=1, seconds=options.seconds)


@contextmanager
def _worker(environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "--app", "config", "worker", "--concurrency", "2", "--loglevel", "CRITICAL"],
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, 9)
        process.wait()


@contextmanager
def _nobody() -> Iterator[str]:
    yield ""


@contextmanager
def _answering() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.load.sink", str(port)], cwd=ROOT)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()


@contextmanager
def _hanging() -> Iterator[str]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as server:
        kept: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


@contextmanager
def _gone() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}/"
