"""What a deployment lacks is named before it starts; the demonstration lacks nothing."""

import os
import re
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from config import checks
from config.env import Environment
from tests.services import known_variables

PROJECT = Path(__file__).resolve().parent.parent.parent

COMPLETE = {
    "database_url": "postgres://puente:secret@127.0.0.1:5432/puente",
    "redis_url": "redis://127.0.0.1:6379/0",
    "secret_key": "a-key-that-is-long-enough-for-everybody-here",
    "allowed_hosts": ["crm.example.com"],
}
RETELL = {
    "call_provider": "retell",
    "retell_api_key": "key_1",
    "retell_from_number": "+51987654321",
    "retell_agent_id": "agent_1",
}
# The defaults, whatever surrounds the tests.
DEMONSTRATION = replace(Environment(), database_url="", redis_url="", secret_key="", allowed_hosts=[])


def found(**changes: Any) -> list[str]:
    return [
        str(message.id).removeprefix("puente.")
        for message in checks.missing_settings(replace(DEMONSTRATION, **changes))
    ]


def test_the_demonstration_lacks_nothing() -> None:
    assert found() == []


def test_a_complete_installation_lacks_nothing() -> None:
    assert found(**COMPLETE) == []


def test_each_missing_thing_is_named() -> None:
    assert found(database_url=COMPLETE["database_url"]) == ["E001", "E003", "E004"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"secret_key": ""}, "E001"),
        ({"secret_key": "short"}, "E002"),
        ({"secret_key": checks.DEMONSTRATION_SECRET_KEY}, "E012"),
        ({"allowed_hosts": []}, "E003"),
        ({"redis_url": ""}, "E004"),
        ({"time_zone": "Mars/Olympus"}, "E005"),
        ({"agent_scope": "mine"}, "E006"),
        ({"api_rate": "many"}, "E007"),
        ({"api_rate": "60"}, "E007"),
        ({"api_rate": "-1/min"}, "E007"),
        ({"bulk_assign_rate": "5/week"}, "E007"),
        ({"phone_region": "XX"}, "E008"),
        ({"log_level": "LOUD"}, "E009"),
        ({"database_url": "mysql://u@h/n"}, "E010"),
        ({"database_url": "nonsense"}, "E010"),
        ({"database_url": "postgres://host"}, "E010"),
        ({"access_token_minutes": 2}, "E011"),
        ({"refresh_token_days": 0}, "E011"),
        ({"bulk_assign_limit": 0}, "E011"),
        ({"import_max_megabytes": -1}, "E011"),
        ({"trusted_proxies": -1}, "E011"),
        ({"calls_at_once": 0}, "E011"),
        ({"calls_a_week": 0}, "E011"),
        ({"call_provider": "otro"}, "E020"),
        ({"retell_api_url": "ftp://api.retellai.com"}, "E021"),
        ({"retell_api_url": "https://user:password@api.retellai.com"}, "E021"),
        ({"retell_api_url": "http://api.retellai.com"}, "E021"),
        ({"retell_from_number": "987654321"}, "E022"),
        ({**RETELL, "retell_from_number": "+51 987 654 321"}, "E022"),
        ({**RETELL, "retell_api_key": ""}, "E023"),
        ({**RETELL, "retell_from_number": ""}, "E023"),
        ({**RETELL, "retell_agent_id": ""}, "E023"),
    ],
)
def test_each_impossible_value_is_named(changes: dict[str, Any], expected: str) -> None:
    assert found(**{**COMPLETE, **changes}) == [expected]


def test_retell_with_key_number_and_agent_lacks_nothing() -> None:
    assert found(**COMPLETE, **RETELL) == []
    assert found(**COMPLETE, **RETELL, retell_api_url="http://10.0.0.1", webhook_allow_private=True) == []


@pytest.mark.parametrize("rate", ["0", "1/s", "60/min", "3000/minute", "5/hour", "9/d"])
def test_every_rate_that_is_accepted_can_be_counted(rate: str) -> None:
    from config.api.throttles import _SECONDS

    assert found(**COMPLETE, api_rate=rate) == []
    assert rate == "0" or rate.partition("/")[2][0] in _SECONDS


def test_every_number_of_the_environment_has_its_least(settings: Any) -> None:
    numbers = {field.name.upper() for field in fields(Environment) if field.type in (int, "int")}
    assert numbers - {"PORT"} == checks._LEAST.keys()


def test_impossible_values_of_the_demonstration_are_named_too() -> None:
    assert found(time_zone="Mars/Olympus") == ["E005"]


def test_the_running_settings_pass_the_command() -> None:
    call_command("check", "--tag", "security", "--fail-level", "ERROR")


# --- Processes of their own -------------------------------------------------------------------


def run(*words: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in known_variables()}
    # A .env file of whoever runs the tests must not complete what is missing here.
    environment |= {**dict.fromkeys(known_variables(), ""), **surroundings}
    return subprocess.run(
        [sys.executable, *words], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120
    )


def test_neither_check_nor_web_server_nor_worker_starts_incomplete(tmp_path: Path) -> None:
    url = str(COMPLETE["database_url"])
    doors = [
        ("manage.py", "check", "--tag", "security"),
        ("-c", "import config.wsgi"),
        ("-m", "celery", "--app", "config", "worker", "--pool", "solo"),
        ("-m", "celery", "--app", "config", "beat", "--schedule", str(tmp_path / "beat")),
    ]
    for door in doors:
        done = run(*door, DATABASE_URL=url)
        assert done.returncode != 0, door
        for sentence in ("SECRET_KEY is missing.", "ALLOWED_HOSTS is missing.", "REDIS_URL is missing."):
            assert sentence in done.stderr + done.stdout, door


def test_an_impossible_value_is_a_sentence_and_no_traceback() -> None:
    done = run("manage.py", "check", "--tag", "security", TIME_ZONE="Mars/Olympus", LOG_LEVEL="LOUD")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "TIME_ZONE 'Mars/Olympus' is not a known time zone." in done.stderr
    assert "LOG_LEVEL must be one of" in done.stderr


def test_with_nothing_set_everything_loads() -> None:
    done = run("-c", "import config.wsgi")
    assert done.returncode == 0, done.stderr


# --- .env.example -----------------------------------------------------------------------------


def examples() -> dict[str, str]:
    text = (PROJECT / ".env.example").read_text()
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def test_the_example_names_every_variable_and_no_other() -> None:
    assert examples().keys() == known_variables()
    assert len(examples()) == len(fields(Environment))


def test_the_example_is_the_demonstration_with_its_defaults() -> None:
    """Copied as it is, it changes nothing."""
    script = "from config.env import ENV; from dataclasses import asdict; print(sorted(map(str, asdict(ENV).items())))"
    assert run("-c", script, **examples()).stdout == run("-c", script).stdout


def test_the_deployment_guide_names_every_variable() -> None:
    guide = (PROJECT / "docs" / "deployment.md").read_text()
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", guide, re.MULTILINE))
    assert named == known_variables()
