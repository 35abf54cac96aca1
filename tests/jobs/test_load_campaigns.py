"""The benchmark of campaigns runs from end to end, and its counts are exact; figures are for quiet machines."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
def test_the_benchmark_of_campaigns_runs_in_its_small_form():
    ran = subprocess.run(
        [sys.executable, "-m", "tests.load", "campaigns", "--small"],
        cwd=PROJECT, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.count("exact") == 2
    for table in ("Jobs removed a second", "Lists of 50 jobs", "Jobs claimed a second", "A file of 300 rows"):
        assert table in ran.stdout
