"""POST /api/crm/calls."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import time_machine
from rest_framework_simplejwt.tokens import AccessToken

from calls.models import Call
from crm.models import Task
from tests.calls.helpers import CALLS, NEXT, STARTED_AT, call_body
from tests.factories import CallTypeFactory, ContactFactory, LeadFactory

pytestmark = pytest.mark.django_db


@pytest.mark.sqlite
def test_a_call_is_answered_whole(as_user, bob):
    contact = ContactFactory(name="Luz Vega")
    CallTypeFactory(code="retomar")

    answer = as_user(bob).post(
        CALLS,
        call_body(contact, call_type="retomar", duration=95, call_result="Quiere cita", proxima_llamada_fecha=NEXT),
    )

    assert answer.status_code == 201
    call = Call.objects.get()
    said = answer.json()
    assert UUID(said.pop("id")) == call.pk
    assert said.pop("created_at").endswith("Z")
    assert said.pop("updated_at").endswith("Z")
    assert said == {
        "entity_type": "contacts",
        "entity_id": str(contact.pk),
        "contact_id": str(contact.pk),
        "contact_name": "Luz Vega",
        "direction": "outbound",
        "call_status": "completed",
        "started_at": "2026-01-20T10:00:00Z",
        "ended_at": None,
        "duration": 95,
        "phone": "+34911222333",
        "call_type": "retomar",
        "call_result": "Quiere cita",
        "record_url": None,
        "responsible_user_id": str(bob.pk),
        "coverage_user_id": None,
        "resumen_llamada": "[SEGUIMIENTO]\nquiere cita",
        "notes": None,
        "proxima_llamada_fecha": "2026-01-27T09:00:00Z",
        "proxima_accion_fecha": None,
        "created_by": str(bob.pk),
    }


def test_the_answer_to_the_post_is_what_a_get_answers(as_user, bob):
    client = as_user(bob)
    contact = ContactFactory()
    body = call_body(contact, started_at="2026-01-20T05:00:00-05:00", ended_at="2026-01-20T05:02:00", notes="Llueve")

    created = client.post(CALLS, body).json()

    assert created == client.get(f"{CALLS}/{created['id']}").json()
    assert created["started_at"] == "2026-01-20T10:00:00Z"
    assert created["notes"] == "Llueve"


def test_a_time_without_zone_is_read_in_the_installations_zone(as_user, bob, settings):
    body = call_body(ContactFactory(), started_at="2026-01-20T05:00:00")
    assert as_user(bob).post(CALLS, body).json()["started_at"] == "2026-01-20T10:00:00Z"


@pytest.mark.parametrize("spelling", ["contacts", "contact"])
def test_singular_and_plural_are_understood_and_the_plural_answered(as_user, bob, spelling):
    answer = as_user(bob).post(CALLS, call_body(ContactFactory(), entity_type=spelling))
    assert answer.status_code == 201
    assert answer.json()["entity_type"] == "contacts"


@pytest.mark.parametrize("spelling", ["leads", "lead"])
def test_a_call_may_be_about_a_lead(as_user, bob, spelling):
    lead = LeadFactory(nombre="Rosa Peña")
    said = as_user(bob).post(CALLS, call_body(lead, entity_type=spelling)).json()
    assert said["entity_type"] == "leads"
    assert said["entity_id"] == str(lead.pk)
    assert said["contact_id"] == str(lead.contact_id)
    assert said["contact_name"] == "Rosa Peña"


def test_the_id_of_a_lead_is_accepted_as_that_of_its_contact(as_user, bob):
    lead = LeadFactory()
    said = as_user(bob).post(CALLS, call_body(lead, entity_type="contacts")).json()
    assert (said["entity_type"], said["entity_id"]) == ("contacts", str(lead.contact_id))


def test_the_minimum_is_enough(as_user, bob):
    contact = ContactFactory()
    body = {
        "entity_type": "contacts",
        "entity_id": str(contact.pk),
        "direction": "inbound",
        "call_status": "missed",
        "started_at": "2026-01-20T10:00:00Z",
    }
    said = as_user(bob).post(CALLS, body).json()
    assert said["duration"] == 0
    assert said["responsible_user_id"] == str(bob.pk)


@pytest.mark.parametrize("status", ["completed", "answered", "no_answer", "busy", "missed", "rejected", "failed"])
def test_every_result_the_client_knows_is_stored(as_user, bob, status):
    assert as_user(bob).post(CALLS, call_body(ContactFactory(), call_status=status)).json()["call_status"] == status


@pytest.mark.parametrize("field", ["entity_type", "entity_id", "direction", "call_status", "started_at"])
def test_what_is_required_is_asked_for(as_user, bob, field):
    body = call_body(ContactFactory())
    del body[field]
    answer = as_user(bob).post(CALLS, body)
    assert answer.status_code == 400
    assert answer.json()["errors"] == {field: ["Este campo es requerido."]}
    assert not Call.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("entity_type", "companies"),
        ("entity_type", 7),
        ("entity_id", "no-es-un-id"),
        ("entity_id", ""),
        ("entity_id", 12),
        ("entity_id", ["a"]),
        ("entity_id", {"id": "a"}),
        ("direction", "sideways"),
        ("direction", None),
        ("call_status", "Completed"),
        ("call_status", ["completed"]),
        ("started_at", "ayer"),
        ("started_at", "2026-13-01T10:00:00Z"),
        ("started_at", "0001-01-01T00:00:00+05:00"),
        ("started_at", "9999-12-31T23:59:59-12:00"),
        ("started_at", 1768903200),
        ("started_at", {"a": 1}),
        ("duration", -1),
        ("duration", "mucho"),
        ("duration", 10**12),
        ("duration", 10**30),
        ("duration", True),
        ("phone", "9" * 41),
        ("phone", ["+51999888777"]),
        ("call_result", "x" * 256),
        ("record_url", "javascript:alert(1)"),
        ("record_url", "no es una dirección"),
        ("resumen_llamada", {"texto": "x"}),
        ("resumen_llamada", "con un nulo \x00 dentro"),
        ("proxima_llamada_fecha", "2026-02-30T10:00:00Z"),
        ("proxima_llamada_fecha", "mañana"),
        ("proxima_llamada_fecha", 20260127),
        ("proxima_accion_fecha", "pronto"),
        ("ended_at", "2026-01-20T09:59:59Z"),
        ("call_type", "no_existe"),
        ("call_type", "x" * 51),
        ("call_type", 5.5),
        ("responsible_user_id", "yo"),
        ("coverage_user_id", "yo"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field_and_stores_nothing(as_user, bob, field, value):
    answer = as_user(bob).post(CALLS, call_body(ContactFactory(), **{"proxima_llamada_fecha": NEXT, field: value}))
    assert answer.status_code == 400, answer.content
    said = answer.json()
    assert list(said["errors"]) == [field]
    assert isinstance(said["detail"], str)
    assert said["detail"] == said["message"]
    assert not Call.objects.exists()
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    "body", [b"{", b"nada", b'{"a": NaN}', b"\xff\xfe", b"[]", b"[1]", b'"texto"', b"3", b"null", b""]
)
def test_a_body_that_is_no_json_object_is_refused(as_user, bob, body):
    answer = as_user(bob).post(CALLS, body, content_type="application/json")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


def test_another_content_type_is_415(as_user, bob):
    answer = as_user(bob).post(CALLS, b"entity_type=contacts", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 415


@pytest.mark.parametrize("entity_type", ["contacts", "leads"])
def test_an_unknown_subject_is_404(as_user, bob, entity_type):
    answer = as_user(bob).post(CALLS, call_body(ContactFactory(), entity_type=entity_type, entity_id=str(uuid4())))
    assert answer.status_code == 404
    assert answer.json()["detail"].rstrip(".") in ("Contacto no encontrado", "Lead no encontrado")
    assert not Call.objects.exists()


def test_the_id_of_a_contact_is_no_lead(as_user, bob):
    assert as_user(bob).post(CALLS, call_body(ContactFactory(), entity_type="leads")).status_code == 404


def test_a_deleted_contact_and_its_leads_are_unknown(as_user, bob):
    lead = LeadFactory()
    lead.contact.is_deleted = True
    lead.contact.save()
    assert as_user(bob).post(CALLS, call_body(lead.contact)).status_code == 404
    assert as_user(bob).post(CALLS, call_body(lead)).status_code == 404


def test_a_colleague_may_be_responsible(as_user, bob, charlie):
    said = as_user(bob).post(CALLS, call_body(ContactFactory(), responsible_user_id=str(charlie.pk))).json()
    assert said["responsible_user_id"] == str(charlie.pk)
    assert said["created_by"] == str(bob.pk)


@pytest.mark.parametrize("who", ["outsider", "inactive", "nobody"])
def test_who_may_not_be_responsible_is_refused_by_name(as_user, bob, charlie, oscar, who):
    charlie.is_active = False
    charlie.save()
    ids = {"outsider": oscar.pk, "inactive": charlie.pk, "nobody": uuid4()}
    answer = as_user(bob).post(CALLS, call_body(ContactFactory(), responsible_user_id=str(ids[who])))
    assert answer.status_code == 400
    assert "responsible" in answer.json()["detail"]
    assert not Call.objects.exists()


def test_who_may_not_work_here_does_not_cover_either(as_user, bob, oscar):
    answer = as_user(bob).post(CALLS, call_body(ContactFactory(), coverage_user_id=str(oscar.pk)))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["coverage_user_id"]


def test_an_inactive_type_is_refused(as_user, bob):
    CallTypeFactory(code="antigua", is_active=False)
    answer = as_user(bob).post(CALLS, call_body(ContactFactory(), call_type="antigua"))
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["call_type"]


def test_the_author_is_the_session_whatever_the_body_says(as_user, bob, charlie):
    said = as_user(bob).post(CALLS, call_body(ContactFactory(), created_by=str(charlie.pk), id=str(uuid4()))).json()
    assert said["created_by"] == str(bob.pk)


def test_without_a_token_nobody_records(as_user):
    answer = as_user(None).post(CALLS, {})
    assert answer.status_code == 401
    assert isinstance(answer.json()["detail"], str)


def test_a_broken_or_expired_token_is_401(as_user, bob):
    client = as_user(None)
    client.credentials(HTTP_AUTHORIZATION="Bearer a.b.c")
    assert client.post(CALLS, {}).status_code == 401
    token = AccessToken.for_user(bob)
    token.set_exp(lifetime=-timedelta(seconds=1))
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.post(CALLS, {}).status_code == 401


def test_who_has_no_role_may_not(as_user, oscar):
    assert as_user(oscar).post(CALLS, call_body(ContactFactory())).status_code == 403
    assert not Call.objects.exists()


def test_lawyers_and_administrators_record_calls_too(as_user, laura, alice):
    for user in (laura, alice):
        assert as_user(user).post(CALLS, call_body(ContactFactory())).status_code == 201


def test_in_a_limited_scope_other_peoples_contacts_are_unknown(as_user, bob, charlie, settings):
    settings.CRM_AGENT_SCOPE = "own"
    mine, theirs = ContactFactory(responsible_user=bob), ContactFactory(responsible_user=charlie)
    assert as_user(bob).post(CALLS, call_body(mine)).status_code == 201
    assert as_user(bob).post(CALLS, call_body(theirs)).status_code == 404


@pytest.mark.parametrize("path", ["/api/crm/calls/", "/crm/calls", "/crm/calls/"])
def test_the_other_spellings_of_the_address_work(as_user, bob, path):
    assert as_user(bob).post(path, call_body(ContactFactory())).status_code == 201


def test_the_same_key_gives_the_first_answer_again(as_user, bob):
    client = as_user(bob)
    body = call_body(ContactFactory(), proxima_llamada_fecha=NEXT)
    first = client.post(CALLS, body, headers={"Idempotency-Key": "llamada-1"})
    again = client.post(CALLS, body, headers={"Idempotency-Key": "llamada-1"})
    other = client.post(CALLS, {**body, "duration": 5}, headers={"Idempotency-Key": "llamada-1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    assert Call.objects.count() == Task.objects.count() == 1


def test_the_contact_remembers_its_last_and_next_call(as_user, bob):
    contact = ContactFactory()
    as_user(bob).post(CALLS, call_body(contact, proxima_llamada_fecha=NEXT))
    contact.refresh_from_db()
    assert contact.ultima_llamada_fecha == STARTED_AT
    assert contact.proxima_llamada_fecha == datetime(2026, 1, 27, 9, tzinfo=UTC)


@time_machine.travel("2026-01-20T10:05:00Z", tick=False)
def test_the_moment_of_recording_is_not_that_of_the_call(as_user, bob):
    said = as_user(bob).post(CALLS, call_body(ContactFactory())).json()
    assert said["created_at"] == said["updated_at"] == "2026-01-20T10:05:00Z"
