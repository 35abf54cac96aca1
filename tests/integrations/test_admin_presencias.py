"""The staff pages of presences, clients and sales: looked at, found, and documents completed."""

from typing import Any

import pytest

from crm.models import User
from integrations.models import Cliente, Presencia, Venta
from tests.factories import AppointmentFactory
from tests.integrations.sender import TOKEN, message, sale, told
from tests.staff_pages import add_to, at_desk, errors_of, filled, list_of, page_of, text_of

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _token(settings: Any) -> None:
    settings.CRM_WEBHOOK_TOKEN = TOKEN


@pytest.mark.sqlite
def test_a_presence_shows_who_came_when_and_what_was_sold(bob: User) -> None:
    answer = told(message(venta=sale()))
    presence = Presencia.objects.get()
    for page in (list_of(Presencia), page_of(presence)):
        seen = text_of(at_desk(bob).get(page))
        for words in (answer["id_presencia"], answer["id_venta"], "Rosa Peña", "OASIS 1 (HUACHO 1)", "Realizada"):
            assert words in seen, (page, words)


def test_a_presence_of_our_own_leads_to_its_appointment(bob: User) -> None:
    appointment = AppointmentFactory()
    told(message(id_presencia_crm=appointment.id_presencia_crm))
    told(message(id_presencia_crm="CRM-99999999999999999999"))
    told(message(id_presencia_crm="OTRO-7"))
    ours, unknown, foreign = Presencia.objects.order_by("pk")
    assert page_of(appointment) in at_desk(bob).get(page_of(ours)).content.decode()
    assert "CRM-99999999999999999999" in text_of(at_desk(bob).get(page_of(unknown)))
    assert "OTRO-7" in text_of(at_desk(bob).get(page_of(foreign)))


@pytest.mark.parametrize("typed", ["rosa pena", "999 001 122", "CRM-5", "crm-5", "{code}"])
def test_a_presence_is_found_by_client_and_by_either_code(bob: User, typed: str) -> None:
    code = told(message(id_presencia_crm="CRM-5"))["id_presencia"]
    other = {"nombres_completos_razon_social": "Luz Vega", "telefono_principal": "988111122"}
    told(message(id_presencia_crm="CRM-55", cliente=other))
    seen = text_of(at_desk(bob).get(list_of(Presencia), {"q": typed.format(code=code)}))
    assert code in seen
    assert "Luz Vega" not in seen


@pytest.mark.sqlite
def test_a_temporary_document_is_marked_and_completed_by_hand(bob: User) -> None:
    told(message())
    client, person = at_desk(bob), Cliente.objects.get()
    assert "Temporal" in text_of(client.get(list_of(Cliente), {"documento": "temporal"}))
    response = client.post(page_of(person), filled(client, page_of(person), numero_documento="40.506.070"))
    assert response.status_code == 302
    person.refresh_from_db()
    assert (person.numero_documento, person.has_real_document) == ("40506070", True)
    assert "Rosa Peña" in text_of(client.get(list_of(Cliente), {"documento": "real"}))
    told(message(id_presencia_crm="CRM-32", cliente={"numero_documento": "40506070", "telefono_principal": None}))
    assert Cliente.objects.get().presencias.count() == 2


def test_a_document_that_somebody_has_is_an_error_of_the_form(bob: User) -> None:
    told(message(cliente={"numero_documento": "40506070"}))
    told(message(id_presencia_crm="CRM-32", cliente={"telefono_principal": "988111122"}))
    client, person = at_desk(bob), Cliente.objects.get(document_key=None)
    response = client.post(page_of(person), filled(client, page_of(person), numero_documento="40506070"))
    assert response.status_code == 200
    assert "Ya existe un cliente con este documento." in errors_of(response)


@pytest.mark.parametrize("model", [Presencia, Cliente, Venta])
def test_nothing_is_added_or_deleted_here(alice: User, model: Any) -> None:
    told(message(venta=sale()))
    row = model.objects.get()
    assert at_desk(alice).get(add_to(model)).status_code == 403
    assert at_desk(alice).post(page_of(row).replace("change", "delete"), {"post": "yes"}).status_code == 403
    assert model.objects.count() == 1


@pytest.mark.parametrize("model", [Presencia, Venta])
def test_what_was_reported_is_not_edited_here(alice: User, model: Any) -> None:
    told(message(venta=sale()))
    row = model.objects.get()
    assert at_desk(alice).post(page_of(row), {"observaciones": "x", "lote": "x"}).status_code == 403


def test_a_client_is_found_by_the_palette(bob: User) -> None:
    told(message())
    assert "Rosa Peña" in text_of(at_desk(bob).get("/admin/search/", {"s": "rosa pena"}))


def test_a_sale_shows_client_lot_and_presence(bob: User) -> None:
    answer = told(message(venta=sale(tipo_venta="credito", plazo_meses_credito=24)))
    seen = text_of(at_desk(bob).get(list_of(Venta)))
    for words in (answer["id_venta"], answer["id_presencia"], "Rosa Peña", "L0001", "Crédito · 24 meses"):
        assert words in seen
