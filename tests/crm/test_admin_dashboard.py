"""The first page: what waits today, with numbers that lead to what they count."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm import panels
from crm.models import User
from crm.panels import Figure, add_to_first_page, blocks_of_first_page, counted
from tests.factories import (
    AppointmentFactory,
    CallFactory,
    ContactFactory,
    LeadFactory,
    OpportunityFactory,
    TaskFactory,
)
from tests.staff_pages import at_desk, text_of

HOME = "admin:index"


def figures(client: Any) -> dict[str, Figure]:
    return {figure.title: figure for figure in client.get(reverse(HOME)).context["figures"]}


def at_noon(days: int = 0) -> Any:
    return timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=days)


@pytest.mark.sqlite
def test_every_number_is_that_of_the_list_it_links_to(alice: User, bob: User) -> None:
    for _ in range(2):
        TaskFactory(responsible_user=alice, complete_till=timezone.now() - timedelta(days=1))
    TaskFactory(responsible_user=alice, complete_till=at_noon())
    TaskFactory(responsible_user=bob, complete_till=at_noon())
    TaskFactory(responsible_user=alice, complete_till=at_noon(), is_completed=True)
    AppointmentFactory(fecha_hora=at_noon())
    AppointmentFactory(fecha_hora=at_noon(1))
    OpportunityFactory.create_batch(3)
    OpportunityFactory(assigned_to=bob, status="assigned")
    client = at_desk(alice)
    shown = figures(client)
    assert set(shown) == {"Tareas vencidas", "Tareas para hoy", "Citas de hoy", "Oportunidades sin asignar"}
    assert shown["Oportunidades sin asignar"].value == "3"
    assert shown["Citas de hoy"].value == "1"
    for figure in shown.values():
        assert str(client.get(figure.href).context["cl"].result_count) == figure.value, figure.title


def test_whoever_leads_also_sees_what_is_late_in_the_team(alice: User, bob: User) -> None:
    TaskFactory.create_batch(2, responsible_user=bob, complete_till=timezone.now() - timedelta(days=1))
    assert figures(at_desk(alice))["Tareas vencidas"].hint == "Suyas; del equipo: 2"
    assert figures(at_desk(bob))["Tareas vencidas"].value == "2"
    assert "equipo" not in figures(at_desk(bob))["Tareas vencidas"].hint


def test_an_agent_sees_ones_own_opportunities_in_place_of_the_unassigned(bob: User) -> None:
    OpportunityFactory()
    OpportunityFactory(assigned_to=bob, status="assigned", contact=ContactFactory(name="Rosa Peña"))
    client = at_desk(bob)
    assert figures(client)["Mis oportunidades"].value == "1"
    assert "Rosa Peña" in text_of(client.get(reverse(HOME)))


def test_the_chart_and_its_table_say_the_same(alice: User) -> None:
    contact = ContactFactory()
    for status in ("completed", "completed", "no_answer"):
        CallFactory(contact=contact, started_at=at_noon(-3), call_status=status)
    CallFactory(contact=contact, started_at=at_noon(-20))
    client = at_desk(alice)
    (chart,) = client.get(reverse(HOME)).context["charts"]
    data = json.loads(chart["data"])
    assert len(data["labels"]) == 14
    assert {series["label"]: series["data"][-4] for series in data["datasets"]} == {
        "Contestadas": 2,
        "Sin contestar": 1,
    }
    day, every, answered, missed = chart["table"].rows[3]
    assert (every, answered, missed) == ("3", "2", "1")
    assert client.get(day.href).context["cl"].result_count == 3


def test_a_call_late_in_the_evening_counts_for_the_day_it_had_here(alice: User) -> None:
    evening = at_noon(-2).replace(hour=23, minute=30)  # in UTC already the next day
    CallFactory(started_at=evening)
    (chart,) = at_desk(alice).get(reverse(HOME)).context["charts"]
    assert json.loads(chart["data"])["datasets"][0]["data"][-3] == 1


def test_with_nothing_filed_each_part_says_what_to_do(alice: User) -> None:
    seen = text_of(at_desk(alice).get(reverse(HOME)))
    for told in ("No tiene nada pendiente", "Hoy no hay citas", "Nadie ha registrado llamadas", "Todavía no hay leads"):
        assert told in seen
    assert "Suyas; del equipo: 0" in seen


def test_the_page_costs_the_same_however_much_there_is(alice: User) -> None:
    client = at_desk(alice)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse(HOME)).status_code == 200
        return len(queries)

    def fill(times: int) -> None:
        for _ in range(times):
            TaskFactory(contact=None, lead=LeadFactory(), responsible_user=alice, complete_till=at_noon(-1))
            AppointmentFactory(fecha_hora=at_noon())
            OpportunityFactory()
            CallFactory(started_at=at_noon(-1))

    fill(1)
    few = cost()
    fill(30)
    assert cost() == few
    assert few <= 18


def test_numbers_are_counted_no_further_than_anybody_reads(alice: User) -> None:
    LeadFactory.create_batch(4)
    rows = type(LeadFactory()).objects.all()
    assert counted(rows, cap=3) == "3+"
    assert counted(rows, cap=5) == "5"


def test_in_own_scope_the_page_counts_only_ones_own(bob: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    CallFactory(started_at=at_noon(-1))
    AppointmentFactory(fecha_hora=at_noon())
    LeadFactory(nombre="Ajena Ramos")
    response = at_desk(bob).get(reverse(HOME))
    assert "Ajena Ramos" not in text_of(response)
    assert figures(at_desk(bob))["Citas de hoy"].value == "0"
    assert not response.context["charts"][0]["table"].rows


def test_another_app_adds_its_part_without_being_known(alice: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(panels, "_registry", panels.Registry())

    def campaigns(user: User) -> list[Figure]:
        return [Figure("Campañas", "7", "/admin/", "campaign")]

    add_to_first_page(10, campaigns)
    add_to_first_page(10, campaigns)  # `ready()` may run twice
    assert [block.title for block in blocks_of_first_page(alice)] == ["Campañas"]
