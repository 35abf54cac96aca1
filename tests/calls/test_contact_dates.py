"""A contact shows when it was called last and when it will be called next."""

from datetime import timedelta

import pytest

from calls.models import Call
from tests.calls.helpers import CALLS, LATER, LATER_AT, NEXT, NEXT_AT, STARTED_AT, call_body
from tests.factories import CallFactory, ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db


def last_and_next(contact):
    contact.refresh_from_db()
    return contact.ultima_llamada_fecha, contact.proxima_llamada_fecha


def call_of(contact, days, next_days=None):
    """A call `days` after the first, which promises another `next_days` after the first."""
    date = None if next_days is None else STARTED_AT + timedelta(days=next_days)
    return CallFactory(contact=contact, started_at=STARTED_AT + timedelta(days=days), proxima_llamada_fecha=date)


@pytest.mark.sqlite
def test_a_call_tells_its_contact(as_user, bob):
    contact = ContactFactory()
    as_user(bob).post(CALLS, call_body(contact, proxima_llamada_fecha=NEXT))
    assert last_and_next(contact) == (STARTED_AT, NEXT_AT)


def test_a_call_about_a_lead_tells_the_leads_contact(as_user, bob):
    lead = LeadFactory()
    as_user(bob).post(CALLS, call_body(lead, proxima_llamada_fecha=NEXT))
    assert last_and_next(lead.contact) == (STARTED_AT, NEXT_AT)


def test_it_is_no_edit_of_the_contact(as_user, bob):
    contact = ContactFactory()
    before = contact.updated_at
    as_user(bob).post(CALLS, call_body(contact))
    contact.refresh_from_db()
    assert contact.updated_at == before


def test_the_last_call_is_the_latest_whenever_it_is_put_on_record():
    contact = ContactFactory()
    call_of(contact, days=5)
    call_of(contact, days=0)
    assert last_and_next(contact) == (STARTED_AT + timedelta(days=5), None)


def test_a_call_without_a_date_leaves_one_still_to_come():
    contact = ContactFactory()
    call_of(contact, days=0, next_days=7)
    call_of(contact, days=3)
    assert last_and_next(contact)[1] == STARTED_AT + timedelta(days=7)


@pytest.mark.parametrize("day", [7, 8])
def test_a_call_when_it_has_come_keeps_the_promise(day):
    contact = ContactFactory()
    call_of(contact, days=0, next_days=7)
    call_of(contact, days=day)
    assert last_and_next(contact) == (STARTED_AT + timedelta(days=day), None)


def test_the_date_named_last_counts(as_user, bob):
    contact = ContactFactory()
    first = call_of(contact, days=0)
    call_of(contact, days=1, next_days=20)
    as_user(bob).patch(f"{CALLS}/{first.pk}", {"proxima_llamada_fecha": NEXT})
    assert last_and_next(contact)[1] == NEXT_AT
    as_user(bob).patch(f"{CALLS}/{first.pk}", {"proxima_llamada_fecha": LATER})
    assert last_and_next(contact)[1] == LATER_AT


def test_a_date_taken_away_makes_room_for_the_one_before(as_user, bob):
    contact = ContactFactory()
    call_of(contact, days=0, next_days=30)
    newer = call_of(contact, days=1, next_days=7)
    as_user(bob).patch(f"{CALLS}/{newer.pk}", {"proxima_llamada_fecha": None})
    assert last_and_next(contact) == (STARTED_AT + timedelta(days=1), STARTED_AT + timedelta(days=30))


def test_a_start_corrected_backwards_is_followed(as_user, bob):
    contact = ContactFactory()
    call_of(contact, days=0)
    typo = call_of(contact, days=3650)
    as_user(bob).patch(f"{CALLS}/{typo.pk}", {"started_at": "2026-01-21T10:00:00Z"})
    assert last_and_next(contact)[0] == STARTED_AT + timedelta(days=1)


def test_a_deleted_call_is_forgotten(as_user, alice):
    contact = ContactFactory()
    call_of(contact, days=0, next_days=30)
    mistake = call_of(contact, days=1, next_days=7)
    as_user(alice).delete(f"{CALLS}/{mistake.pk}")
    assert last_and_next(contact) == (STARTED_AT, STARTED_AT + timedelta(days=30))


def test_calls_deleted_in_bulk_are_forgotten_too():
    contact, lead = ContactFactory(), LeadFactory()
    call_of(contact, days=0, next_days=30)
    CallFactory(contact=None, lead=lead)
    Call.objects.all().delete()
    assert last_and_next(contact) == last_and_next(lead.contact) == (None, None)


def test_a_contact_removed_with_its_calls_needs_no_retelling(django_assert_max_num_queries):
    contact = ContactFactory()
    for day in range(30):
        call_of(contact, days=day)
    with django_assert_max_num_queries(25):
        contact.delete()
    assert not Call.objects.exists()


def test_other_changes_write_nothing_to_the_contact(as_user, bob, django_capture_on_commit_callbacks):
    contact = ContactFactory()
    call = call_of(contact, days=0, next_days=7)
    contact.refresh_from_db()
    contact.proxima_llamada_fecha = None  # as somebody has decided by hand
    contact.save()
    as_user(bob).patch(f"{CALLS}/{call.pk}", {"notes": "algo"})
    assert last_and_next(contact) == (STARTED_AT, None)
