"""Contacts on the staff pages: saving, phones, opt-outs, tabs, merging two."""

from typing import Any

import pytest
from django.db import IntegrityError

from crm.admin.base import sentence_of
from crm.models import AuditEntry, Contact, ContactMerge, Task, User
from tests.factories import (
    AppointmentFactory,
    CallFactory,
    ContactFactory,
    LeadFactory,
    NoteFactory,
    OpportunityFactory,
    TaskFactory,
)
from tests.staff_pages import add_to, at_desk, errors_of, filled, list_of, messages_of, page_of, text_of


def save(client: Any, contact: Contact, **typed: Any) -> Any:
    return client.post(page_of(contact), filled(client, page_of(contact), **typed))


@pytest.mark.sqlite
def test_phones_are_stored_canonical_and_searched_in_any_spelling(bob: User) -> None:
    client = at_desk(bob)
    client.post(add_to(Contact), filled(client, add_to(Contact), name="Rosa Peña", mobile="987-654-321"))
    contact = Contact.objects.get()
    assert contact.mobile == "+51987654321"
    assert list(contact.phones.values_list("number", "label")) == [("+51987654321", "mobile")]
    assert contact.created_by == bob


@pytest.mark.sqlite
@pytest.mark.parametrize("field", ["email", "document_number"])
def test_what_another_contact_has_is_an_error_of_the_form(alice: User, field: str) -> None:
    taken = {"email": "rosa@correo.test", "document_number": "40506070"}[field]
    ContactFactory(**{field: taken})
    client = at_desk(alice)
    response = client.post(add_to(Contact), filled(client, add_to(Contact), name="Otra", **{field: taken.upper()}))
    assert response.status_code == 200
    assert "Ya existe un contacto con este" in text_of(response)
    assert Contact.objects.count() == 1


def test_what_the_database_alone_notices_is_an_error_of_the_form_too(alice: User, monkeypatch: Any) -> None:
    """Two people save the same address at once: the form saw nothing wrong, the constraint did."""
    ContactFactory(email="rosa@correo.test")
    client = at_desk(alice)
    sent = filled(client, add_to(Contact), name="Otra", email="rosa@correo.test")
    monkeypatch.setattr("crm.admin.base.StaffForm.validate_constraints", lambda self: None)
    response = client.post(add_to(Contact), sent)
    assert response.status_code == 200
    assert "Ya existe un contacto con este correo." in errors_of(response)
    assert response.context["adminform"].form["name"].value() == "Otra"
    assert Contact.objects.count() == 1


def test_two_who_edit_different_fields_keep_both(alice: User, bob: User) -> None:
    contact = ContactFactory(city="Lima", district="Comas")
    slow = at_desk(bob)
    as_bob_saw_it = filled(slow, page_of(contact), district="Ate")
    assert save(at_desk(alice), contact, city="Huacho").status_code == 302
    assert slow.post(page_of(contact), as_bob_saw_it).status_code == 302
    contact.refresh_from_db()
    assert (contact.city, contact.district, contact.updated_by) == ("Huacho", "Ate", bob)


def test_an_opt_out_remembers_its_first_moment(alice: User) -> None:
    contact = ContactFactory()
    client = at_desk(alice)
    save(client, contact, opted_out_of_calls="on")
    contact.refresh_from_db()
    first = contact.opted_out_of_calls_at
    assert first is not None
    assert contact.opted_out_of_messages_at is None
    save(client, contact, city="Huacho")
    contact.refresh_from_db()
    assert contact.opted_out_of_calls_at == first
    save(client, contact, opted_out_of_calls=None)
    contact.refresh_from_db()
    assert contact.opted_out_of_calls_at is None
    assert "no llamar" not in text_of(client.get(list_of(Contact)))


def test_consent_to_automatic_calls_remembers_its_first_moment(alice: User) -> None:
    contact = ContactFactory()
    client = at_desk(alice)
    save(client, contact, consented_to_calls="on")
    contact.refresh_from_db()
    first = contact.consented_to_calls_at
    assert first is not None
    save(client, contact, city="Huacho")
    contact.refresh_from_db()
    assert contact.consented_to_calls_at == first
    save(client, contact, consented_to_calls=None)
    contact.refresh_from_db()
    assert contact.consented_to_calls_at is None


