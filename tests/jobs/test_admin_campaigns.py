"""The list of campaigns on the staff pages: how each stands, found and filtered, paused and cancelled in bulk."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import User
from jobs.choices import JobStatus
from jobs.models import Batch
from tests.jobs.companies import in_place_of_the_provider
from tests.jobs.rows import a_batch, an_account, an_attempt, some_jobs
from tests.jobs.scenes import a_busy_batch, a_file
from tests.staff_pages import at_desk, list_of, messages_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]

LIST = "/admin/jobs/batch/"


def shown(client: Client, **query: Any) -> str:
    return " ".join(text_of(client.get(list_of(Batch), query)).split())


def act(client: Client, name: str, *batches: Batch, **more: Any) -> Any:
    sent = {"action": name, "_selected_action": [batch.pk for batch in batches], **more}
    return client.post(list_of(Batch), sent, follow=True)


def test_a_campaign_shows_its_figures_cost_and_minutes(alice: User) -> None:
    a_busy_batch(alice)
    seen = shown(at_desk(alice))
    told = "6 completadas · 3 en llamada · 9 pendientes · 3 fallidas · 2 apartadas · 1 cancelada"
    for part in ("Cobranza de noviembre", "Estudio Andino", "En marcha", told, "1,90", "12,5", "Normal"):
        assert part in seen, part


def test_the_state_is_told_in_words(alice: User) -> None:
    some_jobs(1, a_batch(name="Corre"))
    some_jobs(1, a_batch(name="Quieta", is_active=False))
    some_jobs(1, a_batch(name="Parada", is_active=False, paused_because="El proveedor de llamadas no tiene saldo."))
    some_jobs(1, a_batch(name="Hecha"), status=JobStatus.COMPLETED)
    a_batch(name="Fuera", cancelled_at=timezone.now())
    importing = a_batch(name="Llegando")
    a_file(importing, state="running", total_people=100, done_people=43, failed_rows=0)
    a_batch(name="Nada")
    rows = at_desk(alice).get(list_of(Batch)).context["cl"].result_list
    admin = at_desk(alice).get(list_of(Batch)).context["cl"].model_admin
    states = {row.name: str(admin.state_label(row)) for row in rows}
    told = {
        "Corre": "En marcha",
        "Quieta": "En pausa",
        "Parada": "El proveedor de llamadas no tiene saldo.",
        "Hecha": "Terminada",
        "Fuera": "Cancelada",
        "Llegando": "Importando 43 %",
        "Nada": "Vacía",
    }
    assert {name for name, words in told.items() if words not in states[name]} == set()
    assert "por sí sola" not in states["Quieta"]


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ("en-marcha", {"Corre"}),
        ("en-pausa", {"Quieta", "Parada"}),
        ("por-si-sola", {"Parada"}),
        ("terminadas", {"Hecha"}),
        ("canceladas", {"Fuera"}),
    ],
)
def test_campaigns_are_filtered_by_state(alice: User, state: str, found: set[str]) -> None:
    some_jobs(1, a_batch(name="Corre"))
    some_jobs(1, a_batch(name="Quieta", is_active=False))
    some_jobs(1, a_batch(name="Parada", is_active=False, paused_because="Sin saldo."))
    some_jobs(1, a_batch(name="Hecha"), status=JobStatus.FAILED)
    a_batch(name="Fuera", cancelled_at=timezone.now(), is_active=False)
    response = at_desk(alice).get(list_of(Batch), {"estado": state})
    assert {row.name for row in response.context["cl"].result_list} == found


def test_campaigns_are_found_by_name_code_and_account(alice: User) -> None:
    one = a_batch(name="Cobranza norte")
    a_batch(name="Bienvenida")
    client = at_desk(alice)
    for query in ({"q": "NORTE"}, {"q": one.batch_id}, {"account__id__exact": one.account_id}):
        seen = shown(client, **query)
        assert "Cobranza norte" in seen
        assert "Bienvenida" not in seen


def test_removed_campaigns_are_gone(alice: User) -> None:
    a_batch(name="Eliminada", removed_at=timezone.now())
    assert "Eliminada" not in shown(at_desk(alice))


def test_a_list_of_full_campaigns_costs_what_one_of_empty_ones_costs(alice: User) -> None:
    client = at_desk(alice)
    a_batch()
    client.get(list_of(Batch))
    with CaptureQueriesContext(connection) as few:
        client.get(list_of(Batch))
    for _ in range(6):
        some_jobs(30, a_batch())
    with CaptureQueriesContext(connection) as many:
        client.get(list_of(Batch))
    assert len(many) == len(few) <= 10


# --- Acts -------------------------------------------------------------------------------------


def test_several_are_paused_and_go_on(alice: User) -> None:
    batches = [a_batch(), a_batch()]
    client = at_desk(alice)
    assert messages_of(act(client, "pause_many", *batches)) == ["En pausa: 2."]
    assert not Batch.objects.filter(is_active=True).exists()
    assert messages_of(act(client, "resume_many", *batches)) == ["En marcha: 2."]
    assert Batch.objects.filter(is_active=True).count() == 2


def test_of_several_the_one_that_cannot_go_on_is_named_and_the_others_do(alice: User) -> None:
    fine = a_batch(name="Bien", is_active=False)
    over = a_batch(name="Acabada", is_active=False, cancelled_at=timezone.now())
    told = messages_of(act(at_desk(alice), "resume_many", fine, over))
    assert told == ["En marcha: 1.", "Acabada: La campaña está cancelada: no se puede reanudar."]


def test_cancelling_asks_first_and_says_what_will_happen(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    in_place_of_the_provider(monkeypatch)
    batch = a_batch(name="Cobranza")
    [live, *_] = some_jobs(4, batch)
    an_attempt(live)
    client = at_desk(alice)
    asked = text_of(act(client, "cancel_many", batch))
    for told in ("Cobranza", "Llamadas pendientes que no se harán: 3.", "Llamadas en curso que se cuelgan: 1."):
        assert told in asked, told
    batch.refresh_from_db()
    assert batch.cancelled_at is None
    assert messages_of(act(client, "cancel_many", batch, confirmed="1")) == ["Canceladas: 1."]
    batch.refresh_from_db()
    assert batch.cancelled_at is not None


# --- Who --------------------------------------------------------------------------------------


def test_a_limited_agent_meets_only_the_campaigns_they_made(bob: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    mine, other = a_batch(name="Propia", created_by=bob), a_batch(name="Ajena")
    client = at_desk(bob)
    seen = shown(client)
    assert "Propia" in seen
    assert "Ajena" not in seen
    assert client.get(f"{LIST}{mine.pk}/change/").status_code == 200
    assert client.get(f"{LIST}{other.pk}/change/").status_code == 404
    assert client.post(f"{LIST}{other.pk}/hacer/pausar/").status_code == 404
    other.refresh_from_db()
    assert other.is_active


def test_every_agent_may_pause(bob: User) -> None:
    batch = a_batch()
    act(at_desk(bob), "pause_many", batch)
    batch.refresh_from_db()
    assert not batch.is_active


# --- A new one --------------------------------------------------------------------------------

FILE = "Nombre;DNI;Celular;Sucursal\nRosa Peña;12345678;987654321;Lima\nLuis Ramos;87654321;abc;Cusco\n"


@pytest.fixture
def uploaded(alice: User, own_media: Any) -> Client:
    """A file of two people that waits to be confirmed."""
    client, account = at_desk(alice), an_account()
    answer = client.post(f"{LIST}add/", {"upload": "1", "account": account.pk, "name": "", "file": as_file(FILE)})
    assert answer.status_code == 302
    return client


def as_file(text: str, name: str = "deudores.csv") -> Any:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile(name, text.encode())


def test_a_file_is_looked_at_before_anything_is_made(uploaded: Client) -> None:
    seen = text_of(uploaded.get(f"{LIST}add/?archivo=1"))
    for told in ("deudores.csv", "Rosa Peña", "+51987654321", "Se le llamará", "Con error", "Coste previsto", "0,47"):
        assert told in seen, told
    assert not Batch.objects.exists()


def sent(client: Client, **more: str) -> dict[str, Any]:
    form = client.get(f"{LIST}add/?archivo=1").context["form"]
    return {field.name: field.value() or "" for field in form} | more


def test_the_confirmed_file_becomes_a_campaign_that_waits_in_pause(
    uploaded: Client, alice: User, own_media: Any
) -> None:
    answer = uploaded.post(f"{LIST}add/?archivo=1", sent(uploaded, create="1", name="Cobranza"), follow=True)
    batch = Batch.objects.get()
    assert (batch.name, batch.created_by, batch.is_active, batch.jobs.count()) == ("Cobranza", alice, False, 1)
    assert "Campaña creada. Está en pausa" in messages_of(answer)[0]
    assert not list((own_media / "campaigns" / "previews").iterdir())


def test_a_campaign_may_begin_at_once(uploaded: Client) -> None:
    uploaded.post(f"{LIST}add/?archivo=1", sent(uploaded, create="1", starts="on"))
    assert Batch.objects.get().is_active


def test_columns_can_be_read_as_something_else(uploaded: Client) -> None:
    answer = uploaded.post(f"{LIST}add/?archivo=1", sent(uploaded, again="1", column_2=""))
    assert "Ninguna columna se reconoce como teléfono" in text_of(answer)
    answer = uploaded.post(f"{LIST}add/?archivo=1", sent(uploaded, create="1", column_2=""))
    assert "Ninguna columna se reconoce como teléfono" in text_of(answer)
    assert not Batch.objects.exists()


def test_two_columns_cannot_be_the_same(uploaded: Client) -> None:
    answer = uploaded.post(f"{LIST}add/?archivo=1", sent(uploaded, create="1", column_0="mobile"))
    assert "Dos columnas no pueden ser «Teléfono móvil»." in text_of(answer)
    assert not Batch.objects.exists()


def test_a_discarded_file_leaves_nothing(uploaded: Client, own_media: Any) -> None:
    uploaded.post(f"{LIST}add/?archivo=1", {"discard": "1"})
    assert not list((own_media / "campaigns" / "previews").iterdir())
    answer = uploaded.get(f"{LIST}add/?archivo=1", follow=True)
    assert "Súbalo otra vez" in messages_of(answer)[0]


def test_a_file_that_somebody_left_is_swept_by_the_next(uploaded: Client, alice: User, own_media: Any) -> None:
    import os

    [left] = (own_media / "campaigns" / "previews").iterdir()
    old = (timezone.now() - timedelta(days=2)).timestamp()
    os.utime(left, (old, old))
    account = an_account()
    at_desk(alice).post(f"{LIST}add/", {"upload": "1", "account": account.pk, "name": "", "file": as_file(FILE)})
    assert not left.exists()
    assert len(list((own_media / "campaigns" / "previews").iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "told"), [("", "El archivo está vacío."), ("Nombre;Celular\n", "El archivo solo tiene encabezados.")]
)
def test_a_file_of_nobody_is_refused_in_words(alice: User, own_media: Any, text: str, told: str) -> None:
    sent = {"upload": "1", "account": an_account().pk, "name": "", "file": as_file(text)}
    answer = at_desk(alice).post(f"{LIST}add/", sent)
    assert answer.status_code == 200
    assert told in text_of(answer)
    assert not (own_media / "campaigns").exists()
