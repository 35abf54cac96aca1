"""GET, PUT, PATCH and DELETE /api/crm/contacts/{id}, and its sub-lists of leads and appointments."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from crm.choices import PhoneLabel
from crm.models import AuditEntry, Contact, User
from crm.phones import parse_phone
from crm.services import merge_contacts
from tests.crm.racing import at_once
from tests.factories import NOBODYS_ID, AppointmentFactory, ContactFactory, LeadFactory, TaskFactory

AsUser = Callable[[User | None], APIClient]
URL = "/api/crm/contacts"
WRITES = pytest.mark.parametrize("method", ["put", "patch"])


def url(contact: Contact) -> str:
    return f"{URL}/{contact.pk}"


# --- Reading ----------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_one_contact_with_its_phones(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(name="Luz", mobile="987654321", phone="01 2345678")
    further = parse_phone("912345678")
    assert further is not None
    contact.add_phone(further)
    task = TaskFactory(contact=contact)
    answer = as_user(bob).get(url(contact)).json()
    assert answer["id"] == str(contact.pk)
    assert [phone["number"] for phone in answer["phones"]] == ["+51987654321", "+5112345678", "+51912345678"]
    assert answer["closest_task_at"] == task.complete_till.isoformat().replace("+00:00", "Z")


def test_the_id_of_a_lead_means_its_contact(as_user: AsUser, bob: User) -> None:
    lead = LeadFactory()
    assert as_user(bob).get(f"{URL}/{lead.pk}").json()["id"] == str(lead.contact_id)


def test_the_id_of_a_merged_contact_means_who_took_over(as_user: AsUser, bob: User) -> None:
    survivor, middle, first = ContactFactory(), ContactFactory(), ContactFactory()
    merge_contacts(survivor_id=middle.pk, absorbed_id=first.pk, by=None)
    merge_contacts(survivor_id=survivor.pk, absorbed_id=middle.pk, by=None)
    for gone in (first, middle):
        assert as_user(bob).get(url(gone)).json()["id"] == str(survivor.pk)
        assert as_user(bob).patch(url(gone), {"city": "Puno"}).json()["id"] == str(survivor.pk)
        for rows in ("tasks", "notes", "calls", "leads", "appointments", "opportunities", "merges"):
            assert as_user(bob).get(f"{url(gone)}/{rows}").status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "patch"])
@pytest.mark.parametrize("contact_id", ["new", NOBODYS_ID, "0", "%00"])
def test_an_id_that_nobody_has_is_404(as_user: AsUser, bob: User, method: str, contact_id: str) -> None:
    response = getattr(as_user(bob), method)(f"{URL}/{contact_id}")
    assert response.status_code == 404
    assert response.json()["detail"] == "Contacto no encontrado"


def test_a_deleted_contact_is_404(as_user: AsUser, alice: User) -> None:
    contact = ContactFactory(is_deleted=True)
    for method in ("get", "put", "patch", "delete"):
        assert getattr(as_user(alice), method)(url(contact)).status_code == 404


# --- Writing ----------------------------------------------------------------------------------


@WRITES
@pytest.mark.sqlite
def test_what_is_not_sent_stays(as_user: AsUser, bob: User, alice: User, method: str) -> None:
    contact = ContactFactory(name="Luz", city="Lima", notes_text="a", empadronado=True, created_by=alice)
    response = getattr(as_user(bob), method)(url(contact), {"city": "Puno"})
    assert response.status_code == 200
    assert response.json()["city"] == "Puno"
    contact.refresh_from_db()
    assert (contact.name, contact.city, contact.notes_text, contact.empadronado) == ("Luz", "Puno", "a", True)
    assert (contact.created_by, contact.updated_by) == (alice, bob)


@WRITES
def test_an_empty_body_changes_nothing(as_user: AsUser, bob: User, method: str) -> None:
    contact = ContactFactory()
    response = getattr(as_user(bob), method)(url(contact), {})
    assert response.status_code == 200
    before = contact.updated_at
    contact.refresh_from_db()
    assert contact.updated_at == before
    assert contact.updated_by is None


def test_switches_and_gradings_may_be_taken_back(as_user: AsUser, bob: User) -> None:
    fields = {"empadronado": True, "tiene_ingresos": False, "trabaja_b": True, "grading_llamada": "A"}
    contact = ContactFactory(**fields, initial_contact_completed=True)
    sent = {**dict.fromkeys(fields), "initial_contact_completed": None}
    answer = as_user(bob).put(url(contact), sent).json()
    assert {name: answer[name] for name in fields} == dict.fromkeys(fields)
    assert answer["initial_contact_completed"] is True


def test_custom_fields_add_up_and_null_takes_a_key_away(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(custom_fields={"a": 1, "b": {"x": 1}})
    answer = as_user(bob).put(url(contact), {"custom_fields": {"b": None, "c": [1, 2]}}).json()
    assert answer["custom_fields"] == {"a": 1, "c": [1, 2]}
    for nothing in (None, {}):
        answer = as_user(bob).put(url(contact), {"custom_fields": nothing}).json()
        assert answer["custom_fields"] == {"a": 1, "c": [1, 2]}


def test_two_who_edit_different_fields_at_once_keep_both(as_user: AsUser, bob: User) -> None:
    """Both have read the same contact; whoever writes second must not write back the first one's old value."""
    contact = ContactFactory(city="Lima", custom_fields={})
    mine = Contact.objects.get(pk=contact.pk)
    as_user(bob).put(url(contact), {"position": "Docente"})
    mine.edit({"city": "Puno"}, by=None)
    contact.refresh_from_db()
    assert (contact.position, contact.city) == ("Docente", "Puno")


