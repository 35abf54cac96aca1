"""Keeps .venv in step with a lock file: `python3 tools/environment.py requirements.txt`.

It runs on the bare Python of a machine, perhaps one that is too old: only the standard library, and
no syntax newer than what it must be able to complain about.
"""

import hashlib
import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
RUNTIME_LOCK = "requirements.txt"
DEVELOPMENT_LOCK = "requirements-dev.txt"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
PLACE = "at " + VENV
STAMP = os.path.join(VENV, "installed.txt")


def main() -> None:
    if sys.version_info < OLDEST:
        hand_over_to_a_newer_python()
    lock = lock_to_install(sys.argv[1])
    if is_usable() and stamp_of(lock) in installed():
        return
    uv = shutil.which("uv")
    if not is_usable() or not (uv or has_pip()):
        create(uv)
    forget_stamp()
    print("Installing " + lock + " into .venv ...", flush=True)
    install(lock, uv)
    with open(STAMP, "w", encoding="utf-8") as file:
        file.write("\n".join([PLACE, *(stamp_of(name) for name in covered_by(lock))]) + "\n")


def hand_over_to_a_newer_python() -> None:
    """Go on with a `python3.x` of this machine that is new enough; otherwise say what is needed."""
    for minor in range(30, OLDEST[1] - 1, -1):
        newer = shutil.which("python3." + str(minor))
        # A version manager leaves commands on PATH for versions that are switched off.
        if newer and runs("pass", python=newer):
            os.execv(newer, [newer, *sys.argv])
    found = ".".join(str(part) for part in sys.version_info[:2])
    sys.exit("Puente CRM needs Python 3.11 or newer; this machine's python3 is " + found + ".")


def lock_to_install(wanted: str) -> str:
    """Where the development tools are in, they stay in: the development lock holds the runtime one."""
    has_tools = any(line.startswith(DEVELOPMENT_LOCK + " ") for line in installed())
    return DEVELOPMENT_LOCK if has_tools and stamp_of(wanted) not in installed() else wanted


def covered_by(lock: str) -> "list[str]":
    return [RUNTIME_LOCK, DEVELOPMENT_LOCK] if lock == DEVELOPMENT_LOCK else [lock]


def stamp_of(lock: str) -> str:
    with open(os.path.join(ROOT, lock), "rb") as file:
        return lock + " " + hashlib.sha256(file.read()).hexdigest()


def installed() -> "list[str]":
    if not os.path.exists(STAMP):
        return []
    with open(STAMP, encoding="utf-8") as file:
        return file.read().splitlines()


def forget_stamp() -> None:
    if os.path.exists(STAMP):
        os.remove(STAMP)


def is_usable() -> bool:
    """Whether the environment has a living, new enough Python and is where it was made."""
    if installed() and PLACE not in installed():
        return False  # its scripts name the old folder
    new_enough = "import sys; sys.exit(sys.version_info < " + repr(OLDEST) + ")"
    return os.path.exists(VENV_PYTHON) and runs(new_enough)


def has_pip() -> bool:
    return runs("import pip")


def runs(code: str, python: str = VENV_PYTHON) -> bool:
    try:
        done = subprocess.run([python, "-c", code], stderr=subprocess.DEVNULL)
    except OSError:
        return False
    return done.returncode == 0


def create(uv: "str | None") -> None:
    # From inside another environment: the Python beneath it, so that .venv does not lean on a stranger.
    base = getattr(sys, "_base_executable", None) or sys.executable
    shutil.rmtree(VENV, ignore_errors=True)
    if uv:
        run_or_stop([uv, "venv", "--quiet", "--python", base, VENV])
        return
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit("Python's venv module is missing: run `apt install python3-venv`, or install uv.")
    run_or_stop([base, "-m", "venv", VENV])


def install(lock: str, uv: "str | None") -> None:
    path = os.path.join(ROOT, lock)
    if uv:
        options = ["--quiet", "--compile-bytecode", "--require-hashes", "--python", VENV_PYTHON]
        run_or_stop([uv, "pip", "sync", *options, path])
        return
    quiet = ["-qq", "--disable-pip-version-check", "--no-input"]
    # The lock is complete, so nothing is left to resolve.
    run_or_stop([VENV_PYTHON, "-m", "pip", "install", *quiet, "--no-deps", "--require-hashes", "-r", path])


def run_or_stop(command: "list[str]") -> None:
    done = subprocess.run(command)
    if done.returncode:
        sys.exit("Could not set up .venv: " + os.path.basename(command[0]) + " failed; see above.")


if __name__ == "__main__":
    main()
