"""Regular expressions that staff have written, tried in a way that cannot hang whoever tries them.

Python's own matching can neither be stopped nor does it let another thread run, and one such pattern as "(a+)+$"
needs longer than anybody lives. So a pattern is tried in a process of its own, which is killed after a moment.
"""

import json
import logging
import signal
import subprocess
import sys
import time
import unicodedata

logger = logging.getLogger("puente.whatsapp.bot")

# What a pattern may cost: a second of the processor. The clock on the wall is for a machine that is busy.
CPU_SECONDS = 1
WALL_SECONDS = 10.0
LONGEST_TEXT = 500
# A pattern that was too slow once is not tried again for this long: one message in a hurry is enough.
LEFT_OUT_SECONDS = 600.0

_PROGRAM = f"""
import json, re, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({CPU_SECONDS}, {CPU_SECONDS}))
pattern, text = json.load(sys.stdin)
found = re.search(pattern, text, re.IGNORECASE)
json.dump(found.group() if found else None, sys.stdout)
"""
_TOO_SLOW = f"tarda más de {CPU_SECONDS} s"
_KILLED = (-signal.SIGXCPU, -signal.SIGKILL)
_left_out_until: dict[str, float] = {}


class PatternFailed(Exception):
    """It took too long, or is no pattern."""


def find(pattern: str, folded: str) -> str | None:
    """What the pattern finds in a folded text, at most its first 500 characters; None when nothing.

    Accents in the pattern do not count either: the text has none.
    """
    if _left_out_until.get(pattern, 0.0) > time.monotonic():
        raise PatternFailed(_TOO_SLOW)
    question = json.dumps([_without_accents(pattern), folded[:LONGEST_TEXT]])
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=question.encode(),
            capture_output=True,
            timeout=WALL_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise PatternFailed(str(error)) from None
    if done.returncode in _KILLED:
        _left_out_until[pattern] = time.monotonic() + LEFT_OUT_SECONDS
        raise PatternFailed(_TOO_SLOW)
    if done.returncode:
        raise PatternFailed("no es válido")
    found: str | None = json.loads(done.stdout)
    return found


def _without_accents(pattern: str) -> str:
    decomposed = unicodedata.normalize("NFKD", pattern)
    return "".join(char for char in decomposed if not unicodedata.combining(char))
