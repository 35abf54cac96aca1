"""A command as the shell sees it: what it says, what it complains about, and how it ends."""

from dataclasses import dataclass
from io import StringIO

from django.core.management import CommandError, call_command


@dataclass(frozen=True)
class Told:
    code: int
    out: str
    err: str


def run(name: str, *arguments: str) -> Told:
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
        code = error.returncode
    return Told(code, out.getvalue(), err.getvalue())
