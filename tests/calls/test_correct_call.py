"""PUT and PATCH /api/crm/calls/{id}: both partial. What happens to the follow-up is in test_follow_up.py."""

from uuid import uuid4

import pytest

from calls.models import Call
from tests.calls.helpers import CALLS, call_body
from tests.factories import NOBODYS_ID, CallFactory, CallTypeFactory, ContactFactory

pytestmark = pytest.mark.django_db
both = pytest.mark.parametrize("method", ["put", "patch"])


@both
def test_what_is_named_changes_and_the_rest_stays(as_user, bob, method):
    call = CallFactory(phone="+51999888777", comments="antes", created_by=bob)
    answer = getattr(as_user(bob), method)(f"{CALLS}/{call.pk}", {"notes": "después", "duration": 30})
    assert answer.status_code == 200
    said = answer.json()
    assert (said["notes"], said["duration"], said["phone"]) == ("después", 30, "+51999888777")
    assert said == as_user(bob).get(f"{CALLS}/{call.pk}").json()


@both
def test_nothing_named_is_no_change(as_user, bob, method):
    call = CallFactory()
    answer = getattr(as_user(bob), method)(f"{CALLS}/{call.pk}", {})
    assert answer.status_code == 200
    assert Call.objects.get().updated_at == call.updated_at


def test_the_same_body_again_is_no_change(as_user, bob):
    body = call_body(ContactFactory())
    said = as_user(bob).post(CALLS, body).json()
    assert as_user(bob).put(f"{CALLS}/{said['id']}", body).json() == said


def test_empty_texts_take_values_away(as_user, bob):
    call = CallFactory(
        phone="+51999888777", call_type=CallTypeFactory(), call_result="x", record_url="https://a.test/1"
    )
    body = {"phone": "", "call_type": "", "call_result": "", "record_url": ""}
    said = as_user(bob).put(f"{CALLS}/{call.pk}", body).json()
    assert [said[name] for name in body] == [None] * 4


@pytest.mark.parametrize("nobody", ["", None])
def test_naming_no_responsible_keeps_the_present_one(as_user, bob, charlie, nobody):
    call = CallFactory(responsible_user=charlie)
    said = as_user(bob).put(f"{CALLS}/{call.pk}", {"responsible_user_id": nobody}).json()
    assert said["responsible_user_id"] == str(charlie.pk)


def test_naming_no_responsible_where_there_is_none_means_the_current_user(as_user, bob):
    call = CallFactory(responsible_user=None)
    said = as_user(bob).put(f"{CALLS}/{call.pk}", {"responsible_user_id": ""}).json()
    assert said["responsible_user_id"] == str(bob.pk)


def test_who_may_not_be_responsible_is_refused(as_user, bob, oscar):
    call = CallFactory()
    answer = as_user(bob).patch(f"{CALLS}/{call.pk}", {"responsible_user_id": str(oscar.pk)})
    assert answer.status_code == 400
    assert "responsible" in answer.json()["detail"]


def test_a_responsible_who_has_left_does_not_stand_in_the_way(as_user, bob, charlie):
    call = CallFactory(responsible_user=charlie)
    charlie.is_active = False
    charlie.save()
    body = {"responsible_user_id": str(charlie.pk), "notes": "corregida"}
    assert as_user(bob).put(f"{CALLS}/{call.pk}", body).status_code == 200


def test_a_type_that_was_switched_off_may_stay_but_not_be_chosen(as_user, bob):
    old = CallTypeFactory(code="antigua", is_active=False)
    has_it, has_none = CallFactory(call_type=old), CallFactory()
    assert as_user(bob).put(f"{CALLS}/{has_it.pk}", {"call_type": "antigua", "duration": 3}).status_code == 200
    assert as_user(bob).put(f"{CALLS}/{has_none.pk}", {"call_type": "antigua"}).status_code == 400


def test_the_end_is_compared_with_the_start_that_is_stored(as_user, bob):
    call = CallFactory()
    before = call.started_at.replace(hour=1).isoformat()
    assert as_user(bob).patch(f"{CALLS}/{call.pk}", {"ended_at": before}).status_code == 400
    assert as_user(bob).patch(f"{CALLS}/{call.pk}", {"ended_at": before, "started_at": before}).status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("direction", ""),
        ("call_status", None),
        ("started_at", ""),
        ("duration", -5),
        ("entity_id", "x"),
        ("entity_type", "empresa"),
        ("call_type", "no_existe"),
    ],
)
def test_a_wrong_value_is_refused_and_changes_nothing(as_user, bob, field, value):
    call = CallFactory()
    answer = as_user(bob).patch(f"{CALLS}/{call.pk}", {"notes": "no", field: value})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [field]
    assert Call.objects.get().comments is None


def test_it_cannot_be_put_to_somebody_unknown(as_user, bob):
    call = CallFactory()
    answer = as_user(bob).patch(f"{CALLS}/{call.pk}", {"entity_type": "contacts", "entity_id": str(uuid4())})
    assert answer.status_code == 404
    assert Call.objects.get().contact == call.contact


@pytest.mark.parametrize("call_id", [NOBODYS_ID, "nada", "1"])
@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_an_unknown_call_is_404(as_user, bob, method, call_id):
    answer = getattr(as_user(bob), method)(f"{CALLS}/{call_id}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "Llamada no encontrada"


def test_any_colleague_may_correct_a_call_that_they_see(as_user, charlie, bob):
    call = CallFactory(created_by=bob, responsible_user=bob)
    assert as_user(charlie).patch(f"{CALLS}/{call.pk}", {"notes": "ok"}).status_code == 200


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_in_a_limited_scope_other_peoples_calls_are_unknown(as_user, bob, charlie, settings, method):
    settings.CRM_AGENT_SCOPE = "own"
    call = CallFactory(contact=ContactFactory(responsible_user=charlie))
    assert getattr(as_user(bob), method)(f"{CALLS}/{call.pk}").status_code == 404
    assert Call.objects.exists()


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_without_token_401_and_without_role_403(as_user, oscar, method):
    call = CallFactory()
    assert getattr(as_user(None), method)(f"{CALLS}/{call.pk}").status_code == 401
    assert getattr(as_user(oscar), method)(f"{CALLS}/{call.pk}").status_code == 403


def test_post_to_one_call_is_405(as_user, bob):
    assert as_user(bob).post(f"{CALLS}/{CallFactory().pk}").status_code == 405
