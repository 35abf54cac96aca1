"""POST /api/v1/batches: a campaign without jobs, as "Duplicar" and the wizard of the client make it."""

from typing import Any

import pytest

from crm.models import AuditEntry, User
from jobs.models import Batch
from tests.jobs.asking import BATCHES, AsUser, error_of
from tests.jobs.rows import an_account

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

SETTINGS = {
    "max_call_duration": 300,
    "ring_timeout": 30,
    "max_attempts": 3,
    "retry_delay_hours": 1,
    "allowed_hours": {"start": "09:00", "end": "18:00"},
    "days_of_week": [1, 2, 3, 4, 5],
    "timezone": "America/Argentina/Buenos_Aires",
}


def new(account_id: str, **more: Any) -> dict[str, Any]:
    """As the client sends it."""
    usual = {"name": "Cobranza (Copia)", "description": "", "priority": 2, "allow_duplicates": False}
    return {"account_id": account_id, **usual, "call_settings": SETTINGS, **more}


@pytest.mark.parametrize("named_by", ["pk", "account_id"])
def test_the_answer_is_the_campaign(as_user: AsUser, bob: User, named_by: str) -> None:
    account = an_account()
    answer = as_user(bob).post(BATCHES, new(getattr(account, named_by)))
    assert answer.status_code == 201, answer.content
    row = answer.json()
    batch = Batch.objects.get()
    assert (row["_id"], row["batch_id"], row["account_id"]) == (batch.pk, batch.batch_id, account.account_id)
    assert (row["name"], row["priority"], row["is_active"], row["total_jobs"]) == ("Cobranza (Copia)", 2, True, 0)
    assert row["call_settings"] == SETTINGS
    assert batch.created_by == bob
    assert AuditEntry.objects.filter(action="batch_created", entity_id=batch.pk).exists()


def test_a_name_and_an_account_are_enough(as_user: AsUser, bob: User) -> None:
    row = as_user(bob).post(BATCHES, {"account_id": an_account().pk, "name": "Mínima", "call_settings": None}).json()
    assert (row["priority"], row["call_settings"]["max_attempts"]) == (2, 3)


# --- Where nobody chose an account ------------------------------------------------------------


def test_the_wizard_s_word_means_the_oldest_active_account(as_user: AsUser, bob: User) -> None:
    an_account(status="suspended")
    oldest = an_account()
    an_account()
    assert as_user(bob).post(BATCHES, new("default-account-id")).json()["account_id"] == oldest.account_id


def test_without_any_active_account_it_is_a_400_that_says_so(as_user: AsUser, bob: User) -> None:
    an_account(status="suspended")
    answer = as_user(bob).post(BATCHES, new("default-account-id"))
    assert error_of(answer) == (400, "No hay ninguna cuenta activa. Cree una, o diga cuál en account_id.")
    assert not Batch.objects.exists()


def test_an_account_that_nobody_has_is_404(as_user: AsUser, bob: User) -> None:
    assert error_of(as_user(bob).post(BATCHES, new("acc-nada"))) == (404, "Cuenta no encontrada")
    assert as_user(bob).post(BATCHES, new("a\x00b")).status_code in (400, 404)


# --- What makes no sense ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"priority": 5}, "priority"),
        ({"priority": "alta"}, "priority"),
        ({"account_id": ""}, "account_id"),
        ({"account_id": None}, "account_id"),
        ({"call_settings": [1]}, "call_settings"),
        ({"call_settings": {**SETTINGS, "max_attempts": 0}}, "call_settings"),
        ({"call_settings": {**SETTINGS, "allowed_hours": {"start": "9", "end": "18"}}}, "call_settings"),
        ({"call_settings": {**SETTINGS, "days_of_week": [8]}}, "call_settings"),
        ({"call_settings": {**SETTINGS, "timezone": "Marte/Base"}}, "call_settings"),
    ],
)
def test_it_is_a_400_and_nothing_is_stored(as_user: AsUser, bob: User, wrong: dict[str, Any], field: str) -> None:
    answer = as_user(bob).post(BATCHES, {**new(an_account().pk), **wrong})
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["errors"]
    assert not Batch.objects.exists()


def test_the_same_key_makes_one_campaign(as_user: AsUser, bob: User) -> None:
    body, client = new(an_account().pk), as_user(bob)
    answers = [client.post(BATCHES, body, headers={"Idempotency-Key": "campana-1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert Batch.objects.count() == 1
