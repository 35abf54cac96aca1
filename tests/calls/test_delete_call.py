"""DELETE /api/crm/calls/{id}."""

import pytest

from calls.models import Call
from tests.calls.helpers import CALLS
from tests.factories import CallFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", ["created_by", "responsible_user"])
def test_its_author_and_its_responsible_delete_it(as_user, bob, role):
    call = CallFactory(**{role: bob})
    answer = as_user(bob).delete(f"{CALLS}/{call.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Call.objects.exists()


def test_an_administrator_deletes_any(as_user, alice, bob):
    call = CallFactory(created_by=bob)
    assert as_user(alice).delete(f"{CALLS}/{call.pk}").status_code == 204


def test_others_may_not(as_user, bob, charlie, laura):
    call = CallFactory(created_by=bob, responsible_user=bob)
    for user in (charlie, laura):
        answer = as_user(user).delete(f"{CALLS}/{call.pk}")
        assert answer.status_code == 403
        assert "eliminarla" in answer.json()["detail"]
    assert Call.objects.exists()


def test_twice_is_404(as_user, bob):
    call = CallFactory(created_by=bob)
    as_user(bob).delete(f"{CALLS}/{call.pk}")
    assert as_user(bob).delete(f"{CALLS}/{call.pk}").status_code == 404