@pytest.mark.django_db(transaction=True)
def test_keys_of_custom_fields_written_at_once_are_all_kept(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()

    def send(client: APIClient, key: str) -> int:
        return int(client.put(url(contact), {"custom_fields": {key: key}}).status_code)

    keys = [f"k{number}" for number in range(8)]
    assert at_once([partial(send, as_user(bob), key) for key in keys]) == [200] * 8
    contact.refresh_from_db()
    assert contact.custom_fields == dict(zip(keys, keys, strict=True))


def test_a_new_number_replaces_the_old_one_and_is_found(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(mobile="987654321")
    answer = as_user(bob).put(url(contact), {"mobile": "912 345 678"}).json()
    assert [phone["number"] for phone in answer["phones"]] == ["+51912345678"]
    found = Contact.objects.present()
    assert list(found.with_phone("912345678")) == list(found.search("912 345")) == [contact]
    assert not found.with_phone("987654321")
    assert not found.search("987654321")


def test_further_phones_become_exactly_those_that_are_sent(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(mobile="987654321", phone=None)
    for numbers, wanted in (
        (["912345678", "913333333"], ["+51987654321", "+51912345678", "+51913333333"]),
        (["913333333"], ["+51987654321", "+51913333333"]),
        ([], ["+51987654321"]),
    ):
        answer = as_user(bob).put(url(contact), {"phones": numbers}).json()
        assert [phone["number"] for phone in answer["phones"]] == wanted
    assert not Contact.objects.search("913333333")


def test_what_the_answer_said_can_be_sent_back_whole(as_user: AsUser, bob: User) -> None:
    """Forms send the object they got."""
    contact = ContactFactory(mobile="987654321 / 912345678", email="luz@x.test", document_number="1")
    answer = as_user(bob).get(url(contact)).json()
    again = as_user(bob).put(url(contact), answer)
    assert again.status_code == 200
    assert again.json() == answer


def test_what_was_wrong_before_does_not_stop_a_correction(as_user: AsUser, bob: User, charlie: User) -> None:
    """A colleague who has left, and a phone that an import could not read, come back with every form."""
    contact = ContactFactory(responsible_user=charlie, phone="no sabe", city="Lima")
    charlie.is_active = False
    charlie.save()
    sent = {"responsible_user_id": str(charlie.pk), "phone": "no sabe", "city": "Puno"}
    response = as_user(bob).put(url(contact), sent)
    assert response.status_code == 200
    assert response.json()["city"] == "Puno"
    assert as_user(bob).put(url(ContactFactory()), sent).status_code == 400


def test_opt_outs_are_written_as_a_switch_and_kept_with_their_day(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()
    first = as_user(bob).put(url(contact), {"opted_out_of_calls": True}).json()
    assert first["opted_out_of_calls"] is True
    assert first["opted_out_of_calls_at"].endswith("Z")
    assert first["opted_out_of_messages"] is False
    again = as_user(bob).put(url(contact), {"opted_out_of_calls": True, "opted_out_of_messages": True}).json()
    assert again["opted_out_of_calls_at"] == first["opted_out_of_calls_at"]
    back = as_user(bob).put(url(contact), {"opted_out_of_calls": False}).json()
    assert (back["opted_out_of_calls"], back["opted_out_of_calls_at"]) == (False, None)
    assert back["opted_out_of_messages"] is True


def test_consent_to_automatic_calls_is_a_switch_with_its_day(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()
    first = as_user(bob).put(url(contact), {"consented_to_calls": True}).json()
    assert first["consented_to_calls"] is True
    assert first["consented_to_calls_at"].endswith("Z")
    again = as_user(bob).put(url(contact), {"consented_to_calls": True, "city": "Puno"}).json()
    assert again["consented_to_calls_at"] == first["consented_to_calls_at"]
    assert as_user(bob).put(url(contact), {"consented_to_calls": None}).json()["consented_to_calls"] is True
    back = as_user(bob).put(url(contact), {"consented_to_calls": False}).json()
    assert (back["consented_to_calls"], back["consented_to_calls_at"]) == (False, None)


@WRITES
@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"name": ""}, "en blanco"),
        ({"name": None}, "requerido"),
        ({"email": "otra@correo.test"}, "Ya existe un contacto con este correo."),
        ({"document_number": "99.9"}, "Ya existe un contacto con este documento."),
        ({"mobile": "no tiene"}, "El teléfono no es válido."),
        ({"phones": ["12"]}, "El teléfono no es válido."),
        ({"custom_fields": "x"}, "objeto"),
        ({"responsible_user_id": str(uuid4())}, "responsible"),
    ],
)
def test_a_bad_value_changes_nothing(as_user: AsUser, bob: User, method: str, body: Any, sentence: str) -> None:
    ContactFactory(email="otra@correo.test", document_number="999")
    contact = ContactFactory(city="Lima")
    response = getattr(as_user(bob), method)(url(contact), {"city": "Puno", **body})
    assert response.status_code == 400
    assert sentence in response.json()["detail"]
    contact.refresh_from_db()
    assert contact.city == "Lima"


def test_its_own_email_and_document_may_be_repeated(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(email="luz@correo.test", document_number="123")
    sent = {"email": "LUZ@correo.test", "document_number": "1-2-3", "city": "Puno"}
    assert as_user(bob).put(url(contact), sent).status_code == 200


# --- Deleting ---------------------------------------------------------------------------------


def test_deleting_hides_the_contact_and_its_leads(as_user: AsUser, alice: User) -> None:
    appointment = AppointmentFactory()
    contact = appointment.lead.contact
    response = as_user(alice).delete(url(contact))
    assert response.status_code == 204
    assert not response.content
    contact.refresh_from_db()
    assert contact.is_deleted
    assert contact.updated_by == alice
    for path in ("contacts", "leads", "appointments"):
        assert as_user(alice).get(f"/api/crm/{path}").json()["total"] == 0
    assert as_user(alice).get(f"/api/crm/leads/{appointment.lead_id}").status_code == 404
    entry = AuditEntry.objects.get(action="contact.delete")
    assert (entry.actor, entry.entity_id) == (alice, str(contact.pk))


def test_only_administrators_delete(as_user: AsUser, bob: User, laura: User) -> None:
    contact = ContactFactory(responsible_user=bob)
    for user in (bob, laura):
        assert as_user(user).delete(url(contact)).status_code == 403
    assert Contact.objects.present().exists()


# --- Who sees what ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "put", "patch"])
def test_other_peoples_contacts_are_404_where_agents_see_only_theirs(
    as_user: AsUser, bob: User, charlie: User, laura: User, method: str, settings: Any
) -> None:
    contact = ContactFactory(responsible_user=charlie)
    lead = LeadFactory(contact=contact)
    assert getattr(as_user(bob), method)(url(contact)).status_code == 200
    settings.CRM_AGENT_SCOPE = "own"
    for path in (url(contact), f"{URL}/{lead.pk}"):
        assert getattr(as_user(bob), method)(path).status_code == 404
        assert getattr(as_user(charlie), method)(path).status_code == 200
        assert getattr(as_user(laura), method)(path).status_code == 200
    for path in ("leads", "appointments", "merges"):
        assert as_user(bob).get(f"{url(contact)}/{path}").status_code == 404


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_nobody_is_401_and_an_outsider_403(as_user: AsUser, oscar: User, method: str) -> None:
    contact = ContactFactory()
    assert getattr(as_user(None), method)(url(contact)).status_code == 401
    assert getattr(as_user(oscar), method)(url(contact)).status_code == 403


# --- Sub-lists --------------------------------------------------------------------------------


def test_the_leads_and_appointments_of_a_contact(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory()
    first, second = LeadFactory(contact=contact), LeadFactory(contact=contact)
    appointment = AppointmentFactory(lead=first)
    AppointmentFactory()
    for path in (url(contact), f"{URL}/{second.pk}"):
        leads = as_user(bob).get(f"{path}/leads", {"limit": 50}).json()
        assert [item["id"] for item in leads["items"]] == [str(second.pk), str(first.pk)]
        assert leads["total"] == 2
        appointments = as_user(bob).get(f"{path}/appointments").json()
        assert [item["id"] for item in appointments["items"]] == [str(appointment.pk)]
    assert as_user(bob).get(f"{URL}/{uuid4()}/leads").status_code == 404


def test_a_landline_label_stays_when_the_field_does_not_name_it(as_user: AsUser, bob: User) -> None:
    contact = ContactFactory(mobile="987654321")
    as_user(bob).put(url(contact), {"phones": [{"number": "01 2345678", "label": "landline"}]})
    assert contact.phones.get(number="+5112345678").label == PhoneLabel.LANDLINE
