"""Workers that are processes of their own, on the database of the test: they can be killed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.whatsapp.meta import TOKEN, Meta

ROOT = Path(__file__).resolve().parent.parent.parent
WORKER = """
import sys, time
import django
django.setup()
from django.conf import settings
from integrations.sending.rounds import empty_outbox
settings.WEBHOOK_LEASE_SECONDS = float(sys.argv[1])
ends_at = time.monotonic() + float(sys.argv[2])
while time.monotonic() < ends_at:
    empty_outbox("whatsapp")
    time.sleep(0.05)
"""
StartWorker = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_worker(meta: Meta) -> Iterator[StartWorker]:
    """Starts a process that sends what is due to Meta, for some seconds."""
    database = connection.settings_dict
    url = (
        f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "ERROR",
        "WHATSAPP_GRAPH_URL": meta.url,
        "WHATSAPP_ACCESS_TOKEN": TOKEN,
        "WEBHOOK_ALLOW_PRIVATE": "true",
    }
    started: list[subprocess.Popen[bytes]] = []

    def start(*, lease: float = 30, seconds: float = 60, **more: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", WORKER, str(lease), str(seconds)]
        process = subprocess.Popen(command, cwd=ROOT, env={**environment, **more})
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
