"""Every form of the staff pages: opens, for whom it should, with a fixed number of queries."""

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from calls.models import Call, CallType
from crm.models import ApiToken, Appointment, AuditEntry, Contact, ImportRun, Lead, Note, Task, User
from opportunities.models import Assignment, Opportunity
from tests.config.test_admin_lists import DAILY, MAKERS, OF_THE_OFFICE, UUID_IN_TEXT
from tests.factories import (
    AppointmentFactory,
    CallFactory,
    ContactFactory,
    LeadFactory,
    NoteFactory,
    OpportunityFactory,
    TaskFactory,
    UserFactory,
)
from tests.staff_pages import add_to, at_desk, delete_page_of, filled, messages_of, page_of, text_of

WITH_A_FORM = [Contact, Lead, Appointment, Task, Note, Call, Opportunity]


def a_row_of(model: Any, user: User) -> Any:
    MAKERS[model](1, user)
    return model.objects.order_by("pk").last()


@pytest.mark.sqlite
@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model._meta.label)
def test_a_page_opens_for_an_administrator_and_shows_no_raw_id(alice: User, model: Any) -> None:
    row = a_row_of(model, alice)
    response = at_desk(alice).get(page_of(row))
    assert response.status_code == 200
    assert not [line for line in text_of(response).splitlines() if UUID_IN_TEXT.search(line)]


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model._meta.label)
def test_a_page_opens_for_those_whose_work_it_is(bob: User, laura: User, model: Any) -> None:
    row = a_row_of(model, bob)
    for user, theirs in ((bob, DAILY), (laura, OF_THE_OFFICE)):
        status = at_desk(user).get(page_of(row)).status_code
        assert (status == 200) == (model in theirs), (user, status)


@pytest.mark.parametrize("model", MAKERS, ids=lambda model: model._meta.label)
def test_the_history_of_a_row_opens(alice: User, model: Any) -> None:
    row = a_row_of(model, alice)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_history"
    assert at_desk(alice).get(reverse(name, args=[row.pk])).status_code == 200


@pytest.mark.parametrize("model", WITH_A_FORM)
def test_saving_a_form_as_it_is_changes_nothing(alice: User, model: Any) -> None:
    row = a_row_of(model, alice)
    before = model.objects.values().get(pk=row.pk)
    client = at_desk(alice)
    response = client.post(page_of(row), filled(client, page_of(row)))
    assert response.status_code == 302, text_of(response)
    after = model.objects.values().get(pk=row.pk)
    same = {name for name in before if name not in {"updated_at", "updated_by_id"}}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}


@pytest.mark.parametrize("model", WITH_A_FORM)
def test_whoever_is_refused_the_page_is_refused_the_post(oscar: User, model: Any) -> None:
    row = a_row_of(model, oscar)
    assert at_desk(oscar).post(page_of(row), {}).status_code == 302  # to the login page
    assert at_desk(oscar).post(add_to(model), {}).status_code == 302


def test_a_contacts_page_costs_the_same_for_an_empty_and_for_a_long_story(alice: User) -> None:
    contact = ContactFactory(responsible_user=alice)
    client = at_desk(alice)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(page_of(contact)).status_code == 200
        return len(queries)

    def live(times: int) -> None:
        for _ in range(times):
            TaskFactory(contact=contact, responsible_user=UserFactory())
            NoteFactory(contact=contact, created_by=UserFactory())
            CallFactory(contact=contact, responsible_user=UserFactory())
            OpportunityFactory(contact=contact, assigned_to=UserFactory())
            AppointmentFactory(lead=LeadFactory(contact=contact))

    live(1)
    cost()  # what the process remembers from its first page on
    short = cost()
    live(30)
    assert cost() == short
    assert short <= 22


def test_a_page_of_a_row_that_is_gone_says_so_without_its_id(alice: User) -> None:
    contact = ContactFactory()
    url = page_of(contact)
    contact.delete()
    response = at_desk(alice).get(url, follow=True)
    assert "No se encuentra: contacto. Quizá se eliminó." in text_of(response)
    assert not UUID_IN_TEXT.search(text_of(response))


