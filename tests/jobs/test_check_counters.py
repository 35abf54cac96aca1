"""`manage.py check_counters`: whether the counts say what the rows say."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from jobs.checking import Line, compare
from jobs.choices import JobStatus
from jobs.management.commands.check_counters import WORDS
from jobs.models import Batch, Count, DialCount
from jobs.models.counts import COUNTED
from jobs.results.ending import hear
from tests.jobs.reports import a_report
from tests.jobs.rows import a_batch, a_job, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def check(*owners: str, **options: Any) -> tuple[int, str]:
    """Exit code and what is written."""
    out = StringIO()
    try:
        call_command("check_counters", *owners, stdout=out, **options)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def batch(db: None) -> Batch:
    batch = a_batch()
    some_jobs(3, batch)
    a_job(batch, status=JobStatus.FAILED)
    attempt = an_attempt(a_job(batch))
    hear(attempt.pk, a_report(attempt))
    return batch


def test_all_is_well(batch: Batch) -> None:
    code, told = check()
    assert (code, told) == (0, "Todo cuadra: 11 recuentos de 2 campañas y cuentas.\n")


def test_nothing_at_all_is_well_too(db: None) -> None:
    assert check()[0] == 0


def test_a_difference_is_shown_ends_with_one_and_is_not_repaired(batch: Batch) -> None:
    Count.objects.filter(owner=batch.pk, pending=3).update(pending=4)
    for _ in range(2):
        code, told = check()
        assert code == 1
        assert f"✗ {batch.batch_id}" in told
        assert told.split("✗")[1].split()[-2:] != []
        assert [line.split()[-2:] for line in told.splitlines() if line.startswith("✗")] == [["4", "3"]]
        assert "No cuadran 1 de 11 recuentos" in told


@pytest.mark.parametrize("column", COUNTED)
def test_every_figure_is_looked_at(batch: Batch, column: str) -> None:
    Count.objects.create(owner=batch.account_id, shard=99, **{column: 1})
    assert check()[0] == 1
    assert WORDS[column] in check()[1]


def test_counts_of_rows_that_are_gone_differ(batch: Batch) -> None:
    Count.objects.all().delete()
    code, told = check(as_json=True)
    wrong = json.loads(told)
    assert (code, wrong["ok"], len(wrong["differences"])) == (1, False, 10)
    assert {"owner": batch.pk, "name": "cost_micros", "kept": 0, "counted": 145_000} in wrong["differences"]


def test_dials_of_an_account_are_compared_by_quarter_of_an_hour(batch: Batch) -> None:
    assert compare([batch.account_id])[-1] == Line(batch.account_id, "dials", 1, 1)
    DialCount.objects.update(quarter=F("quarter") - 1)
    assert check()[0] == 1
    wrong = {(line.name, line.kept, line.counted) for line in compare() if not line.is_right}
    assert wrong == {("dials", 0, 1), ("dials", 1, 0)}
    assert "intentos por horas" in check(batch.account_id)[1]


def test_one_campaign_by_either_id_is_shown_whole(batch: Batch) -> None:
    other = a_batch()
    some_jobs(2, other)
    Count.objects.filter(owner=other.pk).update(pending=9)
    for name in (batch.pk, batch.batch_id):
        code, told = check(name)
        assert code == 0
        assert "pendientes" in told
        assert other.batch_id not in told
    assert check(other.batch_id)[0] == 1


def test_an_unknown_one_is_a_mistake(db: None) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("check_counters", "nada")
    assert refused.value.returncode == 2
