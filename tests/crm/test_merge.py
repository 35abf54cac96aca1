"""Merging two contacts: POST /api/crm/contacts/{id}/merge, its dry run, its undo and its history."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, models, transaction
from rest_framework.test import APIClient

from crm.choices import PhoneLabel
from crm.models import AuditEntry, Contact, ContactMerge, ContactPhone, Lead, Task, User
from crm.services import merge_contacts, undo_merge
from tests.crm.racing import at_once
from tests.factories import (
    NOON,
    AppointmentFactory,
    CallFactory,
    ContactFactory,
    LeadFactory,
    NoteFactory,
    OpportunityFactory,
    TaskFactory,
)
from tests.jobs.rows import a_job
from tests.whatsapp.rows import said, thread_with
from whatsapp.choices import LinkRule
from whatsapp.linking import link

AsUser = Callable[[User | None], APIClient]


def url(contact: Contact, verb: str = "merge") -> str:
    return f"/api/crm/contacts/{contact.pk}/{verb}"


def merge(client: APIClient, survivor: Contact, absorbed: Contact, **body: Any) -> dict[str, Any]:
    response = client.post(url(survivor), {"contact_id": str(absorbed.pk), **body})
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def everything_about(contact: Contact) -> list[models.Model]:
    lead = LeadFactory(contact=contact)
    return [
        lead,
        CallFactory(contact=contact),
        TaskFactory(contact=contact),
        NoteFactory(contact=contact),
        OpportunityFactory(contact=contact),
        a_job(contact=contact),
    ]


def conversation_with(contact: Contact) -> None:
    """A linked conversation of WhatsApp with a message."""
    thread = thread_with()
    made = link(thread, contact, rule=LinkRule.BY_HAND, by=None)
    made.previous_contact = contact
    made.save()
    said(thread)


def snapshot(*contacts: Contact) -> dict[str, Any]:
    """All that is stored about these contacts, but for what every write touches."""
    found: dict[str, Any] = {}
    for contact in contacts:
        fields = Contact.objects.filter(pk=contact.pk).values().get()
        found[str(contact.pk)] = {
            name: value for name, value in fields.items() if name not in ("updated_at", "updated_by_id")
        }
        for relation in Contact._meta.get_fields(include_hidden=True):
            if isinstance(relation, models.ManyToOneRel) and relation.related_model is not ContactMerge:
                rows = relation.related_model._base_manager.filter(**{relation.field.name: contact.pk})
                ids = set(rows.values_list("pk", flat=True))
                found[f"{contact.pk} {relation.field}"] = ids
        found[f"{contact.pk} phones"] = set(contact.phones.values_list("number", "label"))
    return found


# --- What becomes of the two ------------------------------------------------------------------


def test_the_survivor_keeps_its_values_and_gains_what_it_lacked(as_user: AsUser, laura: User, bob: User) -> None:
    survivor = ContactFactory(
        name="Luz Vega", city="Lima", email=None, edad=None, empadronado=False, mobile="987654321"
    )
    absorbed = ContactFactory(
        name="Luz V.", city="Puno", email="luz@x.test", document_number="1", edad=30, empadronado=True,
        responsible_user=bob, mobile="912345678", phone="01 2345678",
    )  # fmt: skip
    answer = merge(as_user(laura), survivor, absorbed)
    person = answer["contact"]
    assert (person["name"], person["city"], person["empadronado"]) == ("Luz Vega", "Lima", False)
    assert (person["email"], person["document_number"], person["edad"]) == ("luz@x.test", "1", 30)
    assert person["responsible_user_id"] == str(bob.pk)
    assert person["updated_by"] == str(laura.pk)
    assert set(answer["merge"]["filled"]) == {"email", "document_number", "edad", "responsible_user"}
    absorbed.refresh_from_db()
    assert absorbed.is_deleted
    assert absorbed.merged_into == survivor


def test_all_phones_are_kept_and_found(as_user: AsUser, laura: User) -> None:
    survivor = ContactFactory(mobile="987654321", phone=None)
    absorbed = ContactFactory(mobile="912345678", phone="987654321")
    as_user(laura).put(f"/api/crm/contacts/{absorbed.pk}", {"phones": [{"number": "01 2345678", "label": "landline"}]})
    answer = merge(as_user(laura), survivor, absorbed)
    assert [(phone["number"], phone["label"]) for phone in answer["contact"]["phones"]] == [
        ("+51987654321", "mobile"),
        ("+51912345678", "other"),
        ("+5112345678", "landline"),
    ]
    assert answer["merge"]["phones"] == 2
    for typed in ("912345678", "987654321"):
        assert list(Contact.objects.with_phone(typed)) == [survivor]
        assert list(Contact.objects.present().search(typed)) == [survivor]


def test_who_had_no_phone_gets_those_of_the_other_in_its_fields(as_user: AsUser, laura: User) -> None:
    survivor, absorbed = ContactFactory(mobile=None), ContactFactory(mobile="912345678", phone="01 2345678")
    person = merge(as_user(laura), survivor, absorbed)["contact"]
    assert (person["mobile"], person["phone"]) == ("+51912345678", "+5112345678")


def test_what_must_not_be_lost_is_taken_from_either(as_user: AsUser, laura: User) -> None:
    """A refusal to be called, the later last call, both sides' notes and own fields."""
    survivor = ContactFactory(notes_text="una", custom_fields={"a": 1, "b": 1})
    absorbed = ContactFactory(
        notes_text="otra", custom_fields={"b": 2, "c": 2}, opted_out_of_calls=True, initial_contact_completed=True
    )
    Contact.objects.filter(pk=survivor.pk).update(ultima_llamada_fecha=NOON)
    Contact.objects.filter(pk=absorbed.pk).update(ultima_llamada_fecha=NOON + timedelta(days=1))
    person = merge(as_user(laura), survivor, absorbed)["contact"]
    assert person["notes"] == "una\n\notra"
    assert person["custom_fields"] == {"a": 1, "b": 1, "c": 2}
    assert person["opted_out_of_calls"] is True
    assert person["initial_contact_completed"] is True
    assert person["ultima_llamada_fecha"] == "2026-03-03T12:00:00Z"


