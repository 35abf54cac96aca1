"""/api/v1/accounts…: who pays, read by everybody of the CRM, opened, changed and topped up by administrators."""

from typing import Any

import pytest

from crm.models import AuditEntry, User
from jobs.choices import AttemptState, Outcome
from jobs.models import Account, Transaction
from tests.jobs.asking import ACCOUNTS, AsUser, error_of, ids
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt, some_jobs

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

FLAT = (
    *("minutes_purchased", "minutes_used", "credit_balance", "credit_used", "cost_per_minute"),
    *("max_concurrent_calls", "daily_call_limit", "credit_available", "minutes_available"),
)
# As the client's form sends it.
NEW = {
    "account_name": "Cobranzas del Sur",
    "contact_name": "Rosa Peña",
    "contact_email": "rosa@example.invalid",
    "contact_phone": "",
    "country": "CL",
    "plan_type": "credit_based",
    "initial_credits": 250.5,
    "features": {"max_concurrent_calls": 12, "advanced_analytics": True, "custom_integration": False},
    "settings": {"timezone": "America/Santiago"},
}


# --- Reading ----------------------------------------------------------------------------------


def test_the_newest_come_first_in_a_bare_array(as_user: AsUser, bob: User) -> None:
    accounts = [an_account() for _ in range(3)]
    answer = as_user(bob).get(ACCOUNTS, {"limit": 2})
    assert ids(answer) == [accounts[2].pk, accounts[1].pk]
    assert answer["X-Total-Count"] == "3"


def test_amounts_are_flat_numbers(as_user: AsUser, bob: User) -> None:
    account = an_account(credit_micros=10_000_000, seconds_purchased=600, micros_per_minute=150_000)
    an_attempt(a_job(a_batch(account)), AttemptState.ENDED, outcome=Outcome.ANSWERED, seconds=90, cost_micros=145_000)
    [row] = as_user(bob).get(ACCOUNTS).json()
    for name in FLAT:
        assert isinstance(row[name], int | float), name
    assert (row["credit_balance"], row["credit_used"], row["credit_available"]) == (10.0, 0.145, 9.855)
    assert (row["minutes_purchased"], row["minutes_used"], row["minutes_available"]) == (10.0, 1.5, 8.5)
    assert (row["cost_per_minute"], row["status"], row["plan_type"]) == (0.15, "active", "credit_based")
    assert row["created_at"].endswith("Z")


def test_the_list_is_narrowed_by_state_and_plan(as_user: AsUser, bob: User) -> None:
    suspended = an_account(status="suspended", plan_type="minutes_based")
    active = an_account(plan_type="unlimited")
    client = as_user(bob)
    assert ids(client.get(ACCOUNTS, {"status": "suspended"})) == [suspended.pk]
    assert ids(client.get(ACCOUNTS, {"status": "ACTIVE", "plan_type": "unlimited"})) == [active.pk]
    assert client.get(ACCOUNTS, {"plan_type": "minutes_based"})["X-Total-Count"] == "1"
    assert ids(client.get(ACCOUNTS, {"status": "", "plan_type": ""})) == [active.pk, suspended.pk]
    status, sentence = error_of(client.get(ACCOUNTS, {"status": "inactiva"}))
    assert (status, "active, suspended" in sentence) == (400, True)


@pytest.mark.parametrize("named_by", ["pk", "account_id"])
def test_one_by_either_id(as_user: AsUser, bob: User, named_by: str) -> None:
    account = an_account()
    client = as_user(bob)
    assert [client.get(f"{ACCOUNTS}/{getattr(account, named_by)}").json()] == client.get(ACCOUNTS).json()


GETS = ["", "/balance", "/stats", "/summary", "/batches", "/transactions", "/last-call-settings"]


@pytest.mark.parametrize("path", GETS)
def test_an_unknown_one_is_404(as_user: AsUser, bob: User, path: str) -> None:
    assert error_of(as_user(bob).get(f"{ACCOUNTS}/acc-nada{path}")) == (404, "Cuenta no encontrada")


def test_the_balance_says_what_is_left(as_user: AsUser, bob: User) -> None:
    account = an_account(credit_micros=5_000_000)
    found = as_user(bob).get(f"{ACCOUNTS}/{account.account_id}/balance").json()
    assert (found["account_id"], found["credit_balance"], found["credit_available"]) == (account.account_id, 5.0, 5.0)


