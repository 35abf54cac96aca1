"""Imports beside one another, beside workers and people who delete: nobody twice, nobody lost, no deadlock."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.db.models import Count as CountOf

from jobs.choices import JobStatus
from jobs.importing import running
from jobs.models import Account, Batch, BatchImport, Count, Job
from tests.crm.racing import at_once
from tests.jobs.importing import CREATE, created, lines, upload
from tests.jobs.rows import an_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("own_media")]


@pytest.fixture
def chile(transactional_db) -> Account:
    return an_account(country="CL")


def people(how_many: int, *, title: str = "") -> bytes:
    return lines("nombre,telefono", *(f"Persona{title},9{91_000_000 + number}" for number in range(how_many)))


def imported(account: Account, content: bytes, name: str) -> BatchImport:
    return running.create_batch(SimpleUploadedFile(name, content), name=name, account=account, by=None)


def totals_agree(account: Account) -> bool:
    counted = dict(Job.objects.filter(account=account).values_list("status").annotate(jobs=CountOf("pk")))
    totals = Count.objects.of(account.pk)
    return {status: getattr(totals, status) for status in JobStatus.values} == {
        status: counted.get(status, 0) for status in JobStatus.values
    }


def test_the_same_file_twice_at_once_is_one_campaign_and_one_answer(as_user, bob, chile):
    content = people(300)
    first, second = at_once([lambda: created(as_user(bob), chile, content, batch_name="Uno")] * 2)

    assert first == second
    assert first["jobs_created"] == 300
    assert (Batch.objects.count(), BatchImport.objects.count(), Job.objects.count()) == (1, 1, 300)


def test_the_same_keyed_request_twice_at_once_is_one_campaign(as_user, bob, chile):
    def ask() -> Any:
        return upload(as_user(bob), CREATE, people(50), account_id=chile.pk, headers={"Idempotency-Key": "una"})

    answers = at_once([ask, ask])

    assert [answer.status_code for answer in answers] == [200, 200]
    assert (Batch.objects.count(), Job.objects.count()) == (1, 50)


def test_the_same_people_in_two_files_at_once_are_called_once(chile, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_PEOPLE", 20)
    runs = at_once(
        [
            lambda: imported(chile, people(200, title="A"), "a.csv"),
            lambda: imported(chile, people(200, title="B"), "b.csv"),
        ]
    )

    assert sum(run.created_jobs for run in runs) == Job.objects.count() == 200
    assert sum(run.duplicates for run in runs) == 200
    assert Job.objects.values("person_key").distinct().count() == 200


def test_two_uploads_of_overlapping_files_into_one_campaign_make_nobody_twice(chile, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_PEOPLE", 20)
    batch = imported(chile, people(1), "uno.csv").batch

    def add(how_many: int) -> BatchImport:
        file = SimpleUploadedFile("x.csv", people(how_many))
        return running.add_to_batch(Batch.objects.get(pk=batch.pk), file, name="x.csv", by=None)

    runs = at_once([lambda: add(150), lambda: add(200)])

    assert sum(run.created_jobs for run in runs) == 199
    assert Job.objects.count() == 200


def test_an_import_among_removals_and_moves_keeps_the_counts_exact(chile, monkeypatch):
    monkeypatch.setattr(running, "CHUNK_PEOPLE", 25)
    imported(chile, people(100), "antes.csv")
    content = lines("nombre,telefono", *(f"Otra,9{81_000_000 + number}" for number in range(500)))

    def remove() -> int:
        removed = 0
        while removed < 60:
            with transaction.atomic():
                ids = list(Job.objects.select_for_update().order_by("id").values_list("pk", flat=True)[:5])
                removed += Job.objects.filter(pk__in=ids).delete()[0]
        return removed

    def move() -> int:
        moved = 0
        for _ in range(12):
            with transaction.atomic():
                due = Job.objects.select_for_update(skip_locked=True).filter(status="pending").order_by("id")[:5]
                moved += Job.objects.filter(pk__in=[job.pk for job in due]).update(status="in_progress")
        return moved

    results = at_once([lambda: imported(chile, content, "nuevo.csv"), remove, move, move])

    assert [result for result in results if isinstance(result, Exception)] == []
    assert results[0].state == "done"
    assert results[0].created_jobs == 500
    assert totals_agree(chile)