def test_a_new_contact_can_be_opted_out_at_once(alice: User) -> None:
    client = at_desk(alice)
    client.post(add_to(Contact), filled(client, add_to(Contact), name="Rosa", opted_out_of_messages="on"))
    assert Contact.objects.get().opted_out_of_messages_at is not None


def test_own_fields_are_replaced_as_they_are_typed(alice: User) -> None:
    contact = ContactFactory(custom_fields={"color": "azul", "talla": "M"})
    save(at_desk(alice), contact, custom_fields='{"color": "rojo"}')
    contact.refresh_from_db()
    assert contact.custom_fields == {"color": "rojo"}


def test_own_fields_that_are_no_json_are_an_error_of_the_form(alice: User) -> None:
    response = save(at_desk(alice), ContactFactory(), custom_fields="{color")
    assert response.status_code == 200
    assert "JSON válido" in text_of(response)


# --- Further phones ---------------------------------------------------------------------------


def with_phone(number: str) -> dict[str, str]:
    return {"phones-TOTAL_FORMS": "1", "phones-0-number": number, "phones-0-id": "", "phones-0-contact": ""}


@pytest.mark.sqlite
def test_a_further_phone_is_read_as_one_of_the_persons_country_and_found(alice: User) -> None:
    contact = ContactFactory(country="México", mobile=None)
    client = at_desk(alice)
    assert save(client, contact, **with_phone("55 1234 5678")).status_code == 302
    phone = contact.phones.get()
    assert (phone.number, phone.label, phone.key) == ("+525512345678", "other", "525512345678")
    assert contact in Contact.objects.search("55 1234 5678")


def test_what_is_no_phone_is_an_error_of_the_form(alice: User) -> None:
    contact = ContactFactory()
    response = save(at_desk(alice), contact, **with_phone("no sé"))
    assert response.status_code == 200
    assert "No parece un teléfono" in errors_of(response)


def test_the_same_phone_twice_is_an_error_of_the_form(alice: User) -> None:
    contact = ContactFactory(mobile="+51987654321")
    response = save(at_desk(alice), contact, **with_phone("987 654 321"))
    assert response.status_code == 200
    assert "ya tiene este teléfono" in text_of(response)


# --- Tabs -------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_the_tabs_show_what_every_app_keeps_about_the_person(bob: User, charlie: User) -> None:
    contact = ContactFactory()
    lead = LeadFactory(contact=contact, nombre="Consulta de marzo")
    TaskFactory(contact=contact, text="De una colega", responsible_user=charlie)
    CallFactory(contact=None, lead=lead, resumen_llamada="Habló del lote")
    NoteFactory(contact=contact, content="Prefiere las tardes", created_by=charlie)
    OpportunityFactory(contact=contact, opportunity_score=77)
    appointment = AppointmentFactory(lead=lead)
    response = at_desk(bob).get(page_of(contact))
    assert [tab.title for tab in response.context["datasets"]] == [
        "Tareas",
        "Llamadas",
        "Campañas",
        "WhatsApp",
        "Oportunidades",
        "Notas",
        "Leads",
        "Citas",
    ]
    seen = text_of(response)
    for told in ("De una colega", "Habló del lote", "Prefiere las tardes", "77", "Consulta de marzo"):
        assert told in seen
    assert appointment.id_presencia_crm in seen


def test_a_tab_links_to_the_whole_list_of_the_person(alice: User) -> None:
    contact = ContactFactory()
    lead = LeadFactory(contact=contact)
    CallFactory.create_batch(15, contact=contact)
    CallFactory.create_batch(10, contact=None, lead=lead)
    CallFactory.create_batch(5)
    client = at_desk(alice)
    tab = next(tab for tab in client.get(page_of(contact)).context["datasets"] if tab.title == "Llamadas")
    assert tab.contents.count("<tr>") == 21  # twenty and the headings
    assert "Ver todas" in tab.contents
    assert client.get(tab.panel.all_url(contact)).context["cl"].result_count == 25


