"""POST /api/v1/accounts/{id}/topup and GET /transactions: what was bought, each with its row."""

from typing import Any

import pytest

from crm.models import User
from jobs.models import Account, Transaction
from tests.jobs.asking import ACCOUNTS, AsUser, error_of
from tests.jobs.rows import an_account

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def test_credits_are_added_and_written_down(as_user: AsUser, alice: User) -> None:
    account = an_account(credit_micros=1_500_000)
    client = as_user(alice)
    answer = client.post(f"{ACCOUNTS}/{account.account_id}/topup", {"credits": 10.25, "description": "Factura 7"})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["success"], told["amount_added"], told["new_balance"]) == (True, 10.25, 11.75)
    [row] = client.get(f"{ACCOUNTS}/{account.pk}/transactions").json()
    assert (row["type"], row["amount"], row["cost"], row["description"]) == ("credits", 10.25, 10.25, "Factura 7")
    assert row["transaction_id"] == row["_id"] == told["transaction_id"]
    assert row["account_id"] == account.account_id
    assert Transaction.objects.get().created_by == alice


def test_minutes_are_minutes(as_user: AsUser, alice: User) -> None:
    account = an_account(plan_type="minutes_based")
    told = as_user(alice).post(f"{ACCOUNTS}/{account.pk}/topup", {"minutes": 90.5}).json()
    assert (told["amount_added"], told["new_balance"]) == (90.5, 90.5)
    [row] = as_user(alice).get(f"{ACCOUNTS}/{account.pk}/transactions").json()
    assert (row["type"], row["amount"], row["cost"]) == ("minutes", 90.5, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"credits": 0},
        {"credits": -5},
        {"credits": 1, "minutes": 1},
        {"credits": "x"},
        {"minutes": 1e12},
        [],
        {"credits": 1e-9},
        {"credits": True},
        {"minutes": "1_000"},
        {"minutes": 0.001},
    ],
)
def test_what_is_no_purchase_is_a_400_and_buys_nothing(as_user: AsUser, alice: User, wrong: Any) -> None:
    account = an_account()
    answer = as_user(alice).post(f"{ACCOUNTS}/{account.pk}/topup", wrong)
    assert error_of(answer)[0] == 400
    account.refresh_from_db()
    assert (account.credit_micros, account.seconds_purchased) == (1_000_000_000, 0)
    assert Transaction.objects.count() == 0


def test_a_form_that_leaves_one_of_both_empty_buys_the_other(as_user: AsUser, alice: User) -> None:
    answer = as_user(alice).post(f"{ACCOUNTS}/{an_account().pk}/topup", {"credits": "", "minutes": 5})
    assert (answer.status_code, answer.json()["amount_added"]) == (200, 5.0)


def test_the_same_key_buys_once(as_user: AsUser, alice: User) -> None:
    account = an_account(credit_micros=0)
    client, path = as_user(alice), f"{ACCOUNTS}/{account.pk}/topup"
    answers = [client.post(path, {"credits": 5}, headers={"Idempotency-Key": "recarga-1"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert client.post(path, {"credits": 6}, headers={"Idempotency-Key": "recarga-1"}).status_code == 409
    assert Account.objects.get().credit_micros == 5_000_000


def test_the_newest_come_first_and_can_be_narrowed(as_user: AsUser, alice: User) -> None:
    account = an_account()
    for credits, minutes in ((1, 0), (0, 2), (3, 0)):
        account.top_up(micros=credits * 1_000_000, seconds=minutes * 60, by=alice)
    client, path = as_user(alice), f"{ACCOUNTS}/{account.pk}/transactions"
    assert [row["amount"] for row in client.get(path).json()] == [3.0, 2.0, 1.0]
    assert [row["amount"] for row in client.get(path, {"type": "credits"}).json()] == [3.0, 1.0]
    answer = client.get(path, {"limit": 1, "skip": 1})
    assert ([row["amount"] for row in answer.json()], answer["X-Total-Count"]) == ([2.0], "3")
    assert client.get(path, {"type": "usage"}).status_code == 400
