"""Nobody locks himself out, and somebody who can let others in always remains."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, connections
from rest_framework.test import APIClient

from crm.acting import acting_as
from crm.exceptions import Refusal
from crm.models import User
from crm.models.users import LastAdministrator, OwnAccess
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]


@pytest.mark.parametrize(
    ("method", "suffix", "sent"),
    [
        ("patch", "/role", {"role": "agent"}),
        ("patch", "/status", {"is_active": False}),
        ("patch", "", {"role": "agent"}),
        ("patch", "", {"is_active": False}),
        ("delete", "", None),
    ],
)
def test_nobody_locks_himself_out_even_with_other_administrators(
    admin: APIClient, alice: User, method: str, suffix: str, sent: Any
) -> None:
    UserFactory(admin=True)
    answer = getattr(admin, method)(f"/api/users/{alice.pk}{suffix}", sent)
    assert answer.status_code == 400
    assert answer.json()["code"] == "acceso_propio"
    alice.refresh_from_db()
    assert alice.is_administrator


def test_the_last_active_administrator_stays(alice: User) -> None:
    other = UserFactory(admin=True, is_active=False)
    with acting_as(None):
        for change in ({"role": "agent"}, {"is_active": False}):
            with pytest.raises(LastAdministrator, match="al menos un administrador"):
                alice.edit(**change)
        other.edit(is_active=True)
        alice.edit(is_active=False)
        with pytest.raises(LastAdministrator):
            other.deactivate()


def test_a_superuser_counts_as_administrator(alice: User) -> None:
    root = UserFactory(is_superuser=True)
    alice.edit(role="agent")
    with pytest.raises(LastAdministrator):
        root.edit(is_active=False)


def test_an_agent_does_not_switch_himself_off(bob: User, alice: User) -> None:
    with acting_as(bob), pytest.raises(OwnAccess):
        bob.deactivate()


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_remove_each_other_at_once_leave_one() -> None:
    first, second = UserFactory(admin=True), UserFactory(admin=True)
    barrier = Barrier(2)
    outcomes: list[str] = []

    def remove(victim: User, by: User) -> None:
        try:
            with acting_as(by):
                barrier.wait()
                User.objects.get(pk=victim.pk).deactivate()
            outcomes.append("removed")
        except Refusal as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [Thread(target=remove, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["removed", "ultimo_administrador"]
    assert User.objects.administrators().count() == 1


@pytest.mark.parametrize("username", ["con@arroba"])
def test_the_database_itself_refuses_an_email_as_user_name(bob: User, username: str) -> None:
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=bob.pk).update(username=username)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=bob.pk).update(role="jefe")
    assert connection.is_usable()
