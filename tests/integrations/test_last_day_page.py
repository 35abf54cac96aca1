"""The page "Envíos de las últimas 24 horas"."""

import json
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.models import User
from integrations.admin.last_day import lasted
from integrations.models import WebhookDelivery
from integrations.sending.rounds import empty_outbox
from tests.integrations.receiver import Receiver, answering
from tests.staff_pages import at_desk, list_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
Announced = Callable[..., WebhookDelivery]


def page() -> str:
    return reverse("admin:integrations_webhookdelivery_last_day")


@pytest.fixture
def a_day(receiver: Receiver, announced: Announced) -> None:
    """Three arrived, one was refused for ever, one waits for its second try."""
    for number in range(3):
        announced(f"CRM-{number}")
    empty_outbox("comercial")
    receiver.behaviours = [answering(410)]
    announced("CRM-8")
    empty_outbox("comercial")
    receiver.behaviours = [answering(400)]
    announced("CRM-9")
    empty_outbox("comercial")


def figures(response: Any) -> dict[str, str]:
    return {figure.title: figure.value for figure in response.context["figures"]}


@pytest.mark.usefixtures("a_day")
def test_it_counts_what_arrived_failed_died_and_waits(alice: User) -> None:
    response = at_desk(alice).get(page())
    shown = figures(response)
    assert (shown["Entregados"], shown["Intentos fallidos"], shown["Sin entregar"], shown["En espera"]) == (
        "3",
        "2",
        "1",
        "1",
    )
    assert shown["Cada intento"].endswith("ms")
    assert "Mediana; el 95 % en" in text_of(response)


@pytest.mark.usefixtures("a_day")
def test_the_chart_and_the_table_say_the_same(alice: User) -> None:
    response = at_desk(alice).get(page())
    chart = response.context["chart"]
    drawn = {one["label"]: one["data"] for one in json.loads(chart["data"])["datasets"]}
    newest, *_ = chart["table"].rows
    assert [drawn[name][-1] for name in ("Entregados", "Intentos fallidos", "Sin entregar")] == list(
        map(int, newest[1:])
    )
    assert len(chart["table"].rows) == len(json.loads(chart["data"])["labels"]) == 24
    assert unescape(response.content.decode()).count('data-type="bar"') == 1


@pytest.mark.usefixtures("a_day")
def test_each_destination_has_its_line_and_leads_to_its_messages(alice: User) -> None:
    response = at_desk(alice).get(page())
    row, whatsapp = response.context["destinations"].rows
    assert (row[0].text, *row[1:5]) == ("Aplicación comercial", "3", "2", "1", "1")
    assert (whatsapp[0].text, *whatsapp[1:5]) == ("Meta (WhatsApp)", "0", "0", "0", "0")
    assert at_desk(alice).get(row[0].href).status_code == 200


def test_an_empty_day_says_what_to_do(alice: User) -> None:
    seen = text_of(at_desk(alice).get(page()))
    assert "Nada que enviar en las últimas 24 horas" in seen
    assert "manage.py send_test_webhook" in seen


def test_the_list_leads_to_it(laura: User) -> None:
    client = at_desk(laura)
    assert page() in client.get(list_of(WebhookDelivery)).content.decode()
    assert client.get(page()).status_code == 200


def test_agents_do_not_see_it(bob: User) -> None:
    assert at_desk(bob).get(page()).status_code in (403, 404)


def test_it_costs_the_same_for_nothing_and_for_many(alice: User, receiver: Receiver, announced: Announced) -> None:
    client = at_desk(alice)
    announced("CRM-x")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page()).status_code == 200
        return len(captured)

    few = queries()
    for number in range(40):
        announced(f"CRM-{number}")
    empty_outbox("comercial")
    assert queries() == few <= 10


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (None, "—"),
        (0, "0 ms"),
        (999, "999 ms"),
        (1_240, "1,2 s"),
        (59_900, "59,9 s"),
        (240_000, "4 min"),
        (7_200_000, "2 h"),
        (260_000_000, "3 d"),
    ],
)
def test_times_are_told_as_people_say_them(milliseconds: int | None, told: str) -> None:
    assert lasted(milliseconds) == told
