"""Every check of `make lint`, one after the other, with one line each; `--repair` is `make format`.

All of them run, so that one reading tells everything there is to mend.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# The checks judge the code, not the database or the secrets of whoever runs them.
SURROUNDINGS = {
    **os.environ,
    "DATABASE_URL": "",
    "REDIS_URL": "",
    "DJANGO_SETTINGS_MODULE": "config.settings",
}
# Tests are free of types but for what starts real servers.
TYPED_TESTS = ["tests/servers.py", "tests/services.py"]


def main() -> None:
    steps = list(repairs() if "--repair" in sys.argv[1:] else checks())
    failed = [name for name, command in steps if not passes(name, command)]
    if failed:
        sys.exit(f"\n{len(failed)} of {len(steps)} failed: {', '.join(failed)}")
    print(f"\nAll {len(steps)} passed.")


def checks() -> Iterator[tuple[str, list[str]]]:
    yield "ruff check", [tool("ruff"), "check", "--quiet", "--output-format=concise", "."]
    yield "ruff format", [tool("ruff"), "format", "--check", "."]
    yield "mypy", [tool("mypy"), "--no-error-summary", *packages(), "tools", *TYPED_TESTS]
    yield "import floors", [tool("lint-imports")]
    if templates():
        yield "djlint", [*djlint(), "--check"]
    yield "checks of Django", manage("check", "--fail-level", "WARNING")
    yield "migrations", manage("makemigrations", "--check", "--dry-run")
    yield "OpenAPI schema", manage("spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)
    yield "locked requirements", [sys.executable, "tools/locks.py", "--check"]


def repairs() -> Iterator[tuple[str, list[str]]]:
    yield "ruff check", [tool("ruff"), "check", "--quiet", "--fix", "."]
    yield "ruff format", [tool("ruff"), "format", "--quiet", "."]
    if templates():
        # djlint answers 1 when it has changed something, so it is asked again.
        yield "djlint", ["/bin/sh", "-c", '"$@" --reformat >/dev/null; exec "$@" --check', "sh", *djlint()]


def passes(name: str, command: list[str]) -> bool:
    started = time.monotonic()
    done = subprocess.run(command, cwd=PROJECT, env=SURROUNDINGS, capture_output=True, text=True)
    word = "FAILED" if done.returncode else "ok"
    print(f"{name:<20} {word:<7} {time.monotonic() - started:5.1f} s", flush=True)
    said = (done.stdout + done.stderr).strip()
    if said and (done.returncode or name == "locked requirements"):
        print("    " + said.replace("\n", "\n    "), flush=True)
    return done.returncode == 0


def tool(name: str) -> str:
    return str(BIN / name)


def djlint() -> list[str]:
    return [tool("djlint"), "--quiet", *templates()]


def manage(*words: str) -> list[str]:
    return [sys.executable, "manage.py", *words]


def packages() -> list[str]:
    """The apps and the project's own package: every folder beside manage.py that Django configures."""
    return sorted(path.parent.name for path in PROJECT.glob("*/apps.py"))


def templates() -> list[str]:
    folders = {page.relative_to(PROJECT).parts[0] for page in PROJECT.glob("*/templates/**/*.html")}
    return [f"{folder}/templates" for folder in sorted(folders)]


if __name__ == "__main__":
    main()