def test_a_tab_begins_the_next_row_about_the_person(alice: User) -> None:
    contact = ContactFactory(mobile="+51987654321")
    client = at_desk(alice)
    for tab in client.get(page_of(contact)).context["datasets"]:
        response = client.get(tab.panel.add_url(contact))
        assert response.status_code == 200
        if tab.title not in ("Campañas", "Citas"):  # a campaign begins with a file of people
            assert contact.name in text_of(response) + response.content.decode()


def test_an_empty_tab_says_so(alice: User) -> None:
    tabs = at_desk(alice).get(page_of(ContactFactory())).context["datasets"]
    assert all(tab.panel.empty in tab.contents for tab in tabs)


def test_a_new_contact_has_no_tabs_yet(alice: User) -> None:
    assert not at_desk(alice).get(add_to(Contact)).context["datasets"]


# --- Merging ----------------------------------------------------------------------------------


def merge(client: Any, *people: Contact, **more: Any) -> Any:
    data = {"action": "merge_two", "_selected_action": [person.pk for person in people], **more}
    return client.post(list_of(Contact), data, follow="survivor" in more)


@pytest.mark.sqlite
def test_two_are_merged_after_saying_who_stays(laura: User) -> None:
    old = ContactFactory(name="Rosa Peña", mobile="+51987654321")
    new = ContactFactory(name="Rosa Peña G.", email="rosa@correo.test")
    TaskFactory(contact=new)
    client = at_desk(laura)
    asked = merge(client, old, new)
    assert asked.status_code == 200
    assert "¿Cuál queda?" in text_of(asked)
    assert not ContactMerge.objects.exists()
    done = merge(client, old, new, survivor=str(old.pk))
    assert "Rosa Peña G." in messages_of(done)[0]
    old.refresh_from_db()
    assert old.email == "rosa@correo.test"
    assert Task.objects.get().contact == old
    record = ContactMerge.objects.get()
    assert record.created_by == laura
    assert page_of(record) in messages_of(done)[0]


@pytest.mark.parametrize("count", [1, 3])
def test_one_or_three_cannot_be_merged(alice: User, count: int) -> None:
    people = ContactFactory.create_batch(count)
    response = at_desk(alice).post(
        list_of(Contact),
        {"action": "merge_two", "_selected_action": [person.pk for person in people]},
        follow=True,
    )
    assert "exactamente dos" in messages_of(response)[0]


def test_agents_merge_nobody(bob: User) -> None:
    people = ContactFactory.create_batch(2)
    merge(at_desk(bob), *people, survivor=str(people[0].pk))
    assert not ContactMerge.objects.exists()


def test_who_stays_must_be_one_of_the_two(alice: User) -> None:
    people = ContactFactory.create_batch(3)
    merge(at_desk(alice), *people[:2], survivor=str(people[2].pk))
    assert not ContactMerge.objects.exists()


def test_a_merge_is_undone_from_its_page(alice: User) -> None:
    first, second = ContactFactory.create_batch(2)
    client = at_desk(alice)
    merge(client, first, second, survivor=str(first.pk))
    record = ContactMerge.objects.get()
    undo = page_of(record).replace("/change/", "/undo/")
    dialog = client.get(undo)
    assert "Vuelven a ser dos contactos" in text_of(dialog)
    response = client.post(undo, {"_form_submitted": "on"})
    assert response["HX-Redirect"] == page_of(record)
    second.refresh_from_db()
    assert not second.is_deleted
    client.post(undo, {"_form_submitted": "on"})
    assert "ya se deshizo" in text_of(client.get(page_of(record)))
    assert AuditEntry.objects.filter(action="contact.merge_undo").count() == 1


def test_a_refusal_of_the_database_without_a_known_constraint_is_a_sentence_too() -> None:
    assert sentence_of(IntegrityError("algo raro")).startswith("El dato choca")
