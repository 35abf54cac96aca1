"""Ids of jobs, batches and accounts: 24 hexadecimal digits beside a readable one (contract section 1)."""

import os
import re
import secrets
import threading
import time
from datetime import datetime
from itertools import count

_SHAPE = re.compile(r"[0-9a-f]{24}\Z")
_counter = count(int.from_bytes(os.urandom(3)) % 0x800000)
_of_process: tuple[int, str] = (0, "")
_lock = threading.Lock()


def new_object_id() -> str:
    """Seconds, something of this process's own, a counter: time-ordered, so new rows land at the end of the index."""
    with _lock:
        number = next(_counter) % 0x1000000
    return f"{int(time.time()):08x}{_process_part()}{number:06x}"


def _process_part() -> str:
    global _of_process
    if _of_process[0] != os.getpid():  # a forked worker must not make its parent's ids
        _of_process = (os.getpid(), secrets.token_hex(5))
    return _of_process[1]


def is_object_id(text: str) -> bool:
    return bool(_SHAPE.match(text.lower()))


def readable_account_id() -> str:
    return f"acc-{secrets.token_hex(6)}"


def readable_batch_id(now: datetime) -> str:
    return f"batch-{now:%Y%m%d}-{secrets.token_hex(4)}"


def readable_job_id(account_id: str, now: datetime) -> str:
    """`account_id`: the readable one. A file makes tens of thousands in one second, so its end is long."""
    return f"job_{account_id[:8]}_{now:%Y%m%d_%H%M%S}_{secrets.token_hex(8)}"
