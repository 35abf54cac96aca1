"""The staff pages as a whole: who comes in, what the menu shows, what is there for whom."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from config.admin import HIDDEN
from config.admin_menu import MENU
from crm.models import AppointmentNumber, ContactPhone, IdempotencyKey, ImportRow, User
from integrations.models import Circuit, DeliveryAttempt, PresenceReport, Recepcion
from jobs.models import (
    BatchImport,
    CallAttempt,
    Count,
    DialCount,
    ImportProblem,
    ProviderCircuit,
    SettingsChange,
    SimulatedCall,
    Tombstone,
    Transaction,
)
from tests.factories import PASSWORD, ContactFactory, LeadFactory, OpportunityFactory
from tests.staff_pages import at_desk, list_of, text_of
from whatsapp.models import (
    Alias,
    BotSettings,
    Media,
    Message,
    MessageCount,
    OpeningHours,
    StatusEvent,
    ThreadLink,
    WebhookItem,
)

OURS = ("crm", "calls", "opportunities", "jobs", "whatsapp", "integrations")

# No page of their own, each for its reason.
NOT_ON_THE_STAFF_PAGES = {
    AppointmentNumber: "hands out numbers, holds nothing",
    ContactPhone: "part of the contact's page",
    IdempotencyKey: "answers of requests, kept for a day",
    ImportRow: "part of the import's page",
    Circuit: "shown above the list of deliveries",
    DeliveryAttempt: "part of the delivery's page",
    PresenceReport: "what was told last of an appointment; the message itself has its page",
    Recepcion: "names of messages that were heard; what came of them has its page",
    Alias: "shown on the conversation",
    Media: "part of the message",
    Message: "shown in the conversation",
    MessageCount: "sums that the statistics read",
    StatusEvent: "shown on the message",
    ThreadLink: "shown on the conversation",
    BatchImport: "shown on the campaign",
    CallAttempt: "part of the call's page",
    Count: "sums that lists of campaigns read",
    DialCount: "sums that the daily limit reads",
    ImportProblem: "shown on the campaign, and in its file",
    ProviderCircuit: "told at the top of every page",
    SettingsChange: "part of the campaign's page",
    SimulatedCall: "what the simulated provider remembers",
    Tombstone: "what stays of a removed job, for reports that come late",
    Transaction: "part of the account's page",
}
# Reached from the page of another list: rules, settings, requests of Meta's.
NOT_IN_THE_MENU = {BotSettings, OpeningHours, WebhookItem}


def test_every_model_of_ours_has_a_page_or_a_reason_not_to() -> None:
    models = {model for app in OURS for model in apps.get_app_config(app).get_models()}
    without_page = {model for model in models if not admin.site.is_registered(model)}
    assert without_page == set(NOT_ON_THE_STAFF_PAGES)


def test_models_of_other_packages_are_hidden_or_shown_in_our_manner() -> None:
    foreign = {
        model: model_admin for model, model_admin in admin.site._registry.items() if model._meta.app_label not in OURS
    }
    assert not set(foreign) & set(HIDDEN)
    assert all(type(model_admin).__module__ == "config.admin" for model_admin in foreign.values()), foreign


def test_the_menu_names_every_list_once() -> None:
    named = [item.model.lower() for group in MENU for item in group.items if item.model]
    assert len(named) == len(set(named))
    assert set(named) == {model._meta.label_lower for model in admin.site._registry if model not in NOT_IN_THE_MENU}


@pytest.mark.sqlite
def test_an_agent_of_the_staff_comes_in(bob: User) -> None:
    assert at_desk(bob).get(reverse("admin:index")).status_code == 200


def test_without_is_staff_nobody_comes_in(bob: User) -> None:
    client = at_desk(bob)
    bob.is_staff = False
    bob.save()
    response = client.get(reverse("admin:index"))
    assert response.status_code == 302
    assert "/admin/login/" in response["Location"]


def test_is_staff_alone_opens_nothing_to_somebody_outside_the_crm(oscar: User) -> None:
    assert at_desk(oscar).get(reverse("admin:index")).status_code == 302


def test_nobody_who_was_made_inactive_comes_in(bob: User) -> None:
    client = at_desk(bob)
    bob.is_active = False
    bob.save()
    assert client.get(reverse("admin:index")).status_code == 302


def menu_of(client: Client) -> list[str]:
    groups = client.get(reverse("admin:index")).context["sidebar_navigation"]
    return [item["title"] for group in groups for item in group["items"]]


DAILY = [
    *("Inicio", "Contactos", "Leads", "Oportunidades", "Conversaciones", "Tareas", "Citas", "Llamadas", "Notas"),
    *("Campañas", "Llamadas de campaña", "Cuentas", "No llamar", "Días sin llamadas"),
    *("Presencias", "Clientes de ventas", "Ventas"),
]
OFFICE = {"Importaciones", "Fusiones", "Envíos", "Reglas del bot", "Plantillas", "Avisos de Meta"}


def test_an_agents_menu_has_the_work_and_not_the_administration(bob: User) -> None:
    assert menu_of(at_desk(bob)) == [*DAILY, "Plantillas"]


def test_a_lawyers_menu_has_the_offices_lists_too(laura: User) -> None:
    offices = [item.title for group in MENU for item in group.items if item.title in OFFICE]
    assert menu_of(at_desk(laura)) == [*DAILY, *offices]


def test_an_administrators_menu_has_everything_in_working_order(alice: User) -> None:
    assert menu_of(at_desk(alice)) == [item.title for group in MENU for item in group.items]


# --- Signing in -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["alice@puente.test", "ALICE@puente.test ", "alicia"])
def test_people_sign_in_by_email_or_user_name(alice: User, name: str) -> None:
    alice.username = "alicia"
    alice.save()
    response = Client().post(reverse("admin:login"), {"username": name, "password": PASSWORD})
    assert response.status_code == 302
    assert response["Location"] == reverse("admin:index")


def test_a_wrong_password_is_told_in_spanish(alice: User) -> None:
    response = Client().post(reverse("admin:login"), {"username": alice.email, "password": "no-es-esta"})
    assert response.status_code == 200
    assert "correo" in text_of(response).lower()
    assert "Please" not in text_of(response)


def test_after_too_many_failures_a_page_says_how_long_to_wait(alice: User, settings: Any) -> None:
    client = Client(headers={"accept": "text/html"})
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = client.post(reverse("admin:login"), {"username": alice.email, "password": "no-es-esta"})
    assert response.status_code == 429
    assert "text/html" in response["Content-Type"]
    assert "Demasiados intentos" in text_of(response)
    # Not even the right one opens now.
    assert client.post(reverse("admin:login"), {"username": alice.email, "password": PASSWORD}).status_code == 429


def test_an_administrator_lets_a_locked_out_colleague_in_again(alice: User, bob: User, settings: Any) -> None:
    from axes.models import AccessAttempt

    bob.is_staff = True
    bob.save()
    outside = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        outside.post(reverse("admin:login"), {"username": bob.email, "password": "no-es-esta"})
    attempt = AccessAttempt.objects.get()
    response = at_desk(alice).post(
        list_of(AccessAttempt), {"action": "let_in", "_selected_action": [attempt.pk]}, follow=True
    )
    assert bob.email in text_of(response)
    assert outside.post(reverse("admin:login"), {"username": bob.email, "password": PASSWORD}).status_code == 302


# --- The command palette ----------------------------------------------------------------------


def found(client: Client, typed: str) -> str:
    return text_of(client.get(reverse("admin:search"), {"s": typed, "extended": "1"}))


@pytest.mark.sqlite
def test_the_palette_finds_people_pages_and_opportunities(alice: User) -> None:
    contact = ContactFactory(name="Ñusta Pérez", mobile="+51987654321")
    LeadFactory(nombre="Nusta Perez", celular="+51987654399")
    OpportunityFactory(contact=contact)
    client = at_desk(alice)
    by_name = found(client, "nusta per")
    assert "Ñusta Pérez" in by_name
    assert "Lead · +51987654399" in by_name
    assert "Oportunidad · Pendiente" in by_name
    assert "Ñusta Pérez" in found(client, "987 654 321")
    assert "Importaciones" in found(client, "import")
    assert "Nada coincide" in found(client, "xyzzy")


def test_the_palette_finds_at_once_who_was_just_filed(alice: User) -> None:
    client = at_desk(alice)
    assert "Nada coincide" in found(client, "Zenobia")
    ContactFactory(name="Zenobia Ramos")
    assert "Zenobia Ramos" in found(client, "Zenobia")


def test_the_palette_shows_an_agent_only_what_the_lists_would(bob: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    ContactFactory(name="Ajena Ramos")
    ContactFactory(name="Propia Ramos", responsible_user=bob)
    seen = found(at_desk(bob), "Ramos")
    assert "Propia Ramos" in seen
    assert "Ajena Ramos" not in seen
    assert "Usuarios" not in found(at_desk(bob), "usuarios")


def test_the_palette_asks_a_fixed_number_of_queries(alice: User, django_assert_max_num_queries: Any) -> None:
    ContactFactory.create_batch(30, name="Rosa Ramos")
    LeadFactory.create_batch(30, nombre="Rosa Ramos")
    client = at_desk(alice)
    with django_assert_max_num_queries(14):
        seen = found(client, "rosa")
    assert len(re.findall("Rosa Ramos", seen)) == 10


# --- The look ---------------------------------------------------------------------------------


def test_the_demonstration_wears_a_badge_and_a_real_installation_does_not(alice: User, settings: Any) -> None:
    client = at_desk(alice)
    settings.DEMONSTRATION = True
    assert "Demostración" in text_of(client.get(reverse("admin:index")))
    settings.DEMONSTRATION = False
    assert "Demostración" not in text_of(client.get(reverse("admin:index")))


def test_the_pages_bring_nothing_from_other_hosts(alice: User) -> None:
    page = at_desk(alice).get(reverse("admin:index")).content.decode()
    assert not re.findall(r'(?:src|href)="(https?:)?//', page)
