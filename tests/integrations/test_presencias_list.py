"""GET /api/presencias and /api/presencias/{id}: what arrived, for the staff of the CRM."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from crm.models import User
from integrations.models import Cliente, Presencia, Venta
from tests.factories import NOON
from tests.integrations.sender import TOKEN, message, sale, told

pytestmark = [pytest.mark.django_db]

AsUser = Callable[[User | None], APIClient]
URL = "/api/presencias"


@pytest.fixture(autouse=True)
def _token(settings: Any) -> None:
    settings.CRM_WEBHOOK_TOKEN = TOKEN


def codes(client: APIClient, **parameters: Any) -> list[str]:
    response = client.get(URL, parameters)
    assert response.status_code == 200, response.content
    return [item["id_presencia_crm"] for item in response.json()["items"]]


@pytest.mark.sqlite
def test_what_arrived_is_answered_whole(as_user: AsUser, bob: User) -> None:
    answer = told(message(venta=sale(precio_dolares=15000.5, tipo_cambio=3.75)))
    client = as_user(bob)
    [item] = client.get(URL).json()["items"]
    assert item["id_presencia"] == answer["id_presencia"]
    assert item["id_venta"] == item["venta"]["id_venta"] == answer["id_venta"]
    assert (item["id_presencia_crm"], item["fecha_hora_presencia"]) == ("CRM-31", "2026-01-10T15:00:00Z")
    assert (item["proyecto_interes"], item["medio_captacion"]) == ("OASIS 1 (HUACHO 1)", "campo_opc")
    assert (item["venta"]["precio_dolares"], item["venta"]["tipo_cambio"]) == (15000.5, 3.75)
    person = item["cliente"]
    assert (person["nombres_completos_razon_social"], person["telefono_principal"]) == ("Rosa Peña", "+51999001122")
    assert (person["numero_documento"], person["documento_temporal"]) == ("TEMP-1122", True)
    assert client.get(f"{URL}/{item['id_presencia']}/").json() == item


@pytest.mark.sqlite
def test_the_newest_comes_first_in_the_usual_envelope(as_user: AsUser, bob: User) -> None:
    for day in (1, 3, 2):
        told(message(id_presencia_crm=f"CRM-{day}", fecha_hora_presencia=f"2026-01-0{day}T15:00:00Z"))
    assert codes(as_user(bob)) == ["CRM-3", "CRM-2", "CRM-1"]
    answer = as_user(bob).get(URL, {"limit": 2, "page": 2}).json()
    assert [item.pop("id_presencia_crm") for item in answer.pop("items")] == ["CRM-1"]
    assert answer == {"total": 3, "skip": 2, "limit": 2, "page": 2, "total_pages": 2}


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"id_presencia_crm": "CRM-5"}, ["CRM-5"]),
        ({"proyecto": "OASIS 2 (AUCALLAMA)"}, ["CRM-55"]),
        ({"proyecto_interes": "OASIS 2 (AUCALLAMA)"}, ["CRM-55"]),
        ({"proyecto__icontains": "huacho"}, ["CRM-5"]),
        ({"medio": "redes_tiktok"}, ["CRM-55"]),
        ({"medio_captacion": "campo_opc"}, ["CRM-5"]),
        ({"modalidad": "virtual"}, ["CRM-55"]),
        ({"status_presencia": "no_asistio"}, ["CRM-55"]),
        ({"resultado_interaccion": "interesado_separacion"}, ["CRM-55"]),
        ({"search": "pena"}, ["CRM-5"]),
        ({"search": "988 111"}, ["CRM-55"]),
        ({"id_cliente": "CLI9999"}, []),
        ({"id_cliente": "nadie"}, []),
        ({"desde": "2026-01-11"}, ["CRM-55"]),
        ({"hasta": "2026-01-10"}, ["CRM-5"]),
        ({"fecha_presencia_after": "2026-01-11"}, ["CRM-55"]),
        ({"fecha_presencia_before": "2026-01-10T15:00:00Z"}, ["CRM-5"]),
        ({"desde": "2026-01-10", "hasta": "2026-01-11"}, ["CRM-55", "CRM-5"]),
    ],
)
def test_each_filter_keeps_only_what_it_names(
    as_user: AsUser, bob: User, parameters: dict[str, str], found: list[str]
) -> None:
    told(message(id_presencia_crm="CRM-5"))
    told(
        message(
            id_presencia_crm="CRM-55",
            fecha_hora_presencia="2026-01-11T15:00:00Z",
            proyecto_interes="OASIS 2 (AUCALLAMA)",
            medio_captacion="redes_tiktok",
            modalidad="virtual",
            status_presencia="no_asistio",
            resultado_interaccion="interesado_separacion",
            cliente={"nombres_completos_razon_social": "Luz Vega", "telefono_principal": "988111122"},
        )
    )
    assert codes(as_user(bob), **parameters) == found


def test_a_client_is_a_filter_by_its_code(as_user: AsUser, bob: User) -> None:
    told(message())
    assert codes(as_user(bob), id_cliente=Cliente.objects.get().code) == ["CRM-31"]


def test_days_are_those_of_the_installation(as_user: AsUser, bob: User) -> None:
    """TIME_ZONE is America/Lima: its 10 January ends at 05:00 of the 11th in UTC."""
    for number, moment in enumerate(
        (datetime(2026, 1, 11, 4, 59, 59, tzinfo=UTC), datetime(2026, 1, 11, 5, tzinfo=UTC))
    ):
        told(message(id_presencia_crm=f"CRM-{number}", fecha_hora_presencia=moment.isoformat()))
    assert codes(as_user(bob), desde="2026-01-10", hasta="2026-01-10") == ["CRM-0"]


@pytest.mark.parametrize("parameters", [{"medio": "radio"}, {"desde": "ayer"}, {"modalidad": "x"}])
def test_a_filter_that_means_nothing_is_refused(as_user: AsUser, bob: User, parameters: dict[str, str]) -> None:
    assert as_user(bob).get(URL, parameters).status_code == 400


@pytest.mark.parametrize("code", ["PRS99999", "PRS1", "x", "1", "CRM-31", "PRS" + "9" * 30])
def test_a_code_that_nobody_has_is_404(as_user: AsUser, bob: User, code: str) -> None:
    told(message())
    response = as_user(bob).get(f"{URL}/{code}")
    assert response.status_code == 404
    assert response.json()["detail"] == "Presencia no encontrada"


def make(count: int, start: int) -> None:
    people = Cliente.objects.bulk_create(
        Cliente(tipo_documento="DNI", nombres_completos_razon_social=f"Luz {start + n}") for n in range(count)
    )
    presences = Presencia.objects.bulk_create(
        Presencia(cliente=person, id_presencia_crm=f"CRM-{start + n}", fecha_hora_presencia=NOON + timedelta(hours=n))
        for n, person in enumerate(people)
    )
    Venta.objects.bulk_create(
        Venta(presencia=presence, fecha_venta=NOON.date(), lote="L1", tipo_venta="contado")
        for presence in presences[::2]
    )


def test_a_page_costs_the_same_for_ten_and_for_a_thousand(as_user: AsUser, bob: User) -> None:
    client = as_user(bob)
    asked = []
    for count, start in ((10, 0), (990, 10)):
        make(count, start)
        with CaptureQueriesContext(connection) as captured:
            assert len(client.get(URL, {"limit": 10}).json()["items"]) == 10
        asked.append(len(captured))
    # Who asks, the page, its total.
    assert asked == [3, 3]


def test_far_pages_have_their_rows(as_user: AsUser, bob: User) -> None:
    make(2100, 0)
    pages = [codes(as_user(bob), skip=skip, limit=50) for skip in (2000, 2050)]
    assert len({code for page in pages for code in page}) == 100


def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User) -> None:
    code = told(message())["id_presencia"]
    for path in (URL, f"{URL}/{code}"):
        assert as_user(None).get(path).status_code == 401
        assert as_user(oscar).get(path).status_code == 403


def test_the_senders_token_reads_nothing(as_user: AsUser) -> None:
    assert as_user(None).get(URL, headers={"X-CRM-Webhook-Token": TOKEN}).status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(as_user: AsUser, alice: User, method: str) -> None:
    assert getattr(as_user(alice), method)(URL).status_code == 405
