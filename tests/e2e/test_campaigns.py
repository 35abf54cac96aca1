"""Campaigns in a real browser: watched, paused, changed and made, with the keyboard and on a phone."""

from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from crm.models import User
from jobs.choices import JobStatus
from jobs.models import Account, Batch, ClosedDay, DoNotCall, Job
from tests.e2e.conftest import PHONE, Desk
from tests.jobs.conftest import own_media as own_media
from tests.jobs.rows import a_batch, an_account, some_jobs
from tests.jobs.scenes import a_busy_batch, with_a_promise
from tests.staff_pages import add_to, list_of, page_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

Sit = Callable[..., Desk]
FILE = "Nombre;DNI;Celular;Sucursal\nRosa Peña;12345678;987654321;Lima\nLuis Ramos;87654321;abc;Cusco\n"


def test_the_page_keeps_itself_up_to_date_where_the_focus_stays(desk: Sit, alice: User) -> None:
    batch = a_batch(name="Cobranza")
    jobs = some_jobs(4, batch)
    seat = desk(alice)
    seat.open(page_of(batch))
    assert "4 pendientes" in seat.text
    seat.page.evaluate("window.stayed = true")
    seat.page.focus("#cp-pausar")
    Job.objects.filter(pk=jobs[0].pk).update(status=JobStatus.CANCELLED)
    seat.page.wait_for_selector("#cp-n-cancelled >> text=1")
    assert "3 pendientes" in seat.text
    assert seat.page.evaluate("document.activeElement.id") == "cp-pausar"
    assert seat.page.evaluate("window.stayed")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector("#cp-reanudar")
    assert "La campaña está en pausa." in seat.text
    batch.refresh_from_db()
    assert not batch.is_active
    assert seat.complaints == []


def test_whoever_reads_can_stop_the_figures(desk: Sit, alice: User) -> None:
    batch = a_batch()
    some_jobs(2, batch)
    seat = desk(alice)
    seat.page.clock.install()
    seat.open(page_of(batch))
    seat.page.locator(".cp-live-button").press("Enter")
    assert "Las cifras están detenidas." in seat.text
    seat.settle()
    asked: list[str] = []
    seat.page.on("request", lambda request: asked.append(request.url))
    seat.page.clock.run_for(30_000)
    seat.settle()
    assert not [url for url in asked if "novedades" in url]
    seat.page.locator(".cp-live-button").press("Enter")
    assert "Se actualiza sola." in seat.text
    seat.settle()
    assert [url for url in asked if "novedades" in url]


def test_a_campaign_is_made_from_a_file(desk: Sit, alice: User, own_media: Any) -> None:
    an_account(account_name="Estudio Andino")
    seat = desk(alice)
    seat.open(list_of(Batch))
    assert "Suba un archivo con las personas a las que llamar." in seat.text
    seat.open(add_to(Batch))
    file = {"name": "deudores.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    seat.page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    seat.page.locator("button[name=upload]").press("Enter")
    seat.page.wait_for_selector("button[name=create]")
    for told in ("Se le llamará", "Con error", "Teléfono móvil: «abc»"):
        assert told in seat.text, told
    seat.page.locator("button[name=create]").press("Enter")
    seat.page.wait_for_selector("#cp-live")
    assert "Está en pausa: revise los ajustes y reanúdela." in seat.text
    assert Batch.objects.get().jobs.count() == 1
    assert seat.complaints == []


def test_cancelling_asks_and_the_way_back_changes_nothing(desk: Sit, alice: User) -> None:
    batch = a_batch()
    some_jobs(2, batch)
    seat = desk(alice)
    seat.open(page_of(batch))
    seat.page.locator("#cp-cancelar").press("Enter")
    seat.page.locator("text=No, volver").press("Enter")
    seat.page.wait_for_selector("#cp-live")
    seat.page.locator("#cp-cancelar").press("Enter")
    seat.page.locator("button:has-text('Cancelar la campaña')").press("Enter")
    seat.page.wait_for_selector("text=Campaña cancelada.")
    assert Job.objects.filter(status=JobStatus.CANCELLED).count() == 2


def test_every_page_fits_a_phone_in_light_and_dark(desk: Sit, alice: User) -> None:
    batch = a_busy_batch(alice)
    job = batch.jobs.filter(status=JobStatus.PENDING).earliest("pk")
    with_a_promise(job)
    DoNotCall.objects.create(number="+51987654321", key="51987654321", reason="Lo pidió por carta")
    pages = [
        *(list_of(model) for model in (Batch, Job, Account, DoNotCall, ClosedDay)),
        *(page_of(row) for row in (batch, job, batch.account)),
        *(add_to(model) for model in (Batch, Account, DoNotCall, ClosedDay)),
        reverse("admin:jobs_batch_act", args=[batch.pk, "eliminar"]),
        reverse("admin:jobs_account_top_up", args=[batch.account_id]),
    ]
    seat = desk(alice, PHONE)
    seat.page.emulate_media(color_scheme="dark")
    for path in pages:
        seat.open(path)
        assert not seat.is_wider_than_its_window(), path
        # All that a light page lacks; loading each a second time says nothing more.
        assert seat.page.evaluate("document.documentElement.classList.replace('dark', 'light')"), path
        assert not seat.is_wider_than_its_window(), path
    assert seat.complaints == []
