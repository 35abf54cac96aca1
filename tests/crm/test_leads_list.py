"""GET /api/crm/leads, /count and /new."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from crm.models import Contact, Lead, User
from tests.factories import ContactFactory, LeadFactory

AsUser = Callable[[User | None], APIClient]
URL = "/api/crm/leads"
FIRST = date(2026, 3, 1)


def names(client: APIClient, **parameters: Any) -> list[str]:
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.content
    return [item["nombre"] for item in response.json()["items"]]


@pytest.mark.sqlite
def test_the_newest_come_first_in_the_envelope(as_user: AsUser, bob: User) -> None:
    for number in range(4):
        LeadFactory(nombre=f"L{number}")
    answer = as_user(bob).get(URL, {"page": 2, "limit": 3}).json()
    assert [item["nombre"] for item in answer.pop("items")] == ["L0"]
    assert answer == {"total": 4, "skip": 3, "limit": 3, "page": 2, "total_pages": 2}
    assert as_user(bob).get(f"{URL}/count").json() == {"total": 4}


@pytest.mark.parametrize(
    ("parameters", "fields", "others"),
    [
        *(
            ({f"fecha_captacion_{side}": "2026-03-01"}, {"fecha_captacion": FIRST}, {"fecha_captacion": other})
            for side, other in (("after", FIRST - timedelta(days=1)), ("before", FIRST + timedelta(days=1)))
        ),
        ({"tipificacion": "ya asistió"}, {"tipificacion": "YA ASISTIO"}, {"tipificacion": "APAGADO"}),
        ({"medio": "Web"}, {"medio": "Web"}, {"medio": "Web y otros"}),
        ({"medio__icontains": "web"}, {"medio": "Página Web"}, {"medio": "Referidos"}),
        ({"proyecto_interes": "oasis 1 y 2"}, {"proyecto_interes": "OASIS 1 y 2"}, {}),
        ({"ubicacion": "MINKA"}, {"ubicacion": "MINKA"}, {"ubicacion": "MINKA 2"}),
        ({"ubicacion__icontains": "sjl"}, {"ubicacion": "MODULO SJL"}, {"ubicacion": "MINKA"}),
        ({"distrito": "Lince"}, {"distrito": "Lince"}, {"distrito": "San Lince"}),
        ({"distrito__icontains": "LIN"}, {"distrito": "Lince"}, {"distrito": "Breña"}),
        ({"captador": "juan"}, {"captador": "Juan de prueba"}, {"captador": "Eva"}),
        ({"calle_o_modulo": "calle"}, {"calle_o_modulo": "CALLE"}, {"calle_o_modulo": "MODULO"}),
        ({"status": "won"}, {"status": "won"}, {"status": "lost"}),
        ({"is_opc_lead": "true"}, {"captador": "Juan"}, {}),
        ({"context": "opc"}, {"es_directeo": True}, {}),
        ({"context": "gestion"}, {}, {"es_directeo": True}),
        (
            {"fecha_captacion_after": "2026-03-01"},
            {"fecha_captacion": date(2026, 3, 1)},
            {"fecha_captacion": date(2026, 2, 28)},
        ),
        (
            {"fecha_captacion_before": "2026-03-01"},
            {"fecha_captacion": date(2026, 3, 1)},
            {"fecha_captacion": date(2026, 3, 2)},
        ),
        ({"search": "PEÑA"}, {"nombre": "sí Pena"}, {"nombre": "no Peralta"}),
    ],
)
def test_each_filter_keeps_only_what_it_names(
    as_user: AsUser, bob: User, parameters: Any, fields: Any, others: Any
) -> None:
    LeadFactory(**{"nombre": "sí", **fields})
    LeadFactory(**{"nombre": "no", **others})
    assert [name[:2] for name in names(as_user(bob), **parameters)] == ["sí"]
    assert as_user(bob).get(f"{URL}/count", parameters).json() == {"total": 1}


@pytest.mark.parametrize("parameter", ["responsible_user_id", "asesor"])
def test_by_who_is_responsible_or_by_nobody(as_user: AsUser, bob: User, laura: User, parameter: str) -> None:
    LeadFactory(nombre="de Laura", responsible_user=laura)
    LeadFactory(nombre="de nadie")
    assert names(as_user(bob), **{parameter: str(laura.pk)}) == ["de Laura"]
    assert names(as_user(bob), **{parameter: "null"}) == ["de nadie"]
    assert as_user(bob).get(URL, {parameter: "yo"}).status_code == 400


def test_the_leads_of_one_contact(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory(nombre="sí")
    LeadFactory(nombre="no")
    assert names(as_user(bob), contact_id=str(lead.contact_id), limit=10) == ["sí"]


def test_days_of_creation_are_those_of_the_installation(as_user: AsUser, bob: User) -> None:
    for name, moment in (
        ("víspera", datetime(2026, 3, 10, 4, 59, tzinfo=UTC)),
        ("ese día", datetime(2026, 3, 11, 4, 59, tzinfo=UTC)),
        ("después", datetime(2026, 3, 11, 5, 0, tzinfo=UTC)),
    ):
        Lead.objects.filter(pk=LeadFactory(nombre=name).pk).update(created_at=moment, updated_at=moment)
    for column in ("fecha_creacion", "ultima_actualizacion"):
        day = {f"{column}_after": "2026-03-10", f"{column}_before": "2026-03-10"}
        assert names(as_user(bob), **day) == ["ese día"]


@pytest.mark.parametrize(
    ("sort_by", "fields"),
    [
        ("nombre", [{"nombre": "A"}, {"nombre": "B"}, {"nombre": "C"}]),
        ("fecha_captacion", [{"fecha_captacion": date(2026, 1, 1)}, {"fecha_captacion": date(2026, 1, 2)}, {}]),
    ],
)
def test_orders_with_the_empty_last(as_user: AsUser, bob: User, sort_by: str, fields: list[Any]) -> None:
    made = [LeadFactory(**one) for one in fields]
    expected = [lead.nombre for lead in made]
    assert names(as_user(bob), sort_by=sort_by) == expected
    empty = [] if "nombre" in fields[0] else [expected.pop()]
    assert names(as_user(bob), sort_by=sort_by, sort_order="desc") == [*reversed(expected), *empty]


@pytest.mark.parametrize(
    "parameters",
    [{"tipificacion": "X"}, {"status": "x"}, {"contact_id": "x"}, {"fecha_creacion_after": "ayer"}, {"context": "x"}],
)
def test_a_filter_that_means_nothing_is_refused(as_user: AsUser, bob: User, parameters: Any) -> None:
    assert as_user(bob).get(URL, parameters).status_code == 400


def test_new_ones_are_those_nobody_has_spoken_to(as_user: AsUser, bob: User) -> None:
    LeadFactory(nombre="nuevo")
    LeadFactory(nombre="ganado", status="won")
    answer = as_user(bob).get(f"{URL}/new").json()
    assert [item["nombre"] for item in answer["items"]] == ["nuevo"]
    assert answer["total"] == 1


def test_agents_see_only_theirs_where_the_installation_says_so(
    as_user: AsUser, bob: User, charlie: User, laura: User, settings: Any
) -> None:
    LeadFactory(nombre="de Charlie", responsible_user=charlie)
    LeadFactory(nombre="de Bob", responsible_user=bob)
    LeadFactory(nombre="contacto de Bob", contact=ContactFactory(responsible_user=bob))
    assert len(names(as_user(bob))) == 3
    settings.CRM_AGENT_SCOPE = "own"
    assert set(names(as_user(bob))) == {"de Bob", "contacto de Bob"}
    assert as_user(bob).get(f"{URL}/count").json() == {"total": 2}
    assert as_user(bob).get(f"{URL}/new").json()["total"] == 2
    assert len(names(as_user(laura))) == 3


def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User) -> None:
    for path in (URL, f"{URL}/count", f"{URL}/new"):
        assert as_user(None).get(path).status_code == 401
        assert as_user(oscar).get(path).status_code == 403


def test_a_page_costs_the_same_for_ten_leads_and_a_thousand(as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    asked = []
    for size in (10, 990):
        people = Contact.objects.create_many([Contact(name=f"Luz {n}") for n in range(size)])
        leads = [Lead(contact=person, nombre=person.name, celular="987654321") for person in people]
        for lead in leads:
            lead.tidy()
        Lead.objects.bulk_create(leads)
        with CaptureQueriesContext(connection) as captured:
            assert len(client.get(URL, {"limit": 10, "search": "luz"}).json()["items"]) == 10
        asked.append(len(captured))
    # Who asks, how common the word is, the page, its total.
    assert asked == [4, 4]
