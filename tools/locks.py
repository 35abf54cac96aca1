"""The locked requirements: written by `make lock`, compared with what they were made from by `make lint`.

What is locked stays locked while it fits its range; `--upgrade` takes the newest that fits.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent
UV = str(Path(sys.executable).parent / "uv")
LOCKS = {"requirements.in": "requirements.txt", "requirements-dev.in": "requirements-dev.txt"}
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)
# How uv says that it could not ask, as opposed to that it found no answer.
UNREACHABLE = re.compile(
    r"failed to fetch|request failed|error sending request|dns error|timed out|network was disabled",
    re.IGNORECASE,
)


class IndexUnreachable(Exception):
    """The package index did not answer."""


def main() -> None:
    words = sys.argv[1:]
    if "--check" in words:
        sys.exit(check())
    try:
        resolve(PROJECT, *(word for word in words if word == "--upgrade"))
    except IndexUnreachable as error:
        sys.exit(f"The package index could not be reached:\n{error}")


def check() -> int:
    """0 when the locks are what `make lock` would write; says how that was found out."""
    try:
        differences = list(differences_after_resolving())
        how = "resolved again"
    except IndexUnreachable:
        differences = list(differences_offline())
        how = "compared offline: the package index could not be reached"
    if differences:
        print("The locks do not fit the requirements; run `make lock`:", *differences, sep="\n  ")
        return 1
    print(how)
    return 0


def resolve(folder: Path, *options: str) -> None:
    """Write the locks of a folder from its requirements, with the locks that are there as preference."""
    for source, lock in LOCKS.items():
        # One lock for every platform and Python version (--universal), and no machine's path or index in it.
        command = [UV, "pip", "compile", source, "--output-file", lock, "--quiet", "--generate-hashes"]
        command += ["--universal", "--fork-strategy", "fewest", "--python-version", "3.11"]
        command += ["--custom-compile-command", "make lock", "--no-emit-index-url", *options]
        done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True)
        if done.returncode and UNREACHABLE.search(done.stderr):
            raise IndexUnreachable(done.stderr)
        if done.returncode:
            sys.exit(f"{source} cannot be resolved:\n{done.stderr}")


def differences_after_resolving() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in [*LOCKS, *LOCKS.values()]:
            shutil.copy(PROJECT / file, folder / file)
        resolve(folder)
        for lock in LOCKS.values():
            before, after = (set((place / lock).read_text().splitlines()) for place in (PROJECT, folder))
            yield from (f"{lock}: - {line.strip()}" for line in sorted(before - after))
            yield from (f"{lock}: + {line.strip()}" for line in sorted(after - before))


def differences_offline() -> Iterator[str]:
    """What can be known without an index: every requirement has its pin, and both locks agree."""
    pins = {lock: pins_of(lock) for lock in LOCKS.values()}
    for source, lock in LOCKS.items():
        for requirement in requirements_of(source):
            pinned = pins[lock].get(canonicalize_name(requirement.name))
            if pinned is None or not requirement.specifier.contains(pinned, prereleases=True):
                yield f"{source}: {requirement} is locked at {pinned or 'nothing'}"
    for name, version in pins["requirements.txt"].items():
        if pins["requirements-dev.txt"].get(name) != version:
            yield f"requirements-dev.txt: {name} differs from requirements.txt ({version})"


def requirements_of(source: str) -> Iterator[Requirement]:
    for line in (PROJECT / source).read_text().splitlines():
        text = line.split(" #")[0].strip()
        if text and not text.startswith(("#", "-")):
            yield Requirement(text)


def pins_of(lock: str) -> dict[str, str]:
    found = PIN.findall((PROJECT / lock).read_text())
    return {canonicalize_name(name): version for name, version in found}


if __name__ == "__main__":
    main()
