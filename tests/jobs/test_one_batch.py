"""GET /api/v1/batches/{id}: by either id, the row of the list."""

import pytest
from django.utils import timezone

from crm.models import User
from jobs.models import Batch
from tests.jobs.asking import BATCHES, AsUser, error_of
from tests.jobs.rows import a_batch, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize("named_by", ["pk", "batch_id"])
def test_either_id_finds_it(as_user: AsUser, bob: User, named_by: str) -> None:
    batch = a_batch()
    some_jobs(2, batch)
    client = as_user(bob)
    one = client.get(f"{BATCHES}/{getattr(batch, named_by)}").json()
    assert (one["_id"], one["total_jobs"]) == (batch.pk, 2)
    assert [one] == client.get(BATCHES).json()


@pytest.mark.parametrize("path", ["", "/status", "/summary", "/jobs"])
@pytest.mark.parametrize("unknown", ["0" * 24, "batch-nada", "undefined"])
def test_an_unknown_one_is_404(as_user: AsUser, bob: User, unknown: str, path: str) -> None:
    assert error_of(as_user(bob).get(f"{BATCHES}/{unknown}{path}")) == (404, "Campaña no encontrada")


def test_a_removed_one_is_gone(as_user: AsUser, bob: User) -> None:
    batch = a_batch()
    Batch.objects.filter(pk=batch.pk).update(removed_at=timezone.now())
    for path in ("", "/status", "/summary", "/jobs"):
        assert as_user(bob).get(f"{BATCHES}/{batch.pk}{path}").status_code == 404
