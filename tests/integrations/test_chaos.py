"""The short form of `make chaos`: real processes, killed and restarted, and everything arrives."""

import pytest

from tests.chaos.run import Plan, run


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_invented_while_everything_breaks() -> None:
    report = run(Plan(presences=60, seconds=12, patience=60, seed=20260110))
    assert report.is_good, report.in_words()
    assert report.rolled_back, "some thought better of it"
    assert set(report.faults) == {
        "worker killed",
        "clock killed",
        "Redis crashed",
        "PostgreSQL crashed",
        "receiver misbehaves",
    }
