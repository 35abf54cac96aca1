"""The small programs behind make: what they find wrong, and that they start where they must."""

import ast
import shutil

import pytest

from tools import locks

ENVIRONMENT_SCRIPT = locks.PROJECT / "tools" / "environment.py"


@pytest.fixture
def copied_locks(tmp_path, monkeypatch):
    for name in [*locks.LOCKS, *locks.LOCKS.values()]:
        shutil.copy(locks.PROJECT / name, tmp_path / name)
    monkeypatch.setattr(locks, "PROJECT", tmp_path)
    return tmp_path


def test_the_locks_fit_the_requirements_as_far_as_can_be_known_offline():
    assert list(locks.differences_offline()) == []


def test_a_requirement_without_a_pin_is_found_offline(copied_locks):
    with (copied_locks / "requirements.in").open("a") as file:
        file.write("left-behind~=1.0\n")

    assert list(locks.differences_offline()) == ["requirements.in: left-behind~=1.0 is locked at nothing"]


def test_a_pin_outside_its_range_is_found_offline(copied_locks):
    requirements = copied_locks / "requirements.in"
    requirements.write_text(requirements.read_text().replace("Django~=5.2.19", "Django~=6.0"))

    (difference,) = locks.differences_offline()
    assert difference.startswith("requirements.in: Django~=6.0 is locked at 5.2")


def test_two_locks_that_disagree_are_found_offline(copied_locks):
    lock = copied_locks / "requirements-dev.txt"
    lock.write_text(lock.read_text().replace("\ndjango==5", "\ndjango==4"))

    (difference,) = locks.differences_offline()
    assert difference.startswith("requirements-dev.txt: django differs from requirements.txt")


@pytest.mark.parametrize("lock", locks.LOCKS.values())
def test_a_lock_names_no_index_and_no_folder_of_a_machine(lock):
    text = (locks.PROJECT / lock).read_text()

    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    assert "/" not in "".join(line for line in text.splitlines() if "hash=" not in line)


def test_a_python_that_is_too_old_can_still_read_the_script_that_says_so():
    ast.parse(ENVIRONMENT_SCRIPT.read_text(), feature_version=(3, 6))