def test_everything_that_hung_on_the_other_hangs_on_the_survivor(as_user: AsUser, laura: User) -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    rows = everything_about(absorbed)
    appointment = AppointmentFactory(lead=rows[0])
    own = TaskFactory(contact=survivor)
    answer = merge(as_user(laura), survivor, absorbed)
    for row in [*rows, own]:
        row.refresh_from_db()
        assert row.contact_id == survivor.pk  # type: ignore[attr-defined]
    appointment.refresh_from_db()
    assert appointment.lead.contact_id == survivor.pk
    assert answer["merge"]["moved"] == {
        "calls.call": 1, "crm.lead": 1, "crm.note": 1, "crm.task": 1, "jobs.job": 1, "opportunities.opportunity": 1,
    }  # fmt: skip


def test_no_foreign_key_of_any_app_is_forgotten(as_user: AsUser, laura: User) -> None:
    """Whatever an app adds later is moved without a word in the ground floor."""
    known = {
        f"{relation.related_model._meta.label_lower}.{relation.field.name}"
        for relation in Contact._meta.get_fields(include_hidden=True)
        if isinstance(relation, models.ManyToOneRel)
    }
    survivor, absorbed = ContactFactory(), ContactFactory()
    everything_about(absorbed)
    conversation_with(absorbed)
    merge(as_user(laura), ContactFactory(), ContactFactory())
    grandchild = ContactFactory()
    merge(as_user(laura), absorbed, grandchild)
    merge(as_user(laura), survivor, absorbed)
    moved = set(ContactMerge.objects.get(absorbed=absorbed).moved)
    explicit = {"crm.contactphone.contact", "crm.contactmerge.survivor", "crm.contactmerge.absorbed"}
    needs_rows_here = known - moved - explicit
    assert not needs_rows_here, "give `everything_about` a row of these, or move them"


