"""Real input: ten thousand leads as call centres send them, in one go; every row accounted for, memory bounded."""

from collections import Counter
from pathlib import Path

import pytest

from crm.models import Contact, ContactPhone, ImportRow, ImportRun, Lead
from tests.crm import spreadsheets
from tests.crm.importing import counts, imported, preview
from tests.programs import carry_out

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_media")]

MEGABYTE = 1024


@pytest.mark.parametrize(("form", "how_many"), [("csv", 10_000), ("xlsx", 3_000)])
def test_all_leads_of_a_large_file_are_accounted_for(as_user, alice, form, how_many):
    made = spreadsheets.leads(how_many)
    if form == "csv":
        content = spreadsheets.as_csv(made.rows, delimiter=";", encoding="cp1252")
    else:
        content = spreadsheets.as_xlsx(made.rows)
    expected = {
        "total": how_many,
        "merged": 0,
        **{name: made.outcomes[name] for name in ("created", "duplicate", "failed")},
    }
    assert min(expected["created"], expected["duplicate"], expected["failed"]) > how_many // 20

    foreseen = preview(as_user(alice), content, name=f"leads.{form}").data["preview"]["counts"]
    assert foreseen == {
        "rows": how_many,
        "created": expected["created"],
        "duplicate": expected["duplicate"],
        "failed": expected["failed"],
        "complete": True,
    }
    run = imported(as_user(alice), content, name=f"leads.{form}")

    assert (run["state"], run["progress"], counts(run)) == ("done", 100, expected)
    rows = ImportRow.objects.filter(run=run["id"])
    assert Counter(rows.values_list("outcome", flat=True)) == made.outcomes
    assert sorted(rows.filter(outcome="failed").values_list("number", flat=True)) == made.broken_at
    numbers = [number for number, row in enumerate(made.rows, start=2) if any(row)]
    assert list(rows.order_by("number").values_list("number", flat=True)) == numbers
    assert Lead.objects.count() == made.outcomes["created"]
    assert Contact.objects.count() == made.contacts
    assert ContactPhone.objects.values("key").distinct().count() == made.contacts
    assert not rows.filter(outcome="created", entity_id=None).exists()


def test_the_same_file_again_is_all_duplicates(as_user, alice):
    made = spreadsheets.leads(2_000)
    imported(as_user(alice), spreadsheets.as_csv(made.rows))
    again = imported(as_user(alice), spreadsheets.as_xlsx(made.rows), name="leads.xlsx")

    known = made.outcomes["created"] + made.outcomes["duplicate"]
    assert (again["created_rows"], again["duplicate_rows"]) == (0, known)
    assert again["failed_rows"] == made.outcomes["failed"]
    assert Lead.objects.count() == made.outcomes["created"]


MEASURE = """
import resource, sys
from pathlib import Path
import django
django.setup()
from django.core.files import File
from crm.importing import running
def peak():
    # Linux hands a parent's ru_maxrss down to its children; this mark is the process's own.
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def carry_out(path):
    with Path(path).open("rb") as stream:
        run = running.preview_file(File(stream), name=path, kind="leads", by=None)
    running.start(run, merge_duplicates=False, responsible_user=None)
    previewed = peak()
    running.carry_out(run)
    assert run.state == "done", run.error
    return previewed
carry_out(sys.argv[1])
before = peak()
previewed = carry_out(sys.argv[2])
print(previewed - before, peak() - before)
"""


@pytest.mark.django_db(transaction=True)
def test_four_times_the_rows_do_not_take_four_times_the_memory(own_media, tmp_path):
    """A process of its own carries out 500 rows to warm up, then 2,500 or 10,000: how much does its peak grow?"""
    some = spreadsheets.leads(2_000).rows
    paths = {}
    for rows in (500, 2_500, 10_000):
        paths[rows] = tmp_path / f"{rows}.csv"
        paths[rows].write_bytes(spreadsheets.as_csv([row for row in some * 20 if any(row)][:rows]))
    grown = {rows: _growth(paths[500], paths[rows], own_media) for rows in (2_500, 10_000)}

    assert ImportRun.objects.filter(total_rows=10_000, state="done").exists()
    assert grown[2_500] > 0
    assert grown[10_000] < grown[2_500] + 5 * MEGABYTE, grown


def _growth(small: Path, large: Path, media: Path) -> int:
    """Kilobytes, of the run and of its preview, whichever took more."""
    said = carry_out(MEASURE, str(small), str(large), MEDIA_ROOT=str(media))
    return max(int(number) for number in said.split())