def test_stats_and_summary_come_from_its_campaigns_alone(as_user: AsUser, bob: User) -> None:
    account = an_account()
    batch = a_batch(account)
    a_batch(account, is_active=False)
    some_jobs(3, batch, status="completed")
    some_jobs(1, batch, status="failed")
    some_jobs(2)
    stats = as_user(bob).get(f"{ACCOUNTS}/{account.pk}/stats").json()
    assert (stats["total_batches"], stats["active_batches"], stats["total_jobs"]) == (2, 1, 4)
    assert (stats["completed_jobs"], stats["success_rate"], stats["account_id"]) == (3, 75.0, account.account_id)
    summary = as_user(bob).get(f"{ACCOUNTS}/{account.pk}/summary").json()
    assert summary["account"]["account_name"] == account.account_name
    assert summary["stats"]["total_jobs"] == 4
    assert summary["balance"]["credit_balance"] == 1_000.0


def test_the_settings_of_the_last_campaign_are_proposed_for_the_next(as_user: AsUser, bob: User) -> None:
    account = an_account()
    path = f"{ACCOUNTS}/{account.pk}/last-call-settings"
    assert as_user(bob).get(path).json() == {"call_settings": None, "from_batch": None, "batch_name": None}
    a_batch(account)
    last = a_batch(account, name="Diciembre", call_settings={"max_attempts": 7})
    found = as_user(bob).get(path).json()
    assert (found["from_batch"], found["batch_name"]) == (last.batch_id, "Diciembre")
    assert found["call_settings"]["max_attempts"] == 7
    assert found["call_settings"]["ring_timeout"] == 30


# --- Opening ----------------------------------------------------------------------------------


def test_what_the_client_s_form_sends_is_all_kept(as_user: AsUser, alice: User) -> None:
    answer = as_user(alice).post(ACCOUNTS, NEW)
    assert answer.status_code == 201, answer.content
    row = answer.json()
    assert (row["account_name"], row["country"], row["timezone"]) == ("Cobranzas del Sur", "CL", "America/Santiago")
    assert row["max_concurrent_calls"] == 12
    assert row["features"] == NEW["features"]
    assert (row["credit_balance"], row["credit_used"], row["minutes_purchased"]) == (250.5, 0, 0)
    assert row["contact_phone"] is None
    account = Account.objects.get()
    assert account.created_by == alice
    assert AuditEntry.objects.filter(action="account_opened", entity_id=account.pk).exists()


def test_what_it_begins_with_is_on_record_as_bought(as_user: AsUser, alice: User) -> None:
    client = as_user(alice)
    account_id = client.post(ACCOUNTS, {**NEW, "initial_minutes": 30}).json()["account_id"]
    rows = client.get(f"{ACCOUNTS}/{account_id}/transactions").json()
    assert sorted((row["type"], row["amount"], row["cost"]) for row in rows) == [
        ("credits", 250.5, 250.5),
        ("minutes", 30.0, 0.0),
    ]


def test_a_name_is_enough(as_user: AsUser, alice: User) -> None:
    row = as_user(alice).post(ACCOUNTS, {"account_name": "Mínima"}).json()
    assert (row["plan_type"], row["max_concurrent_calls"], row["credit_balance"]) == ("credit_based", 5, 0)
    assert Transaction.objects.count() == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"account_name": ""}, "account_name"),
        ({"account_name": "x" * 201}, "account_name"),
        ({"plan_type": "prepaid"}, "plan_type"),
        ({"country": "XX"}, "country"),
        ({"initial_credits": -1}, "initial_credits"),
        ({"initial_credits": "mucho"}, "initial_credits"),
        ({"initial_credits": 1e300}, "initial_credits"),
        ({"initial_credits": True}, "initial_credits"),
        ({"initial_minutes": "1_000"}, "initial_minutes"),
        ({"cost_per_minute": False}, "cost_per_minute"),
        ({"contact_email": "rosa"}, "contact_email"),
        ({"features": {"max_concurrent_calls": 0}}, "features"),
        ({"features": {"max_concurrent_calls": "12"}}, "features"),
        ({"features": [1]}, "features"),
        ({"features": {"nota": "a\0b"}}, "features"),
        ({"features": {"nota": ["a"]}}, "features"),
        ({"features": {"n" * 101: True}}, "features"),
        ({"features": {str(number): True for number in range(51)}}, "features"),
        ({"settings": {"timezone": "Marte/Base"}}, "settings.timezone"),
        ({"settings": "America/Lima"}, "settings"),
        ({"max_concurrent_calls": 1.5}, "max_concurrent_calls"),
    ],
)
def test_what_makes_no_sense_is_a_400_and_opens_nothing(
    as_user: AsUser, alice: User, wrong: dict[str, Any], field: str
) -> None:
    answer = as_user(alice).post(ACCOUNTS, {**NEW, **wrong})
    assert answer.status_code == 400, answer.content
    assert field in next(iter(answer.json()["errors"]))
    assert Account.objects.count() == 0


# --- Changing ---------------------------------------------------------------------------------


