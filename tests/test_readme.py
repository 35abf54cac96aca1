"""The README cannot rot: its tour is run as it stands, and what it names has to be there.

The tour runs twice: on the demonstration with this machine's curl, and on a PostgreSQL and a Redis of its
own with an account of its own, through `tests/curl.py`, which also stands in where a machine has no curl.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.servers import PostgresServer, RedisServer
from tests.services import known_variables
from tests.serving import PROJECT, FirstStart, Serve

README = PROJECT / "README.md"
END_OF_STEP = "--- end of step ---"
PLACEHOLDERS = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z", "<time>"),
    (r'("total(_pages)?": )\d+', r"\1<number>"),
)


@dataclass(frozen=True)
class Step:
    """A block of commands and the answer that the README promises, if it does."""

    commands: str
    answer: str | None


def tour() -> list[Step]:
    """Every ```sh block of the section, each with the ```text block that follows it."""
    section = README.read_text().split("\n## A tour\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```(sh|text)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    steps: list[Step] = []
    for kind, content in blocks:
        if kind == "sh":
            steps.append(Step(content, None))
        else:
            steps[-1] = Step(steps[-1].commands, content)
    return steps


# --- The tour ---------------------------------------------------------------------------------


def test_the_tour_of_the_demonstration_gives_the_answers_of_the_readme(first_start: FirstStart, tmp_path: Path) -> None:
    with Serve(first_start.copy_to(tmp_path)) as serve:
        path = os.environ["PATH"] if shutil.which("curl") else f"{folder_with_curl(tmp_path)}:{os.environ['PATH']}"
        assert_answers(tour(), walk(tour(), serve, path=path))
        assert_answers(tour(), walk(tour(), serve, path=path))  # and to whoever comes second


def test_the_tour_of_an_installation_gives_the_same_answers(
    tmp_path: Path, own_postgres: PostgresServer, own_redis: RedisServer
) -> None:
    deployment = {
        "DATABASE_URL": own_postgres.url,
        "REDIS_URL": own_redis.url,
        "SECRET_KEY": "a-key-of-these-tests-that-is-long-enough",
        "ALLOWED_HOSTS": "127.0.0.1",
        "WHATSAPP_PHONE_NUMBER_ID": "105500000000001",
    }
    account = {"admin@puente.test": "jefa@oficina.test", "demo-puente": "una-clave-larga-9"}
    email, password = account.values()
    steps = [Step(in_words_of(account, step.commands), in_words_of(account, step.answer)) for step in tour()]
    with Serve(tmp_path, **deployment) as serve:
        serve.run("createsuperuser", "--noinput", "--email", email, DJANGO_SUPERUSER_PASSWORD=password)
        path = f"{folder_with_curl(tmp_path)}:{os.environ['PATH']}"
        assert_answers(steps, walk(steps, serve, path=path))


def test_the_tour_shows_what_the_product_is_for() -> None:
    """So that a tour that has lost its steps is noticed, too."""
    told = "".join(step.commands for step in tour())
    for act in (
        "auth/login",
        "contacts",
        "search=",
        "crm/calls",
        "/tasks",
        "bulk-assign",
        "Idempotency-Key",
        "/undo",
        "enviar-mensaje",
    ):
        assert act in told
    answers = "".join(step.answer or "" for step in tour())
    for outcome in ("HTTP 201", "HTTP 207", "HTTP 400", "Llamada de seguimiento programada", "ventana_cerrada"):
        assert outcome in answers


def test_an_answer_that_differs_is_noticed() -> None:
    step = Step("", '{\n  "name": "Luz",\n  …\n  "total": 3\n}\n')
    assert_answers([step], ['{\n  "name": "Luz",\n  "id": 7,\n  "total": 8\n}\n'])
    for other in ('{\n  "name": "Eva",\n  "id": 7,\n  "total": 3\n}\n', '{\n  "name": "Luz"\n}\n', ""):
        with pytest.raises(AssertionError):
            assert_answers([step], [other])


def walk(steps: list[Step], serve: Serve, *, path: str) -> list[str]:
    """All steps in one shell, as somebody types them; what each of them printed."""
    script = "".join(f"{step.commands}echo '{END_OF_STEP}'\n" for step in steps)
    script = script.replace("http://127.0.0.1:8000", serve.url)
    # The tour calls python3 for its two helpers; any will do, this one is there.
    helpers = f'python3() {{ {sys.executable} "$@"; }}\n'
    done = subprocess.run(
        ["bash"],
        input=helpers + script,
        env={"PATH": path, "HOME": os.environ.get("HOME", "/"), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    printed = done.stdout.split(f"{END_OF_STEP}\n")
    assert len(printed) == len(steps) + 1, done.stdout
    return printed[:-1]


def assert_answers(steps: list[Step], printed: list[str]) -> None:
    for step, said in zip(steps, printed, strict=True):
        expected = without_what_varies(step.answer or "")
        if not re.fullmatch(pattern_of(expected), without_what_varies(said)):
            raise AssertionError(f"{step.commands}\nThe README says:\n{step.answer}\nThe answer was:\n{said}")


def without_what_varies(text: str) -> str:
    for pattern, placeholder in PLACEHOLDERS:
        text = re.sub(pattern, placeholder, text)
    return text.replace("\r\n", "\n")


def pattern_of(expected: str) -> str:
    """A line that is only `…` stands for any number of lines."""
    lines = [r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line) + r"\n" for line in expected.splitlines()]
    return "".join(lines)


def in_words_of(account: dict[str, str], text: str | None) -> str:
    for demonstration, own in account.items():
        text = (text or "").replace(demonstration, own)
    return text or ""


def folder_with_curl(folder: Path) -> Path:
    program = folder / "bin" / "curl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {PROJECT / "tests" / "curl.py"} "$@"\n')
    program.chmod(0o755)
    return program.parent


# --- What the documents name ------------------------------------------------------------------

DOCUMENTS = [README, *sorted((PROJECT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_file_that_a_document_links_to_is_there(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    missing = [link for link in links if not (document.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_every_file_of_ours_that_a_document_names_is_there(document: Path) -> None:
    """But for those of the floors that are still to be built."""
    named = re.findall(r"`((?:config|crm|calls|opportunities|docs|tests|tools)/[\w/.]+)`", document.read_text())
    assert [path for path in named if not (PROJECT / path).exists()] == []


def test_the_map_names_folders_that_are_there() -> None:
    section = README.read_text().split("\n## Map\n")[1].split("\n## ")[0]
    first_columns = "".join(re.findall(r"^\|([^|]*)\|", section, re.MULTILINE))
    folders = set(re.findall(r"`([a-z]+/)`", first_columns))
    assert {"config/", "crm/", "tests/"} <= folders
    assert [folder for folder in sorted(folders) if not (PROJECT / folder).is_dir()] == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z-]+)", README.read_text())) - {"nothing"}
    assert {"run", "test", "lint"} <= named <= targets


def test_every_command_that_the_documents_name_exists() -> None:
    told = "".join(document.read_text() for document in DOCUMENTS)
    named = set(re.findall(r"manage\.py ([a-z_]+)", told))
    assert {"serve", "createsuperuser", "migrate"} <= named <= set(get_commands())


def test_the_deployment_page_has_every_variable_and_no_other() -> None:
    table = (PROJECT / "docs" / "deployment.md").read_text().split("\n## Variables\n")[1].split("\n## ")[0]
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))
    assert told == known_variables()
