"""A day at the staff pages, in a real browser, with keyboard and mouse."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.utils import timezone

from crm.importing import running
from crm.models import ApiToken, Contact, ImportRun, Task, User
from opportunities.models import Opportunity
from tests.e2e.conftest import DESKTOP, PHONE, Desk
from tests.factories import (
    PASSWORD,
    AppointmentFactory,
    CallFactory,
    ContactFactory,
    LeadFactory,
    NoteFactory,
    OpportunityFactory,
    TaskFactory,
)
from tests.staff_pages import add_to, list_of, page_of

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

Sit = Callable[..., Desk]


def test_people_sign_in_with_the_keyboard(desk: Sit, alice: User) -> None:
    seat = desk()
    seat.open(list_of(Task))
    seat.page.wait_for_selector("#id_username:focus")
    seat.page.keyboard.type(alice.email)
    seat.page.keyboard.press("Tab")
    seat.page.keyboard.type(PASSWORD)
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_url(f"**{list_of(Task)}")
    seat.page.wait_for_selector("#nav-sidebar-apps", state="attached")
    assert not seat.complaints


def test_an_agent_logs_a_call_with_a_next_date_and_finds_the_follow_up(desk: Sit, bob: User) -> None:
    contact = ContactFactory(name="Rosa Peña", mobile="+51987654321")
    seat = desk(bob)
    seat.open("/admin/")
    seat.settle()
    seat.page.keyboard.press("Control+k")
    seat.page.wait_for_selector("#search-input-command:focus")
    seat.page.keyboard.type("987 654 321", delay=20)
    seat.page.wait_for_selector("#command-results-list a")
    seat.page.keyboard.press("ArrowDown")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_url(f"**{page_of(contact)}")
    seat.page.click("#tabs-items >> text=Llamadas")
    seat.page.click("text=Registrar llamada")
    seat.page.wait_for_selector("#id_call_status")
    assert "Rosa Peña" in seat.page.inner_text(".field-contact .select2-selection")
    seat.page.select_option("#id_call_status", "no_answer")
    seat.page.fill("#id_proxima_llamada_fecha_0", "02/03/2027")
    seat.page.fill("#id_proxima_llamada_fecha_1", "10:00")
    seat.page.click("text=Guardar >> nth=0")
    seat.page.wait_for_url("**/admin/calls/call/")
    seat.open(list_of(Task))
    assert "Llamada de seguimiento programada" in seat.text
    assert "2 mar 2027" in seat.text
    assert Task.objects.get().responsible_user == bob
    assert not seat.complaints


def test_an_administrator_assigns_several_with_the_keyboard_and_takes_it_back(
    desk: Sit, alice: User, bob: User
) -> None:
    OpportunityFactory.create_batch(5)
    seat = desk(alice)
    seat.open(f"{list_of(Opportunity)}?a_cargo=nadie")
    for number in range(3):
        seat.page.locator("input.action-select").nth(number).press("Space")
    seat.page.focus("select[name=action]")
    seat.page.keyboard.type("Asignar")
    seat.page.wait_for_selector("button[name=index]")  # shown once something is chosen; nobody is as fast as a test
    seat.page.keyboard.press("Tab")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector("select[name=assigned_to]")
    assert "3 oportunidades: ¿a quién?" in seat.text
    seat.page.focus("select[name=assigned_to]")
    seat.page.keyboard.type("Bob")
    seat.page.keyboard.press("Tab")
    seat.page.keyboard.press("Tab")
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector("text=Asignadas a Bob Salas: 3.")
    assert Opportunity.objects.filter(assigned_to=bob).count() == 3
    seat.page.click("text=Deshacer")
    seat.page.wait_for_selector("text=3 asignadas a Bob Salas")
    seat.page.click("button:has-text('Deshacer')")
    seat.page.wait_for_selector("text=Devueltas a como estaban: 3.")
    assert not Opportunity.objects.filter(assigned_to=bob).exists()
    assert not seat.complaints


def test_a_lawyer_imports_a_sheet_and_watches_it_arrive(desk: Sit, laura: User, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    sheet = tmp_path / "clientes.csv"
    sheet.write_text("Nombre;Celular\nRosa Peña;987 654 321\nLuis Ramos;911 222 333\n;1\n")
    seat = desk(laura)
    seat.open("/admin/")
    seat.page.click("text=Importaciones")
    seat.page.click("text=Añadir importación")
    seat.page.set_input_files("input[type=file]", sheet)
    seat.page.click("text=Ver qué pasaría")
    seat.page.wait_for_selector("text=Así se leen las primeras filas")
    assert not Contact.objects.exists()
    seat.page.click("text=Importar 3 filas")
    seat.page.wait_for_selector("text=En cola")
    running.carry_out(ImportRun.objects.get())
    seat.page.wait_for_selector("text=Terminada")  # the page asks by itself
    assert "3 de 3 filas" in seat.text
    assert Contact.objects.count() == 2
    assert not seat.complaints


def test_two_contacts_become_one_and_two_again(desk: Sit, alice: User) -> None:
    ContactFactory(name="Rosa Peña")
    ContactFactory(name="Rosa Peña G.")
    seat = desk(alice)
    seat.open(list_of(Contact))
    for box in seat.page.locator("input.action-select").all():
        box.check()
    seat.page.select_option("select[name=action]", "merge_two")
    seat.page.click("button[name=index]")
    seat.page.click("button:has-text('Fusionar')")
    seat.page.click("text=Ver o deshacer la fusión")
    assert Contact.objects.present().count() == 1
    seat.page.click("text=Deshacer la fusión")
    seat.page.click("#dialog button:has-text('Deshacer')")
    seat.page.wait_for_selector("text=La fusión está deshecha")
    assert Contact.objects.present().count() == 2
    assert not seat.complaints


def test_a_token_is_issued_shown_and_revoked(desk: Sit, alice: User) -> None:
    seat = desk(alice)
    seat.open(add_to(ApiToken))
    seat.page.fill("#id_name", "Central telefónica")
    seat.page.click(".field-user .select2-selection")
    seat.page.keyboard.type("alice")
    seat.page.wait_for_selector(".select2-results__option--highlighted:has-text('Alice Torres')")
    seat.page.keyboard.press("Enter")
    seat.page.click("button[name=_save]")
    value = seat.page.inner_text("#token-value")
    assert ApiToken.objects.for_value(value).exists()
    seat.open(page_of(ApiToken.objects.get()))
    seat.page.click("text=Revocar")
    seat.page.click("#dialog button:has-text('Revocar')")
    seat.page.wait_for_selector("text=ya no vale")
    assert not ApiToken.objects.usable().exists()
    assert not seat.complaints


def test_what_was_typed_wrong_stays_in_the_form_with_its_reason(desk: Sit, alice: User) -> None:
    ContactFactory(email="rosa@correo.test")
    seat = desk(alice)
    seat.open(add_to(Contact))
    seat.page.fill("#id_name", "Otra Rosa")
    seat.page.fill("#id_email", "ROSA@correo.test")
    seat.page.click("button[name=_save]")
    seat.page.wait_for_selector("text=Ya existe un contacto con este correo.")
    assert seat.page.input_value("#id_name") == "Otra Rosa"
    assert not seat.complaints


def test_filters_open_and_are_applied_from_the_keyboard(desk: Sit, alice: User) -> None:
    ContactFactory(name="De Alice", responsible_user=alice)
    ContactFactory(name="De nadie")
    seat = desk(alice)
    seat.open(list_of(Contact))
    seat.page.locator("a:has-text('Filtros')").focus()
    seat.page.keyboard.press("Enter")
    seat.page.wait_for_selector("text=Aplicar filtros")
    seat.page.select_option("select[name=a_cargo]", "yo")
    seat.page.locator("button:has-text('Aplicar filtros')").press("Enter")
    seat.page.wait_for_url("**a_cargo=yo**")
    seat.settle()
    assert "De Alice" in seat.text
    assert "De nadie" not in seat.text
    assert not seat.complaints


# --- Every page, on a desk and on a phone -----------------------------------------------------


def furnish(user: User) -> dict[type[Any], Any]:
    """One plausible row of each, with names as long as people have them."""
    contact = ContactFactory(
        name="María Fernanda Guadalupe de la Concepción Altamirano Valdivieso",
        email="maria.fernanda.guadalupe.altamirano.valdivieso@correo-de-empresa.test",
        responsible_user=user,
    )
    lead = LeadFactory(contact=contact, nombre=contact.name, proyecto_interes="OASIS 1,2 y 3", responsible_user=user)
    due = timezone.now() - timedelta(hours=3)
    rows = [
        contact,
        lead,
        TaskFactory(contact=contact, text="Llamar para confirmar la visita " * 5, complete_till=due),
        NoteFactory(contact=contact, content="Prefiere las tardes " * 30, created_by=user),
        CallFactory(contact=contact, started_at=due, resumen_llamada="Pidió la cotización " * 20),
        AppointmentFactory(lead=lead, fecha_hora=timezone.now(), lugar="Sala de ventas de la avenida principal"),
        OpportunityFactory(contact=contact, assigned_to=user),
    ]
    Opportunity.objects.filter(contact=contact).assign_to(user, by=user)
    ApiToken.issue(user=user, name="Central telefónica de la oficina principal")
    return {type(row): row for row in rows}


def test_no_page_complains_or_is_wider_than_its_window(desk: Sit, alice: User) -> None:
    rows = furnish(alice)
    seat = desk(alice, size=PHONE)
    models = list(admin.site._registry)
    addable = [*rows, User, ImportRun, ApiToken]
    paths = ["/admin/", *map(list_of, models), *map(page_of, rows.values()), *map(add_to, addable)]
    for path in paths:
        seat.open(path)
        assert not seat.is_wider_than_its_window(DESKTOP, PHONE), path
    assert not seat.complaints


def test_the_menu_opens_on_a_phone(desk: Sit, bob: User) -> None:
    seat = desk(bob, size=PHONE)
    seat.open("/admin/")
    burger = seat.page.locator("[aria-label='Mostrar u ocultar el menú']:visible")
    burger.press("Enter")
    seat.page.click("#nav-sidebar-apps >> text=Tareas")
    seat.page.wait_for_url(f"**{list_of(Task)}")
    assert not seat.complaints