def test_the_merge_is_on_record(as_user: AsUser, laura: User) -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    task = TaskFactory(contact=absorbed)
    answer = merge(as_user(laura), survivor, absorbed)
    entry = AuditEntry.objects.get(action="contact.merge")
    assert (entry.actor, entry.entity_id) == (laura, str(survivor.pk))
    assert entry.details["moved"] == {"crm.task.contact": [str(task.pk)]}
    assert entry.details["merge_id"] == answer["merge"]["id"]
    history = as_user(laura).get(url(survivor, "merges")).json()
    assert [item["absorbed_id"] for item in history["items"]] == [str(absorbed.pk)]


def test_a_row_that_a_rule_holds_back_stays_and_is_told(as_user: AsUser, laura: User) -> None:
    """Another app may allow a contact one row of a kind: that one stays, the others move."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX one_text_a_contact ON crm_task (contact_id, text)")
    survivor, absorbed = ContactFactory(), ContactFactory()
    TaskFactory(contact=survivor, text="igual")
    same, other, third = (TaskFactory(contact=absorbed, text=text) for text in ("igual", "otra", "tercera"))
    answer = merge(as_user(laura), survivor, absorbed)["merge"]
    assert (answer["moved"], answer["stayed"]) == ({"crm.task": 2}, {"crm.task": 1})
    found = {task.pk: task.contact_id for task in Task.objects.filter(pk__in=[same.pk, other.pk, third.pk])}
    assert found == {same.pk: absorbed.pk, other.pk: survivor.pk, third.pk: survivor.pk}


# --- Dry run ----------------------------------------------------------------------------------


def test_a_dry_run_shows_everything_and_stores_nothing(as_user: AsUser, laura: User) -> None:
    survivor, absorbed = ContactFactory(email=None), ContactFactory(email="luz@x.test")
    everything_about(absorbed)
    before = snapshot(survivor, absorbed)
    answer = merge(as_user(laura), survivor, absorbed, dry_run=True)
    assert answer["dry_run"] is True
    assert answer["contact"]["email"] == "luz@x.test"
    assert answer["merge"]["moved"]["crm.task"] == 1
    assert snapshot(survivor, absorbed) == before
    assert not ContactMerge.objects.exists()
    assert not AuditEntry.objects.filter(action="contact.merge").exists()


# --- Undo -------------------------------------------------------------------------------------


def test_undoing_puts_everything_back(as_user: AsUser, laura: User) -> None:
    survivor = ContactFactory(mobile="987654321", email=None, custom_fields={"a": 1}, notes_text="una")
    absorbed = ContactFactory(
        mobile="912345678", phone="01 2345678", email="luz@x.test", document_number="1", edad=30,
        custom_fields={"b": 2}, notes_text="otra", opted_out_of_calls=True, responsible_user=laura,
    )  # fmt: skip
    everything_about(survivor)
    everything_about(absorbed)
    before = snapshot(survivor, absorbed)
    merge(as_user(laura), survivor, absorbed)
    assert snapshot(survivor, absorbed) != before
    response = as_user(laura).post(url(survivor, "merge/undo"))
    assert response.status_code == 200, response.content
    answer = response.json()
    assert answer["returned"] == {
        "calls.call": 1, "crm.lead": 1, "crm.note": 1, "crm.task": 1, "jobs.job": 1, "opportunities.opportunity": 1,
    }  # fmt: skip
    assert (answer["not_returned"], answer["edited_since"]) == ({}, [])
    assert answer["restored_contact"]["email"] == "luz@x.test"
    assert snapshot(survivor, absorbed) == before
    assert AuditEntry.objects.get(action="contact.merge_undo").actor == laura


def test_undoing_leaves_what_somebody_has_touched_since(as_user: AsUser, laura: User) -> None:
    survivor, absorbed, third = (
        ContactFactory(city=None),
        ContactFactory(city="Puno", position="Docente"),
        ContactFactory(),
    )
    moved_on, deleted, still = (TaskFactory(contact=absorbed) for _ in range(3))
    merge(as_user(laura), survivor, absorbed)
    as_user(laura).patch(f"/api/crm/contacts/{survivor.pk}", {"city": "Ica"})
    Task.objects.filter(pk=moved_on.pk).update(contact=third)
    deleted.delete()
    added = TaskFactory(contact=survivor)
    answer = as_user(laura).post(url(survivor, "merge/undo")).json()
    assert answer["edited_since"] == ["city"]
    assert (answer["returned"], answer["not_returned"]) == ({"crm.task": 1}, {"crm.task": 2})
    assert (answer["contact"]["city"], answer["contact"]["position"]) == ("Ica", None)
    found = {task.pk: task.contact_id for task in Task.objects.all()}
    assert found == {moved_on.pk: third.pk, still.pk: absorbed.pk, added.pk: survivor.pk}


def test_a_merge_is_undone_once(as_user: AsUser, laura: User) -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    merge_id = merge(as_user(laura), survivor, absorbed)["merge"]["id"]
    assert as_user(laura).post(url(survivor, "merge/undo")).status_code == 200
    again = as_user(laura).post(url(survivor, "merge/undo"), {"merge_id": merge_id})
    assert again.status_code == 409
    assert as_user(laura).post(url(survivor, "merge/undo")).status_code == 404
    assert merge(as_user(laura), survivor, absorbed)["merge"]["id"] != merge_id


def test_merges_upon_merges_are_undone_from_the_last_one(as_user: AsUser, laura: User) -> None:
    first, second, third = ContactFactory(), ContactFactory(), ContactFactory()
    task = TaskFactory(contact=first)
    before = snapshot(first, second, third)
    early = merge(as_user(laura), second, first)["merge"]["id"]
    merge(as_user(laura), third, second)
    first.refresh_from_db()
    assert first.merged_into == third
    assert Contact.objects.standing_for(first.pk) == third
    response = as_user(laura).post(url(third, "merge/undo"), {"merge_id": early})
    assert response.status_code == 404  # that one belongs to `second`, which is not there now
    for survivor in (third, second):
        assert as_user(laura).post(url(survivor, "merge/undo")).status_code == 200
    assert snapshot(first, second, third) == before
    task.refresh_from_db()
    assert task.contact == first


def test_an_email_that_somebody_has_taken_since_stops_the_undoing(as_user: AsUser, laura: User) -> None:
    survivor, absorbed = ContactFactory(email="mia@x.test"), ContactFactory(email="luz@x.test")
    merge(as_user(laura), survivor, absorbed)
    taker = ContactFactory(email="luz@x.test")
    before = snapshot(survivor, absorbed)
    response = as_user(laura).post(url(survivor, "merge/undo"))
    assert response.status_code == 409
    assert "correo" in response.json()["detail"]
    assert snapshot(survivor, absorbed) == before
    taker.edit({"email": None}, by=None)
    assert as_user(laura).post(url(survivor, "merge/undo")).status_code == 200


def test_there_is_nothing_to_undo_where_nothing_was_merged(as_user: AsUser, laura: User) -> None:
    contact = ContactFactory()
    for body in ({}, {"merge_id": ""}, {"merge_id": str(uuid4())}):
        assert as_user(laura).post(url(contact, "merge/undo"), body).status_code == 404
    assert as_user(laura).post(url(contact, "merge/undo"), {"merge_id": "x"}).status_code == 400


# --- Refusals ---------------------------------------------------------------------------------


def test_a_contact_is_not_merged_with_itself(as_user: AsUser, laura: User) -> None:
    contact = ContactFactory()
    response = as_user(laura).post(url(contact), {"contact_id": str(contact.pk)})
    assert response.status_code == 400
    assert response.json()["detail"] == "Un contacto no se fusiona consigo mismo."


@pytest.mark.parametrize("which", ["survivor", "absorbed"])
@pytest.mark.parametrize("how", ["deleted", "merged"])
def test_both_must_be_there(as_user: AsUser, laura: User, which: str, how: str) -> None:
    here, gone = ContactFactory(), ContactFactory()
    if how == "deleted":
        gone.delete_softly(by=laura)
    else:
        merge_contacts(survivor_id=ContactFactory().pk, absorbed_id=gone.pk, by=None)
    pair = (gone, here) if which == "survivor" else (here, gone)
    response = as_user(laura).post(url(pair[0]), {"contact_id": str(pair[1].pk)})
    assert response.status_code == 409
    here.refresh_from_db()
    assert not here.is_deleted


@pytest.mark.parametrize(
    ("contact_id", "status"),
    [("", 400), (None, 400), ("x", 400), (7, 400), ("0198c1e2-7a3b-7c11-9d51-123456789012", 404)],
)
def test_who_is_absorbed_must_be_somebody(as_user: AsUser, laura: User, contact_id: Any, status: int) -> None:
    assert as_user(laura).post(url(ContactFactory()), {"contact_id": contact_id}).status_code == status
    assert as_user(laura).post(f"/api/crm/contacts/{uuid4()}/merge", {"contact_id": str(uuid4())}).status_code == 404


def test_lawyers_and_administrators_merge_agents_do_not(as_user: AsUser, alice: User, bob: User, oscar: User) -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    for path in ("merge", "merge/undo"):
        for user, status in ((bob, 403), (oscar, 403), (None, 401)):
            assert as_user(user).post(url(survivor, path), {"contact_id": str(absorbed.pk)}).status_code == status
    assert as_user(bob).get(url(survivor, "merges")).json()["total"] == 0
    assert as_user(oscar).get(url(survivor, "merges")).status_code == 403
    assert merge(as_user(alice), survivor, absorbed)["merge"]["created_by"] == str(alice.pk)


# --- Races ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_one_pair_merged_many_times_at_once_is_merged_once(as_user: AsUser, laura: User) -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    everything_about(survivor)
    everything_about(absorbed)

    def send(client: APIClient, into: Contact, other: Contact) -> int:
        return int(client.post(url(into), {"contact_id": str(other.pk)}).status_code)

    acts = [partial(send, as_user(laura), *pair) for pair in [(survivor, absorbed), (absorbed, survivor)] * 4]
    statuses = at_once(acts)
    assert sorted(statuses) == [200] + [409] * 7
    assert Contact.objects.present().count() == 1
    standing = ContactMerge.objects.get()
    assert set(standing.moved_counts.values()) == {1}


@pytest.mark.django_db(transaction=True)
def test_what_is_hung_on_a_contact_while_it_is_merged_away_is_not_lost(as_user: AsUser, laura: User) -> None:
    """The merge waits for rows that are just being stored; later ones find the survivor, never nobody."""
    survivor, absorbed = ContactFactory(), ContactFactory(mobile="987654321")

    def enquire(client: APIClient) -> int:
        return int(client.post("/api/crm/leads", {"nombre": "Luz", "celular": "987654321"}).status_code)

    def absorb(client: APIClient) -> int:
        return int(client.post(url(survivor), {"contact_id": str(absorbed.pk)}).status_code)

    acts = [partial(enquire, as_user(laura)) for _ in range(5)]
    statuses = at_once([*acts, partial(absorb, as_user(laura)), *acts])
    assert statuses == [201] * 5 + [200] + [201] * 5
    assert Lead.objects.count() == 10
    assert not Lead.objects.exclude(contact=survivor).exists()
    assert Contact.objects.present().count() == 1


# --- Rules of the database --------------------------------------------------------------------


@pytest.mark.django_db
def test_the_database_says_no_to_a_second_merge_and_to_oneself() -> None:
    survivor, absorbed = ContactFactory(), ContactFactory()
    ContactMerge.objects.create(survivor=survivor, absorbed=absorbed)
    for pair in ({"survivor": survivor, "absorbed": absorbed}, {"survivor": survivor, "absorbed": survivor}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ContactMerge.objects.create(**pair)


@pytest.mark.sqlite
@pytest.mark.django_db
def test_merging_and_undoing_from_the_shell() -> None:
    survivor, absorbed = ContactFactory(email=None), ContactFactory(email="luz@x.test", mobile="987654321")
    task = TaskFactory(contact=absorbed)
    before = snapshot(survivor, absorbed)
    done = merge_contacts(survivor_id=survivor.pk, absorbed_id=absorbed.pk, by=None)
    task.refresh_from_db()
    assert task.contact_id == survivor.pk
    assert ContactPhone.objects.get(number="+51987654321").label == PhoneLabel.OTHER
    undo_merge(done, by=None)
    assert snapshot(survivor, absorbed) == before
