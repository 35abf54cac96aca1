"""Accounts on the staff pages: what is left, topping up, and who may see the money."""

from typing import Any

import pytest
from django.urls import reverse

from crm.ids import new_id
from crm.models import AuditEntry, User
from jobs.choices import AttemptState, Outcome, PlanType
from jobs.models import Account, Transaction
from tests.jobs.rows import a_batch, a_job, an_account, an_attempt
from tests.staff_pages import add_to, at_desk, errors_of, filled, list_of, messages_of, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


def spent(account: Account, micros: int, seconds: int = 60) -> None:
    an_attempt(
        a_job(a_batch(account)), AttemptState.ENDED, outcome=Outcome.ANSWERED, cost_micros=micros, seconds=seconds
    )


def top_up_of(account: Account) -> str:
    return reverse("admin:jobs_account_top_up", args=[account.pk])


def words(response: Any) -> str:
    return " ".join(text_of(response).split())


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"credit_micros": 1_500_000_000}, "1 497,50"),
        ({"plan_type": PlanType.MINUTES, "seconds_purchased": 6_000}, "99,0 min"),
        ({"plan_type": PlanType.UNLIMITED}, "Sin límite"),
    ],
)
def test_the_list_says_what_is_left_and_how_many_calls_go_on(alice: User, values: Any, told: str) -> None:
    account = an_account(max_concurrent_calls=5, **values)
    spent(account, 2_500_000)
    an_attempt(a_job(a_batch(account)))
    seen = words(at_desk(alice).get(list_of(Account)))
    assert told in seen
    assert "1 de 5" in seen


def test_agents_see_whether_there_is_credit_and_no_amounts(bob: User) -> None:
    rich, poor = an_account(account_name="Llena"), an_account(account_name="Vacía", credit_micros=0)
    client = at_desk(bob)
    seen = words(client.get(list_of(Account)))
    assert "Con saldo" in seen
    assert "Sin saldo" in seen
    assert "1 000,00" not in seen
    page = words(client.get(page_of(rich)))
    assert "Con saldo" in page
    for hidden in ("Precio por minuto", "Gastado", "Recargas", "Recargar"):
        assert hidden not in page, hidden
    assert client.get(top_up_of(poor)).status_code == 403
    assert client.post(top_up_of(poor), {"key": new_id(), "amount": "5"}).status_code == 403
    assert client.get(add_to(Account)).status_code == 403
    assert not Transaction.objects.exists()


def test_an_account_is_opened_with_its_price(alice: User) -> None:
    client = at_desk(alice)
    sent = filled(client, add_to(Account), account_name="Estudio", price="0.2", country="PE", contact_email="a@b.test")
    client.post(add_to(Account), sent)
    account = Account.objects.get()
    assert (account.account_name, account.micros_per_minute, account.created_by) == ("Estudio", 200_000, alice)
    assert AuditEntry.objects.filter(action="account_opened").exists()


def test_an_account_is_changed_and_the_credit_stays(alice: User) -> None:
    account = an_account()
    client = at_desk(alice)
    client.post(page_of(account), filled(client, page_of(account), price="0.3", max_concurrent_calls="9"))
    account.refresh_from_db()
    assert (account.micros_per_minute, account.max_concurrent_calls) == (300_000, 9)
    assert account.credit_micros == 1_000_000_000
    assert AuditEntry.objects.get(action="account_changed").details["fields"] == [
        "max_concurrent_calls",
        "micros_per_minute",
    ]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"max_concurrent_calls": "0"}, "al menos una llamada"),
        ({"price": "-1"}, "mayor o igual"),
        ({"account_name": ""}, ""),
    ],
)
def test_mistakes_are_told(alice: User, typed: Any, told: str) -> None:
    account = an_account()
    client = at_desk(alice)
    answer = client.post(page_of(account), filled(client, page_of(account), **typed))
    assert answer.status_code == 200
    assert told in errors_of(answer)
    before = Account.objects.get(pk=account.pk)
    assert (before.max_concurrent_calls, before.micros_per_minute) == (50, 150_000)


def test_topping_up_is_on_record_with_who(alice: User) -> None:
    account = an_account(credit_micros=0)
    client = at_desk(alice)
    sent = {"key": new_id(), "amount": "250.50", "description": "Factura 12"}
    answer = client.post(top_up_of(account), sent, follow=True)
    assert messages_of(answer) == ["Recargado. Disponible ahora: 250,50."]
    seen = words(answer)
    for told in ("Factura 12", "+250,50", "Alice Torres"):
        assert told in seen, told
    account.refresh_from_db()
    assert account.credit_micros == 250_500_000


def test_a_form_that_is_sent_twice_buys_once(alice: User) -> None:
    account = an_account(credit_micros=0)
    client = at_desk(alice)
    sent = {"key": new_id(), "amount": "10"}
    client.post(top_up_of(account), sent, follow=True)
    answer = client.post(top_up_of(account), sent, follow=True)
    assert messages_of(answer) == ["Esta recarga ya estaba hecha: no se repitió."]
    account.refresh_from_db()
    assert account.credit_micros == 10_000_000
    assert Transaction.objects.count() == 1


def test_minutes_are_bought_as_minutes(alice: User) -> None:
    account = an_account(plan_type=PlanType.MINUTES)
    at_desk(alice).post(top_up_of(account), {"key": new_id(), "amount": "90"})
    account.refresh_from_db()
    assert account.seconds_purchased == 5_400


@pytest.mark.parametrize("amount", ["", "0", "-5", "mucho", "99999999999"])
def test_nothing_is_bought_for_no_amount(alice: User, amount: str) -> None:
    account = an_account()
    answer = at_desk(alice).post(top_up_of(account), {"key": new_id(), "amount": amount})
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not Transaction.objects.exists()


def test_an_unlimited_account_is_not_topped_up(alice: User) -> None:
    account = an_account(plan_type=PlanType.UNLIMITED)
    client = at_desk(alice)
    assert client.get(top_up_of(account)).status_code == 404
    assert "Recargar" not in words(client.get(page_of(account)))