def test_an_address_with_no_id_in_it_is_no_error(alice: User) -> None:
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        response = at_desk(alice).get(reverse(name, args=["esto-no-es-un-id"]))
        assert response.status_code in (302, 404), model


# --- Rights -----------------------------------------------------------------------------------

READ_ONLY = [AuditEntry, Assignment]


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_keeps_record_is_changed_by_nobody(alice: User, model: Any) -> None:
    alice.is_superuser = True
    alice.save()
    row = a_row_of(model, alice)
    client = at_desk(alice)
    assert client.post(page_of(row), {}).status_code == 403
    assert client.get(add_to(model)).status_code == 403
    assert client.post(delete_page_of(row), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [Contact, Lead, Appointment, Opportunity])
def test_agents_delete_nothing_that_belongs_to_all(bob: User, model: Any) -> None:
    row = a_row_of(model, bob)
    assert at_desk(bob).post(delete_page_of(row), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", [Task, Note])
def test_agents_delete_their_own_tasks_and_notes(bob: User, model: Any) -> None:
    row = a_row_of(model, bob)
    response = at_desk(bob).post(delete_page_of(row), {"post": "yes"}, follow=True)
    assert messages_of(response)[0].startswith("Se eliminó: ")
    assert not model.objects.filter(pk=row.pk).exists()


def test_users_and_tokens_are_deleted_by_nobody(alice: User, bob: User) -> None:
    token, _ = ApiToken.issue(user=bob, name="Central")
    client = at_desk(alice)
    assert client.post(delete_page_of(bob), {"post": "yes"}).status_code == 403
    assert client.post(delete_page_of(token), {"post": "yes"}).status_code == 403


def test_asking_before_a_delete_walks_no_relations(alice: User) -> None:
    """A person with thousands of calls must not be asked about call by call."""
    contact = ContactFactory()
    CallFactory.create_batch(30, contact=contact)
    client = at_desk(alice)
    with CaptureQueriesContext(connection) as queries:
        response = client.get(delete_page_of(contact))
    assert "Saliente" not in text_of(response)
    assert len(queries) <= 7


def test_a_deleted_contact_is_hidden_and_kept(alice: User) -> None:
    contact = ContactFactory(name="Rosa Peña")
    at_desk(alice).post(delete_page_of(contact), {"post": "yes"})
    contact.refresh_from_db()
    assert contact.is_deleted
    assert contact.updated_by == alice


def test_calls_about_a_deleted_lead_stay_with_the_person(alice: User) -> None:
    lead = LeadFactory()
    call = CallFactory(contact=None, lead=lead)
    at_desk(alice).post(delete_page_of(lead), {"post": "yes"})
    call.refresh_from_db()
    assert (call.contact_id, call.lead_id) == (lead.contact_id, None)


def test_a_type_with_calls_is_not_deleted_and_the_reason_is_told(alice: User) -> None:
    call_type = CallType.objects.create(name="Prueba", code="prueba")
    CallFactory(call_type=call_type)
    response = at_desk(alice).post(delete_page_of(call_type), {"post": "yes"}, follow=True)
    assert "Hay llamadas de este tipo" in messages_of(response)[0]
    assert CallType.objects.filter(code="prueba").exists()


def test_deleting_several_goes_through_the_same_verb(alice: User) -> None:
    contacts = ContactFactory.create_batch(3)
    data = {"action": "delete_selected", "_selected_action": [row.pk for row in contacts], "post": "yes"}
    at_desk(alice).post(reverse("admin:crm_contact_changelist"), data)
    assert Contact.objects.filter(is_deleted=True).count() == 3


# --- Filing -----------------------------------------------------------------------------------


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("model", "typed"),
    [
        (Contact, {"name": "Rosa Peña", "mobile": "987 654 321"}),
        (Lead, {"nombre": "Rosa Peña", "celular": "987 654 321"}),
        (Appointment, {"lead": "LEAD", "fecha_hora_0": "02/03/2026", "fecha_hora_1": "10:00"}),
        (Task, {"text": "Llamar", "contact": "CONTACT"}),
        (Note, {"content": "Prefiere las tardes", "contact": "CONTACT"}),
        (Call, {"contact": "CONTACT", "call_status": "completed"}),
        (Opportunity, {"contact": "CONTACT"}),
    ],
)
def test_whoever_files_a_row_is_its_author(bob: User, model: Any, typed: dict[str, str]) -> None:
    ids = {"CONTACT": ContactFactory(), "LEAD": LeadFactory()}
    typed = {name: str(ids[value].pk) if value in ids else value for name, value in typed.items()}
    before = set(model.objects.values_list("pk", flat=True))
    client = at_desk(bob)
    response = client.post(add_to(model), filled(client, add_to(model), **typed), follow=True)
    assert messages_of(response)[0].startswith("Se guardó: "), text_of(response)
    row = model.objects.exclude(pk__in=before).get()
    assert row.created_by == bob


