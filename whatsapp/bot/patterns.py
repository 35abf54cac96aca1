"""Regular expressions that staff have written, tried in a way that cannot hang whoever tries them.

Python's own matching can neither be stopped nor does it let another thread run, and one such pattern as "(a+)+$"
needs longer than anybody lives. So a pattern is tried in a process of its own, which is killed after a moment.
"""

import json
import logging
import subprocess
import sys
import unicodedata

logger = logging.getLogger("puente.whatsapp.bot")

TIME_LIMIT_SECONDS = 1.0
LONGEST_TEXT = 500

_PROGRAM = """
import json, re, sys
pattern, text = json.load(sys.stdin)
found = re.search(pattern, text, re.IGNORECASE)
json.dump(found.group() if found else None, sys.stdout)
"""


class PatternFailed(Exception):
    """It took too long, or is no pattern."""


def find(pattern: str, folded: str) -> str | None:
    """What the pattern finds in a folded text, at most its first 500 characters; None when nothing.

    Accents in the pattern do not count either: the text has none.
    """
    question = json.dumps([_without_accents(pattern), folded[:LONGEST_TEXT]])
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _PROGRAM],
            input=question.encode(),
            capture_output=True,
            timeout=TIME_LIMIT_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired:
        raise PatternFailed(f"tarda más de {TIME_LIMIT_SECONDS:g} s") from None
    except (subprocess.CalledProcessError, OSError) as error:
        logger.warning("pattern %r could not be tried: %s", pattern, error)
        raise PatternFailed("no es válido") from None
    found: str | None = json.loads(done.stdout)
    return found


def _without_accents(pattern: str) -> str:
    decomposed = unicodedata.normalize("NFKD", pattern)
    return "".join(char for char in decomposed if not unicodedata.combining(char))
