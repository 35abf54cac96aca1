"""The page of a campaign: live figures, why nothing is called, settings with their history, buttons."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from crm.models import User
from jobs.choices import JobStatus, Outcome
from jobs.models import Batch, Job
from tests.jobs.companies import Company, in_place_of_the_provider
from tests.jobs.rows import a_batch, an_attempt, some_jobs
from tests.jobs.scenes import LONG, a_busy_batch, a_file, ended
from tests.staff_pages import at_desk, messages_of, page_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def company(monkeypatch: pytest.MonkeyPatch) -> Company:
    return in_place_of_the_provider(monkeypatch)


def seen_on(batch: Batch, user: User) -> str:
    return " ".join(text_of(at_desk(user).get(page_of(batch))).split())


def doing(batch: Batch, name: str) -> str:
    return reverse("admin:jobs_batch_act", args=[batch.pk, name])


def news_of(client: Client, batch: Batch, token: str = "") -> Any:
    return client.get(reverse("admin:jobs_batch_news", args=[batch.pk]), {"token": token})


# --- What it shows ----------------------------------------------------------------------------


def test_it_shows_how_it_goes_who_is_called_and_who_comes_next(alice: User) -> None:
    batch = a_busy_batch(alice)
    seen = seen_on(batch, alice)
    for told in ("24 llamadas", "En llamada ahora", "Colgar", LONG, "intento 1 de 3", "Contestó", "No contesta",
                 "2 · 22 %", "deudores.xlsx", "Fila 7.", "gastado de 500,00", "por Alice Torres"):  # fmt: skip
        assert told in seen, told


def test_states_lead_to_the_jobs_in_them(alice: User) -> None:
    batch = a_busy_batch(alice)
    client = at_desk(alice)
    [failed] = [one for one in client.get(page_of(batch)).context["figures"] if one["status"] == "failed"]
    found = client.get(failed["href"]).context["cl"]
    assert {job.status for job in found.result_list} == {JobStatus.FAILED}
    assert found.result_count == 3


def test_the_rows_that_made_no_call_are_a_file_to_correct(alice: User) -> None:
    batch = a_batch()
    run = a_file(batch)
    answer = at_desk(alice).get(reverse("admin:jobs_batch_problems", args=[batch.pk, run.pk]))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert "attachment" in answer["Content-Disposition"]
    assert "Luis Ramos" in text
    assert "no es válido" in text
    other = a_batch()
    assert at_desk(alice).get(reverse("admin:jobs_batch_problems", args=[other.pk, run.pk])).status_code == 404


def test_while_an_import_goes_on_its_progress_is_shown(alice: User) -> None:
    batch = a_batch()
    a_file(batch, state="running", total_people=200, done_people=86, failed_rows=0)
    seen = seen_on(batch, alice)
    assert "Importando 43 %" in seen
    assert "86 de 200 personas" in seen


# --- Why nothing is called --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"is_active": False}, "La campaña está en pausa."),
        ({"is_active": False, "paused_because": "La red bloquea."}, "La campaña está en pausa. La red bloquea."),
        ({"cancelled_at": timezone.now(), "cancel_reason": "Se acabó."}, "La campaña está cancelada. Se acabó."),
    ],
)
def test_a_campaign_that_stands_still_says_why(alice: User, values: Any, told: str) -> None:
    batch = a_batch(**values)
    some_jobs(1, batch)
    assert told in seen_on(batch, alice)


def test_outside_its_hours_it_says_when_it_goes_on(alice: User) -> None:
    batch = a_batch(call_settings={"on_holidays": False, "days_of_week": [(timezone.now().isoweekday() + 3) % 7]})
    some_jobs(1, batch)
    why = at_desk(alice).get(page_of(batch)).context["why"]
    assert "se llamará" in why


def test_with_nobody_left_it_says_so(alice: User) -> None:
    batch = a_batch()
    some_jobs(1, batch, status=JobStatus.COMPLETED)
    assert "No queda nadie por llamar." in seen_on(batch, alice)


def test_while_it_calls_there_is_nothing_to_explain(alice: User) -> None:
    batch = a_batch()
    an_attempt(some_jobs(2, batch)[0])
    assert "Ahora no se llama" not in seen_on(batch, alice)


# --- Keeping up -------------------------------------------------------------------------------


def test_nothing_new_is_no_page_and_a_change_is(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.admin.batch_page.CLOCK_SECONDS", 10**9)
    batch = a_busy_batch(alice)
    client = at_desk(alice)
    token = client.get(page_of(batch)).context["token"]
    assert news_of(client, batch, token).status_code == 204
    Job.objects.filter(batch=batch, status=JobStatus.PENDING).update(status=JobStatus.CANCELLED)
    answer = news_of(client, batch, token)
    assert answer.status_code == 200
    assert "10 canceladas" in " ".join(text_of(answer).split())
    assert answer.context["token"] != token


def test_asking_whether_something_is_new_costs_a_handful_of_queries(alice: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("jobs.admin.batch_page.CLOCK_SECONDS", 10**9)
    batch = a_busy_batch(alice)
    client = at_desk(alice)
    token = client.get(page_of(batch)).context["token"]
    with CaptureQueriesContext(connection) as asked:
        assert news_of(client, batch, token).status_code == 204
    assert len(asked) <= 6  # session, user, campaign, its counts, live calls, files


def test_the_page_costs_the_same_for_2_and_for_200_jobs(alice: User) -> None:
    client = at_desk(alice)

    def cost(how_many: int) -> int:
        batch = a_batch()
        [live, *_] = some_jobs(how_many, batch)
        an_attempt(live)
        ended(batch, how_many // 4 + 1, JobStatus.FAILED, Outcome.BUSY)
        client.get(page_of(batch))
        with CaptureQueriesContext(connection) as asked:
            assert client.get(page_of(batch)).status_code == 200
        return len(asked)

    assert cost(2) == cost(200) <= 26


# --- Buttons ----------------------------------------------------------------------------------


def test_it_is_paused_and_goes_on(alice: User) -> None:
    batch = a_batch()
    client = at_desk(alice)
    told = messages_of(client.post(doing(batch, "pausar"), follow=True))
    assert told == ["En pausa: no se marca a nadie más. Las llamadas en curso terminan solas."]
    batch.refresh_from_db()
    assert not batch.is_active
    client.post(doing(batch, "reanudar"))
    batch.refresh_from_db()
    assert batch.is_active


def test_a_call_in_progress_is_hung_up(alice: User, company: Company) -> None:
    batch = a_batch()
    attempt = an_attempt(some_jobs(1, batch)[0])
    answer = at_desk(alice).post(doing(batch, "colgar"), {"llamada": attempt.job_id}, follow=True)
    assert "Llamada colgada" in messages_of(answer)[0]
    assert company.stopped == [attempt.provider_ref]
    assert Job.objects.get(pk=attempt.job_id).status == JobStatus.CANCELLED


def test_a_provider_that_is_away_is_told_and_nothing_changes(alice: User, company: Company) -> None:
    company.is_away = True
    batch = a_batch()
    attempt = an_attempt(some_jobs(1, batch)[0])
    answer = at_desk(alice).post(doing(batch, "colgar"), {"llamada": attempt.job_id}, follow=True)
    assert "el proveedor no responde" in messages_of(answer)[0]
    assert Job.objects.get(pk=attempt.job_id).status == JobStatus.IN_PROGRESS


def test_calls_of_another_campaign_are_not_hung_up_from_here(alice: User, company: Company) -> None:
    attempt = an_attempt(some_jobs(1)[0])
    assert at_desk(alice).post(doing(a_batch(), "colgar"), {"llamada": attempt.job_id}).status_code == 404
    assert company.stopped == []


def test_cancelling_and_removing_ask_first(alice: User, company: Company) -> None:
    batch = a_batch(name="Cobranza")
    some_jobs(3, batch)
    client = at_desk(alice)
    assert "Llamadas pendientes que no se harán: 3." in text_of(client.get(doing(batch, "cancelar")))
    assert "con sus llamadas: 3." in text_of(client.get(doing(batch, "eliminar")))
    batch.refresh_from_db()
    assert (batch.cancelled_at, batch.removed_at) == (None, None)
    client.post(doing(batch, "cancelar"))
    assert batch.jobs.filter(status=JobStatus.CANCELLED).count() == 3
    told = messages_of(client.post(doing(batch, "eliminar"), follow=True))
    assert told[-1] == "Campaña «Cobranza» eliminada."
    assert not Job.objects.filter(batch=batch).exists()
    assert client.get(page_of(batch)).status_code == 404


@pytest.mark.parametrize("name", ["pausar", "colgar", "volver", "ajustes"])
def test_acts_are_posted(alice: User, name: str) -> None:
    assert at_desk(alice).get(doing(a_batch(), name)).status_code == 405


def test_there_are_no_other_acts(alice: User) -> None:
    assert at_desk(alice).post(doing(a_batch(), "vaciar")).status_code == 404


# --- Settings ---------------------------------------------------------------------------------


def typed(client: Client, batch: Batch, **more: Any) -> dict[str, Any]:
    """What the form of the page would send."""
    form = client.get(page_of(batch)).context["form"]
    values = {field.name: field.value() for field in form}
    sent = {name: value for name, value in values.items() if value not in (None, False, "")}
    return {**sent, **more}


def test_settings_are_saved_as_people_say_them(alice: User) -> None:
    batch = a_batch()
    client = at_desk(alice)
    sent = typed(client, batch, name="Otra", opens="08:30", closes="20:00", weekdays=["1", "7"], max_attempts="5",
                 retry_busy="20", budget="150.5", requires_consent="on")  # fmt: skip
    sent.pop("on_holidays")
    assert messages_of(client.post(doing(batch, "ajustes"), sent, follow=True)) == ["Guardado."]
    stored = Batch.objects.get(pk=batch.pk)
    assert stored.name == "Otra"
    assert stored.call_settings == {
        "allowed_hours": {"start": "08:30", "end": "20:00"},
        "days_of_week": [1, 0],
        "max_attempts": 5,
        "max_call_duration": 300,
        "ring_timeout": 30,
        "retry_minutes": {"busy": 20},
        "budget": 150.5,
        "requires_consent": True,
        "on_holidays": False,
    }


def test_saving_what_stands_there_changes_nothing(alice: User) -> None:
    batch = a_batch(
        call_settings={"budget": 500, "retry_minutes": {"busy": 15, "provider": 3}, "timezone": "America/Lima"}
    )
    client = at_desk(alice)
    before = Batch.objects.get(pk=batch.pk).settings
    client.post(doing(batch, "ajustes"), typed(client, batch))
    assert Batch.objects.get(pk=batch.pk).settings == before


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        ({"max_attempts": "0"}, "mayor o igual a 1"),
        ({"opens": "25:00"}, "hora válida"),
        ({"opens": "09:00", "closes": "09:00"}, "distintas"),
        ({"weekdays": []}, "requerido"),
        ({"name": ""}, "requerido"),
        ({"budget": "mucho"}, "número"),
    ],
)
def test_mistakes_are_told_and_nothing_is_saved(alice: User, mistake: Any, told: str) -> None:
    batch = a_batch()
    client = at_desk(alice)
    answer = client.post(doing(batch, "ajustes"), typed(client, batch, **mistake))
    assert answer.status_code == 200
    assert told in text_of(answer)
    assert "Los ajustes no se guardaron" in messages_of(answer)[0]
    assert Batch.objects.get(pk=batch.pk).call_settings == batch.call_settings


def test_what_a_program_has_changed_meanwhile_is_not_overwritten(alice: User) -> None:
    batch = a_batch()
    client = at_desk(alice)
    sent = typed(client, batch, max_attempts="7")
    batch.take_settings({**batch.call_settings, "ring_timeout": 55}, by=None)
    answer = client.post(doing(batch, "ajustes"), sent)
    assert "Alguien cambió esta campaña mientras usted la miraba" in text_of(answer)
    assert Batch.objects.get(pk=batch.pk).settings.ring_timeout == 55


def test_settings_that_a_program_overwrote_are_put_back(alice: User) -> None:
    """The client of campaigns sends constants for its seven keys whatever stood there."""
    batch = a_batch(call_settings={"max_attempts": 9})
    wanted = dict(batch.call_settings)
    batch.take_settings({"max_attempts": 3, "weekly_calls": 2}, by=None)
    client = at_desk(alice)
    page = client.get(page_of(batch))
    [change] = page.context["history"]
    seen = " ".join(text_of(page).split())
    assert "Un programa" in seen
    assert "Intentos: antes 9 , después 3" in seen
    told = messages_of(client.post(doing(batch, "volver"), {"cambio": change["pk"]}, follow=True))
    assert "Los ajustes son otra vez los de antes" in told[0]
    assert Batch.objects.get(pk=batch.pk).call_settings == wanted
    assert [one["who"] for one in client.get(page_of(batch)).context["history"]] == ["Alice Torres", "Un programa"]


@pytest.mark.parametrize("change", ["", "x", "018f3a5e-0000-7000-8000-000000000000"])
def test_settings_that_never_were_are_not_found(alice: User, change: str) -> None:
    assert at_desk(alice).post(doing(a_batch(), "volver"), {"cambio": change}).status_code == 404