@pytest.mark.parametrize("model", [*WITH_A_FORM, User, CallType, ApiToken, ImportRun])
def test_an_empty_form_is_answered_with_what_is_missing(alice: User, model: Any) -> None:
    before = model.objects.count()
    response = at_desk(alice).post(add_to(model), {"phones-TOTAL_FORMS": 0, "phones-INITIAL_FORMS": 0})
    assert response.status_code == 200
    assert "requerido" in text_of(response)
    assert model.objects.count() == before


@pytest.mark.parametrize("model", [Contact, Lead, Appointment, Task, Call, Opportunity])
def test_nobody_without_access_is_made_responsible(alice: User, oscar: User, model: Any) -> None:
    field = "assigned_to" if model is Opportunity else "responsible_user"
    row = a_row_of(model, alice)
    client = at_desk(alice)
    response = client.post(page_of(row), filled(client, page_of(row), **{field: str(oscar.pk)}))
    assert response.status_code == 200
    assert "Escoja una opción válida" in text_of(response)


def test_who_has_left_stays_responsible_until_somebody_else_is(alice: User, bob: User) -> None:
    contact = ContactFactory(responsible_user=bob)
    bob.is_active = False
    bob.save()
    client = at_desk(alice)
    response = client.post(page_of(contact), filled(client, page_of(contact), city="Huacho"))
    assert response.status_code == 302
    contact.refresh_from_db()
    assert (contact.city, contact.responsible_user) == ("Huacho", bob)


def test_an_agent_cannot_file_a_call_about_somebody_out_of_reach(bob: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    other = ContactFactory()
    client = at_desk(bob)
    typed = {"contact": str(other.pk), "call_status": "completed"}
    response = client.post(add_to(Call), filled(client, add_to(Call), **typed))
    assert response.status_code == 200
    assert "Escoja una opción válida" in text_of(response)
    assert not Call.objects.exists()


# --- Choosing ---------------------------------------------------------------------------------


def offered(client: Any, model: Any, field: str, term: str) -> list[str]:
    query = {
        "app_label": model._meta.app_label,
        "model_name": model._meta.model_name,
        "field_name": field,
        "term": term,
    }
    response = client.get(reverse("admin:autocomplete"), query)
    assert response.status_code == 200
    return [result["text"] for result in response.json()["results"]]


def test_an_agent_chooses_colleagues_without_seeing_the_list_of_users(bob: User, charlie: User, oscar: User) -> None:
    charlie.first_name = "Carla"
    charlie.save()
    client = at_desk(bob)
    assert offered(client, Contact, "responsible_user", "carla") == ["Carla Núñez"]
    assert offered(client, Contact, "responsible_user", "oscar") == []
    assert client.get(reverse("admin:crm_user_changelist")).status_code == 403
    assert client.get(page_of(charlie)).status_code in (302, 403)


@pytest.mark.sqlite
def test_people_are_chosen_by_any_spelling_of_their_phone(alice: User) -> None:
    ContactFactory(name="Rosa Peña", mobile="987 654 321")
    assert offered(at_desk(alice), Task, "contact", "987-654") == ["Rosa Peña"]


def test_choosing_stays_inside_an_agents_scope(bob: User, settings: Any) -> None:
    settings.CRM_AGENT_SCOPE = "own"
    ContactFactory(name="Ajena Ramos")
    ContactFactory(name="Propia Ramos", responsible_user=bob)
    assert offered(at_desk(bob), Task, "contact", "ramos") == ["Propia Ramos"]