def test_the_client_s_toggle_suspends_and_activates(as_user: AsUser, alice: User) -> None:
    account = an_account()
    client = as_user(alice)
    assert client.patch(f"{ACCOUNTS}/{account.account_id}", {"is_active": False}).json()["status"] == "suspended"
    answer = client.patch(f"{ACCOUNTS}/{account.pk}", {"status": "suspended", "suspension_reason": "Impago"})
    assert answer.json()["suspension_reason"] == "Impago"
    row = client.patch(f"{ACCOUNTS}/{account.pk}", {"is_active": True}).json()
    assert (row["status"], row["is_active"], row["suspension_reason"]) == ("active", True, None)


@pytest.mark.parametrize("body", [None, {"reason": "Impago"}, {"suspension_reason": "Impago"}])
def test_suspending_and_activating_by_name(as_user: AsUser, alice: User, body: Any) -> None:
    account = an_account()
    row = as_user(alice).put(f"{ACCOUNTS}/{account.account_id}/suspend", body).json()
    assert (row["status"], row["suspension_reason"]) == ("suspended", "Impago" if body else None)
    row = as_user(alice).put(f"{ACCOUNTS}/{account.account_id}/activate").json()
    assert (row["status"], row["suspension_reason"]) == ("active", None)


def test_what_is_left_out_stays(as_user: AsUser, alice: User) -> None:
    account = an_account(contact_name="Rosa", features={"advanced_analytics": True})
    row = (
        as_user(alice)
        .patch(
            f"{ACCOUNTS}/{account.pk}",
            {"account_name": "Otra", "features": {"max_concurrent_calls": 9}, "cost_per_minute": 0.2, "country": None},
        )
        .json()
    )
    assert (row["account_name"], row["contact_name"], row["country"]) == ("Otra", "Rosa", "PE")
    assert (row["max_concurrent_calls"], row["cost_per_minute"]) == (9, 0.2)
    assert row["features"] == {"advanced_analytics": True, "max_concurrent_calls": 9}


@pytest.mark.parametrize("nothing", [{}, {"is_active": None}, {"unknown": 1}])
def test_changing_nothing_is_a_400(as_user: AsUser, alice: User, nothing: dict[str, Any]) -> None:
    answer = as_user(alice).patch(f"{ACCOUNTS}/{an_account().pk}", nothing)
    assert error_of(answer) == (400, "No hay nada que cambiar.")


# --- Who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", ""), ("patch", "/{id}"), ("put", "/{id}/suspend"), ("put", "/{id}/activate"), ("post", "/{id}/topup"),
    ],
)  # fmt: skip
def test_only_administrators_change_anything(
    as_user: AsUser, bob: User, laura: User, oscar: User, method: str, path: str
) -> None:
    account = an_account()
    before = Account.objects.values().get()
    path = ACCOUNTS + path.format(id=account.pk)
    for user in (bob, laura):
        answer = getattr(as_user(user), method)(path, NEW)
        assert error_of(answer) == (403, "Solo administradores pueden realizar esta operación.")
    assert getattr(as_user(None), method)(path, NEW).status_code == 401
    assert Account.objects.values().get() == before


@pytest.mark.parametrize("path", GETS)
def test_outsiders_read_nothing(as_user: AsUser, oscar: User, bob: User, path: str) -> None:
    path = f"{ACCOUNTS}/{an_account().pk}{path}"
    assert as_user(oscar).get(path).status_code == 403
    assert as_user(None).get(path).status_code == 401
    assert as_user(bob).get(path).status_code == 200


def test_an_empty_number_is_not_given_and_an_empty_email_is_cleared(as_user: AsUser, alice: User) -> None:
    made = as_user(alice).post(ACCOUNTS, {**NEW, "initial_minutes": "", "max_concurrent_calls": "", "is_active": ""})
    assert (made.status_code, made.json()["max_concurrent_calls"], made.json()["is_active"]) == (201, 12, True)
    changed = as_user(alice).patch(f"{ACCOUNTS}/{made.json()['_id']}", {"contact_email": ""})
    assert (changed.status_code, changed.json()["contact_email"]) == (200, "")


def test_an_empty_word_is_no_word(as_user: AsUser, alice: User) -> None:
    account = an_account(status="suspended", plan_type="unlimited")
    words = {"status": "", "country": "", "plan_type": ""}
    made = as_user(alice).post(ACCOUNTS, {**NEW, **words})
    assert (made.status_code, made.json()["country"], made.json()["plan_type"]) == (201, "CL", "credit_based")
    changed = as_user(alice).patch(f"{ACCOUNTS}/{account.pk}", {**words, "account_name": "Otra"})
    assert (changed.status_code, changed.json()["status"], changed.json()["plan_type"]) == (
        200,
        "suspended",
        "unlimited",
    )
