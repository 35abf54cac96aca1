"""PATCH /api/v1/batches/{id}: pause, resume, rename; the settings tab of the client."""

from typing import Any

import pytest
from django.utils import timezone

from crm.models import User
from jobs.models import Batch, SettingsChange
from tests.jobs.asking import BATCHES, AsUser, error_of
from tests.jobs.rows import a_batch
from tests.jobs.test_create_batch import SETTINGS

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.mark.parametrize("named_by", ["pk", "batch_id"])
def test_pausing_and_resuming_by_either_id(as_user: AsUser, bob: User, named_by: str) -> None:
    batch = a_batch()
    name = getattr(batch, named_by)
    client, path = as_user(bob), f"{BATCHES}/{name}"
    for is_active, message in ((False, "Batch paused"), (True, "Batch resumed")):
        answer = client.patch(path, {"is_active": is_active})
        assert (answer.status_code, answer.json()) == (
            200, {"success": True, "message": message, "batch_id": name, "updated_fields": ["is_active"]},
        )  # fmt: skip
        assert client.get(path).json()["is_active"] is is_active


def test_the_settings_tab_replaces_the_client_s_keys_and_leaves_ours(as_user: AsUser, bob: User) -> None:
    batch = a_batch(call_settings={"max_attempts": 4, "max_concurrent_calls": 2})
    answer = as_user(bob).patch(f"{BATCHES}/{batch.pk}", {"call_settings": SETTINGS})
    assert answer.json()["updated_fields"] == ["call_settings"]
    found = as_user(bob).get(f"{BATCHES}/{batch.pk}").json()["call_settings"]
    assert found == {**SETTINGS, "max_concurrent_calls": 2, "on_holidays": True}
    change = SettingsChange.objects.get()
    assert (change.before["max_attempts"], change.changed_by) == (4, bob)


def test_settings_are_kept_as_numbers_and_without_what_nobody_knows(as_user: AsUser, bob: User) -> None:
    batch = a_batch()
    sent = {
        "max_attempts": "3", "days_of_week": ["1", "0"], "retry_delay_hours": "1.5", "retry_minutes": {"busy": "5"},
        "allowed_hours": {"start": "9:00", "end": "18:00", "nota": "a\0b"}, "timezone": "America/Lima", "otro": 1,
    }  # fmt: skip
    assert as_user(bob).patch(f"{BATCHES}/{batch.pk}", {"call_settings": sent}).status_code == 200
    assert Batch.objects.get().call_settings == {
        "max_attempts": 3, "days_of_week": [1, 0], "retry_delay_hours": 1.5, "retry_minutes": {"busy": 5},
        "allowed_hours": {"start": "09:00", "end": "18:00"}, "timezone": "America/Lima", "on_holidays": True,
    }  # fmt: skip


def test_names_and_priority(as_user: AsUser, bob: User) -> None:
    batch = a_batch(description="Antes")
    body = {"name": "Otra", "description": "", "priority": 4, "is_active": None, "call_settings": None}
    told = as_user(bob).patch(f"{BATCHES}/{batch.pk}", body).json()
    assert (told["message"], set(told["updated_fields"])) == (
        "Batch updated successfully", {"name", "description", "priority"},
    )  # fmt: skip
    batch.refresh_from_db()
    assert (batch.name, batch.description, batch.priority, batch.is_active) == ("Otra", "", 4, True)


@pytest.mark.parametrize("nothing", [{}, {"is_active": None}, {"unknown": 1}])
def test_changing_nothing_is_a_400(as_user: AsUser, bob: User, nothing: dict[str, Any]) -> None:
    assert error_of(as_user(bob).patch(f"{BATCHES}/{a_batch().pk}", nothing)) == (400, "No hay nada que cambiar.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""}, {"priority": 0}, {"is_active": "quizás"}, {"call_settings": {"max_attempts": "x"}}, [],
        {"is_active": False, "call_settings": 5},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_a_400_and_changes_nothing(as_user: AsUser, bob: User, wrong: Any) -> None:
    batch = a_batch()
    before = Batch.objects.values().get()
    assert error_of(as_user(bob).patch(f"{BATCHES}/{batch.pk}", wrong))[0] == 400
    assert Batch.objects.values().get() == before


def test_a_cancelled_one_is_not_resumed(as_user: AsUser, bob: User) -> None:
    batch = a_batch(is_active=False, cancelled_at=timezone.now())
    assert error_of(as_user(bob).patch(f"{BATCHES}/{batch.pk}", {"is_active": True}))[0] == 409
    assert Batch.objects.get().is_active is False


def test_an_unknown_one_is_404(as_user: AsUser, bob: User) -> None:
    assert error_of(as_user(bob).patch(f"{BATCHES}/nada", {"is_active": False})) == (404, "Campaña no encontrada")
