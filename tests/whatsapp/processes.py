"""Workers that are processes of their own, on the database of the test: they can be killed."""

import subprocess
from collections.abc import Callable, Iterator

import pytest

from tests.programs import programs
from tests.whatsapp.meta import TOKEN, Meta

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
    meta_there = {"WHATSAPP_GRAPH_URL": meta.url, "WHATSAPP_ACCESS_TOKEN": TOKEN, "WEBHOOK_ALLOW_PRIVATE": "true"}
    with programs() as start:

        def begin(*, lease: float = 30, seconds: float = 60, **more: str) -> "subprocess.Popen[bytes]":
            return start(WORKER, str(lease), str(seconds), **{**meta_there, **more})

        yield begin
