"""Where agents see only what is theirs, the presences that arrived are no way round it (contract section 1)."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from crm.models import User
from integrations.models import Cliente, Presencia, Venta
from tests.factories import AppointmentFactory, LeadFactory
from tests.integrations.sender import TOKEN, message, sale, told
from tests.staff_pages import at_desk, list_of, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
AsUser = Callable[[User | None], APIClient]
URL = "/api/presencias"


@pytest.fixture
def presences(settings: Any, bob: User) -> tuple[Presencia, Presencia, Presencia]:
    """One of Bob's people, one of somebody else's, and one that no appointment of the CRM is behind."""
    settings.CRM_WEBHOOK_TOKEN = TOKEN
    settings.CRM_AGENT_SCOPE = "own"
    mine = AppointmentFactory(lead=LeadFactory(responsible_user=bob)).id_presencia_crm
    others = AppointmentFactory().id_presencia_crm
    for number, name in enumerate((mine, others, "OTRO-7"), start=1):
        person = {"nombres_completos_razon_social": f"Persona {number}", "telefono_principal": f"98811112{number}"}
        person["numero_documento"] = f"4050607{number}"
        told(message(id_presencia_crm=name, cliente=person, venta=sale(lote=f"L000{number}")))
    first, second, third = Presencia.objects.order_by("pk")
    return first, second, third


def names(client: APIClient, **filters: str) -> list[str]:
    return [item["cliente"]["nombres_completos_razon_social"] for item in client.get(URL, filters).json()["items"]]


def test_the_list_has_only_theirs_whatever_is_asked(
    as_user: AsUser, bob: User, presences: tuple[Presencia, ...]
) -> None:
    mine, others, _ = presences
    client = as_user(bob)
    assert names(client) == ["Persona 1"]
    assert client.get(URL).json()["total"] == 1
    assert names(client, search="Persona") == ["Persona 1"]
    assert names(client, search="988111122") == []
    assert names(client, id_presencia_crm=str(others.id_presencia_crm)) == []
    assert names(client, id_cliente=others.cliente.code) == []
    assert names(client, id_presencia_crm=str(mine.id_presencia_crm)) == ["Persona 1"]


def test_one_that_is_not_theirs_is_not_there(as_user: AsUser, bob: User, presences: tuple[Presencia, ...]) -> None:
    answers = [as_user(bob).get(f"{URL}/{presence.code}").status_code for presence in presences]
    assert answers == [200, 404, 404]


@pytest.mark.parametrize("model", [Presencia, Cliente, Venta])
def test_so_are_the_staff_pages(bob: User, presences: tuple[Presencia, ...], model: Any) -> None:
    client = at_desk(bob)
    seen = text_of(client.get(list_of(model)))
    assert "Persona 1" in seen
    assert "Persona 2" not in seen
    assert "Persona 3" not in seen
    mine, others, foreign = model.objects.order_by("pk")
    assert client.get(page_of(mine)).status_code == 200
    for hidden in (others, foreign):
        assert client.get(page_of(hidden)).status_code != 200
    assert "Persona 2" not in text_of(client.get(list_of(model), {"q": "Persona"}))


def test_the_page_of_a_client_names_no_presence_of_others(bob: User, presences: tuple[Presencia, ...]) -> None:
    mine, others, _ = presences
    Presencia.objects.filter(pk=others.pk).update(cliente=mine.cliente)
    seen = text_of(at_desk(bob).get(page_of(mine.cliente)))
    assert mine.code in seen
    assert others.code not in seen


def test_no_client_of_others_is_named_by_a_filter(bob: User, presences: tuple[Presencia, ...]) -> None:
    mine, others, foreign = presences
    client = at_desk(bob)

    def page_with(presence: Presencia) -> str:
        return str(client.get(list_of(Presencia), {"cliente__id__exact": presence.cliente_id}).content.decode())

    assert "Persona 1" in page_with(mine)
    assert "Persona 2" not in page_with(others)
    assert "Persona 3" not in page_with(foreign)


def test_lawyers_administrators_and_agents_of_an_open_installation_see_all(
    as_user: AsUser, alice: User, laura: User, bob: User, presences: tuple[Presencia, ...], settings: Any
) -> None:
    for user in (alice, laura):
        assert names(as_user(user)) == ["Persona 3", "Persona 2", "Persona 1"]
    settings.CRM_AGENT_SCOPE = "open"
    assert names(as_user(bob)) == ["Persona 3", "Persona 2", "Persona 1"]
    assert "Persona 2" in text_of(at_desk(bob).get(list_of(Presencia)))
