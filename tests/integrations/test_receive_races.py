"""Many messages at the same moment: one presence, one client, one sale, and everybody is answered 200."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from integrations.models import Cliente, Presencia, Recepcion, Venta
from tests.crm.racing import at_once
from tests.integrations.sender import TOKEN, message, post, sale

pytestmark = [pytest.mark.django_db(transaction=True)]

SENT = 20


@pytest.fixture(autouse=True)
def _token(settings: Any) -> None:
    settings.CRM_WEBHOOK_TOKEN = TOKEN


def answers(acts: list[Callable[[], Any]]) -> list[Any]:
    responses = at_once(acts)
    assert [getattr(response, "status_code", response) for response in responses] == [200] * len(acts)
    return [response.json() for response in responses]


def test_the_same_presence_at_once_is_one_and_all_hear_its_code() -> None:
    found = answers([partial(post, message()) for _ in range(SENT)])
    assert len({answer["id_presencia"] for answer in found}) == 1
    assert (Presencia.objects.count(), Cliente.objects.count()) == (1, 1)


@pytest.mark.parametrize("client", [{}, {"numero_documento": "40506070"}])
def test_a_new_client_in_many_presences_at_once_is_one(client: dict[str, Any]) -> None:
    found = answers([partial(post, message(id_presencia_crm=f"CRM-{n}", cliente=client)) for n in range(SENT)])
    assert len({answer["id_presencia"] for answer in found}) == SENT
    assert Cliente.objects.get().presencias.count() == SENT


def test_the_same_sale_at_once_is_one() -> None:
    found = answers([partial(post, message(venta=sale())) for _ in range(SENT)])
    assert len({answer["id_venta"] for answer in found}) == 1
    assert Venta.objects.count() == 1


def test_one_message_without_a_code_at_once_is_one_presence() -> None:
    body = message(id_presencia_crm=None)
    answers([partial(post, body, **{"webhook-id": "msg_1"}) for _ in range(SENT)])
    assert (Presencia.objects.count(), Recepcion.objects.count()) == (1, 1)


def test_the_real_document_told_by_two_presences_at_once_is_one_client() -> None:
    for n in range(8):
        post(message(id_presencia_crm=f"CRM-{n}"))
    real = {"numero_documento": "40506070"}
    answers([partial(post, message(id_presencia_crm=f"CRM-{n}", cliente=real)) for n in range(8)])
    client = Cliente.objects.get()
    assert (client.numero_documento, client.presencias.count()) == ("40506070", 8)


def test_people_who_swap_documents_and_phones_at_once_never_wait_for_each_other() -> None:
    """Each message names two things that another names in the other order."""
    documents, phones = ("40506070", "10203040"), ("999001122", "988111122")
    bodies = [
        message(
            id_presencia_crm=f"CRM-{n}",
            cliente={
                "numero_documento": documents[n % 2],
                "telefono_principal": phones[n // 2 % 2],
                "telefono_secundario": phones[(n // 2 + 1) % 2],
            },
        )
        for n in range(SENT)
    ]
    answers([partial(post, body) for body in bodies])
    assert sorted(Cliente.objects.values_list("numero_documento", flat=True)) == sorted(documents)
