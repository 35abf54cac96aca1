"""`call_recorded`: neighbours are told of every call, in its transaction."""

import pytest

from crm.signals import call_recorded
from tests.calls.helpers import CALLS, STARTED_AT, call_body
from tests.factories import CallFactory, ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    told = []

    def listen(sender, signal, **said):
        told.append(said)

    call_recorded.connect(listen)
    yield told
    call_recorded.disconnect(listen)


def test_a_new_call_is_announced_whole(as_user, bob, heard):
    contact = ContactFactory()
    said = as_user(bob).post(CALLS, call_body(contact, call_status="rejected", resumen_llamada="no quiere")).json()
    (announced,) = heard
    assert str(announced.pop("call_id")) == said["id"]
    assert announced == {
        "contact_id": contact.pk,
        "direction": "outbound",
        "call_status": "rejected",
        "at": STARTED_AT,
        "notes": "no quiere",
    }


def test_a_correction_is_announced_again_and_no_change_is_not(as_user, bob, heard):
    call = CallFactory(call_result="ocupado")
    as_user(bob).patch(f"{CALLS}/{call.pk}", {"call_status": "busy"})
    as_user(bob).patch(f"{CALLS}/{call.pk}", {"call_status": "busy"})
    assert [said["call_status"] for said in heard] == ["completed", "busy"]
    assert heard[1]["notes"] == "ocupado"


def test_a_call_about_a_lead_is_one_with_its_contact(heard):
    lead = LeadFactory()
    CallFactory(contact=None, lead=lead)
    assert heard[0]["contact_id"] == lead.contact_id
